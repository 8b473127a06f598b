//! The one object that `-o json` and `-o yaml` print.

use std::net::TcpListener;

use serde_json::{Value, json};
use testbed::kubesphere::{Scenario, Version};

use crate::support::{Kubeconfig, KubectlMc, Run, Watched};

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

/// The ids of what was found, as text shows them, sorted.
fn ids_in(stderr: &str) -> Vec<String> {
    let ids = stderr.lines().filter_map(|line| Some(line.strip_suffix(']')?.rsplit_once('[')?.1.to_owned()));
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

#[test]
fn a_dry_run_is_one_object_with_clusters_plan_and_results() {
    let bed = Watched::shared();
    let run = bed.join("member1 --dry-run=client -o json").run().code(0);
    let object = json_of(&run);
    assert_eq!(object["apiVersion"], "kubectl-mc/v1alpha1");
    assert_eq!((&object["kind"], &object["dryRun"]), (&json!("Join"), &json!("client")));
    assert_eq!(object["clusters"][1]["context"], "member1");
    assert_eq!(object["clusters"][1]["uid"], bed.member(1).uid());
    let probe = &object["plan"]["steps"][0];
    assert_eq!((&probe["action"], &probe["object"]), (&json!("probe"), &json!(bed.member(1).server())));
    assert_eq!(object["plan"]["steps"][4]["object"], "cluster.cluster.kubesphere.io/member1");
    let secret = object["plan"]["jwtSecret"].as_str().unwrap();
    assert_eq!((&secret[..7], secret.len()), ("sha256:", 15), "a fingerprint");
    assert_eq!(
        object["results"][5],
        json!({"cluster": {"side": "host", "context": "host"},
        "object": "cluster.cluster.kubesphere.io/member1", "outcome": "created"})
    );
    assert_eq!(object["error"], Value::Null);
    bed.assert_untouched();
}

#[test]
fn yaml_says_the_same_as_json() {
    let bed = Watched::shared();
    let yaml = bed.join("member1 --dry-run=client -o yaml").run().code(0);
    let json = bed.join("member1 --dry-run=client -o json").run().code(0);
    assert_eq!(serde_yaml::from_str::<Value>(&yaml.stdout).unwrap(), json_of(&json));
}

#[test]
fn a_refusal_has_its_exit_code_and_the_findings_that_text_has() {
    let bed = Watched::shared();
    let words = "join member1 --context host --yes --name host --host-cluster-name member1";
    let text = bed.kubectl_mc().words(words).run().code(3).stdout("");
    let run = bed.kubectl_mc().words(words).words("-o json").run().code(3);
    let object = json_of(&run);
    assert_eq!((&object["error"]["exitCode"], &object["plan"]), (&json!(3), &Value::Null));
    assert_eq!(object["results"], json!([]));
    let findings = object["findings"].as_array().unwrap();
    let worth =
        findings.iter().filter(|finding| finding["verdict"] != "ok" && finding["verdict"] != "skipped");
    let mut ids: Vec<_> = worth.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    assert_eq!(ids, ids_in(&text.stderr));
    assert!(ids.contains(&"member-server-loopback".to_owned()), "{ids:?}");
    assert!(findings.iter().any(|finding| finding["verdict"] == "ok"), "what holds is said too");
}

#[test]
fn what_was_typed_wrongly_is_an_object_too() {
    let program = KubectlMc::new(&Kubeconfig::of_nobody().text(), Vec::new());
    let object = json_of(&program.join("membr1 -o json").run().code(2));
    assert_eq!(object["error"]["exitCode"], 2);
    assert_eq!(object["error"]["message"], "no context exists with the name \"membr1\"");
    assert_eq!(object["error"]["hints"][0], "did you mean \"member1\"?");
}

#[test]
fn an_interrupt_leaves_an_object_too() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = json!({"server": format!("https://{}", silent.local_addr().unwrap())});
    let kubeconfig = Kubeconfig::of_nobody().cluster("host", &server).cluster("member1", &server);
    let started = KubectlMc::new(&kubeconfig.text(), Vec::new()).join("member1 -o json").start();
    let _connection = silent.accept().unwrap();
    let run = started.signal("INT").code(130);
    assert_eq!(json_of(&run)["error"]["exitCode"], 130);
    run.says("error: interrupted\nhint: run the same command again: it continues where this one stopped\n");
}

#[test]
fn a_join_is_one_object_and_everything_else_goes_to_stderr() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let object = json_of(&bed.join("member1 -o json").run().code(0));
    let outcomes = object["results"].as_array().unwrap().iter();
    let outcomes: Vec<_> = outcomes.map(|result| result["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["created", "created", "created", "patched", "patched", "created"]);
    let again = json_of(&bed.join("member1 -o json").run().code(0));
    assert_eq!((&again["results"][0]["outcome"], &again["plan"]["steps"]), (&json!("unchanged"), &json!([])));
}
