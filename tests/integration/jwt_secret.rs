//! `kubectl mc jwt-secret`: where the secrets stand, whether they agree, and the only way to print one.

use kubesphere::confidential::fingerprint;
use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::{
        Installation, InstallerScenario, Lasting, Peculiarity, Role, Scenario, Version, objects, secret,
    },
};

use crate::support::{Kubeconfig, KubectlMc, Run, Watched, user_who_may};

/// A server that refuses every connection.
const DEAD: &str = "https://127.0.0.1:9";
fn shown(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc().words("jwt-secret --context host").words(words)
}

fn effective(cluster: &Cluster) -> String {
    cluster.configured("authentication.jwtSecret").as_str().unwrap().to_owned()
}

/// The rows of one context, as `PLACE JWTSECRET AGREES`, fingerprints as they are.
fn rows(run: &Run, context: &str) -> Vec<String> {
    let rows = run.stdout.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[1] == context).map(|row| row[2..].join(" ")).collect()
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

/// Nothing but GET was sent, by this program, since the bed was handed out.
#[track_caller]
fn assert_only_looked(bed: &Watched) {
    let verbs: Vec<String> = bed.requests().into_iter().map(|event| event.verb).collect();
    assert!(!verbs.is_empty() && verbs.iter().all(|verb| verb == "get"), "{verbs:?}");
}

fn replace_data(cluster: &Cluster, kind: &str, name: &'static str, data: &Value) {
    let api = objects::objects(&cluster.client(), "v1", kind, Some(objects::SYSTEM));
    let patch = json!({ "data": data });
    block_on(async move { objects::merge(&api, name, &patch).await.unwrap() });
}

fn remove_configuration(cluster: &Cluster) {
    let api = objects::config_maps(&cluster.client());
    block_on(async move { objects::remove(&api, "kubesphere-config").await.unwrap() });
}

#[test]
fn the_secrets_differ_before_a_join_and_agree_after_it_in_every_version() {
    for version in Version::PLAYED {
        let bed = Watched::lease(&Scenario::new(version));
        let [host, own] = [bed.host(), bed.member(1)].map(|cluster| fingerprint(effective(cluster)));
        let before = shown(&bed, "member1").run().code(0);
        let of_host = ["kubesphere-config", "kubesphere-secret"].map(|place| format!("{place} {host} yes"));
        assert_eq!(rows(&before, "host")[..2], of_host, "{before}");
        assert_eq!(rows(&before, "host")[2..], ["ks-installer <empty> -", "devops-config <none> -"]);
        assert_eq!(rows(&before, "member1")[0], format!("kubesphere-config {own} no"));
        let said = "warning: member \"member1\": its jwtSecret in effect is not the host's: it is not joined to this host, or one of the two was changed since\nhint: see what joining it takes: `kubectl mc join member1 --context host --dry-run=client`\n";
        assert_eq!(before.stderr, said);
        assert_only_looked(&bed);

        let _ = bed.join("member1").run().code(0);
        if version >= Version::V3_3 {
            // Its controller writes the host's configuration anew too: other order, no quotes.
            bed.wait_for("a rewritten configuration", |bed| {
                !bed.host().configuration().contains("jwtSecret: \"")
            });
        }
        let marks = bed.marks();
        let after = shown(&bed, "member1").run().code(0);
        assert_eq!(rows(&after, "member1")[2], format!("ks-installer {host} yes"), "{after}");
        assert_eq!(after.stderr, "");
        let object = json_of(&shown(&bed, "member1 -o json").run().code(0));
        assert_eq!(object["agree"], true);
        let secret = effective(bed.host());
        let _ = shown(&bed, "--reveal").revealing(&secret).run().code(0).stdout(&format!("{secret}\n"));
        assert!(bed.requests_since(&marks).iter().all(|event| event.verb == "get"));
    }
}

#[test]
fn a_prepared_member_is_no_host_and_may_have_kept_the_secret_of_its_devops() {
    for version in Version::PLAYED {
        let member = Installation::new(version).role(Role::Member).with(Peculiarity::DevOps);
        let bed = Watched::lease(&Scenario::new(version).member(member));
        assert_not_taken_for_a_host(&bed);
        if version == Version::V3_1 {
            let run = shown(&bed, "member1").run().code(0);
            assert_eq!(rows(&run, "member1")[3], "devops-config <none> -");
            assert_eq!(run.stderr, "", "it has the host's secret, and no DevOps of its own");
        } else {
            assert_tells_stale_devops(&bed);
        }
        assert_only_looked(&bed);
    }
}

#[track_caller]
fn assert_not_taken_for_a_host(bed: &Watched) {
    let program = |words: &str| bed.kubectl_mc().words("jwt-secret --context member1").words(words);
    let said = "error: host \"member1\": it is a member, and its jwtSecret may not be its host's\nhint: name the context of its host instead\n";
    let _ = program("--reveal").run().code(3).stdout("").says(said);
    let _ = program("").run().code(0).says("warning: host \"member1\": it is a member, ");
}

#[track_caller]
fn assert_tells_stale_devops(bed: &Watched) {
    let run = shown(bed, "member1 -v=9").run().code(0);
    let row = &rows(&run, "member1")[3];
    assert!(row.starts_with("devops-config sha256:") && row.ends_with(" no"), "{run}");
    let _ = run
        .says("warning: member \"member1\": ConfigMap devops-config has another jwtSecret than is in effect, ")
        .says("hint: set authentication.jwtSecret there to the one in effect (`kubectl mc jwt-secret --reveal --context host` prints it): `kubectl --context member1 -n kubesphere-devops-system edit configmap devops-config`\nhint: then restart what reads it: `kubectl --context member1 -n kubesphere-devops-system rollout restart deployment devops-apiserver devops-controller`\n");
    assert_eq!(json_of(&shown(bed, "member1 -o json").run().code(0))["agree"], false);
}

#[test]
fn a_secret_that_is_asked_for_and_not_in_effect_is_told() {
    for version in Version::PLAYED {
        let host = Installation::new(version)
            .installer(InstallerScenario::StorageClassMissing)
            .lasting(Lasting::Forever);
        let bed = Watched::lease(&Scenario::new(version).host(host).members(Vec::new()));
        let (old, new) = (effective(bed.host()), secret::random_jwt_secret());
        let asking = json!({"spec": {"authentication": {"jwtSecret": new}}});
        bed.host().patch_cluster_configuration(asking);
        let text = std::fs::read_to_string(bed.kubeconfig()).unwrap();
        let secrets = [bed.secrets(), vec![new.clone()]].concat();
        let program = || KubectlMc::new(&text, secrets.clone()).words("jwt-secret");
        let said = "warning: host \"host\": ClusterConfiguration ks-installer has another jwtSecret, and ConfigMap kubesphere-config does not have it yet: a run of the installer is under way or was cut short\n";
        let run = program()
            .run()
            .code(0)
            .says(said)
            .says("hint: see how the run ends: `kubectl mc logs --context host`\n");
        assert_eq!(rows(&run, "host")[2], format!("ks-installer {} no", fingerprint(&new)));
        assert_eq!(json_of(&program().words("-o json").run().code(0))["agree"], false);
        let run = program().words("--reveal").revealing(&old).run().code(0);
        let _ = run.stdout(&format!("{old}\n")).says(said);
        assert_only_looked(&bed);
    }
}

#[test]
fn a_run_that_was_cut_short_between_the_copies_is_told() {
    let host = Installation::new(Version::V3_4)
        .installer(InstallerScenario::ConfigNeverWritten)
        .lasting(Lasting::Forever);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).members(Vec::new()));
    let new = secret::random_jwt_secret();
    bed.host().patch_cluster_configuration(json!({"spec": {"authentication": {"jwtSecret": new}}}));
    bed.wait_for("the new Secret", |bed| bed.secrets().contains(&new));
    let run = shown(&bed, "").run().code(0);
    assert_eq!(rows(&run, "host")[1], format!("kubesphere-secret {} no", fingerprint(&new)), "{run}");
    let _ = run.says("host \"host\": ClusterConfiguration ks-installer and Secret kubesphere-secret have another jwtSecret, ");
}

#[test]
fn what_may_not_be_read_besides_kubesphere_config_is_unknown_and_no_failure() {
    let bed = Watched::shared();
    let user = user_who_may(bed.host(), "jwt-secret-reader", &["get configmaps"]);
    let kubeconfig = Kubeconfig::of(bed).user("host", user);
    let program = || bed.kubectl_mc_with(&kubeconfig).words("jwt-secret --context host");
    let run = program().words("member1").run().code(0).says(
        "warning: host \"host\": it is not known what stands in Secret kubesphere-secret (forbidden for user \"jwt-secret-reader\"), ClusterConfiguration ks-installer (forbidden for user \"jwt-secret-reader\")\n",
    );
    assert_eq!(rows(&run, "host")[1..3], ["kubesphere-secret <unknown> -", "ks-installer <unknown> -"]);
    let secret = effective(bed.host());
    let run = program().words("--reveal").revealing(&secret).run().code(0).stdout(&format!("{secret}\n"));
    assert_eq!(run.stderr, "");
    let run = program().words("--reveal -v=9").revealing(&secret).run().code(0);
    assert!(run.stderr.contains("response body"), "bodies are shown and searched\n{run}");
}

#[test]
fn a_kubesphere_config_that_may_not_be_read_is_an_error_and_hides_no_other_cluster() {
    let bed = Watched::shared();
    let user = user_who_may(bed.host(), "jwt-secret-copy-reader", &["get secrets"]);
    let kubeconfig = Kubeconfig::of(bed).user("host", user);
    let program = || bed.kubectl_mc_with(&kubeconfig).words("jwt-secret --context host");
    let run = program()
        .words("member1")
        .run()
        .code(1)
        .says("warning: host \"host\": ConfigMap kubesphere-config cannot be read (forbidden for user \"jwt-secret-copy-reader\"): the secret in Secret kubesphere-secret, ")
        .says("error: host \"host\": get configmaps/kubesphere-config in kubesphere-system: forbidden for user \"jwt-secret-copy-reader\"\nhint: the user needs \"get\" on configmaps\nhint: ready-made roles for each command: https://");
    assert!(rows(&run, "host")[1].ends_with(" yes") && rows(&run, "member1")[0].ends_with(" no"), "{run}");
    let secret = effective(bed.host());
    let run = program().words("--reveal").revealing(&secret).run().code(0).stdout(&format!("{secret}\n"));
    let _ = run.says("warning: host \"host\": ConfigMap kubesphere-config cannot be read (forbidden for user \"jwt-secret-copy-reader\")");
    let nobody =
        Kubeconfig::of(bed).user("host", user_who_may(bed.host(), "jwt-secret-nobody", &["get pods"]));
    let run = bed.kubectl_mc_with(&nobody).words("jwt-secret --reveal").run().code(1).stdout("");
    let _ =
        run.says("error: host \"host\": get configmaps/kubesphere-config in kubesphere-system: forbidden for user \"jwt-secret-nobody\"\n");
}

#[test]
fn the_copy_stands_in_for_a_kubesphere_config_that_is_gone_or_broken() {
    for version in [Version::V3_1, Version::V3_4] {
        let bed = Watched::lease(&Scenario::new(version));
        let secret = effective(bed.host());
        // As `echo … | kubectl create secret --from-file` would have made it.
        let encoded = secret::base64(format!("{secret}\n").as_bytes());
        replace_data(bed.host(), "Secret", "kubesphere-secret", &json!({ "secret": encoded }));
        let run = shown(&bed, "").run().code(0);
        assert_eq!(rows(&run, "host")[1], format!("kubesphere-secret {} yes", fingerprint(&secret)));
        assert_eq!(run.stderr, "", "the installer drops the line break too");

        let broken = format!("authentication:\n  jwtSecret: \"{secret}\n");
        replace_data(bed.host(), "ConfigMap", "kubesphere-config", &json!({ "kubesphere.yaml": broken }));
        let run = shown(&bed, "member1").run().code(1).says(
            "error: host \"host\": configmaps/kubesphere-config in kubesphere-system: kubesphere.yaml is not YAML at line ",
        );
        assert_eq!(rows(&run, "host")[0], "kubesphere-config <malformed> -");
        let _ = run.says("hint: let the installer write it anew: `kubectl --context host -n kubesphere-system rollout restart deployment ks-installer`\n");

        remove_configuration(bed.host());
        let said = "warning: host \"host\": ConfigMap kubesphere-config is not there: the secret in Secret kubesphere-secret, from which it is rendered, is assumed to be the one in effect\n";
        let run = shown(&bed, "").run().code(0).says(said);
        assert_eq!(rows(&run, "host")[0], "kubesphere-config <none> -");
        let run = shown(&bed, "--reveal").revealing(&secret).run().code(0);
        let _ = run.stdout(&format!("{secret}\n")).says(said);
        assert_only_looked(&bed);
    }
}

#[test]
fn a_dead_member_is_told_in_its_rows_and_hides_no_other() {
    let bed = Watched::shared();
    let dead = json!({"server": DEAD});
    let kubeconfig = Kubeconfig::of(bed).copy("gone", "member1").cluster("gone", &dead);
    let program =
        |words: &str| bed.kubectl_mc_with(&kubeconfig).words("jwt-secret --context host").words(words);
    let refused = "error: member \"gone\": get configmaps/kubesphere-config in kubesphere-system: the connection to 127.0.0.1:9 was refused\nhint: ";
    let run = program("gone").run().code(1).says(refused);
    assert!(rows(&run, "host")[0].ends_with(" yes"), "{run}");
    assert_eq!(rows(&run, "gone")[0], "kubesphere-config <unknown> -");
    let run = program("gone member1").run().code(6).says(refused);
    assert!(rows(&run, "member1")[0].ends_with(" no"), "{run}");
    assert!(run.stderr.ends_with("error: 1 of 2 members failed\n"), "{run}");
    let object = json_of(&program("gone member1 -o json").run().code(6));
    assert_eq!((&object["agree"], &object["error"]["exitCode"]), (&json!(false), &json!(6)));
    assert_eq!(object["memberErrors"][0]["exitCode"], 1);
    assert_eq!(object["clusters"][1]["places"][0]["state"], "unknown");
    assert_eq!(object["clusters"][1]["agree"], Value::Null);
    bed.assert_untouched();
}

#[test]
fn without_the_host_nothing_can_be_said_but_what_the_members_have() {
    let bed = Watched::shared();
    let kubeconfig = Kubeconfig::of(bed).cluster("host", &json!({"server": DEAD}));
    let program = |words: &str| bed.kubectl_mc_with(&kubeconfig).words("jwt-secret").words(words);
    let run = program("member1").run().code(1).says("error: host \"host\": get configmaps/kubesphere-config");
    let member = fingerprint(effective(bed.member(1)));
    assert_eq!(rows(&run, "member1")[0], format!("kubesphere-config {member} -"));
    assert_eq!(json_of(&program("member1 -o json").run().code(1))["agree"], Value::Null);
    let _ = program("--reveal").run().code(1).stdout("").says("the connection to 127.0.0.1:9 was refused");
}

#[test]
fn clusters_that_share_no_secret_are_told_apart() {
    let none = |version| Installation::new(version).with(Peculiarity::NoKubeSphere);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(none(Version::V3_4)));
    let said = "error: host \"host\": KubeSphere is not installed\nhint: ";
    let run = shown(&bed, "member1").run().code(3).says(said);
    assert_eq!(rows(&run, "host")[0], "kubesphere-config <none> -");
    let _ = shown(&bed, "--reveal").run().code(3).stdout("").says(said);
    let swapped = "jwt-secret --context member1 host";
    let _ = bed
        .kubectl_mc()
        .words(swapped)
        .run()
        .code(0)
        .says("warning: member \"host\": KubeSphere is not installed\n");
}

#[test]
fn only_a_usable_secret_of_a_host_is_revealed() {
    let with = |secret: &str| {
        let host = Installation::new(Version::V3_4).with(Peculiarity::JwtSecret(secret.to_owned()));
        Watched::lease(&Scenario::new(Version::V3_4).host(host).members(Vec::new()))
    };
    let bed = with("");
    let said =
        "error: host \"host\": its jwtSecret cannot be shared: it is empty\nhint: set spec.authentication.";
    let _ = shown(&bed, "--reveal").run().code(3).stdout("").says(said);
    let run = shown(&bed, "").run().code(0);
    assert_eq!(rows(&run, "host")[0], "kubesphere-config <empty> -");
    let _ = run.says(
        "authentication.jwtSecret in ConfigMap kubesphere-config is empty: ks-apiserver does not start",
    );
    drop(bed);
    let bed = with("it's;a-$(secret)");
    let said = "its jwtSecret cannot be shared: it holds a character outside `A-Z a-z 0-9 . _ ~ -`";
    let _ = shown(&bed, "--reveal").run().code(3).stdout("").says(said);
}

#[test]
fn one_object_says_what_the_table_and_the_warnings_say() {
    let bed = Watched::shared();
    let run = shown(bed, "member1 -o json").run().code(0);
    let object = json_of(&run);
    assert_eq!(object["apiVersion"], "kubectl-mc/v1alpha1");
    assert_eq!((&object["kind"], &object["agree"]), (&json!("JwtSecrets"), &json!(false)));
    let host = fingerprint(effective(bed.host()));
    assert_eq!(
        object["clusters"][0]["places"][0],
        json!({"kind": "ConfigMap", "namespace": "kubesphere-system", "name": "kubesphere-config", "state": "set",
               "fingerprint": host, "reason": null, "agree": true})
    );
    assert_eq!(object["clusters"][1]["places"][2]["state"], "empty");
    let warning = &object["warnings"][0];
    assert_eq!(warning["cluster"], json!({"side": "member", "context": "member1"}));
    let said = format!("warning: member \"member1\": {}\n", warning["message"].as_str().unwrap());
    let run = run.says(&said);
    assert_eq!(object["error"], Value::Null);
    let yaml = shown(bed, "member1 -o yaml").run().code(0);
    assert_eq!(serde_yaml::from_str::<Value>(&yaml.stdout).unwrap(), object, "{run}");
    let missing = shown(bed, "nobody -o json").run().code(2);
    assert_eq!(json_of(&missing)["error"]["exitCode"], 2);
}

#[test]
fn a_second_context_of_the_host_is_recognised() {
    let bed = Watched::shared();
    let program = bed.kubectl_mc_with(&Kubeconfig::of(bed).alias("other", "host"));
    let run = program.words("jwt-secret other --context host").run().code(0);
    let _ = run.says("warning: member \"other\": it is the host itself (the UID of kube-system is ");
}

#[test]
fn what_is_typed_wrongly_is_refused_before_anything_is_asked() {
    let program = |words: &str| {
        KubectlMc::new(&Kubeconfig::of_nobody().text(), Vec::new()).words("jwt-secret").words(words)
    };
    for (words, said) in [
        ("member1 --reveal", "cannot be used with"),
        ("--reveal -o json", "cannot be used with"),
        ("member1 member1", "MEMBER \"member1\" is named twice"),
        ("member1 host --member-server https://a", "--member-server is for one MEMBER, and 2 are named"),
        ("membr1", "did you mean \"member1\"?"),
    ] {
        let _ = program(words).run().code(2).stdout("").says(said);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let bed = Watched::shared();
    for words in ["--reveal", "", "-o json"] {
        let run = shown(bed, words).run_unread().code(0);
        assert_eq!(run.stderr, "", "{words}");
    }
}
