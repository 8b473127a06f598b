//! What a join on KubeSphere 4 makes of what it, or the host, cannot see.

use http::{Method, Uri};
use testbed::{
    Fault, Rule,
    kubesphere::{Installation, Role, Scenario, Version},
};

use crate::{four_join::assert_installed, support::Faulty};

const VERSION: Version = Version::V4_1_3;
/// How the host's controller calls itself when it asks a member.
const CONTROLLER: &str = "controller-manager/";

/// From here the member answers.
#[test]
fn an_address_that_the_host_does_not_reach_is_told_and_tried_again() {
    let bed = Faulty::lease(&Scenario::new(VERSION));
    let cut_off = bed.before_member(1).add(Rule::when(|_, _| true, Fault::Drop).by(CONTROLLER));
    let run = bed.join("member1 --timeout 6s").run().code(4);
    assert!(cut_off.count() > 0);
    let run = run.says("timed out while waiting until its host has installed KubeSphere on it");
    let run = run.says("Ready is False: failed to get cluster client for member1: ");
    let _ = run.says("run the same command again");
    let check = bed.kubectl_mc().words("check member1 --context host").run().code(3);
    let told = "failure member-readiness: its Cluster \"member1\" is not ready: Ready is False: failed to get cluster client";
    assert!(check.stdout.contains(told), "{check}");
    let logs = bed.kubectl_mc().words("logs member1 --context host --follow=false").run().code(4);
    let _ = logs.says("the host does not reach Cluster member1, and tries again: ");
    bed.before_member(1).clear();
    let _ = bed.join("member1").run().code(0);
    assert_installed(&bed, 1, "member1");
    assert_eq!(bed.member(1).releases().len(), 1);
}

fn is_namespace(method: &Method, uri: &Uri) -> bool {
    method == Method::GET && uri.path() == "/api/v1/namespaces/kubesphere-system"
}

/// The annotations stand on a namespace that this user may not read.
fn without_annotations(member: Installation) -> Faulty {
    let bed = Faulty::lease(&Scenario::new(VERSION).member(member));
    bed.before_member(1).add(Rule::when(is_namespace, Fault::status(403)).by("kubectl-mc/"));
    bed
}

#[test]
fn whose_it_is_is_unknown_where_that_may_not_be_read_and_a_bare_cluster_joins() {
    let bed = without_annotations(Installation::bare(VERSION));
    let check = bed.kubectl_mc().words("check member1 --context host").run();
    assert!(check.stdout.contains("unknown member-role: whether another host manages it: "), "{check}");
    let _ = bed.join("member1 --credentials context").run().code(0);
    assert_installed(&bed, 1, "member1");
}

#[test]
fn the_member_of_another_host_is_known_by_its_secret_where_its_annotations_may_not_be_read() {
    let bed = without_annotations(Installation::new(VERSION).role(Role::MemberElsewhere));
    let run = bed.join("member1").run().code(3).says("nothing was changed");
    let run =
        run.says("it has another jwtSecret than this host gives to its members: another host manages it");
    let _ = run.says("the user needs \"get\" on namespaces, on kubesphere-system");
    assert!(bed.writes().is_empty());
}

/// Up to a week before its end the host would leave it alone.
#[test]
fn the_contexts_own_certificate_is_worth_a_warning_and_the_hosts_account_is_not() {
    let bed = Faulty::lease(&Scenario::new(VERSION));
    let said = "warning: member \"member1\": the host replaces its client certificate by itself in the last seven days, and \
                what it puts in its place may have no rights [member-credential-lifetime]\n\
                hint: leave out `--credentials context`: a service account's token is left alone\n";
    for words in ["member1 --credentials context --dry-run=client", "member1 --credentials context"] {
        let _ = bed.join(words).run().code(0).says(said);
    }
    let _ = bed.join("member1").run().code(0).does_not_say("replaces its client certificate");
}
