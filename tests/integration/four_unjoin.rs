//! `kubectl mc unjoin` where the host has KubeSphere 4: its controller lets the Cluster go, and what helm has installed stays.

use serde_json::{Value, json};
use testbed::{
    bed::{Cluster, condition},
    block_on,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version, objects},
};

use crate::{
    four_join::{annotations, register},
    four_refusals::{claimed_by, taken_over},
    renew::token_secrets,
    support::{KubectlMc, Watched, exists, listing},
};

const NAME: &str = "cluster.kubesphere.io/name";
const HOST: &str = "cluster.kubesphere.io/host-cluster";

/// What it sends to a member that was joined with a service account: the Cluster's deletion, and the credential's three parts.
pub(crate) const WRITES: usize = 4;

pub(crate) fn unjoin(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc().words(&format!("unjoin member1 --context host --yes {words}"))
}

pub(crate) fn on_both(bed: &Watched, words: &str) -> KubectlMc {
    unjoin(bed, &format!("--member-context member1 {words}"))
}

pub(crate) fn joined(scenario: &Scenario) -> Watched {
    let bed = Watched::lease(scenario);
    let _ = bed.join("member1").run().code(0);
    bed
}

fn ours(cluster: &Cluster) -> Vec<String> {
    listing(cluster).into_iter().filter(|object| object.contains("kubectl-mc")).collect()
}

/// The host does not know it any more, and it does not say that it is the host's; ks-core stays.
#[track_caller]
fn assert_left(bed: &Watched) {
    let member = bed.member(1);
    assert!(bed.host().cluster("member1").is_null(), "{}", bed.dump());
    let annotations = annotations(member);
    assert!(annotations[NAME].is_null() && annotations[HOST].is_null(), "{annotations}");
    assert_eq!(ours(member), Vec::<String>::new());
    assert_eq!(member.releases().len(), 1, "ks-core stays");
    let secret = bed.host().configured("authentication.issuer.jwtSecret");
    assert_eq!(member.configured("authentication.issuer.jwtSecret"), secret);
}

#[test]
fn a_member_leaves_and_a_second_run_changes_nothing_and_it_joins_again() {
    for version in Version::PLAYED_OF_4 {
        let bed = joined(&Scenario::new(version));
        let token = token_secrets(bed.member(1)).remove(0);
        let marks = bed.marks();
        let run = on_both(&bed, "").run().code(0);
        let run = run.says("helm release ks-core in kubesphere-system with all that belongs to it");
        let run = run.says("the host's jwtSecret, in ConfigMap kubesphere-config");
        let _ = run.says("the CustomResourceDefinitions of KubeSphere").stdout(&format!(
            "cluster.cluster.kubesphere.io \"member1\" deleted\n\
             secret \"{token}\" deleted on member \"member1\"\n\
             clusterrolebinding.rbac.authorization.k8s.io \"kubectl-mc-host\" deleted on member \"member1\"\n\
             serviceaccount \"kubectl-mc-host\" deleted on member \"member1\"\n"
        ));
        assert_left(&bed);
        assert_eq!(bed.stored_since(&marks).len(), WRITES, "{:?}", bed.stored_since(&marks));
        let marks = bed.marks();
        let again = on_both(&bed, "").run().code(0);
        let _ =
            again.says("the host's jwtSecret").stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        assert!(bed.stored_since(&marks).is_empty(), "{version}: {:?}", bed.stored_since(&marks));
        let _ = bed.join("member1").run().code(0);
        let _ = bed.kubectl_mc().words("check member1 --context host --expect joined").run().code(0);
    }
}

#[test]
fn on_real_control_planes() {
    let bed = joined(&Scenario::new(Version::V4_1_3).on_control_planes());
    let _ = on_both(&bed, "").run().code(0);
    assert_left(&bed);
    let _ = bed.join("member1").run().code(0);
}

#[test]
fn without_the_members_context_what_remains_is_told() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let run = unjoin(&bed, "").run().code(0);
    let run = run.says("What remains on the member \"member1\"").says("helm release ks-core");
    let run = run.says("with which the host signs tokens");
    let _ = run.says("kubectl mc unjoin member1 --member-context CONTEXT").says(" --uninstall`");
    assert!(bed.host().cluster("member1").is_null());
    assert!(annotations(bed.member(1))[NAME].is_null(), "the host's controller has removed them");
    let _ = on_both(&bed, "").run().code(0);
    assert_left(&bed);
}

/// No webhook stands before its Clusters.
#[test]
fn a_dead_member_needs_no_force() {
    let member = Installation::bare(Version::V4_1_3).with(Peculiarity::BehindProxy);
    let bed = joined(&Scenario::new(Version::V4_1_3).member(member));
    bed.member(1).kill();
    let run = on_both(&bed, "").run().code(3);
    let _ = run.says("nothing was changed");
    let run = unjoin(&bed, "").run().code(0);
    let _ =
        run.says("What remains on the member").stdout("cluster.cluster.kubesphere.io \"member1\" deleted\n");
    assert!(bed.host().cluster("member1").is_null());
}

#[test]
fn of_a_member_that_was_never_reached_nothing_was_installed() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let kubeconfig = without_rights(&bed);
    let object = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "member1"},
        "spec": {"provider": "", "connection": {"type": "direct", "kubeconfig": kubeconfig}},
    });
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &object).await }).unwrap();
    bed.wait_for("a look", |bed| condition(&bed.host().cluster("member1"), "Ready") == Some("False"));
    let run = unjoin(&bed, "").run().code(0);
    let run = run.says("nothing that this host has installed, because it never reached it by this Cluster");
    let _ = run.does_not_say("--uninstall`").stdout("cluster.cluster.kubesphere.io \"member1\" deleted\n");
}

/// The controller cleans only what it has found ready.
#[test]
fn the_annotations_that_an_unready_unbind_leaves_are_removed() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    claimed_by(&bed, "member1", "host");
    let clusters = objects::clusters(&bed.host().client());
    let refused = json!({"spec": {"connection": {"kubeconfig": without_rights(&bed)}}});
    block_on(async move { objects::merge(&clusters, "member1", &refused).await }).unwrap();
    bed.wait_for("a member that is not ready", |bed| {
        condition(&bed.host().cluster("member1"), "Ready") == Some("False")
    });
    let run = on_both(&bed, "").run().code(0);
    let said = "patch Namespace kubesphere-system: without the annotations that name host \"host\" and cluster \"member1\"";
    let _ = run.says(said);
    assert_left(&bed);
}

/// A kubeconfig of the member that nobody is let in with.
fn without_rights(bed: &Watched) -> String {
    let text = bed.member(1).plane().kubeconfig_named("nobody");
    let mut kubeconfig: Value = serde_yaml::from_str(&text).unwrap();
    kubeconfig["users"][0]["user"] = json!({"token": "of-nobody-at-all"});
    testbed::kubesphere::secret::base64(serde_yaml::to_string(&kubeconfig).unwrap().as_bytes())
}

#[test]
fn another_hosts_annotations_stay() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let _ = unjoin(&bed, "").run().code(0);
    taken_over(&bed, "theirs", "frankfurt");
    let run = on_both(&bed, "").run().code(0);
    let run = run.says("another host, which calls itself \"frankfurt\"");
    let _ = run.says("all that belongs to KubeSphere, because another host");
    let annotations = annotations(bed.member(1));
    assert_eq!((&annotations[NAME], &annotations[HOST]), (&json!("theirs"), &json!("frankfurt")));
    assert_eq!(token_secrets(bed.member(1)), Vec::<String>::new(), "this host's token goes");
    let run = on_both(&bed, "--uninstall").run().code(3);
    let _ = run.says("its ks-core is not uninstalled: another host, which calls itself \"frankfurt\"");
    assert_eq!(bed.member(1).releases().len(), 1);
}

#[test]
fn a_member_that_was_removed_on_the_host_alone_is_not_joined() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let _ = unjoin(&bed, "").run().code(0);
    let run = bed
        .kubectl_mc()
        .words("check member1 --context host --skip-check member-server-loopback")
        .run()
        .code(0);
    assert!(run.stdout.contains("it is not joined: it is prepared for this host"), "{run}");
    assert!(
        run.stdout.contains("`kubectl mc unjoin member1 --context host --member-context member1`"),
        "{run}"
    );
}

/// The namespace was made by the join, and is ks-core's by now.
#[test]
fn the_namespace_of_ks_core_stays() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let _ = on_both(&bed, "").run().code(0);
    assert!(exists(bed.member(1), objects::SYSTEM));
}

#[test]
fn killed_after_each_write_it_ends_alike() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let before = bed.writes().len();
    for writes in 1..=WRITES {
        let started = on_both(&bed, "").start();
        bed.until_writes(before + writes);
        let _ = started.signal("KILL");
    }
    let _ = on_both(&bed, "").run().code(0);
    assert_left(&bed);
    assert_eq!(bed.stored().len(), before + WRITES, "each write once: {:?}", bed.stored());
}

#[test]
fn what_is_not_of_4_is_refused() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let written = bed.writes().len();
    let run = on_both(&bed, "--release-namespaces").run().code(3);
    let _ = run.says("`--release-namespaces` is for KubeSphere 3").says("nothing was changed");
    assert_eq!(bed.writes().len(), written);
}

/// All members have the jwtSecret of their host: one of them would pass for it.
#[test]
fn a_member_takes_no_other_one_out() {
    let bed = joined(&Scenario::new(Version::V4_1_3).members(vec![Installation::bare(Version::V4_1_3); 2]));
    let _ = bed.join("member2").run().code(0);
    let written = bed.writes().len();
    let words = "unjoin member2 --member-context member2 --context member1 --yes";
    for words in [words.to_owned(), format!("{words} --uninstall")] {
        let run = bed.kubectl_mc().words(&words).run().code(3).stdout("");
        let _ = run.says("host \"member1\": it is a member of another host").says("[host-role]");
    }
    assert_eq!(bed.writes().len(), written);
}

#[test]
fn a_webhook_that_3_4_has_left_is_in_the_way() {
    let host = Installation::new(Version::V4_1_3).role(Role::Host);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).host(host.with(Peculiarity::LeftWebhook)));
    register(&bed, "member1");
    let run = unjoin(&bed, "").run().code(3);
    let _ = run.says("[leftover-cluster-webhook]").says("delete validatingwebhookconfiguration");
    assert!(bed.writes().is_empty(), "{:?}", bed.writes());
}
