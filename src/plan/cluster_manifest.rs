//! The Cluster that is created, and what it stores.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kubesphere::{cluster, versions::Generation};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::{intent::Description, member_kubeconfig::StoredKubeconfig, steps::register::Register};

pub fn stored(kubeconfig: &StoredKubeconfig) -> SecretString {
    STANDARD.encode(kubeconfig.text.expose_secret()).into()
}

/// The Cluster as the console creates it (kubesphere/console `src/stores/cluster/index.js@v3.4.1`); KubeSphere 4 joins no
/// federation.
///
/// It holds the member's credentials: it is for the request's body only.
pub fn cluster_manifest(step: &Register, kubeconfig: &StoredKubeconfig) -> Value {
    let Register { name, description, .. } = step;
    let mut cluster = json!({
        "apiVersion": format!("{}/{}", cluster::GROUP, cluster::VERSION),
        "kind": cluster::KIND,
        "metadata": {"name": name, "labels": labels(description), "annotations": annotations(description)},
        "spec": {
            "provider": description.provider.as_deref().unwrap_or_default(),
            "connection": {
                "type": "direct",
                "kubeconfig": stored(kubeconfig).expose_secret(),
            },
        },
    });
    if step.differences.generation == Generation::Three {
        cluster["spec"]["joinFederation"] = true.into();
    }
    if let Some(values) = &step.values {
        cluster["spec"]["config"] = values.encoded().expose_secret().into();
    }
    cluster
}

/// The labels that were asked for.
pub fn labels(description: &Description) -> Map<String, Value> {
    let ours = [
        ("cluster.kubesphere.io/group", &description.group),
        ("cluster.kubesphere.io/region", &description.region),
    ];
    with(&description.labels, &ours)
}

/// The annotations that were asked for.
pub fn annotations(description: &Description) -> Map<String, Value> {
    let ours = [
        ("kubesphere.io/alias-name", &description.alias),
        ("kubesphere.io/description", &description.description),
    ];
    with(&description.annotations, &ours)
}

fn with(further: &BTreeMap<String, String>, ours: &[(&str, &Option<String>)]) -> Map<String, Value> {
    let ours = ours.iter().filter_map(|(key, value)| Some(((*key).to_owned(), (*value).clone()?)));
    further.clone().into_iter().chain(ours).map(|(key, value)| (key, json!(value))).collect()
}
