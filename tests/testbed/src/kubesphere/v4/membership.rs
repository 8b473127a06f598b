//! What a host writes about its members besides their conditions: whose they are, and who may use them.
//!
//! Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3`, by its functions.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kube::{
    Client, ResourceExt as _,
    api::{DynamicObject, ListParams},
};
use serde_json::{Value, json};

use super::clients::Connected;
use crate::kubesphere::{
    clock, conditions, go_error,
    objects::{self, SYSTEM, has_code},
};

/// How a member's namespace kubesphere-system says how its host calls it, and how that host calls itself.
pub(super) const NAME: &str = "cluster.kubesphere.io/name";
pub(super) const HOST: &str = "cluster.kubesphere.io/host-cluster";

const IAM: &str = "iam.kubesphere.io/v1beta1";
const CREATOR: &str = "kubesphere.io/creator";
const INITIALIZED: &str = "kubesphere.io/initialized";
const GRANTED: &str = "iam.kubesphere.io/granted-clusters";
const USER: &str = "iam.kubesphere.io/user-ref";
const ROLE: &str = "iam.kubesphere.io/role-ref";
const LABELS: &str = "cluster.kubesphere.io/label-ids";

/// How often a write that met another one is tried.
const TRIES_AT_A_CONFLICT: u32 = 5;

/// Writes both annotations over whatever stands there (`syncClusterName`).
pub(super) async fn claim(member: &Client, name: &str, host: &str) -> Result<(), String> {
    let namespaces = objects::objects(member, "v1", "Namespace", None);
    for tries in 1.. {
        let mut namespace = namespaces.get(SYSTEM).await.map_err(go_error::message)?;
        let own = namespace.annotations_mut();
        let wanted = [(NAME, name), (HOST, host)];
        if wanted.iter().all(|(key, value)| own.get(*key).is_some_and(|found| found == value)) {
            break;
        }
        own.extend(wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
        match objects::replace(&namespaces, &namespace).await {
            Err(error) if has_code(&error, 409) && tries < TRIES_AT_A_CONFLICT => {}
            outcome => return outcome.map(drop).map_err(go_error::message),
        }
    }
    Ok(())
}

/// Takes both annotations away, whoever wrote them, where the Cluster was ready and its member can be asked (`cleanup`).
pub(super) async fn release(cluster: &DynamicObject, member: Option<&Connected>) -> Result<(), String> {
    let Some(member) = member.filter(|_| conditions::holds(cluster, "Ready")) else { return Ok(()) };
    let namespaces = objects::objects(member.client(), "v1", "Namespace", None);
    let Ok(mut namespace) = namespaces.get(SYSTEM).await else { return Ok(()) };
    namespace.annotations_mut().retain(|key, _| key != NAME && key != HOST);
    objects::replace(&namespaces, &namespace).await.map(drop).map_err(go_error::message)
}

/// Takes the Cluster out of every workspace (`unbindWorkspaceTemplate`); a write that fails ends it silently.
pub(super) async fn unbind(host: &Client, name: &str) -> Result<(), String> {
    let api = objects::objects(host, "tenant.kubesphere.io/v1beta1", "WorkspaceTemplate", None);
    for mut template in api.list(&ListParams::default()).await.map_err(go_error::message)?.items {
        let clusters = template.data.pointer_mut("/spec/placement/clusters").and_then(Value::as_array_mut);
        let Some(clusters) = clusters else { continue };
        let before = clusters.len();
        clusters.retain(|cluster| cluster["name"] != name);
        if clusters.len() < before && objects::replace(&api, &template).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Moves the ids in an annotation into Labels (`syncClusterLabel`); the annotation goes with the next write.
pub(super) async fn label(host: &Client, cluster: &mut DynamicObject) -> Result<(), String> {
    let name = cluster.name_any();
    let Some(ids) = cluster.annotations_mut().remove(LABELS) else { return Ok(()) };
    let api = objects::objects(host, "cluster.kubesphere.io/v1alpha1", "Label", None);
    for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let Some(mut label) = api.get_opt(id).await.map_err(go_error::message)? else { continue };
        let mut clusters: BTreeSet<String> = texts(&label.data["spec"]["clusters"]).collect();
        if clusters.insert(name.clone()) {
            label.data["spec"]["clusters"] = json!(clusters);
            objects::replace(&api, &label).await.map_err(go_error::message)?;
        }
    }
    Ok(())
}

/// Keeps with each user which clusters he may use (`syncClusterMembers`); none may use one that is being deleted.
pub(super) async fn grant(
    host: &Client,
    cluster: &mut DynamicObject,
    member: Option<&Client>,
) -> Result<(), String> {
    let api = objects::objects(host, IAM, "User", None);
    let users = api.list(&ListParams::default()).await.map_err(go_error::message)?.items;
    let granted = match member {
        Some(member) => {
            let made = make_creator_admin(host, cluster, member).await;
            made.map_err(|cause| format!("failed to create cluster admin: {cause}"))?;
            granted(member).await.map_err(|cause| format!("failed to list clusterrolebindings: {cause}"))?
        }
        None => BTreeSet::new(),
    };
    let name = cluster.name_any();
    for mut user in users {
        let stands = user.annotations().get(GRANTED).cloned().unwrap_or_default();
        let mut clusters: BTreeSet<&str> = stands.split(',').filter(|name| !name.is_empty()).collect();
        let changed = if granted.contains(&user.name_any()) {
            clusters.insert(&name)
        } else {
            clusters.remove(name.as_str())
        };
        if changed {
            let clusters: Vec<&str> = clusters.into_iter().collect();
            user.annotations_mut().insert(GRANTED.to_owned(), clusters.join(","));
            objects::replace(&api, &user).await.map_err(go_error::message)?;
        }
    }
    Ok(())
}

async fn granted(member: &Client) -> Result<BTreeSet<String>, String> {
    let bindings = objects::objects(member, IAM, "ClusterRoleBinding", None);
    let bindings = objects::labelled(&bindings, USER).await.map_err(go_error::message)?;
    let subjects = bindings.iter().filter_map(|binding| binding.data["subjects"].as_array()).flatten();
    let users = subjects.filter(|subject| subject["kind"] == "User");
    Ok(users.filter_map(|user| user["name"].as_str().map(str::to_owned)).collect())
}

/// Whoever is named as the creator becomes administrator of the member, once; an unknown user is an error each time
/// (`createClusterAdmin`).
async fn make_creator_admin(
    host: &Client,
    cluster: &mut DynamicObject,
    member: &Client,
) -> Result<(), String> {
    if cluster.annotations().contains_key(INITIALIZED) {
        return Ok(());
    }
    let Some(creator) = cluster.annotations().get(CREATOR).cloned() else { return Ok(()) };
    objects::objects(host, IAM, "User", None).get(&creator).await.map_err(go_error::message)?;
    let name = format!("{creator}-cluster-admin");
    let bindings = objects::objects(member, IAM, "ClusterRoleBinding", None);
    if bindings.get_opt(&name).await.map_err(go_error::message)?.is_some() {
        return Ok(());
    }
    let group = "iam.kubesphere.io";
    let binding = json!({
        "apiVersion": IAM, "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": {USER: creator, ROLE: "cluster-admin"}},
        "subjects": [{"kind": "User", "apiGroup": group, "name": creator}],
        "roleRef": {"kind": "ClusterRole", "apiGroup": group, "name": "cluster-admin"},
    });
    objects::create(member, &binding).await.map_err(go_error::message)?;
    let now = clock::seconds(Timestamp::now());
    cluster.annotations_mut().insert(INITIALIZED.to_owned(), now);
    *cluster = objects::replace(&objects::clusters(host), cluster).await.map_err(go_error::message)?;
    Ok(())
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned))
}
