//! The Cluster that is created, and what it stores.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{intent::Description, member_kubeconfig::StoredKubeconfig};
use crate::kubesphere::cluster;

/// A kubeconfig as a Cluster stores it.
pub fn stored(kubeconfig: &StoredKubeconfig) -> SecretString {
    STANDARD.encode(kubeconfig.text.expose_secret()).into()
}

/// The Cluster as the console creates it (kubesphere/console `src/stores/cluster/index.js@v3.4.1`).
///
/// It holds the member's credentials: it is for the request's body only.
pub fn cluster_manifest(name: &str, description: &Description, kubeconfig: &StoredKubeconfig) -> Value {
    let mut labels = json!(description.labels);
    let mut annotations = json!(description.annotations);
    set(&mut labels, "cluster.kubesphere.io/group", description.group.as_ref());
    set(&mut labels, "cluster.kubesphere.io/region", description.region.as_ref());
    set(&mut annotations, "kubesphere.io/alias-name", description.alias.as_ref());
    set(&mut annotations, "kubesphere.io/description", description.description.as_ref());
    json!({
        "apiVersion": format!("{}/{}", cluster::GROUP, cluster::VERSION),
        "kind": cluster::KIND,
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {
            "provider": description.provider.as_deref().unwrap_or_default(),
            "joinFederation": true,
            "connection": {
                "type": "direct",
                "kubeconfig": stored(kubeconfig).expose_secret(),
            },
        },
    })
}

fn set(map: &mut Value, key: &str, value: Option<&String>) {
    if let Some(value) = value {
        map[key] = json!(value);
    }
}
