//! Users who may not do everything.

use testbed::kubesphere::{Scenario, Version};

use crate::support::{Kubeconfig, ON_HOST, ON_MEMBER, Watched, user_who_may, without};

/// `join member1` as a user of this context who may do this is refused, because it says this.
#[track_caller]
fn assert_refused_to(user: &str, context: &str, rights: &[&str], said: &str) {
    let bed = Watched::shared();
    let cluster = if context == "host" { bed.host() } else { bed.member(1) };
    let kubeconfig = Kubeconfig::of(bed).user(context, user_who_may(cluster, user, rights));
    bed.kubectl_mc_with(&kubeconfig)
        .join("member1")
        .run()
        .code(3)
        .stdout("")
        .says(said)
        .says("hint: the user ");
    bed.assert_untouched();
}

#[test]
fn every_right_that_the_plan_needs_on_the_host_is_named_before_anything_changes() {
    for (number, right) in ON_HOST.iter().enumerate().skip(1) {
        // To watch a Cluster that one has created is asked for only then.
        let (verb, resource) = right.split_once(' ').unwrap();
        let said = format!("error: host \"host\": its user may not {verb} {resource}");
        assert_refused_to(&format!("host-user-{number}"), "host", &without(&ON_HOST, right), &said);
    }
}

#[test]
fn every_right_that_the_plan_needs_on_the_member_is_named_before_anything_changes() {
    for (number, right) in ON_MEMBER.iter().enumerate().skip(1) {
        let (verb, resource) = right.split_once(' ').unwrap();
        let said = format!("error: member \"member1\": its user may not {verb} {resource}");
        assert_refused_to(&format!("member-user-{number}"), "member1", &without(&ON_MEMBER, right), &said);
    }
}

#[test]
fn a_member_is_joined_with_the_credential_of_a_cluster_admin_only() {
    let said = "error: member \"member1\": its user is not a cluster-admin, as the credential that the host stores has to be";
    let bed = Watched::shared();
    let kubeconfig = Kubeconfig::of(bed).user("member1", user_who_may(bed.member(1), "no-admin", &ON_MEMBER));
    bed.kubectl_mc_with(&kubeconfig)
        .join("member1 --credentials context")
        .run()
        .code(3)
        .stdout("")
        .says(said)
        .says("hint: give context ");
    bed.assert_untouched();
}

/// One review for each cluster, and one of the credential that the host stores.
#[test]
fn who_may_do_everything_is_asked_about_nothing_else() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let _ = bed.join("member1").run().code(0);
    let reviewed = bed.requests().into_iter().filter_map(|event| event.reviewed);
    let reviewed: Vec<_> = reviewed.map(|access| access.to_string()).collect();
    assert_eq!(reviewed, ["* *.*"; 3]);
}

#[test]
fn without_the_right_to_identify_a_cluster_nothing_begins() {
    let said = "error: host \"host\": get namespaces/kube-system: forbidden";
    assert_refused_to("host-user-0", "host", &without(&ON_HOST, "get namespaces"), said);
}

#[test]
fn what_the_join_can_do_without_degrades_to_unknown_and_the_join_goes_on() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let kubeconfig = Kubeconfig::of(&bed).user("host", user_who_may(bed.host(), "operator", &ON_HOST));
    let run = bed.kubectl_mc_with(&kubeconfig).join("member1").run().code(0);
    let unknown = [
        "how many nodes it has",
        "whether Deployment ks-installer is there",
        "whether the same jwtSecret stands in Secret kubesphere-secret (forbidden for user \"operator\")",
        "whether a run of the installer is under way",
    ];
    let run = unknown.iter().fold(run, |run, what| run.says(&format!("unknown: host \"host\": {what}")));
    assert!(run.stdout.ends_with("cluster.cluster.kubesphere.io/member1 created\n"), "{run}");
    assert_eq!(bed.configuration_patches(), [1, 1]);
}

#[test]
fn a_join_goes_on_with_the_rights_it_began_with() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let kubeconfig = Kubeconfig::of(&bed).user("host", user_who_may(bed.host(), "operator", &ON_HOST));
    let _ = bed.kubectl_mc_with(&kubeconfig).join("member1 --wait=false").run().code(0);
    let _ = bed.kubectl_mc_with(&kubeconfig).join("member1").run().code(0);
    assert_eq!(bed.configuration_patches(), [1, 1]);
}
