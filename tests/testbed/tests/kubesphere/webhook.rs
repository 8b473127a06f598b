//! The webhook that 3.4 puts before every update of a Cluster, with the member gone and with the installer at work.

use kube::api::DeleteParams;
use serde_json::{Value, json};
use testbed::{
    Bed, Kubernetes, block_on,
    kubesphere::{
        ControllerScenario, Installation, Role, Scenario, Version, objects, secret,
        webhook::{CONFIGURATION, WEBHOOK},
    },
};

use super::{
    A_WHILE,
    controller::{cluster, context, create, joinable, ready},
};

const ANOTHER: &str = "admission webhook \"validating-cluster.kubesphere.io\" denied the request: this kubeconfig \
                       corresponds to a different cluster than the previous one, you need to make sure that kubeconfig \
                       is not from another cluster";

/// A bed whose host has member1 as the Cluster m1, Ready.
fn joined(scenario: &Scenario) -> Bed {
    let bed = Bed::lease(scenario);
    create(&bed, cluster("m1", &context(&bed, "member1")));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    bed
}

/// What the apiserver answers to a merge patch of a Cluster: nothing, or code and message.
fn patch(bed: &Bed, name: &str, patch: Value) -> Option<(u16, String)> {
    let (api, name) = (objects::clusters(&bed.host().client()), name.to_owned());
    match block_on(async move { objects::merge(&api, &name, &patch).await }) {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some((status.code, status.message.clone())),
        Err(error) => panic!("{error}"),
    }
}

fn delete(bed: &Bed, name: &str) {
    let (api, name) = (objects::clusters(&bed.host().client()), name.to_owned());
    block_on(async move { api.delete(&name, &DeleteParams::default()).await }).unwrap();
}

fn labelled(value: &str) -> Value {
    json!({"metadata": {"labels": {"touched": value}}})
}

fn configuration(bed: &Bed) -> Value {
    let api = objects::validating_webhooks(&bed.host().client());
    serde_json::to_value(block_on(async move { api.get(CONFIGURATION).await }).unwrap()).unwrap()
}

fn change_configuration(bed: &Bed, change: Value) {
    let api = objects::validating_webhooks(&bed.host().client());
    let patch = kube::api::Patch::Strategic(change);
    block_on(async move { api.patch(CONFIGURATION, &kube::api::PatchParams::default(), &patch).await })
        .unwrap();
}

#[test]
fn a_dead_member_s_cluster_hangs_where_the_webhook_stands() {
    let newest = Kubernetes::default();
    for (version, kubernetes) in
        [(Version::V3_3, newest), (Version::V3_4, newest), (Version::V3_4, Kubernetes::V1_27)]
    {
        let bed = joined(&joinable(version).host_kubernetes(kubernetes));
        let server = bed.member(1).server();
        bed.member(1).kill();
        let refused = patch(&bed, "m1", labelled("dead"));
        delete(&bed, "m1");
        if version == Version::V3_3 {
            assert_eq!(refused, None);
            bed.wait_for("no cluster", |bed| bed.host().cluster("m1").is_null());
            continue;
        }
        let address = server.trim_start_matches("https://");
        let denied = format!(
            "admission webhook \"{WEBHOOK}\" denied the request: Get \"{server}/api/v1/namespaces/kube-system\": dial \
             tcp {address}: connect: connection refused"
        );
        assert_eq!(refused, Some((403, denied)));
        std::thread::sleep(A_WHILE);
        let hanging = bed.host().cluster("m1");
        assert!(hanging["metadata"]["deletionTimestamp"].is_string(), "{}", bed.dump());
        assert_eq!(hanging["metadata"]["finalizers"], json!(["finalizer.cluster.kubesphere.io"]));
        assert_eq!(hanging["status"]["conditions"].as_array().unwrap().len(), 3, "as they were");
        assert!(ready(&bed, "m1"), "no update comes through, this one neither");
        change_configuration(&bed, json!({"webhooks": [{"name": WEBHOOK, "rules": []}]}));
        bed.wait_for("no cluster", |bed| bed.host().cluster("m1").is_null());
    }
}

#[test]
fn a_silent_member_s_cluster_hangs_too() {
    let bed = joined(&joinable(Version::V3_4));
    bed.member(1).freeze();
    let (code, message) = patch(&bed, "m1", labelled("silent")).unwrap();
    assert!(code >= 500 || message.contains("i/o timeout"), "{code} {message}");
    delete(&bed, "m1");
    std::thread::sleep(A_WHILE);
    assert!(bed.host().cluster("m1")["metadata"]["deletionTimestamp"].is_string());
}

#[test]
fn only_the_same_cluster_s_kubeconfig_is_taken() {
    let member = Installation::new(Version::V3_4).role(Role::Member);
    let bed = joined(&joinable(Version::V3_4).members(vec![member.clone(), member]));
    let connect = |kubeconfig: &str| json!({"spec": {"connection": {"kubeconfig": secret::base64(kubeconfig.as_bytes())}}});
    let other = connect(&context(&bed, "member2"));
    assert_eq!(patch(&bed, "m1", other), Some((403, ANOTHER.to_owned())));
    let (_, message) = patch(&bed, "m1", connect("nonsense")).unwrap();
    assert!(message.contains("denied the request: failed to load cluster config for m1: "), "{message}");
    assert_eq!(patch(&bed, "m1", connect(&context(&bed, "member1"))), None);
    create(
        &bed,
        json!({
            "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "new"},
            "spec": {"connection": {"type": "direct", "kubeconfig": secret::base64(b"nonsense")}},
        }),
    );
    assert_eq!(patch(&bed, "new", labelled("unidentified")), None);
}

#[test]
fn where_the_controller_is_down_nothing_is_updated() {
    let bed = Bed::lease(&joinable(Version::V3_4).controller(ControllerScenario::Down));
    create(&bed, cluster("m1", &context(&bed, "member1")));
    let (code, message) = patch(&bed, "m1", labelled("down")).unwrap();
    assert_eq!(code, 500);
    assert!(message.contains("failed calling webhook \"validating-cluster.kubesphere.io\""), "{message}");
}

#[test]
fn each_run_of_the_installer_brings_the_chart_s_own_fields_back() {
    let bed = joined(&joinable(Version::V3_4));
    let shipped = configuration(&bed);
    assert_eq!(shipped["webhooks"].as_array().unwrap().len(), 1);
    change_configuration(
        &bed,
        json!({
            "metadata": {"annotations": {"example.com/kept": "yes"}},
            "webhooks": [{"name": WEBHOOK, "rules": [], "failurePolicy": "Ignore",
                          "matchConditions": [{"name": "not-m1", "expression": "object.metadata.name != 'm1'"}]}],
        }),
    );
    bed.host().patch_cluster_configuration(json!({"spec": {"alerting": {"note": 1}}}));
    bed.wait_for("another CA", |bed| {
        configuration(bed)["webhooks"][0]["clientConfig"] != shipped["webhooks"][0]["clientConfig"]
    });
    let mut renewed = configuration(&bed);
    assert_eq!(renewed["metadata"]["annotations"]["example.com/kept"], "yes");
    let webhook = renewed["webhooks"][0].as_object_mut().unwrap();
    assert_eq!(webhook.remove("matchConditions").unwrap()[0]["name"], "not-m1");
    webhook.insert("clientConfig".into(), shipped["webhooks"][0]["clientConfig"].clone());
    assert_eq!(renewed["webhooks"], shipped["webhooks"], "rules and failurePolicy are the chart's again");
    change_configuration(&bed, json!({"webhooks": [{"name": WEBHOOK, "matchConditions": null}]}));
    // Until the kubelet has brought the new certificate, the process serves the old one.
    bed.wait_for("the new certificate", |bed| patch(bed, "m1", labelled("renewed")).is_none());
}

#[test]
fn the_chart_brings_it_with_every_role_of_3_4_alone() {
    for version in [Version::V3_3, Version::V3_4] {
        let bed = Bed::lease(&Scenario::new(version));
        for cluster in [bed.host(), bed.member(1)] {
            let api = objects::validating_webhooks(&cluster.client());
            let found = block_on(async move { api.get_opt(CONFIGURATION).await }).unwrap();
            assert_eq!(found.is_some(), version == Version::V3_4);
        }
    }
}
