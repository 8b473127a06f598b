//! Taking a member out again: both sides are as before the join.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version},
};

use crate::support::{Faulty, Kubeconfig, KubectlMc, Run, Watched, listing, user_who_may};

pub fn host_of(version: Version) -> Scenario {
    Scenario::new(version).host(Installation::new(version).role(Role::Host))
}

/// Both have their roles already: a join has to register the member only, which can be gone then.
pub fn prepared(version: Version) -> Scenario {
    host_of(version).member(Installation::new(version).role(Role::Member).with(Peculiarity::BehindProxy))
}

/// A member that was joined.
pub fn joined(scenario: &Scenario) -> Watched {
    let bed = Watched::lease(scenario);
    let _ = bed.join("member1 --reachability off").run().code(0);
    bed
}

pub fn unjoin(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc().words("unjoin").words(words).words("--context host --yes")
}

/// What we wrote since these marks, as `verb resource/name`.
pub fn writes_since(bed: &Watched, marks: &[testbed::Mark]) -> Vec<String> {
    let requests = bed.requests_since(marks);
    let writes = requests.iter().filter(|event| event.changes());
    writes.map(|event| format!("{} {}/{}", event.verb, event.resource, event.name)).collect()
}

pub fn role(cluster: &Cluster) -> Value {
    cluster.cluster_configuration()["spec"]["multicluster"]["clusterRole"].clone()
}

fn listings(bed: &Watched) -> Vec<BTreeSet<String>> {
    [bed.host(), bed.member(1)].map(listing).to_vec()
}

/// What was not there before, of both clusters.
fn added(before: &[BTreeSet<String>], after: &[BTreeSet<String>]) -> Vec<String> {
    before.iter().zip(after).flat_map(|(before, after)| after.difference(before).cloned()).collect()
}

/// A member's life on control planes: joined, renewed, removed, and joined again by this name.
fn a_join_after_an_unjoin_works(version: Version, name_again: &str) {
    let bed = Watched::lease(&host_of(version).on_control_planes());
    let before = listings(&bed);
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    let renew =
        "renew member1 --member-context member1 --context host --yes --skip-check member-server-loopback";
    let _ = bed.kubectl_mc().words(renew).run().code(0);
    bed.assert_joined(1, "member1");
    let marks = bed.marks();
    let run = unjoin(&bed, "member1 --member-context member1").run().code(0);
    assert!(run.stdout.starts_with("cluster.cluster.kubesphere.io \"member1\" deleted\n"), "{run}");
    let line = "clusterconfiguration.installer.kubesphere.io/ks-installer patched on member \"member1\"\n";
    assert!(run.stdout.ends_with(line), "{run}");
    assert_eq!(role(bed.member(1)), "none");
    let [ours, hosts] =
        [bed.member(1), bed.host()].map(|cluster| cluster.configured("authentication.jwtSecret"));
    assert!(ours != hosts && ours.as_str().is_some_and(|secret| secret.len() == 32), "a fresh secret");
    assert_eq!(added(&before, &listings(&bed)), Vec::<String>::new(), "{}", bed.dump());
    let writes = writes_since(&bed, &marks);
    let changes = writes.iter().filter(|write| write.starts_with("patch")).count();
    assert_eq!((writes[0].as_str(), changes), ("delete clusters/member1", 1), "{writes:?}");
    let marks = bed.marks();
    let unchanged = unjoin(&bed, "member1 --member-context member1").run().code(0);
    let _ = unchanged.stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
    assert_eq!(writes_since(&bed, &marks), Vec::<String>::new());
    let _ = bed.join(&format!("member1 --name {name_again}")).run().code(0);
    bed.assert_joined(1, name_again);
}

#[test]
fn a_join_after_an_unjoin_of_3_4_works() {
    a_join_after_an_unjoin_works(Version::V3_4, "member1");
}

#[test]
fn a_join_after_an_unjoin_of_3_3_works() {
    a_join_after_an_unjoin_works(Version::V3_3, "other");
}

#[test]
fn a_join_after_an_unjoin_of_3_2_works() {
    a_join_after_an_unjoin_works(Version::V3_2, "member1");
}

#[test]
fn a_join_after_an_unjoin_of_3_1_works() {
    a_join_after_an_unjoin_works(Version::V3_1, "other");
}

/// Killed when each of its writes is under way and has not arrived, and after the last one.
fn ends_alike_wherever_it_is_killed(version: Version, of_credential: &[&str]) {
    const UNJOIN: &str = "unjoin member1 --member-context member1 --context host --yes";
    const OF_KUBEFED: [&str; 5] = [
        "clusterrolebindings/kubefed-",
        "clusterroles/kubefed-",
        "kube-federation-system/secrets/",
        "kube-federation-system/serviceaccounts/",
        "namespaces/kube-federation-system?",
    ];
    let bed = Faulty::lease(&host_of(version));
    let before = listings(&bed);
    let _ = bed.join("member1").run().code(0);
    let marks = bed.marks();
    bed.killed_in(bed.kubectl_mc().words(UNJOIN), bed.before_host(), "DELETE", "clusters/member1");
    for path in OF_KUBEFED.iter().chain(of_credential) {
        bed.killed_in(bed.kubectl_mc().words(UNJOIN), bed.before_member(1), "DELETE", path);
    }
    let patch = "clusterconfigurations/ks-installer";
    bed.killed_in(bed.kubectl_mc().words(UNJOIN), bed.before_member(1), "PATCH", patch);
    let written = bed.writes().len();
    let started = bed.kubectl_mc().words(UNJOIN).start();
    bed.until_writes(written + 1);
    let _ = started.signal("KILL");
    let _ = bed.kubectl_mc().words(UNJOIN).run().code(0);
    let writes = writes_since(&bed, &marks);
    assert_eq!(writes.len(), 1 + OF_KUBEFED.len() + of_credential.len() + 1, "each write once: {writes:?}");
    assert_eq!(added(&before, &listings(&bed)), Vec::<String>::new(), "{}", bed.dump());
}

#[test]
fn killed_in_each_write_an_unjoin_of_3_4_ends_alike() {
    let credential = [
        "secrets/kubectl-mc-host-token",
        "clusterrolebindings/kubectl-mc-host",
        "kubesphere-system/serviceaccounts/kubectl-mc-host",
    ];
    ends_alike_wherever_it_is_killed(Version::V3_4, &credential);
}

#[test]
fn killed_in_each_write_an_unjoin_of_3_3_ends_alike() {
    ends_alike_wherever_it_is_killed(Version::V3_3, &["clusterrolebindings/kubectl-mc-host-user"]);
}

/// One run may have come further than it was let.
fn ends_alike_however_often_it_is_killed(version: Version) {
    let bed = Watched::lease(&host_of(version));
    let before = listings(&bed);
    let _ = bed.join("member1").run().code(0);
    let marks = bed.marks();
    while role(bed.member(1)) != "none" {
        let writes = bed.writes().len();
        let started = unjoin(&bed, "member1 --member-context member1").start();
        bed.until_writes(writes + 1);
        let _ = started.signal("KILL");
    }
    let _ = unjoin(&bed, "member1 --member-context member1").run().code(0);
    let writes = bed.stored_since(&marks);
    let times = |write: &str| writes.iter().filter(|sent| sent.starts_with(write)).count();
    assert_eq!((times("delete clusters/"), times("patch clusterconfigurations")), (1, 1), "{writes:?}");
    assert_eq!(added(&before, &listings(&bed)), Vec::<String>::new(), "{}", bed.dump());
}

#[test]
fn killed_again_and_again_an_unjoin_of_3_2_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_2);
}

#[test]
fn killed_again_and_again_an_unjoin_of_3_1_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_1);
}

#[test]
fn what_is_refused_or_rehearsed_changes_nothing() {
    let of = |role| Installation::new(Version::V3_4).role(role);
    let members = vec![of(Role::Member), of(Role::None)];
    let bed = joined(&host_of(Version::V3_4).members(members));
    let marks = bed.marks();
    let refused = |words: &str, code: i32, said: &[&str]| {
        let run = unjoin(&bed, words).run().code(code).stdout("");
        let _ = said.iter().fold(run, |run, what| run.says(what));
    };
    refused("nobody", 1, &["host \"host\": get clusters/nobody: not found", "are registered: member1"]);
    refused("host", 3, &["the Cluster \"host\" is the host's own", "[different-clusters]"]);
    let uids = [bed.member(1).uid(), bed.member(2).uid()];
    let other =
        ["error: member \"member2\": it is another cluster than the host's \"member1\"", uids[0], uids[1]];
    refused("member1 --member-context member2", 3, &other);
    refused("member1 --member-context host", 3, &["are the same cluster"]);
    refused("member1 --release-namespaces", 2, &["--member-context"]);
    let of_a_member =
        bed.kubectl_mc().words("unjoin member2 --member-context member2 --context member1 --yes");
    let _ = of_a_member.run().code(3).stdout("").says("host \"member1\": it is a member of another host");
    let unasked = bed.kubectl_mc().words("unjoin member1 --member-context member1 --context host");
    let _ = unasked
        .run()
        .code(2)
        .stdout("")
        .says("hint: read the plan above, then run the same command with `--yes`");
    let words = "unjoin member1 --member-context member1 --context host --color never";
    let run = bed.kubectl_mc().words(words).answer("n\n").code(5);
    let (plan, _) = run.stdout.split_once("Proceed? [y/N]").expect("it asks");
    for said in [
        "1. host \"host\": delete Cluster member1, and wait",
        "spec.multicluster.clusterRole: member → none",
        "cannot be brought back",
        "everybody who is logged in to its console is logged out",
        "knew the host's jwtSecret",
        uids[0],
    ] {
        assert!(plan.contains(said), "does not say {said:?}\n{run}");
    }
    rehearsals(&bed);
    rights(&bed);
    assert_eq!(writes_since(&bed, &marks), Vec::<String>::new());
    bed.assert_joined(1, "member1");
}

fn rehearsals(bed: &Watched) {
    let marks = bed.marks();
    let run = unjoin(bed, "member1 --member-context member1 --dry-run=client -o json").run().code(0);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&object["kind"], &object["dryRun"], &object["name"]),
        (&json!("Unjoin"), &json!("client"), &json!("member1"))
    );
    assert_eq!(object["clusters"][1]["uid"], bed.member(1).uid());
    let steps = object["plan"]["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["action"]), (10, &json!("delete")), "{object}");
    assert_eq!(object["results"][0]["outcome"], "deleted");
    assert_eq!((&object["remains"], &object["error"]), (&json!([]), &Value::Null));
    assert!(object["findings"].as_array().unwrap().iter().any(|finding| finding["id"] == "member-readiness"));
    let sent = bed.requests_since(&marks);
    let writes: Vec<_> = sent.iter().filter(|event| event.is_write() && !event.is_review()).collect();
    assert!(writes.is_empty(), "{writes:?}");
    let run = unjoin(bed, "member1 --member-context member1 --dry-run=server").run().code(0);
    let lines = run.stdout.lines().filter(|line| line.ends_with(" (server dry run)")).count();
    assert_eq!((lines, run.stdout.lines().count()), (10, 10), "{run}");
    let sent = bed.requests_since(&marks);
    let rehearsed = sent.iter().filter(|event| event.is_write() && !event.is_review());
    // The webhook is asked first.
    assert_eq!(rehearsed.map(|event| event.dry_run).collect::<Vec<_>>(), [true; 11]);
}

/// Every right that is lacking is named before anything changes.
fn rights(bed: &Watched) {
    const READS: [&str; 6] = [
        "get namespaces",
        "get configmaps",
        "get clusterconfigurations.installer.kubesphere.io",
        "list clusters.cluster.kubesphere.io",
        "get clusters.cluster.kubesphere.io",
        "get validatingwebhookconfigurations.admissionregistration.k8s.io",
    ];
    let as_user = |context: &str, cluster: &Cluster, name: &str, rights: &[&str]| -> Run {
        let kubeconfig = Kubeconfig::of(bed).user(context, user_who_may(cluster, name, rights));
        let program = bed.kubectl_mc_with(&kubeconfig);
        let words = "unjoin member1 --member-context member1 --release-namespaces --context host --yes";
        program.words(words).run().code(3).stdout("")
    };
    let run = as_user("host", bed.host(), "reads", &READS);
    let _ = run.says("error: host \"host\": its user may not patch clusters.cluster.kubesphere.io");
    let asks = [&READS[..], &["patch clusters.cluster.kubesphere.io"]].concat();
    let run = as_user("host", bed.host(), "asks", &asks);
    let _ = run.says("error: host \"host\": its user may not delete clusters.cluster.kubesphere.io");
    let run = as_user("member1", bed.member(1), "little", &READS[..3]);
    for right in [
        "get clusterroles.rbac.authorization.k8s.io",
        "get serviceaccounts in kube-federation-system",
        "list secrets in kube-federation-system",
        "list secrets in kubesphere-system",
        "list certificatesigningrequests.certificates.k8s.io",
        "list namespaces",
        "list workspaces.tenant.kubesphere.io",
        "patch clusterconfigurations.installer.kubesphere.io in kubesphere-system",
    ] {
        assert!(
            run.stderr.contains(&format!("error: member \"member1\": its user may not {right}")),
            "{right}\n{run}"
        );
    }
}

#[test]
fn on_the_host_alone_what_remains_on_the_member_is_printed_and_the_same_command_removes_it() {
    let bed = joined(&prepared(Version::V3_4));
    let marks = bed.marks();
    let run = unjoin(&bed, "member1").run().code(0);
    let _ = run
        .stdout("cluster.cluster.kubesphere.io \"member1\" deleted\n")
        .says("What remains on the member \"member1\"")
        .says("kubefed-controller-manager:member1-kubesphere")
        .says(
            "hint: to remove all of it: `kubectl mc unjoin member1 --member-context CONTEXT --context host`",
        );
    assert_eq!(writes_since(&bed, &marks), ["delete clusters/member1"]);
    let sent = bed.requests_since(&marks);
    let asked = sent.iter().filter(|event| event.dry_run).count();
    assert_eq!(asked, 2, "the webhook, before the plan and again before the deletion");
    let run = unjoin(&bed, "member1 --member-context member1").run().code(0);
    assert_eq!(run.stdout.lines().count(), 9, "{run}");
    assert_eq!(role(bed.member(1)), "none");
    let _ = unjoin(&bed, "member1").run().code(1).says("not found");
}

#[test]
fn without_waiting_it_sends_the_deletion_and_says_how_to_continue() {
    let bed = joined(&prepared(Version::V3_4));
    let run = unjoin(&bed, "member1 --member-context member1 --wait=false").run().code(0);
    let _ = run
        .stdout("cluster.cluster.kubesphere.io \"member1\" deleted\n")
        .says("not done yet")
        .says("hint: to continue: `kubectl mc unjoin member1 --member-context member1 --context host --yes`");
    let _ = unjoin(&bed, "member1 --member-context member1").run().code(0);
    assert_eq!(role(bed.member(1)), "none");
}
