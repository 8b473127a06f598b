//! Kubeconfigs as people have them: what kubectl reads is read, and what is refused is told with its reason.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{Kubeconfig, KubectlMc, Run, Watched};

const LOOK: &str = "check member1 --context host --skip-check member-server-loopback";

fn checked(bed: &Watched, kubeconfig: &Kubeconfig) -> Run {
    bed.kubectl_mc_with(kubeconfig).words(LOOK).run()
}

/// The same text of base64, as other programs write it.
fn in_lines(value: &Value) -> Value {
    let text = value.as_str().unwrap().as_bytes();
    let lines = text.chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    lines.collect::<Vec<_>>().join("\r\n").into()
}

/// The PEM in a value of base64, changed.
fn pem(value: &Value, change: impl FnOnce(String) -> String) -> Value {
    let text = String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    STANDARD.encode(change(text)).into()
}

#[test]
fn what_kubectl_reads_is_read() {
    let bed = Watched::shared();
    let authority = STANDARD.encode(bed.member(1).plane().ca_pem()).into();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let authority = in_lines(&pem(&authority, |text| format!("CN=x\n{broken}{text}{broken}")));
    let user = Kubeconfig::of(bed).user_of("member1");
    let relabelled = |text: String| text.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let user = json!({
        "client-certificate-data": in_lines(&user["client-certificate-data"]),
        "client-key-data": in_lines(&pem(&user["client-key-data"], relabelled)),
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "not-installed-here"},
    });
    let kubeconfig = Kubeconfig::of(bed)
        .cluster("member1", &json!({"certificate-authority-data": authority}))
        .user("member1", user)
        .and(
            "users",
            json!({"name": "odd", "user": {"exec": {"env": [{"name": "A", "value": null}]}, "token": 1}}),
        )
        .and("contexts", json!({"context": {"cluster": "x", "user": "odd"}}));
    let plain = checked(bed, &Kubeconfig::of(bed));
    let run = checked(bed, &kubeconfig);
    assert_eq!((run.code, &run.stdout), (plain.code, &plain.stdout), "{}", run.stderr);
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let cluster = json!({"name": "member1", "cluster": {"server": "https://127.0.0.1:1"}});
    let kubeconfig = Kubeconfig::of_nobody().and("clusters", cluster);
    let run = KubectlMc::new(&kubeconfig.text(), Vec::new()).words(LOOK).run().code(2);
    let _ = run
        .says("is malformed: line 1: there is another cluster named \"member1\" in line 1\n")
        .says("hint: rename or remove one cluster of the two");
}

#[test]
fn a_token_that_no_request_can_carry_is_an_error_and_not_shown() {
    let said = "contains a line end or another character that no request can carry\n";
    for token in ["a-token-with-its-line-end\n", "a-token\rwith-another"] {
        let kubeconfig = Kubeconfig::of_nobody().user("member1", json!({"token": token}));
        let run = KubectlMc::new(&kubeconfig.text(), Vec::new()).words(LOOK).run().code(2);
        let _ = run.says("member \"member1\": the token of user \"member1\" in line ").says(said);
        let program = KubectlMc::new(&Kubeconfig::of_nobody().text(), vec![token.to_owned()]);
        let run = program.words(LOOK).args(["--member-token", token]).run().code(2);
        let _ = run.says("member \"member1\": the token of `--member-token` ").says(said);
    }
}

#[test]
fn a_context_without_credentials_is_told_as_that() {
    let bed = Watched::shared();
    let run = checked(bed, &Kubeconfig::of(bed).user("member1", json!({}))).code(3);
    // Whichever request is refused first.
    let said = ": the server sees `system:anonymous`: the context brings no credentials\n";
    let hint = "hint: give the context a user: `kubectl config set-context member1 --user=USER`";
    assert!(run.stdout.contains(said) && run.stdout.contains(hint), "{run}");
}

#[test]
fn a_members_context_without_an_authority_is_told_before_anything_is_changed() {
    let bed = Watched::shared();
    let none = json!({"certificate-authority-data": null, "certificate-authority": null});
    let kubeconfig = Kubeconfig::of(bed).cluster("member1", &none);
    let program = bed.kubectl_mc_with(&kubeconfig).file("ca.pem", &bed.member(1).plane().ca_pem());
    let run = program.at_home().env("SSL_CERT_FILE", "ca.pem").words(LOOK).run();
    let report = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "this machine's own trust store vouches for its server, and the host's pods have another";
    assert!(report.contains(said) && report.contains("`--member-certificate-authority FILE`"), "{run}");
}
