//! The hosts and members of version 4, and how a host installs what a member lacks.

mod deletion;
mod helm;
mod jobs;
mod looks;
mod membership;

use std::sync::{Arc, Mutex, mpsc};

use futures::StreamExt as _;
use kube::runtime::watcher;
use serde_json::{Value, json};
use testbed::{
    Bed, bed, block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects, secret},
    runtime,
};

use super::controller::{context, create, ready};
use crate::objects::get;

pub(crate) const SYNC_AT: &str = "kubesphere.io/syncAt";

pub(crate) fn host_of(version: Version) -> Installation {
    Installation::new(version).role(Role::Host)
}

pub(crate) fn with_member(version: Version, member: Installation) -> Bed {
    Bed::lease(&Scenario::new(version).member(member))
}

pub(crate) fn cluster(name: &str, kubeconfig: &str) -> Value {
    json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": name},
        "spec": {"connection": {"type": "direct", "kubeconfig": secret::base64(kubeconfig.as_bytes())}},
    })
}

pub(crate) fn join(bed: &Bed, name: &str) {
    create(bed, cluster(name, &context(bed, "member1")));
}

/// Waits until the look that made it ready is over.
pub(crate) fn settle(bed: &Bed, name: &str) {
    bed.wait_for("a settled member", |bed| {
        ready(bed, name) && bed.host().cluster(name)["status"]["nodeCount"] == 1
    });
    bed.wait_for("the annotations", |bed| annotations(bed.member(1))["cluster.kubesphere.io/name"] == name);
}

pub(crate) fn patch(bed: &Bed, name: &str, patch: Value) {
    let (client, name) = (bed.host().client(), name.to_owned());
    block_on(async move { objects::merge(&objects::clusters(&client), &name, &patch).await }).unwrap();
}

pub(crate) fn delete(bed: &Bed, name: &str) {
    let (client, name) = (bed.host().client(), name.to_owned());
    block_on(async move { objects::remove(&objects::clusters(&client), &name).await }).unwrap();
}

pub(crate) fn list(cluster: &bed::Cluster, version: &'static str, kind: &'static str) -> Vec<Value> {
    let client = cluster.client();
    let namespace = (kind != "Namespace").then_some(objects::SYSTEM);
    let listed = block_on(async move {
        objects::objects(&client, version, kind, namespace).list(&kube::api::ListParams::default()).await
    });
    listed.unwrap().items.into_iter().map(|item| serde_json::to_value(item).unwrap()).collect()
}

pub(crate) fn global(bed: &Bed, version: &'static str, kind: &'static str, name: &'static str) -> Value {
    let client = bed.host().client();
    let found = block_on(async move { objects::objects(&client, version, kind, None).get(name).await });
    serde_json::to_value(found.unwrap()).unwrap()
}

pub(crate) fn annotations(cluster: &bed::Cluster) -> Value {
    let found =
        list(cluster, "v1", "Namespace").into_iter().find(|item| item["metadata"]["name"] == objects::SYSTEM);
    found.unwrap_or_default()["metadata"]["annotations"].clone()
}

pub(crate) fn kinds(cluster: &Value) -> Vec<String> {
    let conditions = cluster["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().map(|one| format!("{}={}", one["type"], one["status"]).replace('"', "")).collect()
}

pub(crate) fn message<'a>(cluster: &'a Value, kind: &str) -> &'a str {
    let conditions = cluster["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.into_iter().find(|condition| condition["type"] == kind);
    found.and_then(|condition| condition["message"].as_str()).unwrap_or_default()
}

pub(crate) fn stored_kubeconfig(bed: &Bed, name: &str) -> String {
    let stored = bed.host().cluster(name)["spec"]["connection"]["kubeconfig"].clone();
    String::from_utf8(secret::base64_decoded(stored.as_str().unwrap()).unwrap()).unwrap()
}

pub(crate) fn controller_log(bed: &Bed) -> String {
    let name = controller_pod(bed);
    let path =
        format!("/api/v1/namespaces/kubesphere-system/pods/{name}/log?container=ks-controller-manager");
    get(&bed.host().client(), &path).unwrap_or_default()
}

pub(crate) fn controller_pod(bed: &Bed) -> String {
    let pods = list(bed.host(), "v1", "Pod");
    let mut names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    names.find(|name| name.starts_with("ks-controller-manager-")).unwrap_or_default().to_owned()
}

/// Every state of a Cluster from now on, in order.
pub(crate) fn history(bed: &Bed, name: &str) -> Arc<Mutex<Vec<Value>>> {
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
