//! Fleet files: many members, each with options of its own, in one command.

use std::fs;

use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    kubesphere::{Installation, InstallerScenario, Lasting, Role, Scenario, Version, secret::base64},
};

use crate::support::{CTRL_C, Kubeconfig, KubectlMc, Run, Watched};

const HEAD: &str = "apiVersion: kubectl-mc/v1alpha1\nkind: Fleet\nhost: {context: host}\n";
/// What a bed on one machine needs.
const LOOPBACK: &str = "defaults: {skipChecks: [member-server-loopback]}\n";

fn standalone() -> Installation {
    Installation::new(Version::V3_4)
}

fn host() -> Installation {
    standalone().role(Role::Host)
}

/// A host and so many clusters without a role.
fn scenario(members: usize) -> Scenario {
    Scenario::new(Version::V3_4).host(host()).members((0..members).map(|_| standalone()).collect())
}

/// The program in a folder with `fleet.yaml`.
fn with_file(bed: &Watched, members: &str) -> KubectlMc {
    bed.kubectl_mc().at_home().file("fleet.yaml", &format!("{HEAD}{LOOPBACK}members:\n{members}"))
}

fn join(bed: &Watched, members: &str, words: &str) -> Run {
    with_file(bed, members).words("join -f fleet.yaml --yes --reachability=off").words(words).run()
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn label(cluster: &Value, key: &str) -> Option<String> {
    cluster["metadata"]["labels"][key].as_str().map(str::to_owned)
}

#[test]
fn each_member_is_what_the_file_says_of_it_and_a_second_run_changes_nothing() {
    let bed = Watched::lease(&scenario(3));
    let members = "- context: member1\n  alias: First\n  labels: {tier: '1'}\n\
                   - context: member2\n  name: paris\n  region: eu-west\n  credentials: context\n\
                   - context: member3\n  description: The third\n  annotations: {example.org/owner: ops}\n";
    let run = join(&bed, members, "").code(0);
    assert!(run.stdout.contains("cluster.cluster.kubesphere.io/paris created\n"), "{run}");
    let (one, paris, three) =
        (bed.host().cluster("member1"), bed.host().cluster("paris"), bed.host().cluster("member3"));
    assert_eq!(one["metadata"]["annotations"]["kubesphere.io/alias-name"], "First");
    assert_eq!(label(&one, "tier").as_deref(), Some("1"));
    assert_eq!(label(&paris, "cluster.kubesphere.io/region").as_deref(), Some("eu-west"));
    assert_eq!(label(&paris, "tier"), None);
    assert_eq!(three["metadata"]["annotations"]["example.org/owner"], "ops");
    bed.assert_joined(1, "member1");
    bed.assert_joined(2, "paris");
    bed.assert_joined(3, "member3");
    let unchanged = "cluster.cluster.kubesphere.io/member1 unchanged\ncluster.cluster.kubesphere.io/paris unchanged\n\
                     cluster.cluster.kubesphere.io/member3 unchanged\n";
    let marks = bed.marks();
    let _ = join(&bed, members, "").code(0).stdout(unchanged);
    assert!(bed.stored_since(&marks).is_empty());
    let check = |members: &str| with_file(&bed, members).words("check -f fleet.yaml --expect joined").run();
    let _ = check(members).code(0);
    let run = check("- {context: member2, name: lyon}\n").code(3);
    assert!(run.stdout.contains("it is registered on this host already, as \"paris\""), "{run}");
}

#[test]
fn one_that_fails_keeps_no_other_and_the_command_that_is_told_goes_on_with_it() {
    let failing =
        standalone().installer(InstallerScenario::StorageClassMissing).lasting(Lasting::UntilRestart);
    let bed = Watched::lease(&scenario(0).members(vec![failing, standalone()]));
    let members = "- {context: member1, name: one}\n- {context: member2, name: two}\n";
    let run = join(&bed, members, "").code(6).says("1 of 2 members failed").says("error: member \"one\"");
    let rest = "kubectl mc join -f fleet.yaml --yes --reachability=off one";
    let _ = run.says(&format!("to go on with the rest alone: `{rest}`"));
    bed.assert_joined(2, "two");
    let words = rest.strip_prefix("kubectl mc ").unwrap();
    let _ = with_file(&bed, members).words(words).run().code(0);
    bed.assert_joined(1, "one");
}

#[test]
fn one_that_a_check_stops_stops_all_or_is_left_out() {
    let other_host = standalone().role(Role::Host);
    let bed = Watched::lease(&scenario(0).members(vec![standalone(), other_host]));
    let members = "- context: member1\n- context: member2\n";
    let run = join(&bed, members, "").code(3).says("a host is never made a member");
    let _ = run.says("`--continue-on-obstacle`");
    bed.assert_untouched();
    let run = join(&bed, members, "--continue-on-obstacle").code(6);
    let _ = run
        .says("a host is never made a member (this member is left out)")
        .says("left out because of obstacles: member \"member2\"")
        .says("`kubectl mc join -f fleet.yaml --yes --reachability=off --continue-on-obstacle member2`");
    bed.assert_joined(1, "member1");
    let _ = join(&bed, members, "--continue-on-obstacle")
        .code(6)
        .stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
}

#[test]
fn who_fails_and_who_is_left_out_have_a_command_each() {
    let failing =
        standalone().installer(InstallerScenario::StorageClassMissing).lasting(Lasting::UntilRestart);
    let other_host = standalone().role(Role::Host);
    let bed = Watched::lease(&scenario(0).members(vec![failing, other_host, standalone()]));
    let members = "- context: member1\n- context: member2\n- context: member3\n";
    let command = "kubectl mc join -f fleet.yaml --yes --reachability=off --continue-on-obstacle";
    let run = join(&bed, members, "--continue-on-obstacle").code(6);
    let _ = run
        .says("1 of 3 members failed; left out because of obstacles: member \"member2\"")
        .says("1 of 3 ready, 1 failed, 1 left out (")
        .says(&format!("to go on with the rest alone: `{command} member1`"))
        .says(&format!("to go on with who is left out: `{command} member2`"));
    bed.assert_joined(3, "member3");
}

/// Words are joined as files are.
#[test]
fn members_that_are_named_can_be_left_out_too() {
    let other_host = standalone().role(Role::Host);
    let bed = Watched::lease(&scenario(0).members(vec![standalone(), other_host]));
    let run = bed.join("member1 member2 --continue-on-obstacle --reachability=off").run().code(6);
    let _ = run.says(
        "when the obstacles are removed, to go on with who is left out: `kubectl mc join member2 --continue-on-obstacle ",
    );
    bed.assert_joined(1, "member1");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place_and_no_cluster_is_asked() {
    let bed = Watched::shared();
    let marks = bed.marks();
    for (members, said) in [
        ("- context: member1\n  nmae: a\n", "fleet.yaml:7:3: there is no field `nmae` here"),
        ("- context: member1\n  alias: 1\n", "fleet.yaml:7:10: `alias` is a number, where a text belongs"),
        (
            "- context: member1\n- context: member1\n",
            "fleet.yaml:7:12: a second member has the name \"member1\"",
        ),
        ("- context: memberl\n", "fleet.yaml:6:12: no context exists with the name \"memberl\""),
        (
            "- {context: member1, server: 'http://a'}\n",
            "fleet.yaml:6:30: the address in `server` cannot be stored",
        ),
        (
            "- {context: member1, skipChecks: [clock]}\n",
            "fleet.yaml:6:34: unknown or non-skippable check \"clock\"",
        ),
        (
            "- {context: member1, kubeconfig: none.yaml}\n",
            "hint: name another file with `kubeconfig` at fleet.yaml:6:34",
        ),
        (
            "- {context: member1, certificateAuthority: none.crt}\n",
            "fleet.yaml:6:44: cannot read the certificate authority `none.crt`",
        ),
    ] {
        let run = join(bed, members, "").code(2).stdout("");
        let _ = run.says(said).says("hint: ");
    }
    let _ = join(bed, "- context: member1\n  nmae: a\n", "").says("did you mean \"name\"?");
    let file = "apiVersion: kubectl-mc/v1alpha1\nkind: Fleet\nhost: {context: hots}\nmembers: [{context: member1}]\n";
    let unknown = bed.kubectl_mc().at_home().file("fleet.yaml", file).words("check -f fleet.yaml").run();
    let _ = unknown.code(2).says("fleet.yaml:3:17: no context exists with the name \"hots\"");
    let members = "- context: member1\n";
    for (words, said) in [
        ("join -f none.yaml", "cannot read none.yaml"),
        ("join -f fleet.yaml --alias a", "cannot be used with"),
        ("join -f fleet.yaml --member-server https://a:6443", "--member-server is for one MEMBER"),
        ("join -f fleet.yaml member2", "fleet.yaml has no member \"member2\""),
        ("join -f fleet.yaml member1 member1", "\"member1\" is named twice"),
        ("renew a b --member-context c", "`--member-context` is for one NAME"),
        ("unjoin a b", "only one NAME"),
        ("unjoin -f fleet.yaml --force", "cannot be used with"),
        ("get -f fleet.yaml a", "cannot be used with"),
    ] {
        let _ = with_file(bed, members).words(words).run().code(2).stdout("").says(said);
    }
    assert!(bed.requests_since(&marks).is_empty());
}

#[test]
fn a_file_is_taken_from_stdin_and_options_of_all_go_beside_it() {
    let bed = Watched::lease(&scenario(2));
    let file = format!("{HEAD}members: [{{context: member1}}, {{context: member2}}]\n");
    let join = |words: &str| {
        bed.kubectl_mc()
            .stdin(&file)
            .words("join -f - --reachability=off --skip-check member-server-loopback")
            .words(words)
            .run()
    };
    let run = join("").code(2).says("there is no terminal to ask at");
    let _ = run.says("create Cluster member1").says("create Cluster member2");
    let run = join("--dry-run=client").code(0);
    bed.assert_untouched();
    let _ = run.says("create Cluster member2");
    let _ = join("--yes member2").code(0);
    bed.assert_joined(2, "member2");
    assert!(bed.host().cluster("member1").is_null());
}

/// A check is skipped for the member that says so, and no other.
#[test]
fn a_members_skipped_check_is_its_own() {
    let bed = Watched::lease(&scenario(2));
    let file = format!(
        "{HEAD}members:\n- {{context: member1, skipChecks: [member-server-loopback]}}\n- context: member2\n"
    );
    let run = bed.kubectl_mc().at_home().file("fleet.yaml", &file).words("join -f fleet.yaml --yes").run();
    let run = run.code(3).says("1 check failed");
    assert!(!run.stderr.contains("failure: member \"member1\""), "{run}");
}

/// As kubeadm writes them: every cluster's context has one name.
fn kubeadms(bed: &Watched, context: &str) -> String {
    let all: Value = serde_yaml::from_str(&fs::read_to_string(bed.kubeconfig()).unwrap()).unwrap();
    let named = |list: &str, name: &Value| {
        all[list].as_array().unwrap().iter().find(|entry| entry["name"] == *name).unwrap().clone()
    };
    let of = named("contexts", &context.into())["context"].clone();
    let name = "kubernetes-admin@kubernetes";
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "contexts": [{"name": name, "context": of}],
        "clusters": [named("clusters", &of["cluster"])], "users": [named("users", &of["user"])],
    })
    .to_string()
}

#[test]
fn a_member_may_have_a_kubeconfig_of_its_own() {
    let bed = Watched::lease(&scenario(2));
    let members = "- {kubeconfig: one.yaml, name: one}\n\
                   - {kubeconfig: two.yaml, context: kubernetes-admin@kubernetes, name: two}\n";
    let program = || {
        with_file(&bed, members)
            .file("fleets/fleet.yaml", &format!("{HEAD}{LOOPBACK}members:\n{members}"))
            .file("fleets/one.yaml", &kubeadms(&bed, "member1"))
            .file("fleets/two.yaml", &kubeadms(&bed, "member2"))
    };
    let run = program().words("join -f fleets/fleet.yaml --yes --reachability=off").run().code(0);
    let _ = run.says("member \"one\"").says("member \"two\"");
    bed.assert_joined(1, "one");
    bed.assert_joined(2, "two");
    let _ = program().words("check -f fleets/fleet.yaml --expect joined").run().code(0);
    let run = program().words("unjoin -f fleets/fleet.yaml one --yes").run().code(0);
    assert!(run.stdout.contains("\"one\" deleted\n"), "{run}");
    assert!(bed.host().cluster("one").is_null());
    assert!(bed.host().cluster("two").is_object());
}

#[test]
fn a_host_of_4_installs_members_with_the_values_that_stand_at_each() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let members = "- context: member1\n  config:\n    global: {tag: v4.1.1}\n    authentication: {adminPassword: 'Vk3-r9Qz-Lm2p'}\n";
    let run = join(&bed, members, "-v 8").code(0).does_not_say("Vk3-r9Qz-Lm2p");
    let cluster = bed.host().cluster("member1");
    let values = "global: {tag: v4.1.1}\nauthentication: {adminPassword: 'Vk3-r9Qz-Lm2p'}\n";
    assert_eq!(cluster["spec"]["config"], base64(values.as_bytes()), "{run}");
    let _ = join(&bed, members, "").code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
}

#[test]
fn get_tells_who_is_missing_and_who_is_not_in_the_file() {
    let bed = Watched::lease(&scenario(2));
    let members = "- context: member1\n- context: member2\n";
    let _ = join(&bed, members, "member1").code(0);
    let get =
        |members: &str, words: &str| with_file(&bed, members).words("get -f fleet.yaml").words(words).run();
    let run = get(members, "").code(1).says("fleet.yaml names 1 member that is not registered: member2");
    let _ = run.says("`kubectl mc join -f fleet.yaml member2`");
    let object = json_of(&get(members, "-o json").code(1));
    assert_eq!(object["fleet"], json!({"missing": ["member2"], "unlisted": []}));
    let run = get("- context: member2\n  name: member1\n", "").code(0).does_not_say("not in fleet.yaml");
    assert!(run.stdout.contains("member1"), "{run}");
    let run = get("- context: member2\n", "").code(1);
    let _ = run.says("warning: registered, and not in fleet.yaml: member1");
}

#[test]
fn members_of_a_file_are_renewed_and_taken_out() {
    let bed = Watched::lease(&scenario(2));
    let members = "- {context: member1, name: one}\n- {context: member2, name: two}\n";
    let _ = join(&bed, members, "").code(0);
    let command = |words: &str| with_file(&bed, members).words(words).run();
    let run = command("renew -f fleet.yaml two --yes --reachability=off").code(0);
    assert!(run.stdout.contains("cluster.cluster.kubesphere.io/two patched\n"), "{run}");
    assert!(!run.stdout.contains("/one"), "{run}");
    let _ = command("renew -f fleet.yaml --yes --reachability=off").code(0);
    let run = command("unjoin -f fleet.yaml --dry-run=client").code(0);
    let _ = run.says("delete Cluster one").says("delete Cluster two");
    let objects = command("unjoin -f fleet.yaml --dry-run=client -o yaml").code(0).stdout;
    let objects: Vec<Value> = serde_yaml::Deserializer::from_str(&objects)
        .map(|object| serde::Deserialize::deserialize(object).unwrap())
        .collect();
    assert_eq!(
        objects.iter().map(|object| object["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["one", "two"]
    );
    let unasked =
        command("unjoin -f fleet.yaml").code(2).stdout("").says("then run the same command with `--yes`");
    let _ = unasked.says("delete Cluster one").says("delete Cluster two");
    let run = command("unjoin -f fleet.yaml --yes").code(0);
    for name in ["one", "two"] {
        assert!(bed.host().cluster(name).is_null(), "{run}");
    }
    let role = |member: &Cluster| member.configured("multicluster.clusterRole");
    assert_eq!((role(bed.member(1)), role(bed.member(2))), ("none".into(), "none".into()));
}

#[test]
fn a_member_that_does_not_answer_keeps_all_of_a_file_from_being_taken_out() {
    let bed = Watched::lease(&scenario(2));
    let members = "- {context: member1, name: one}\n- {context: member2, name: two}\n";
    let _ = join(&bed, members, "").code(0);
    let silent = Kubeconfig::of(&bed).cluster("member2", &json!({"server": "https://127.0.0.1:1"}));
    let file = format!("{HEAD}members:\n{members}");
    let unjoin = |words: &str| {
        let program = bed.kubectl_mc_with(&silent).at_home().file("fleet.yaml", &file);
        program.words("unjoin -f fleet.yaml --yes").words(words).run()
    };
    let marks = bed.marks();
    let run = unjoin("").code(3).says("nothing was changed");
    let run = run.says("hint: take the others out alone: `kubectl mc unjoin -f fleet.yaml --yes one`");
    let _ = run.says("hint: if the member is gone for good: `kubectl mc unjoin two --context host --force`");
    let _ = unjoin("two").code(3).does_not_say("take the others out");
    let object = json_of(&unjoin("-o json").code(3));
    assert_eq!((object["kind"].as_str(), object["error"]["exitCode"].as_u64()), (Some("Unjoin"), Some(3)));
    assert!(bed.stored_since(&marks).is_empty());
    let _ = unjoin("one").code(0);
    assert!(bed.host().cluster("one").is_null() && bed.host().cluster("two").is_object());
}

#[test]
fn a_no_to_one_member_keeps_that_one_alone_and_the_sum_says_who_was_taken_out() {
    let bed = Watched::lease(&scenario(3));
    let members = "- {context: member1, name: one}\n- {context: member2, name: two}\n- {context: member3, name: three}\n";
    let _ = join(&bed, members, "").code(0);
    let unjoin = || with_file(&bed, members).words("unjoin -f fleet.yaml --color never");
    let run = unjoin().answers(&["y\n", "n\n", "y\n"]).code(5);
    for said in [
        "declined; Cluster two is left as it is\r\n",
        "1 of 3 members declined: two; taken out: one, three\r\n",
    ] {
        assert!(run.stdout.contains(said), "{said}{run}");
    }
    assert!(!run.stdout.contains("nothing was changed"), "{run}");
    let left: Vec<bool> = ["one", "two", "three"].map(|name| bed.host().cluster(name).is_object()).into();
    assert_eq!(left, [false, true, false]);
    let _ = join(&bed, members, "").code(0);
    let run = unjoin().answers(&["y\n", CTRL_C]).code(130);
    let ended = "cancelled; Cluster two is left as it is; 1 of 3 members taken out: one; not finished: two, three\r\n";
    let rest = "to go on with the rest alone: `kubectl mc unjoin -f fleet.yaml --color never two three`";
    assert!(run.stdout.contains(ended) && run.stdout.contains(rest), "{run}");
}

#[test]
fn what_init_writes_can_be_joined() {
    let other_host = standalone().role(Role::Host);
    let bed = Watched::lease(&scenario(0).members(vec![standalone(), other_host, standalone()]));
    let _ = bed.join("member3 --reachability=off --name paris").run().code(0);
    let kubeconfig = Kubeconfig::of(&bed).alias("again", "member1").copy("gone", "member1");
    let kubeconfig = kubeconfig.cluster("gone", &json!({"server": "https://127.0.0.1:1"}));
    let program = || bed.kubectl_mc_with(&kubeconfig).at_home();
    let marks = bed.marks();
    let run = program().words("fleet init --context host").run().code(0);
    assert!(bed.stored_since(&marks).is_empty());
    for said in [
        "  context: host\n",
        "# left out: it leads to the host itself\n# - context: host\n",
        "# left out: it is a host, and a host is never made a member\n# - context: member2\n",
        "# registered on this host as paris\n- context: member3\n  name: paris\n",
        "# left out: no answer: ",
        "# - context: gone\n",
        "the same cluster as the context",
    ] {
        assert!(run.stdout.contains(said), "{said}{run}");
    }
    let alone = Kubeconfig::of(&bed).without_context("member1").without_context("member3");
    let alone = bed.kubectl_mc_with(&alone).words("fleet init --context host").run().code(0);
    assert!(alone.stdout.contains("\nmembers: []\n"), "{alone}");
    let _ = alone.says("warning: no context leads to a cluster that can be a member");
    let file = run.stdout.clone();
    let run = program()
        .file("fleet.yaml", &file)
        .words("join -f fleet.yaml --yes --reachability=off --skip-check member-server-loopback")
        .run()
        .code(0);
    assert_eq!(run.stdout.matches("cluster.cluster.kubesphere.io/").count(), 1, "{run}");
    bed.assert_joined(1, "member1");
    bed.assert_joined(3, "paris");
}

#[test]
fn a_member_is_the_host_of_no_fleet_and_a_broken_context_is_told() {
    let bed = Watched::lease(&scenario(1));
    let _ = join(&bed, "- context: member1\n", "").code(0);
    let broken = json!({"name": "broken", "context": {"cluster": "gone"}});
    let kubeconfig = Kubeconfig::of(&bed).and("contexts", broken).text();
    let init = |host: &str| {
        let program = bed.kubectl_mc().at_home().file("all.yaml", &kubeconfig);
        program.words("fleet init --member-kubeconfig all.yaml --context").words(host).run()
    };
    let run = init("member1").code(3).stdout("");
    let _ = run.says("it is a member of another host, and a member is never made a host");
    let run = init("host").code(0).does_not_say("no context leads to a cluster that can be a member");
    let broken = "# left out: context \"broken\" refers to cluster \"gone\", which does not exist\n# - context: broken\n";
    assert!(run.stdout.contains(broken), "{run}");
    assert!(run.stdout.contains("\n  kubeconfig: all.yaml\n"), "as it was typed\n{run}");
    assert!(run.stdout.contains("1 node\n"), "{run}");
}

#[test]
fn a_check_finds_what_a_join_with_the_file_would_change_or_refuse() {
    let bed = Watched::lease(&scenario(1));
    let plain = "- context: member1\n";
    let check =
        |members: &str, words: &str| with_file(&bed, members).words("check -f fleet.yaml").words(words).run();
    let run = check(plain, "").code(0);
    let said = "warning member-registration: it is not joined: its role is none, and a join of the file makes it a member";
    assert!(run.stdout.contains(said), "{run}");
    let run = check(plain, "--expect absent").code(0);
    assert!(!run.stdout.contains("it is not joined"), "{run}");
    let _ = join(&bed, plain, "").code(0);
    let _ = check(plain, "--expect joined").code(0);
    let described = "- context: member1\n  alias: First\n";
    let said = "its Cluster \"member1\" differs from the file: metadata.annotations[kubesphere.io/alias-name] is not set, \
                and would be \"First\"";
    let run = check(described, "").code(0);
    assert!(run.stdout.contains(&format!("warning member-registration: {said}")), "{run}");
    assert!(run.stdout.contains("`kubectl mc join -f fleet.yaml member1`"), "{run}");
    let run = check(described, "--expect joined").code(3);
    assert!(run.stdout.contains(&format!("failure member-registration: {said}")), "{run}");
    let _ = join(&bed, described, "").code(0);
    let _ = check(described, "--expect joined").code(0);
    for (member, code, said) in [
        (
            "{context: member1, certificateAuthority: none.crt}",
            2,
            "fleet.yaml:6:44: cannot read the certificate authority `none.crt`",
        ),
        (
            "{context: member1, config: {a: b}}",
            3,
            "its host installs nothing on it: `config` at fleet.yaml:6:30 is for a host with KubeSphere 4",
        ),
        (
            "{context: member1, credentials: context}",
            0,
            "it is registered already, so `credentials` at fleet.yaml:6:35 has no effect on the host",
        ),
    ] {
        let members = format!("- {member}\n");
        for run in [check(&members, "").code(code), join(&bed, &members, "").code(code)] {
            assert!(run.stdout.contains(said) || run.stderr.contains(said), "{said}{run}");
        }
    }
    let named = format!("{HEAD}{LOOPBACK}members:\n{plain}").replace("host}", "host, clusterName: paris}");
    let program = bed.kubectl_mc().at_home().file("fleet.yaml", &named);
    let run = program.words("check -f fleet.yaml").run().code(0);
    assert!(run.stdout.contains("the name \"paris\" no longer takes effect"), "{run}");
}

/// Options that say something of one member are refused beside a file.
#[test]
fn hints_name_the_fields_of_the_file_and_commands_take_it() {
    let bed = Watched::lease(&scenario(2));
    let file = |members: &str| format!("{HEAD}members:\n{members}");
    let run = |members: &str, words: &str| {
        bed.kubectl_mc().at_home().file("fleet.yaml", &file(members)).words(words).run()
    };
    let of_one =
        ["--name", "--member-server", "--member-certificate-authority", "--config", "--member-context"];
    let names_none = |run: &Run| {
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(of_one.iter().all(|option| !text.contains(option)), "{run}");
    };
    let join = "join -f fleet.yaml --yes --reachability=off --skip-check member-server-loopback";
    let loopback = run("- context: member1\n", "join -f fleet.yaml --yes --reachability=off").code(3);
    names_none(&loopback);
    let _ = loopback.says("`server: https://").says("` at fleet.yaml:5:3");
    let _ = run("- {context: member1, name: one}\n", join).code(0);
    let renamed = run("- {context: member1, name: uno}\n", join).code(3);
    names_none(&renamed);
    let _ = renamed.says("a member cannot be renamed: `name: one` at fleet.yaml:5:28");
    let taken = run("- {context: member2, name: one}\n", join).code(3);
    names_none(&taken);
    let _ = taken.says("choose another with `name` at fleet.yaml:5:28");
    let moved = "- {context: member1, name: one, server: 'https://10.1.1.1:6443'}\n";
    let moved = run(moved, "check -f fleet.yaml");
    names_none(&moved);
    assert!(
        moved.stdout.contains("store another kubeconfig: `kubectl mc renew -f fleet.yaml one`"),
        "{moved}"
    );
}

#[test]
fn another_host_than_the_files_is_told() {
    let bed = Watched::lease(&scenario(1));
    let kubeconfig = Kubeconfig::of(&bed).alias("same", "host");
    let file = format!("{HEAD}members: [{{context: member1}}]\n");
    let get = |context: &str| {
        let program = bed.kubectl_mc_with(&kubeconfig).at_home().file("fleet.yaml", &file);
        program.words("get -f fleet.yaml --context").words(context).run()
    };
    let said = "fleet.yaml:3:17 names another cluster as the host; the one of the command line counts";
    let _ = get("member1").says(&format!("warning: host \"member1\": {said}"));
    for context in ["same", "host"] {
        let _ = get(context).does_not_say(said);
    }
}

#[test]
fn names_of_its_members_are_completed() {
    let members = "- {context: member1, name: one}\n- {context: member2, name: two}\n";
    let bed = Watched::shared();
    let run =
        with_file(bed, members).args(["__complete", "join", "-f", "fleet.yaml", "--yes", "one", ""]).run();
    let _ = run.code(0).stdout("two\n:4\n");
}

#[test]
fn the_schema_is_printed_without_a_cluster() {
    let run = KubectlMc::new("", Vec::new()).words("fleet schema").run().code(0);
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        schema["properties"]["kind"]["enum"].as_array().map_or("Fleet", |kinds| kinds[0].as_str().unwrap()),
        "Fleet"
    );
    assert_eq!(schema["$defs"]["Member"]["properties"]["skipChecks"]["items"]["type"], "string");
}
