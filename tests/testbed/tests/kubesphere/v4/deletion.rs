//! What ends with a Cluster, and what does not.

use http::StatusCode;
use serde_json::json;
use testbed::{
    Bed, Fault, Rule,
    bed::condition,
    kubesphere::{Installation, Peculiarity, Scenario, Version, v4::ReleaseStatus},
};

use super::{SYNC_AT, annotations, cluster, delete, global, join, message, patch, settle, with_member};
use crate::kubesphere::{
    A_WHILE,
    controller::{context, create, ready},
};

#[test]
fn what_was_installed_outlives_the_cluster() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    join(&bed, "m1");
    settle(&bed, "m1");
    delete(&bed, "m1");
    bed.wait_for("no Cluster", |bed| bed.host().cluster("m1").is_null());
    assert!(annotations(bed.member(1))["cluster.kubesphere.io/name"].is_null());
    let member = bed.member(1);
    assert_eq!(member.releases().len(), 1);
    let secret = "authentication.issuer.jwtSecret";
    assert_eq!(member.configured(secret), bed.host().configured(secret));
    join(&bed, "m2");
    bed.wait_for("the former member", |bed| ready(bed, "m2"));
    assert_eq!(bed.member(1).releases().len(), 2, "it is upgraded");
}

#[test]
fn a_cluster_that_was_never_ready_leaves_its_annotations() {
    let managed = Peculiarity::Managed { name: "theirs".to_owned(), host: "other".to_owned() };
    let pending = Peculiarity::Release(ReleaseStatus::PendingUpgrade);
    let bed = with_member(Version::V4_1_3, Installation::bare(Version::V4_1_3).with(managed).with(pending));
    join(&bed, "m1");
    bed.wait_for("an identified member", |bed| bed.host().cluster("m1")["status"]["uid"].is_string());
    delete(&bed, "m1");
    bed.wait_for("no Cluster", |bed| bed.host().cluster("m1").is_null());
    assert_eq!(annotations(bed.member(1))["cluster.kubesphere.io/name"], "theirs");
}

#[test]
fn who_may_not_change_the_namespace_keeps_a_cluster_from_being_deleted() {
    let behind = Installation::bare(Version::V4_1_3).with(Peculiarity::BehindProxy);
    let bed = with_member(Version::V4_1_3, behind);
    join(&bed, "m1");
    settle(&bed, "m1");
    let namespace = "/api/v1/namespaces/kubesphere-system";
    let refuses =
        move |method: &http::Method, uri: &http::Uri| *method == http::Method::PUT && uri.path() == namespace;
    bed.member(1)
        .faults()
        .add(Rule::when(refuses, Fault::Status { code: StatusCode::FORBIDDEN, retry_after: None }));
    delete(&bed, "m1");
    std::thread::sleep(A_WHILE);
    assert!(bed.host().cluster("m1")["metadata"]["deletionTimestamp"].is_string());
    bed.member(1).faults().clear();
    bed.wait_for("no Cluster", |bed| bed.host().cluster("m1").is_null());
}

#[test]
fn a_member_that_is_gone_is_not_ready_and_can_be_deleted() {
    let behind = Installation::bare(Version::V4_1_3).with(Peculiarity::BehindProxy);
    let bed = with_member(Version::V4_1_3, behind);
    join(&bed, "m1");
    settle(&bed, "m1");
    bed.member(1).kill();
    patch(&bed, "m1", json!({"metadata": {"annotations": {SYNC_AT: "now"}}}));
    bed.wait_for("the truth", |bed| condition(&bed.host().cluster("m1"), "Ready") == Some("False"));
    let said = "failed to get kube-system namespace for m1: Get \"https://127.0.0.1:";
    assert!(message(&bed.host().cluster("m1"), "Ready").starts_with(said));
    delete(&bed, "m1");
    bed.wait_for("no Cluster", |bed| bed.host().cluster("m1").is_null());
}

#[test]
fn whoever_created_a_cluster_may_use_it_until_it_is_deleted() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    let template = json!({
        "apiVersion": "tenant.kubesphere.io/v1beta1", "kind": "WorkspaceTemplate", "metadata": {"name": "team-a"},
        "spec": {"placement": {"clusters": [{"name": "m1"}, {"name": "host"}]}},
    });
    create(&bed, template);
    let mut object = cluster("m1", &context(&bed, "member1"));
    object["metadata"]["annotations"] = json!({"kubesphere.io/creator": "admin"});
    create(&bed, object);
    let granted = |bed: &Bed| {
        let user = global(bed, "iam.kubesphere.io/v1beta1", "User", "admin");
        user["metadata"]["annotations"]["iam.kubesphere.io/granted-clusters"].clone()
    };
    bed.wait_for("the creator's right", |bed| granted(bed) == "host,m1");
    // Its own conflict keeps the controller from noting that it was here.
    assert!(bed.host().cluster("m1")["metadata"]["annotations"]["kubesphere.io/initialized"].is_null());
    delete(&bed, "m1");
    bed.wait_for("no Cluster", |bed| bed.host().cluster("m1").is_null());
    assert_eq!(granted(&bed), "host");
    let template = global(&bed, "tenant.kubesphere.io/v1beta1", "WorkspaceTemplate", "team-a");
    assert_eq!(template["spec"]["placement"]["clusters"], json!([{"name": "host"}]));
}
