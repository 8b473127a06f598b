//! The hosts and members of version 4, and how a host installs what a member lacks.

use std::sync::{Arc, Mutex, mpsc};

use futures::StreamExt as _;
use http::StatusCode;
use kube::runtime::watcher;
use serde_json::{Value, json};
use testbed::{
    Bed, Fault, Rule,
    bed::condition,
    block_on,
    kubesphere::{
        Installation, Peculiarity, Role, Scenario, Version, objects, secret,
        v4::{ReleaseStatus, config_hash},
    },
    pki::Validity,
    runtime,
};

use super::controller::{context, create, ready};
use crate::objects::get;

const SYNC_AT: &str = "kubesphere.io/syncAt";

fn host_of(version: Version) -> Installation {
    Installation::new(version).role(Role::Host)
}

fn with_member(version: Version, member: Installation) -> Bed {
    Bed::lease(&Scenario::new(version).member(member))
}

fn cluster(name: &str, kubeconfig: &str) -> Value {
    json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": name},
        "spec": {"connection": {"type": "direct", "kubeconfig": secret::base64(kubeconfig.as_bytes())}},
    })
}

fn join(bed: &Bed, name: &str) {
    create(bed, cluster(name, &context(bed, "member1")));
}

/// Waits until the look that made it ready is over.
fn settle(bed: &Bed, name: &str) {
    bed.wait_for("a settled member", |bed| {
        ready(bed, name) && bed.host().cluster(name)["status"]["nodeCount"] == 1
    });
    bed.wait_for("the annotations", |bed| annotations(bed.member(1))["cluster.kubesphere.io/name"] == name);
}

fn patch(bed: &Bed, name: &str, patch: Value) {
    let (client, name) = (bed.host().client(), name.to_owned());
    block_on(async move { objects::merge(&objects::clusters(&client), &name, &patch).await }).unwrap();
}

fn delete(bed: &Bed, name: &str) {
    let (client, name) = (bed.host().client(), name.to_owned());
    block_on(async move { objects::remove(&objects::clusters(&client), &name).await }).unwrap();
}

fn list(cluster: &testbed::bed::Cluster, version: &'static str, kind: &'static str) -> Vec<Value> {
    let client = cluster.client();
    let namespace = (kind != "Namespace").then_some(objects::SYSTEM);
    let listed = block_on(async move {
        objects::objects(&client, version, kind, namespace).list(&kube::api::ListParams::default()).await
    });
    listed.unwrap().items.into_iter().map(|item| serde_json::to_value(item).unwrap()).collect()
}

fn global(bed: &Bed, version: &'static str, kind: &'static str, name: &'static str) -> Value {
    let client = bed.host().client();
    let found = block_on(async move { objects::objects(&client, version, kind, None).get(name).await });
    serde_json::to_value(found.unwrap()).unwrap()
}

fn annotations(cluster: &testbed::bed::Cluster) -> Value {
    let found =
        list(cluster, "v1", "Namespace").into_iter().find(|item| item["metadata"]["name"] == objects::SYSTEM);
    found.unwrap_or_default()["metadata"]["annotations"].clone()
}

fn kinds(cluster: &Value) -> Vec<String> {
    let conditions = cluster["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().map(|one| format!("{}={}", one["type"], one["status"]).replace('"', "")).collect()
}

fn message<'a>(cluster: &'a Value, kind: &str) -> &'a str {
    let conditions = cluster["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.into_iter().find(|condition| condition["type"] == kind);
    found.and_then(|condition| condition["message"].as_str()).unwrap_or_default()
}

fn stored_kubeconfig(bed: &Bed, name: &str) -> String {
    let stored = bed.host().cluster(name)["spec"]["connection"]["kubeconfig"].clone();
    String::from_utf8(secret::base64_decoded(stored.as_str().unwrap()).unwrap()).unwrap()
}

fn controller_log(bed: &Bed) -> String {
    let name = controller_pod(bed);
    let path =
        format!("/api/v1/namespaces/kubesphere-system/pods/{name}/log?container=ks-controller-manager");
    get(&bed.host().client(), &path).unwrap_or_default()
}

fn controller_pod(bed: &Bed) -> String {
    let pods = list(bed.host(), "v1", "Pod");
    let mut names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    names.find(|name| name.starts_with("ks-controller-manager-")).unwrap_or_default().to_owned()
}

/// Every state of a Cluster from now on, in order.
fn history(bed: &Bed, name: &str) -> Arc<Mutex<Vec<Value>>> {
    let (seen, client, name) = (Arc::<Mutex<Vec<Value>>>::default(), bed.host().client(), name.to_owned());
    let (kept, (begun, begins)) = (Arc::clone(&seen), mpsc::channel());
    runtime().spawn(async move {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut changes = watcher(objects::clusters(&client), config).boxed();
        while let Some(Ok(change)) = changes.next().await {
            match change {
                watcher::Event::Apply(cluster) | watcher::Event::InitApply(cluster) => {
                    kept.lock().unwrap().push(serde_json::to_value(cluster).unwrap());
                }
                watcher::Event::InitDone => drop(begun.send(())),
                watcher::Event::Init | watcher::Event::Delete(_) => {}
            }
        }
    });
    begins.recv().unwrap();
    seen
}

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
    std::thread::sleep(super::A_WHILE);
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
fn after_4_1_3_a_failed_install_waits_to_be_asked_for() {
    let gone = Peculiarity::ImageMissing("ks-apiserver".to_owned());
    let bed = with_member(Version::Master, Installation::bare(Version::Master).with(gone));
    join(&bed, "m1");
    bed.wait_for("a failed install", |bed| {
        condition(&bed.host().cluster("m1"), "KSCoreReady") == Some("False")
    });
    bed.member(1).bring_images();
    // The agent runs then, so the member is ready although nobody has installed it successfully.
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    assert_eq!(condition(&bed.host().cluster("m1"), "KSCoreReady"), Some("False"));
    assert_eq!(list(bed.host(), "batch/v1", "Job").len(), 1);
    assert!(
        controller_log(&bed).contains("failed to install KS Core in cluster m1: job helm-install-ks-core-")
    );
    patch(&bed, "m1", json!({"metadata": {"annotations": {"kubesphere.io/ks-core-action": "reinstall"}}}));
    bed.wait_for("ks-core", |bed| condition(&bed.host().cluster("m1"), "KSCoreReady") == Some("True"));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    assert!(bed.host().cluster("m1")["metadata"]["annotations"]["kubesphere.io/ks-core-action"].is_null());
    assert_eq!(list(bed.host(), "batch/v1", "Job").len(), 2);
}

#[test]
fn values_that_are_no_map_are_tried_for_ever() {
    let bed = Bed::lease(&Scenario::new(Version::V4_1_3));
    let config = b"authentication: none\n";
    let mut object = cluster("m1", &context(&bed, "member1"));
    object["spec"]["config"] = secret::base64(config).into();
    create(&bed, object);
    bed.wait_for("an identified member", |bed| bed.host().cluster("m1")["status"]["uid"].is_string());
    std::thread::sleep(super::A_WHILE);
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
fn the_webhook_of_3_4_blocks_all_that_the_controller_writes() {
    let host = host_of(Version::V4_1_3).with(Peculiarity::LeftWebhook);
    let scenario = Scenario::new(Version::V4_1_3).host(host);
    let bed = Bed::lease(&scenario);
    let kubeconfig = context(&bed, "member1");
    create(&bed, cluster("m1", &kubeconfig));
    std::thread::sleep(super::A_WHILE);
    assert!(bed.host().cluster("m1")["metadata"]["finalizers"].is_null());
    assert!(bed.member(1).releases().is_empty());
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
    std::thread::sleep(super::A_WHILE);
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
    std::thread::sleep(super::A_WHILE);
    patch(&bed, "m1", json!({"metadata": {"annotations": {SYNC_AT: "later"}}}));
    bed.wait_for("the truth", |bed| condition(&bed.host().cluster("m1"), "Ready") == Some("False"));
    assert!(message(&bed.host().cluster("m1"), "Ready").contains("is forbidden"));
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
    std::thread::sleep(super::A_WHILE);
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
