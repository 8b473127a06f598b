//! Looks at a Cluster that is ready: renewals and what stands in their way.

use serde_json::json;
use testbed::{
    Bed,
    bed::condition,
    block_on,
    kubesphere::{Peculiarity, Scenario, Version, objects, secret},
    pki::Validity,
};

use super::{SYNC_AT, cluster, history, host_of, join, message, patch, settle, stored_kubeconfig};
use crate::kubesphere::{
    A_WHILE,
    controller::{context, create, ready},
};

#[test]
fn the_first_look_after_a_renewal_uses_the_old_kubeconfig() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    join(&bed, "m1");
    settle(&bed, "m1");
    let refused = context(&bed, "member1").replace(&bed.member(1).server(), "https://127.0.0.1:9");
    let mark = bed.member(1).audit().mark();
    patch(&bed, "m1", json!({"spec": {"connection": {"kubeconfig": secret::base64(refused.as_bytes())}}}));
    bed.wait_for("a look by the old client", |bed| {
        let asked = bed.member(1).audit().since(mark);
        asked.iter().any(|request| request.request_uri.ends_with("/proxy/version"))
    });
    patch(&bed, "m1", json!({"metadata": {"annotations": {SYNC_AT: "now"}}}));
    bed.wait_for("the truth", |bed| condition(&bed.host().cluster("m1"), "Ready") == Some("False"));
    let said =
        "failed to get cluster client for m1: Get \"https://127.0.0.1:9/version?timeout=32s\": dial tcp";
    assert!(message(&bed.host().cluster("m1"), "Ready").starts_with(said));
    assert_eq!(bed.member(1).releases().len(), 1, "helm does not run again");
}

#[test]
fn a_certificate_that_ends_soon_is_replaced_by_a_token() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    let soon = Validity::lasting(std::time::Duration::from_secs(3 * 24 * 3600));
    let kubeconfig = bed.member(1).kubeconfig_holding(soon);
    create(&bed, cluster("m1", &kubeconfig));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    let seen = history(&bed, "m1");
    patch(&bed, "m1", json!({"metadata": {"annotations": {SYNC_AT: "now"}}}));
    let expires = "KubeConfigCertExpiresInSevenDays";
    bed.wait_for("the condition", |_| {
        seen.lock().unwrap().iter().any(|cluster| condition(cluster, expires) == Some(""))
    });
    let stored = stored_kubeconfig(&bed, "m1");
    assert!(stored.contains("token:") && !stored.contains("client-key-data"));
    patch(&bed, "m1", json!({"metadata": {"annotations": {SYNC_AT: "later"}}}));
    bed.wait_for("no condition", |bed| {
        let now = bed.host().cluster("m1");
        condition(&now, expires).is_none() && ready(bed, "m1")
    });
}

#[test]
fn the_webhook_of_3_4_blocks_all_that_the_controller_writes() {
    let host = host_of(Version::V4_1_3).with(Peculiarity::LeftWebhook);
    let scenario = Scenario::new(Version::V4_1_3).host(host);
    let bed = Bed::lease(&scenario);
    let kubeconfig = context(&bed, "member1");
    create(&bed, cluster("m1", &kubeconfig));
    std::thread::sleep(A_WHILE);
    assert!(bed.host().cluster("m1")["metadata"]["finalizers"].is_null());
    assert!(bed.member(1).releases().is_empty());
}

#[test]
fn a_certificate_of_another_user_is_renewed_without_its_groups() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    let soon = Validity::lasting(std::time::Duration::from_secs(3 * 24 * 3600));
    let client = bed.member(1).client();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "operators"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "operators"}],
    });
    block_on(async move { objects::create(&client, &binding).await }).unwrap();
    let kubeconfig = bed.member(1).plane().kubeconfig_for("olga", Some("operators"), soon).unwrap();
    create(&bed, cluster("m1", &kubeconfig));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    patch(&bed, "m1", json!({"metadata": {"annotations": {SYNC_AT: "now"}}}));
    bed.wait_for("another certificate", |bed| stored_kubeconfig(bed, "m1").contains("@local"));
    std::thread::sleep(A_WHILE);
    patch(&bed, "m1", json!({"metadata": {"annotations": {SYNC_AT: "later"}}}));
    bed.wait_for("the truth", |bed| condition(&bed.host().cluster("m1"), "Ready") == Some("False"));
    assert!(message(&bed.host().cluster("m1"), "Ready").contains("is forbidden"));
}
