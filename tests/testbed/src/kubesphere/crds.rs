//! The definitions of custom resources that an installation brings.

use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};

use super::{objects, site::Site};

/// How long an apiserver may take to serve a new definition.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(20);

/// ClusterConfiguration: no schema to speak of and no status subresource, in any version.
///
/// Source: ks-installer `deploy/kubesphere-installer.yaml@v3.1.1`, `@v3.4.1`.
pub fn cluster_configurations() -> Value {
    let mut crd =
        crd("installer.kubesphere.io", "v1alpha1", "ClusterConfiguration", Some("cc"), "Namespaced");
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        json!({"type": "object", "properties": {"spec": open, "status": open}});
    crd
}

/// Cluster: fields outside the schema are pruned, and `subresources: {}` means that status is an ordinary field.
///
/// Source: ks-installer `roles/ks-core/ks-core/files/ks-core/crds/cluster.kubesphere.io_clusters.yaml@v3.4.1`.
pub fn clusters() -> Value {
    let mut crd = crd("cluster.kubesphere.io", "v1alpha1", "Cluster", None, "Cluster");
    let version = &mut crd["spec"]["versions"][0];
    version["subresources"] = json!({});
    version["additionalPrinterColumns"] = json!([
        {"name": "Federated", "type": "boolean", "jsonPath": ".spec.joinFederation"},
        {"name": "Provider", "type": "string", "jsonPath": ".spec.provider"},
        {"name": "Active", "type": "boolean", "jsonPath": ".spec.enable"},
        {"name": "Version", "type": "string", "jsonPath": ".status.kubernetesVersion"},
    ]);
    version["schema"]["openAPIV3Schema"] = json!({
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {
                "connection": connection(),
                "enable": {"type": "boolean"},
                "externalKubeAPIEnabled": {"type": "boolean"},
                "joinFederation": {"type": "boolean"},
                "provider": {"type": "string"},
            }},
            "status": {"type": "object", "properties": {
                "conditions": {"type": "array", "items": condition()},
                "configz": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "kubeSphereVersion": {"type": "string"},
                "kubernetesVersion": {"type": "string"},
                "nodeCount": {"type": "integer"},
                "region": {"type": "string"},
                "uid": {"type": "string"},
                "zones": {"type": "array", "items": {"type": "string"}},
            }},
        },
    });
    crd
}

/// Workspaces of the tenant API, which the controller lists on a member.
pub fn workspaces() -> Value {
    crd("tenant.kubesphere.io", "v1alpha1", "Workspace", None, "Cluster")
}

/// What kubefed brings to a host.
pub fn kubefed() -> [Value; 2] {
    let mut clusters = crd("core.kubefed.io", "v1beta1", "KubeFedCluster", None, "Namespaced");
    clusters["spec"]["versions"][0]["subresources"] = json!({"status": {}});
    [clusters, crd("types.kubefed.io", "v1beta1", "FederatedWorkspace", None, "Cluster")]
}

/// An API of somebody else that uses the short name `cc` too (#6067).
pub fn short_name_clash() -> Value {
    let mut definition =
        crd("metacontroller.k8s.io", "v1alpha1", "CompositeController", Some("cc"), "Cluster");
    // The apiserver wants it of every group below k8s.io.
    definition["metadata"]["annotations"] =
        json!({"api-approved.kubernetes.io": "unapproved, a third party's"});
    definition
}

/// Everything that some installation brings.
///
/// An apiserver lets the first creation after a definition's own wait for two seconds (Kubernetes
/// `staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go`), so it is quicker to have all
/// of them and to remove some.
pub fn all() -> Vec<Value> {
    let [kubefed_clusters, federated_workspaces] = kubefed();
    vec![clusters(), cluster_configurations(), workspaces(), kubefed_clusters, federated_workspaces]
}

/// Creates the definitions and waits until all are served.
pub async fn install(site: &Site, definitions: &[Value]) -> kube::Result<()> {
    for definition in definitions {
        objects::ensure(&site.client(), definition).await?;
    }
    wait_until_served(site, definitions).await
}

/// Waits until objects of the definitions can be listed: for a moment after its creation a resource's storage answers
/// 429, and whoever honours its `Retry-After` loses seconds.
async fn wait_until_served(site: &Site, definitions: &[Value]) -> kube::Result<()> {
    let client = &site.client();
    let api = of_definitions(client);
    let served = async {
        for definition in definitions {
            let name = definition["metadata"]["name"].as_str().unwrap_or_default();
            while !is_established(&api.get(name).await?.data) || !is_listed(client, definition).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    };
    tokio::time::timeout(ESTABLISHED_WITHIN, served).await.unwrap_or(Ok(()))
}

/// Removes definitions, with all objects of theirs.
pub async fn remove(site: &Site, definitions: &[Value]) -> kube::Result<()> {
    let client = &site.client();
    let api = of_definitions(client);
    for definition in definitions {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        objects::remove(&api, name).await?;
        while api.get_opt(name).await?.is_some() || is_listed(client, definition).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}

/// Whether a definition is there.
pub async fn is_present(client: &Client, definition: &Value) -> kube::Result<bool> {
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    Ok(of_definitions(client).get_opt(name).await?.is_some())
}

fn of_definitions(client: &Client) -> kube::Api<kube::api::DynamicObject> {
    objects::objects(client, "apiextensions.k8s.io/v1", "CustomResourceDefinition", None)
}

async fn is_listed(client: &Client, definition: &Value) -> bool {
    let spec = &definition["spec"];
    let version = format!(
        "{}/{}",
        spec["group"].as_str().unwrap_or_default(),
        spec["versions"][0]["name"].as_str().unwrap_or_default()
    );
    let api = objects::objects(client, &version, spec["names"]["kind"].as_str().unwrap_or_default(), None);
    api.list(&kube::api::ListParams::default()).await.is_ok()
}

fn is_established(definition: &Value) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

pub(super) fn crd(group: &str, version: &str, kind: &str, short_name: Option<&str>, scope: &str) -> Value {
    let singular = kind.to_lowercase();
    let plural = format!("{singular}s");
    let short_names: Vec<&str> = short_name.into_iter().collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": singular,
                      "shortNames": short_names},
            "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    })
}

fn connection() -> Value {
    json!({"type": "object", "properties": {
        "externalKubernetesAPIEndpoint": {"type": "string"},
        "kubeconfig": {"type": "string", "format": "byte"},
        "kubernetesAPIEndpoint": {"type": "string"},
        "kubernetesAPIServerPort": {"type": "integer"},
        "kubesphereAPIEndpoint": {"type": "string"},
        "kubesphereAPIServerPort": {"type": "integer"},
        "token": {"type": "string"},
        "type": {"type": "string"},
    }})
}

fn condition() -> Value {
    json!({"type": "object", "required": ["status", "type"], "properties": {
        "lastTransitionTime": {"type": "string", "format": "date-time"},
        "lastUpdateTime": {"type": "string", "format": "date-time"},
        "message": {"type": "string"},
        "reason": {"type": "string"},
        "status": {"type": "string"},
        "type": {"type": "string"},
    }})
}
