//! The definitions that 4 brings; of its 39 those that anybody here asks for.
//!
//! Source: kubesphere `config/ks-core/charts/ks-crds/crds@v4.1.3`.

use kube::Client;
use serde_json::{Value, json};

use crate::kubesphere::{
    crds::{self, crd},
    objects,
};

/// All of them.
pub(super) fn all() -> Vec<Value> {
    let mut plans = crd("kubesphere.io", "v1alpha1", "InstallPlan", None, "Cluster");
    plans["spec"]["versions"][0]["subresources"] = json!({});
    let mut categories = crd("iam.kubesphere.io", "v1beta1", "Category", None, "Cluster");
    categories["metadata"]["name"] = "categories.iam.kubesphere.io".into();
    categories["spec"]["names"]["plural"] = "categories".into();
    vec![
        clusters(),
        workspaces(),
        plans,
        crd("cluster.kubesphere.io", "v1alpha1", "Label", None, "Cluster"),
        crd("kubesphere.io", "v1alpha1", "Extension", None, "Cluster"),
        crd("kubesphere.io", "v1alpha1", "ExtensionVersion", None, "Cluster"),
        crd("iam.kubesphere.io", "v1beta1", "User", None, "Cluster"),
        crd("iam.kubesphere.io", "v1beta1", "ClusterRole", None, "Cluster"),
        crd("iam.kubesphere.io", "v1beta1", "ClusterRoleBinding", None, "Cluster"),
        crd("iam.kubesphere.io", "v1beta1", "BuiltinRole", None, "Cluster"),
        crd("iam.kubesphere.io", "v1beta1", "GlobalRole", None, "Cluster"),
        crd("iam.kubesphere.io", "v1beta1", "GlobalRoleBinding", None, "Cluster"),
        crd("iam.kubesphere.io", "v1beta1", "RoleTemplate", None, "Cluster"),
        categories,
        crd("tenant.kubesphere.io", "v1beta1", "WorkspaceTemplate", None, "Cluster"),
    ]
}

/// Cluster: as that of 3.4 with `spec.config`, and other columns; status is still an ordinary field.
fn clusters() -> Value {
    let mut definition = crds::clusters();
    let version = &mut definition["spec"]["versions"][0];
    version["additionalPrinterColumns"] = json!([
        {"name": "Provider", "type": "string", "jsonPath": ".spec.provider"},
        {"name": "Version", "type": "string", "jsonPath": ".status.kubernetesVersion"},
    ]);
    version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["config"] =
        json!({"type": "string", "format": "byte"});
    definition
}

/// Workspaces are stored in a new version, and the old one is still served.
fn workspaces() -> Value {
    let mut definition = crds::workspaces();
    let versions = definition["spec"]["versions"].as_array_mut().expect("a definition has versions");
    let mut new = versions[0].clone();
    new["name"] = "v1beta1".into();
    versions[0]["storage"] = false.into();
    versions.push(new);
    definition
}

/// Creates what is missing, and brings the rest to this form.
pub(super) async fn apply(client: &Client) -> kube::Result<()> {
    for definition in all() {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        match objects::create(client, &definition).await {
            Err(error) if objects::has_code(&error, 409) => {
                let patch = json!({"spec": definition["spec"]});
                objects::merge(&objects::api_of(client, &definition), name, &patch).await?;
            }
            outcome => drop(outcome?),
        }
    }
    Ok(())
}
