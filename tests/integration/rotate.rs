//! A fresh jwtSecret for a host and all its members.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    kubesphere::{Installation, InstallerScenario, Peculiarity, Role, Scenario, Version},
};

use crate::support::{CTRL_C, Kubeconfig, KubectlMc, Watched, user_who_may};

/// A host with so many members, which share its secret and are not registered yet, and a cluster that is none of them.
pub(super) fn scenario(version: Version, members: usize) -> Scenario {
    let of = |role| Installation::new(version).role(role);
    let another = of(Role::None).with(Peculiarity::JwtSecret("anotherHostsSecretOfItsMembers00".to_owned()));
    let members = (0..members).map(|_| of(Role::Member)).chain([another]).collect();
    Scenario::new(version).host(of(Role::Host)).members(members)
}

pub(super) fn register(bed: &Watched, program: impl Fn() -> KubectlMc, members: usize) {
    for number in 1..=members {
        let words = format!(
            "import member{number} --context host --yes --skip-check member-server-loopback,legacy-token-secrets"
        );
        let _ = program().words(&words).run().code(0);
    }
    assert_eq!(bed.host().clusters().len(), members + 1, "{}", bed.dump());
}

fn registered(version: Version, members: usize) -> Watched {
    let bed = Watched::lease(&scenario(version, members));
    register(&bed, || bed.kubectl_mc(), members);
    bed
}

pub(super) fn rotating(program: KubectlMc, words: &str) -> KubectlMc {
    program.words(&format!("rotate jwt-secret --context host --yes {words}"))
}

fn rotate(bed: &Watched, words: &str) -> KubectlMc {
    rotating(bed.kubectl_mc(), words)
}

pub(super) fn effective(cluster: &Cluster) -> String {
    cluster.configured("authentication.jwtSecret").as_str().unwrap_or_default().to_owned()
}

fn asked(cluster: &Cluster) -> String {
    let configuration = cluster.cluster_configuration();
    configuration["spec"]["authentication"]["jwtSecret"].as_str().unwrap_or_default().to_owned()
}

/// Host and members ask for one secret, which is in effect; it is given back.
#[track_caller]
pub(super) fn agreed(bed: &Watched, members: usize) -> String {
    let clusters = [bed.host()].into_iter().chain((1..=members).map(|number| bed.member(number)));
    let secrets: BTreeSet<String> =
        clusters.flat_map(|cluster| [effective(cluster), asked(cluster)]).collect();
    assert_eq!(secrets.len(), 1, "{}", bed.dump());
    secrets.into_iter().next().unwrap()
}

/// As KubeSphere makes them.
#[track_caller]
fn assert_random(secret: &str) {
    assert!(secret.len() == 32 && secret.chars().all(|c| c.is_ascii_alphanumeric()));
}

#[track_caller]
fn rotates(version: Version) {
    let bed = registered(version, 3);
    let (before, another) = (effective(bed.host()), effective(bed.member(4)));
    let run = rotate(&bed, "").run().code(0);
    let fresh = agreed(&bed, 3);
    assert_ne!(fresh, before);
    assert_random(&fresh);
    assert_eq!(effective(bed.member(4)), another, "it is no member of this host");
    assert_eq!(bed.configuration_patches(), [1, 1, 1, 1, 0]);
    let patched = "clusterconfiguration.installer.kubesphere.io/ks-installer patched on";
    for cluster in ["host \"host\"", "member \"member1\"", "member \"member2\"", "member \"member3\""] {
        assert!(run.stdout.contains(&format!("{patched} {cluster}\n")), "{run}");
    }
    let run = run
        .says("context member3 points to Cluster member3\n")
        .says("everybody who is logged in there, or through it to a member, is logged out")
        .says("member \"member2\": everybody who is logged in to its console is logged out")
        .says(" (random)\n");
    let _ = run.does_not_say("no fresh jwtSecret is made");
    let _ = bed.kubectl_mc().words("check --context host --skip-check member-server-loopback").run();
    let marks = bed.marks();
    let run = rotate(&bed, "").run().code(3);
    drop(
        run.says(" ago; all its members have it, so that no rotation is left to complete").says(
            "hint: for a fresh one all the same: the same command with `--skip-check recent-rotation`\n",
        ),
    );
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
    let _ = rotate(&bed, "--skip-check recent-rotation").run().code(0);
    assert_ne!(agreed(&bed, 3), fresh, "all agreed, and another one was asked for");
    assert_eq!(bed.configuration_patches(), [2, 2, 2, 2, 0]);
}

#[test]
fn the_host_and_all_its_members_of_3_4_get_one_fresh_secret() {
    rotates(Version::V3_4);
}

#[test]
fn the_host_and_all_its_members_of_3_1_get_one_fresh_secret() {
    rotates(Version::V3_1);
}

#[test]
fn a_dry_run_and_a_no_write_nothing_and_show_no_secret() {
    let bed = registered(Version::V3_4, 2);
    let before = effective(bed.host());
    let marks = bed.marks();
    let run = rotate(&bed, "--dry-run=client -o json").run().code(0);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["kind"], "Rotate");
    let steps = object["plan"]["steps"].as_array().unwrap();
    let contexts: Vec<_> = steps.iter().map(|step| step["cluster"]["context"].as_str().unwrap()).collect();
    assert_eq!(contexts, ["host", "member1", "member2"]);
    let news: BTreeSet<_> = steps.iter().map(|step| step["changes"][0]["new"].as_str().unwrap()).collect();
    assert_eq!(news.into_iter().collect::<Vec<_>>(), [object["plan"]["jwtSecret"].as_str().unwrap()]);
    let _ = rotate(&bed, "--dry-run=server").run().code(0);
    let unasked = bed.kubectl_mc().words("rotate jwt-secret --context host").run().code(2);
    drop(
        unasked
            .says("error: this changes clusters, and ends all sessions, and there is no terminal to ask at"),
    );
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
    assert_eq!((effective(bed.host()), asked(bed.host())), (before, String::new()));
}

#[test]
fn declined_it_changes_nothing() {
    let bed = registered(Version::V3_4, 1);
    let marks = bed.marks();
    for (typed, code) in [("n\n", 5), (CTRL_C, 130)] {
        let run = bed.kubectl_mc().words("rotate jwt-secret --context host").answer(typed).code(code);
        assert!(run.stdout.contains("nothing was changed"), "{run}");
    }
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

/// Without the context of a member.
fn without(bed: &Watched, context: &str) -> Kubeconfig {
    Kubeconfig::of(bed).without_context(context)
}

#[test]
fn a_member_without_a_context_is_reached_by_what_the_host_stores() {
    let bed = registered(Version::V3_4, 2);
    let kubeconfig = without(&bed, "member2");
    let run = rotating(bed.kubectl_mc_with(&kubeconfig), "").run().code(0);
    drop(run.says("no context points to Cluster member2: the kubeconfig that the host stores of it is used"));
    let _ = agreed(&bed, 2);
}

#[test]
fn a_member_that_is_not_reached_stops_it_or_is_left_behind_with_what_completes_it() {
    let bed = registered(Version::V3_3, 2);
    let before = effective(bed.member(2));
    let client = bed.host().client();
    testbed::block_on(async move {
        let clusters = testbed::kubesphere::objects::clusters(&client);
        let nothing = json!({"spec": {"connection": {"kubeconfig": null}}});
        testbed::kubesphere::objects::merge(&clusters, "member2", &nothing).await.unwrap();
    });
    let kubeconfig = without(&bed, "member2");
    let marks = bed.marks();
    let run = rotating(bed.kubectl_mc_with(&kubeconfig), "").run().code(3);
    let run = run
        .says("host \"host\": its member \"member2\" cannot be given another jwtSecret: no context that answers leads there")
        .says("it answers 401 to all that the host's users ask of it")
        .says("goes on taking tokens that are signed with its own [rotated-members]\n");
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()), "{run}");
    let skipping = "--skip-check rotated-members";
    let run = rotating(bed.kubectl_mc_with(&kubeconfig), skipping).run().code(0);
    drop(run.says("warning: host \"host\": its member \"member2\" was left behind").says(
        "hint: once it is reached, give it the host's: `kubectl mc prepare member MEMBER --context host`",
    ));
    let fresh = agreed(&bed, 1);
    assert!(fresh != before && effective(bed.member(2)) == before);
    let _ = bed.kubectl_mc().words("prepare member member2 --context host --yes").run().code(0);
    assert_eq!(agreed(&bed, 2), fresh);
}

#[test]
fn a_member_that_was_left_behind_gets_the_hosts_first() {
    let bed = registered(Version::V3_4, 2);
    let _ = rotate(&bed, "").run().code(0);
    let fresh = agreed(&bed, 2);
    let older = json!({"spec": {"authentication": {"jwtSecret": "anOlderOneThatTheHostHasNotAnyMore"}}});
    bed.member(2).patch_cluster_configuration(older);
    bed.wait_for("the older one is in effect", |bed| effective(bed.member(2)) != fresh);
    let run = rotate(&bed, "").run().code(0);
    drop(
        run.says("no fresh jwtSecret is made: it was given sha256:")
            .says(", which member \"member2\" does not have yet: that rotation is completed")
            .says("warning: an earlier rotation is completed; this one has made no fresh jwtSecret\n"),
    );
    assert_eq!(agreed(&bed, 2), fresh);
}

/// Somebody has changed more than its secret.
#[test]
fn a_member_that_has_lost_its_role_gets_it_back_and_that_is_said() {
    let bed = registered(Version::V3_4, 1);
    bed.member(1).patch_cluster_configuration(json!({"spec": {"multicluster": {"clusterRole": "none"}}}));
    bed.wait_for("the role is gone", |bed| bed.member(1).configured("multicluster.clusterRole") == "none");
    let run = rotate(&bed, "").run().code(0);
    let _ = run
        .says("  - member \"member1\": its role is none by now, and it becomes a member of the host again\n")
        .says("host \"host\": the jwtSecret is in effect")
        .says("member \"member1\": the role member is in effect");
    assert_eq!(bed.member(1).configured("multicluster.clusterRole"), "member");
    let _ = agreed(&bed, 1);
}

#[test]
fn a_host_that_may_not_be_looked_at_is_refused_by_a_check() {
    let bed = Watched::shared();
    let user = user_who_may(bed.host(), "nobody", &["list clusters.cluster.kubesphere.io"]);
    let kubeconfig = Kubeconfig::of(bed).user("host", user);
    let run = rotating(bed.kubectl_mc_with(&kubeconfig), "").run().code(3);
    let _ = run
        .says("error: host \"host\": ")
        .says("forbidden")
        .says("[api-reachable]\n")
        .says("error: 1 check failed; nothing was changed\n");
}

#[test]
fn what_is_not_waited_for_is_gone_on_with() {
    let bed = registered(Version::V3_4, 2);
    let before = effective(bed.host());
    drop(
        rotate(&bed, "--wait=false").run().code(0).says("kubectl mc rotate jwt-secret --context host --yes"),
    );
    let _ = rotate(&bed, "").run().code(0);
    assert_ne!(agreed(&bed, 2), before);
}

#[test]
fn a_patch_that_the_installer_loses_is_sent_again() {
    let of = |role| Installation::new(Version::V3_4).role(role);
    let host = of(Role::Host).installer(InstallerScenario::Recreated);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).member(of(Role::Member)));
    register(&bed, || bed.kubectl_mc(), 1);
    let before = effective(bed.host());
    let _ = rotate(&bed, "").run().code(0);
    assert_ne!(agreed(&bed, 1), before);
}

#[test]
fn a_probe_tells_that_the_hosts_installer_has_not_brought_the_new_one_into_effect() {
    let of = |role| Installation::new(Version::V3_4).role(role);
    let host = of(Role::Host).installer(InstallerScenario::StorageClassMissing);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).member(of(Role::Member)));
    register(&bed, || bed.kubectl_mc(), 1);
    let probe = || bed.kubectl_mc().words("get --probe --context host").run().code(0);
    let pending = "its ClusterConfiguration asks for another jwtSecret than is in effect";
    drop(probe().does_not_say(pending));
    let _ = rotate(&bed, "").run().code(1);
    drop(probe().says(&format!(
        "warning: host \"host\": {pending}: `kubectl mc rotate jwt-secret --context host` gives all the same\n"
    )));
    let run = rotate(&bed, "").run().code(0);
    let _ = run.says(
        "  - host \"host\": everybody who is logged in there, or through it to a member, is logged out",
    );
    drop(probe().does_not_say(pending));
    let _ = agreed(&bed, 1);
}

#[test]
fn manifests_hold_one_secret_and_change_nothing() {
    let bed = registered(Version::V3_4, 1);
    let marks = bed.marks();
    let folder = tempfile::tempdir().unwrap();
    let run = rotate(&bed, &format!("--manifests-to {}", folder.path().join("out").display())).run().code(0);
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()), "{run}");
    let written = |name: &str| std::fs::read_to_string(folder.path().join("out").join(name)).unwrap();
    let secret = |name: &str| {
        let patch: Value = serde_json::from_str(&written(name)).unwrap();
        let operations = patch.as_array().unwrap().iter();
        let mut values = operations.filter(|operation| operation["op"] == "replace");
        values.find_map(|operation| operation["value"].as_str().map(str::to_owned)).unwrap()
    };
    let host = secret("01-host-host-clusterconfiguration-ks-installer.json");
    assert_random(&host);
    assert_eq!(secret("02-member-member1-clusterconfiguration-ks-installer.json"), host);
}

#[test]
fn an_option_of_one_member_and_a_cluster_that_is_no_host_are_refused() {
    let bed = Watched::shared();
    drop(rotate(bed, "--member-token x").run().code(2).says("--member-token is for one member"));
    let run = rotate(bed, "").run().code(3);
    drop(run.says("host \"host\": it is not a host: its role is none [host-role]\n"));
    bed.assert_untouched();
}

#[test]
fn on_4_it_is_refused_with_the_way_of_helm() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let run = rotate(&bed, "").run().code(3);
    let run = run
        .says("KubeSphere 4 has its jwtSecret in helm's release ks-core")
        .says("`helm --kube-context host upgrade ks-core CHART --namespace kubesphere-system --reuse-values --values FILE`");
    let annotate =
        "`kubectl --context host annotate clusters.cluster.kubesphere.io NAME kubesphere.io/config-hash-";
    let _ = run.says(annotate);
    bed.assert_untouched();
}
