//! How helm fares on a member, and who hears of it.

use serde_json::json;
use testbed::{
    Bed,
    bed::condition,
    block_on,
    kubesphere::{
        Installation, Peculiarity, Scenario, Version, objects, secret,
        v4::{ReleaseStatus, config_hash},
    },
};

use super::{cluster, controller_log, controller_pod, join, kinds, list, message, patch, with_member};
use crate::kubesphere::{
    A_WHILE,
    controller::{context, create, ready},
};

#[test]
fn a_write_during_helm_lets_all_of_it_happen_again() {
    let bed = with_member(Version::V4_1_3, Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods));
    join(&bed, "m1");
    bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
    patch(&bed, "m1", json!({"metadata": {"labels": {"a": "b"}}}));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    let states: Vec<_> = bed.member(1).releases().iter().map(|release| release.info.status).collect();
    assert_eq!(states, [ReleaseStatus::Superseded, ReleaseStatus::Deployed]);
}

#[test]
fn an_image_that_is_gone_shows_on_the_member_only() {
    let gone = Peculiarity::ImageMissing("ks-controller-manager".to_owned());
    let bed = with_member(Version::V4_1_3, Installation::bare(Version::V4_1_3).with(gone));
    join(&bed, "m1");
    bed.wait_for("a second try", |bed| bed.member(1).releases().iter().any(|release| release.version == 2));
    assert!(kinds(&bed.host().cluster("m1")).is_empty());
    assert!(list(bed.host(), "v1", "Event").is_empty());
    let said =
        "failed to reconcile cluster m1: failed to install KS Core in cluster m1: context deadline exceeded";
    assert!(controller_log(&bed).contains(said));
    let failed = &bed.member(1).releases()[0].info;
    assert_eq!(failed.status, ReleaseStatus::Failed);
    assert_eq!(failed.description, "Release \"ks-core\" failed: context deadline exceeded");
    let pods = list(bed.member(1), "v1", "Pod");
    let waiting = &pods[0]["status"]["containerStatuses"][1]["state"]["waiting"];
    assert!(waiting["reason"].as_str().unwrap().contains("ImagePull"), "{pods:#?}");
    assert!(
        waiting["message"].as_str().unwrap().contains("docker.io/kubesphere/ks-controller-manager:v4.1.3")
    );
    let warnings = list(bed.member(1), "v1", "Event");
    let mut warnings = warnings.iter().filter(|event| event["type"] == "Warning");
    assert!(warnings.any(|event| event["message"].as_str().unwrap().starts_with("Failed to pull image")));
    bed.member(1).bring_images();
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
}

#[test]
fn a_release_that_is_pending_blocks_for_ever() {
    let left = Peculiarity::Release(ReleaseStatus::PendingInstall);
    let bed = with_member(Version::V4_1_3, Installation::bare(Version::V4_1_3).with(left.clone()));
    join(&bed, "m1");
    bed.wait_for("an identified member", |bed| bed.host().cluster("m1")["status"]["uid"].is_string());
    std::thread::sleep(A_WHILE);
    assert!(kinds(&bed.host().cluster("m1")).is_empty());
    assert_eq!(bed.member(1).releases()[0].info.status, ReleaseStatus::PendingInstall);
    drop(bed);

    let bed = with_member(Version::Master, Installation::bare(Version::Master).with(left));
    join(&bed, "m1");
    bed.wait_for("a failed install", |bed| {
        condition(&bed.host().cluster("m1"), "KSCoreReady") == Some("False")
    });
    assert_eq!(message(&bed.host().cluster("m1"), "KSCoreReady"), "KS Core installation failed");
}

#[test]
fn values_that_are_no_map_are_tried_for_ever() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    let config = b"authentication: none\n";
    let mut object = cluster("m1", &context(&bed, "member1"));
    object["spec"]["config"] = secret::base64(config).into();
    create(&bed, object);
    bed.wait_for("an identified member", |bed| bed.host().cluster("m1")["status"]["uid"].is_string());
    std::thread::sleep(A_WHILE);
    assert!(kinds(&bed.host().cluster("m1")).is_empty() && bed.member(1).releases().is_empty());
    let config = b"global: {tag: v4.1.1}\nmulticluster: {hostClusterName: mine}\n";
    patch(&bed, "m1", json!({"spec": {"config": secret::base64(config)}}));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    let joined = bed.host().cluster("m1");
    assert_eq!(joined["metadata"]["annotations"]["kubesphere.io/config-hash"], config_hash(config));
    assert_eq!(joined["status"]["kubeSphereVersion"], "v4.1.1");
    assert_eq!(bed.member(1).configured("multicluster.hostClusterName"), "host");
}

#[test]
fn a_third_member_waits_while_two_are_installed() {
    let gone =
        || Installation::bare(Version::V4_1_3).with(Peculiarity::ImageMissing("ks-apiserver".to_owned()));
    let members = vec![gone(), gone(), Installation::bare(Version::V4_1_3)];
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3).members(members));
    for number in [1, 2] {
        create(&bed, cluster(&format!("m{number}"), &context(&bed, &format!("member{number}"))));
    }
    bed.wait_for("two at work", |bed| [1, 2].iter().all(|number| !bed.member(*number).releases().is_empty()));
    create(&bed, cluster("m3", &context(&bed, "member3")));
    std::thread::sleep(A_WHILE);
    assert!(bed.host().cluster("m3")["metadata"]["finalizers"].is_null());
    bed.wait_for("the third", |bed| ready(bed, "m3"));
}

#[test]
fn a_restart_of_the_controller_leaves_helm_s_release_pending() {
    let bed = with_member(Version::V4_1_3, Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods));
    join(&bed, "m1");
    bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
    let pod = controller_pod(&bed);
    let client = bed.host().client();
    let pods = objects::objects(&client, "v1", "Pod", Some(objects::SYSTEM));
    block_on(async move { objects::remove(&pods, &pod).await }).unwrap();
    bed.wait_for("a refusal", |bed| {
        controller_log(bed).contains("another operation (install/upgrade/rollback) is in progress")
    });
    assert_eq!(bed.member(1).releases()[0].info.status, ReleaseStatus::PendingInstall);
    assert!(kinds(&bed.host().cluster("m1")).is_empty());
}

#[test]
fn a_hook_whose_image_is_gone_fails_the_release_of_an_agent_that_runs() {
    let gone = Peculiarity::ImageMissing("kubesphere/kubectl".to_owned());
    let bed = with_member(Version::V4_1_3, Installation::bare(Version::V4_1_3).with(gone));
    join(&bed, "m1");
    bed.wait_for("a hook", |bed| !list(bed.member(1), "batch/v1", "Job").is_empty());
    let agents = list(bed.member(1), "apps/v1", "Deployment");
    assert_eq!(agents[0]["status"]["readyReplicas"], 1);
    bed.wait_for("a failed release", |bed| bed.member(1).releases()[0].info.status == ReleaseStatus::Failed);
    let said = "failed post-install: 1 error occurred:\n\t* timed out waiting for the condition";
    assert!(bed.member(1).releases()[0].info.description.contains(said));
    bed.member(1).bring_images();
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    assert!(list(bed.member(1), "batch/v1", "Job").is_empty());
}
