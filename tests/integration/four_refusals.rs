//! What a join on KubeSphere 4 refuses before its first write: neither the Kubernetes API nor the host's controller would.

use serde_json::json;
use testbed::{
    block_on,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version, objects, v4::ReleaseStatus},
};

use crate::{
    four_join::register,
    support::{KubectlMc, Watched},
};

const VERSION: Version = Version::V4_1_3;

fn member(installation: Installation) -> Scenario {
    Scenario::new(VERSION).member(installation)
}

#[track_caller]
fn assert_refused(bed: &Watched, program: KubectlMc, said: &[&str]) {
    let run = program.run().code(3).says("nothing was changed");
    let _ = said.iter().fold(run, |run, said| run.says(said));
    assert!(bed.writes().is_empty(), "{:?}", bed.writes());
}

#[track_caller]
fn assert_join_refused(scenario: &Scenario, said: &[&str]) {
    let bed = Watched::lease(scenario);
    assert_refused(&bed, bed.join("member1"), said);
}

#[test]
fn one_that_is_registered_under_another_name() {
    let bed = Watched::lease(&Scenario::new(VERSION));
    register(&bed, "earlier");
    bed.wait_for("an identified member", |bed| bed.host().cluster("earlier")["status"]["uid"].is_string());
    let said = ["registered on this host already, as \"earlier\"", "--name earlier"];
    assert_refused(&bed, bed.join("member1"), &said);
}

#[test]
fn the_member_of_another_host() {
    let elsewhere = Installation::new(VERSION).role(Role::MemberElsewhere);
    let said = [
        "it is managed by another host, which calls itself \"host\" and it \"frankfurt\" [member-role]",
        "kubectl mc unjoin frankfurt --context HOST --member-context member1",
        "docs/checks/member-role.md says what to do",
    ];
    assert_join_refused(&member(elsewhere), &said);
    let managed = Peculiarity::Managed { name: "theirs".to_owned(), host: "other".to_owned() };
    let said = ["which calls itself \"other\" and it \"theirs\" [member-role]"];
    assert_join_refused(&member(Installation::bare(VERSION).with(managed)), &said);
}

#[test]
fn a_host() {
    let said =
        ["it is a host of KubeSphere 4 itself", "docs/checks/member-role.md says how it becomes a member"];
    assert_join_refused(&member(Installation::new(VERSION).role(Role::Host)), &said);
    let of_3 = member(Installation::new(Version::V3_4).role(Role::Host));
    assert_join_refused(&of_3, &["it is a host of KubeSphere 3 itself [member-role]"]);
}

#[test]
fn versions_that_do_not_fit_together() {
    let said = ["KubeSphere v3.4.1 is installed, and its host has 4", "[kubesphere-version]"];
    assert_join_refused(&member(Installation::new(Version::V3_4)), &said);
    let elsewhere = Installation::new(Version::V3_4).role(Role::MemberElsewhere);
    let bed = Watched::lease(&member(elsewhere));
    let said = ["it is a member of another host, one of KubeSphere 3: ", "[member-role]"];
    assert_refused(&bed, bed.join("member1"), &said);
    for untrue in ["it was a member before", "remove KubeSphere"] {
        let _ = bed.join("member1").run().code(3).does_not_say(untrue);
    }
    let said = ["member \"member1\": KubeSphere 4 is installed", "[kubesphere-version]"];
    let of_3 = Scenario::new(Version::V3_4).member(Installation::new(VERSION).role(Role::Member));
    assert_join_refused(&of_3, &said);
}

#[test]
fn a_release_that_is_pending() {
    for (status, said) in [
        (ReleaseStatus::PendingInstall, "helm release ks-core is pending-install"),
        (ReleaseStatus::PendingUpgrade, "helm release ks-core is pending-upgrade"),
    ] {
        let left = Installation::bare(VERSION).with(Peculiarity::Release(status));
        let delete = "-n kubesphere-system delete secret sh.helm.release.v1.ks-core.v1`";
        assert_join_refused(&member(left), &[said, delete]);
    }
}

#[test]
fn a_webhook_that_3_4_has_left() {
    let host = Installation::new(VERSION).role(Role::Host).with(Peculiarity::LeftWebhook);
    let said = ["[leftover-cluster-webhook]", "delete validatingwebhookconfiguration cluster.kubesphere.io`"];
    assert_join_refused(&Scenario::new(VERSION).host(host), &said);
}

/// As a host writes it on the first member.
pub(crate) fn claimed_by(bed: &Watched, name: &str, host: &str) {
    let client = bed.member(1).client();
    let annotations = json!({"cluster.kubesphere.io/name": name, "cluster.kubesphere.io/host-cluster": host});
    let claim = json!({"metadata": {"annotations": annotations}});
    let namespaces = objects::objects(&client, "v1", "Namespace", None);
    block_on(async move { objects::merge(&namespaces, objects::SYSTEM, &claim).await }).unwrap();
}

/// As another host does that installs the first member anew.
pub(crate) fn taken_over(bed: &Watched, name: &str, host: &str) {
    let text = "authentication: {issuer: {jwtSecret: x7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0SgA}}\nmulticluster: {clusterRole: member}\n";
    let config = json!({"data": {"kubesphere.yaml": text}});
    let config_maps = objects::config_maps(&bed.member(1).client());
    block_on(async move { objects::merge(&config_maps, "kubesphere-config", &config).await }).unwrap();
    claimed_by(bed, name, host);
}

/// Another host has written its name over this one's.
#[test]
fn a_member_that_another_host_has_taken_over() {
    let bed = Watched::lease(&Scenario::new(VERSION));
    let _ = bed.join("member1").run().code(0);
    let written = bed.writes().len();
    claimed_by(&bed, "member1", "frankfurt");
    let said =
        "it is managed by another host, which calls itself \"frankfurt\" and it \"member1\" [member-role]";
    let _ = bed.join("member1").run().code(3).says(said);
    assert_eq!(bed.writes().len(), written);
}

/// The host does not install again what it has installed; what the hint says lets it.
#[test]
fn a_member_that_has_lost_the_hosts_secret() {
    let bed = Watched::lease(&Scenario::new(VERSION));
    let _ = bed.join("member1").run().code(0);
    let secret = bed.host().configured("authentication.issuer.jwtSecret");
    let text = format!("authentication: {{issuer: {{jwtSecret: {}}}}}\n", "x7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0SgA");
    let config = json!({"data": {"kubesphere.yaml": text}});
    let config_maps = objects::config_maps(&bed.member(1).client());
    block_on(async move { objects::merge(&config_maps, "kubesphere-config", &config).await }).unwrap();
    let said = "annotate clusters.cluster.kubesphere.io member1 kubesphere.io/config-hash- \
                kubesphere.io/syncAt=again --overwrite`";
    let _ = bed.join("member1").run().code(3).says("its jwtSecret is not the host's").says(said);
    let annotations = json!({"kubesphere.io/config-hash": null, "kubesphere.io/syncAt": "again"});
    let clusters = objects::clusters(&bed.host().client());
    let annotate = json!({"metadata": {"annotations": annotations}});
    block_on(async move { objects::merge(&clusters, "member1", &annotate).await }).unwrap();
    bed.wait_for("another installation", |bed| {
        let hash = &bed.host().cluster("member1")["metadata"]["annotations"]["kubesphere.io/config-hash"];
        hash.is_string() && bed.member(1).configured("authentication.issuer.jwtSecret") == secret
    });
    let _ = bed.join("member1").run().code(0);
}
