//! Workspaces and their namespaces, as KubeSphere keeps them on every cluster.

use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{Peculiarity, objects, site::Site};

/// To which workspace a namespace belongs.
const WORKSPACE: &str = "kubesphere.io/workspace";
/// What kubefed writes on everything that it manages on a member.
const MANAGED: &str = "kubefed.io/managed";
/// The workspace of the namespaces that nobody's project is.
const SYSTEM_WORKSPACE: &str = "system-workspace";

/// Kubernetes' own namespaces that the installer labels as KubeSphere's.
///
/// Source: ks-installer `roles/ks-core/prepare/tasks/main.yaml` ("Labeling system-workspace").
const OF_KUBERNETES: [&str; 3] = ["default", "kube-public", "kube-system"];

/// Creates the system's workspace and the namespaces of KubeSphere in it, and labels those of Kubernetes.
pub async fn create_system(site: &Site, namespaces: &[&str]) -> kube::Result<()> {
    let client = site.client();
    let workspace = workspace(SYSTEM_WORKSPACE, &json!({}));
    // Where an installation lacks the definition, it lacks the workspace.
    let owner = if site.installation.has(&Peculiarity::NoWorkspaces) {
        Value::Null
    } else {
        json!([owner(SYSTEM_WORKSPACE, objects::create(&client, &workspace).await?.uid().as_ref())])
    };
    let labels = json!({ WORKSPACE: SYSTEM_WORKSPACE });
    for name in namespaces {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": labels, "ownerReferences": owner},
        });
        objects::ensure(&client, &namespace).await?;
    }
    let api = objects::objects(&client, "v1", "Namespace", None);
    for name in OF_KUBERNETES {
        objects::merge(&api, name, &json!({"metadata": {"labels": labels}})).await?;
    }
    Ok(())
}

/// Creates a project as it looks on a joined member: both it and its workspace are the host's, by way of kubefed.
pub async fn create_federated(site: &Site, name: &str, of: &str) -> kube::Result<()> {
    let client = site.client();
    objects::ensure(&client, &workspace(of, &json!({ MANAGED: "true" }))).await?;
    let workspaces = objects::objects(&client, "tenant.kubesphere.io/v1alpha1", "Workspace", None);
    let uid = workspaces.get(of).await?.uid();
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": name, "ownerReferences": [owner(of, uid.as_ref())],
            "labels": {WORKSPACE: of, "kubesphere.io/namespace": name, MANAGED: "true"},
        },
    });
    objects::create(&client, &namespace).await.map(drop)
}

/// A workspace of this name with these labels.
pub fn workspace(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "tenant.kubesphere.io/v1alpha1", "kind": "Workspace",
        "metadata": {"name": name, "labels": labels}, "spec": {"manager": "admin"},
    })
}

fn owner(workspace: &str, uid: Option<&String>) -> Value {
    json!({"apiVersion": "tenant.kubesphere.io/v1alpha1", "kind": "Workspace", "name": workspace, "uid": uid,
           "controller": true, "blockOwnerDeletion": true})
}
