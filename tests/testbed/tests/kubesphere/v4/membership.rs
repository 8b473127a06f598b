//! Hosts and members, and who takes whom.

use serde_json::json;
use testbed::{
    Bed,
    kubesphere::{
        Installation, Peculiarity, Role, Scenario, Version, secret,
        v4::{ReleaseStatus, config_hash},
    },
};

use super::{annotations, controller_log, history, host_of, join, kinds, list, patch, with_member};
use crate::kubesphere::controller::{context, ready};

#[test]
fn a_host_of_4_is_what_its_chart_makes() {
    for version in Version::PLAYED_OF_4 {
        let hub = host_of(version).with(Peculiarity::HostName("hub".to_owned()));
        let bed = Bed::lease(&Scenario::new(version).host(hub).members(Vec::new()));
        let host = bed.host();
        assert_eq!(host.configured("multicluster.clusterRole"), "host");
        assert!(host.configured("authentication.issuer.jwtSecret").is_string());
        assert!(host.cluster_configuration().is_null());
        let names: Vec<_> =
            list(host, "apps/v1", "Deployment").iter().map(|item| item["metadata"]["name"].clone()).collect();
        assert!(names.contains(&json!("ks-apiserver")) && names.contains(&json!("ks-console")), "{names:?}");
        assert!(!names.contains(&json!("ks-installer")) && !names.contains(&json!("ks-agent")));
        let own = host.cluster("hub");
        assert_eq!(own["status"]["kubeSphereVersion"], version.release());
        assert_eq!(kinds(&own), ["Ready=True"]);
        assert_eq!(annotations(host)["cluster.kubesphere.io/host-cluster"], "hub");
        assert!(
            !list(host, "v1", "Secret").iter().any(|item| item["metadata"]["name"] == "kubesphere-secret")
        );
    }
}

#[test]
fn a_bare_cluster_gets_ks_core_and_becomes_ready() {
    for version in Version::PLAYED_OF_4 {
        let bed = Bed::lease(&Scenario::new(version));
        let seen = history(&bed, "m1");
        join(&bed, "m1");
        bed.wait_for("a ready member", |bed| {
            ready(bed, "m1") && bed.host().cluster("m1")["status"]["nodeCount"] == 1
        });
        let joined = bed.host().cluster("m1");
        assert_eq!(joined["status"]["kubeSphereVersion"], version.release());
        assert_eq!(joined["status"]["uid"], bed.member(1).uid());
        assert_eq!(joined["metadata"]["annotations"]["kubesphere.io/config-hash"], config_hash(b""));
        assert_eq!(
            joined["metadata"]["annotations"]["kubesphere.io/install-core-jobname"].is_string(),
            version == Version::Master
        );
        let states: Vec<_> = seen.lock().unwrap().iter().map(kinds).collect();
        let first = |kinds: &[&str]| states.iter().position(|state| state == kinds);
        assert!(first(&["KSCoreReady=True"]) < first(&["KSCoreReady=True", "Ready=True"]), "{states:?}");
        assert!(first(&["KSCoreReady=True"]).is_some(), "{states:?}");

        let member = bed.member(1);
        bed.wait_for("the annotations", |_| annotations(member)["cluster.kubesphere.io/name"] == "m1");
        assert_eq!(member.configured("multicluster.clusterRole"), "member");
        let secret = |path| (member.configured(path), bed.host().configured(path));
        let (of_member, of_host) = secret("authentication.issuer.jwtSecret");
        assert_eq!(of_member, of_host);
        let releases = member.releases();
        let states: Vec<_> = releases.iter().map(|release| (release.version, release.info.status)).collect();
        assert_eq!(states, [(1, ReleaseStatus::Deployed)]);
        let agents = list(member, "apps/v1", "Deployment");
        assert_eq!(agents.len(), 1);
        assert_eq!(agents[0]["metadata"]["name"], "ks-agent");
        assert!(list(member, "batch/v1", "Job").is_empty());
    }
}

#[test]
fn nobody_keeps_a_host_from_taking_the_member_of_another() {
    let elsewhere = Installation::new(Version::V4_1_3).role(Role::MemberElsewhere);
    let bed = with_member(Version::V4_1_3, elsewhere);
    let before = bed.member(1).configured("authentication.issuer.jwtSecret");
    assert_eq!(annotations(bed.member(1))["cluster.kubesphere.io/name"], Role::NAME_ELSEWHERE);
    join(&bed, "m1");
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    bed.wait_for("the annotations", |bed| annotations(bed.member(1))["cluster.kubesphere.io/name"] == "m1");
    assert_ne!(bed.member(1).configured("authentication.issuer.jwtSecret"), before);
    assert_eq!(bed.member(1).releases().len(), 2);
}

#[test]
fn a_cluster_with_the_name_of_the_host_becomes_the_host() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    let member = secret::base64(context(&bed, "member1").as_bytes());
    patch(&bed, "host", json!({"spec": {"connection": {"kubeconfig": member}}}));
    bed.wait_for("the host's own kubeconfig", |bed| {
        bed.host().cluster("host")["spec"]["connection"]["kubeconfig"] != member.as_str()
    });
}

#[test]
fn an_installation_of_3_is_not_upgraded_as_its_configuration_is_not_helms() {
    let third = Installation::new(Version::V3_4).with(Peculiarity::Release(ReleaseStatus::Deployed));
    let bed = with_member(Version::V4_1_3, third);
    join(&bed, "m1");
    bed.wait_for("a try", |_| controller_log(&bed).contains("Unable to continue with update"));
    assert!(kinds(&bed.host().cluster("m1")).is_empty());
    assert_eq!(bed.member(1).releases().len(), 1);
}

#[test]
fn a_host_that_is_joined_becomes_a_member_and_loses_its_console() {
    let bed = with_member(Version::V4_1_3, host_of(Version::V4_1_3));
    let has = |bed: &Bed, name: &str| {
        list(bed.member(1), "apps/v1", "Deployment").iter().any(|item| item["metadata"]["name"] == name)
    };
    assert!(has(&bed, "ks-console"));
    join(&bed, "m1");
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    assert!(has(&bed, "ks-agent") && !has(&bed, "ks-console") && !has(&bed, "ks-apiserver"));
    assert_eq!(bed.member(1).configured("multicluster.clusterRole"), "member");
}
