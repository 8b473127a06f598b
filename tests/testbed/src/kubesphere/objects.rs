//! Plain JSON objects on an apiserver: what the stand-ins read and write.

use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

/// The namespace of KubeSphere's core.
pub const SYSTEM: &str = "kubesphere-system";
/// The namespace of kubefed, on hosts and on members.
pub const FEDERATION: &str = "kube-federation-system";
/// The name of the one ClusterConfiguration and of the installer's Deployment.
pub const INSTALLER: &str = "ks-installer";

/// A kind of objects in one namespace, or cluster-wide.
pub fn objects(
    client: &Client,
    api_version: &str,
    kind: &str,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// The ClusterConfigurations in kubesphere-system.
pub fn cluster_configurations(client: &Client) -> Api<DynamicObject> {
    objects(client, "installer.kubesphere.io/v1alpha1", "ClusterConfiguration", Some(SYSTEM))
}

/// The host's Clusters.
pub fn clusters(client: &Client) -> Api<DynamicObject> {
    objects(client, "cluster.kubesphere.io/v1alpha1", "Cluster", None)
}

/// The configurations of validating webhooks.
pub fn validating_webhooks(client: &Client) -> Api<DynamicObject> {
    objects(client, "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", None)
}

/// The config maps in kubesphere-system.
pub fn config_maps(client: &Client) -> Api<DynamicObject> {
    objects(client, "v1", "ConfigMap", Some(SYSTEM))
}

/// Creates an object as it stands.
pub async fn create(client: &Client, object: &Value) -> kube::Result<DynamicObject> {
    let api = api_of(client, object);
    api.create(&PostParams::default(), &typed(object)).await
}

/// Creates an object unless it exists.
pub async fn ensure(client: &Client, object: &Value) -> kube::Result<()> {
    match create(client, object).await {
        Err(error) if !has_code(&error, 409) => Err(error),
        _ => Ok(()),
    }
}

/// Creates an object and then its status, which only the subresource takes.
pub async fn create_with_status(client: &Client, object: &Value) -> kube::Result<DynamicObject> {
    let created = create(client, object).await?;
    let api = api_of(client, object);
    let name = created.metadata.name.unwrap_or_default();
    api.patch_status(&name, &PatchParams::default(), &Patch::Merge(json!({"status": object["status"]}))).await
}

/// Sends a merge patch.
pub async fn merge(api: &Api<DynamicObject>, name: &str, patch: &Value) -> kube::Result<DynamicObject> {
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
}

/// Sends a whole object back: a conflict when somebody else wrote it meanwhile.
pub async fn replace(api: &Api<DynamicObject>, object: &DynamicObject) -> kube::Result<DynamicObject> {
    let name = object.metadata.name.clone().unwrap_or_default();
    api.replace(&name, &PostParams::default(), object).await
}

/// Deletes an object at once, if it is there.
pub async fn remove(api: &Api<DynamicObject>, name: &str) -> kube::Result<()> {
    match api.delete(name, &DeleteParams::default().grace_period(0)).await {
        Err(error) if !has_code(&error, 404) => Err(error),
        _ => Ok(()),
    }
}

/// The objects whose labels fit.
pub async fn labelled(api: &Api<DynamicObject>, selector: &str) -> kube::Result<Vec<DynamicObject>> {
    Ok(api.list(&ListParams::default().labels(selector)).await?.items)
}

/// Whether the apiserver answered with this status code.
pub fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// A value as an object of the dynamic API.
pub fn typed(object: &Value) -> DynamicObject {
    serde_json::from_value(object.clone()).expect("the stand-ins' objects have a kind and metadata")
}

/// The objects of this one's kind and namespace.
pub(super) fn api_of(client: &Client, object: &Value) -> Api<DynamicObject> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let namespace = object["metadata"]["namespace"].as_str();
    objects(client, &text(&object["apiVersion"]), &text(&object["kind"]), namespace)
}
