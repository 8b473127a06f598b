//! kubefed on a host, as far as somebody looks whether it is at work.
//!
//! Source: kubefed `charts/kubefed/charts/controllermanager/templates/{deployments,webhook}.yaml`; ks-installer
//! `roles/ks-multicluster/tasks/main.yaml@v3.4.1`.

use kube::Client;
use serde_json::{Value, json};

use super::{
    Peculiarity, crds,
    objects::{self, FEDERATION},
    site::Site,
};

/// The Service behind the webhooks, and the Deployment whose pods answer them.
const WEBHOOK: &str = "kubefed-admission-webhook";

/// Installs the chart: its definitions, its two Deployments, its webhook and helm's record of all that.
pub async fn install(site: &Site) -> kube::Result<()> {
    crds::install(site, &crds::kubefed()).await?;
    let client = site.client();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FEDERATION}});
    objects::ensure(&client, &namespace).await?;
    let is_down = site.installation.has(&Peculiarity::KubefedDown);
    for name in ["kubefed-controller-manager", WEBHOOK] {
        create_deployment(&client, name, u8::from(!is_down)).await?;
    }
    objects::ensure(&client, &webhook()).await?;
    objects::ensure(&client, &endpoint_slice(!is_down)).await?;
    objects::ensure(&client, &release("deployed")).await
}

/// What a first installation leaves that timed out (#4689, #4461).
pub async fn leave_failed_release(client: &Client) -> kube::Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FEDERATION}});
    objects::ensure(client, &namespace).await?;
    objects::ensure(client, &release("failed")).await
}

/// Nobody plays these pods: the status says what their controllers would.
async fn create_deployment(client: &Client, name: &str, available: u8) -> kube::Result<()> {
    let labels = json!({"kubefed-control-plane": name});
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": FEDERATION},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                         "spec": {"containers": [{"name": name, "image": "kubesphere/kubefed:v0.8.1"}]}},
        },
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": available,
                   "availableReplicas": available},
    });
    match objects::create_with_status(client, &object).await {
        Err(error) if !objects::has_code(&error, 409) => Err(error),
        _ => Ok(()),
    }
}

/// Of the chart's three rules the one that nobody's requests meet: an apiserver of a test bed reaches no Service.
fn webhook() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "validations.core.kubefed.io"},
        "webhooks": [{
            "name": "federatedtypeconfigs.core.kubefed.io", "admissionReviewVersions": ["v1beta1"],
            "clientConfig": {"service": {"namespace": FEDERATION, "name": WEBHOOK,
                                         "path": "/validate-federatedtypeconfigs"}},
            "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": ["core.kubefed.io"],
                       "apiVersions": ["v1beta1"], "resources": ["federatedtypeconfigs"]}],
            "failurePolicy": "Fail", "sideEffects": "None",
        }],
    })
}

fn endpoint_slice(is_ready: bool) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{WEBHOOK}-7f9k2"), "namespace": FEDERATION,
                     "labels": {"kubernetes.io/service-name": WEBHOOK}},
        "endpoints": [{"addresses": ["10.233.70.12"], "conditions": {"ready": is_ready}}],
        "ports": [{"name": "", "port": 8443, "protocol": "TCP"}],
    })
}

/// Helm's record; its content, which holds all values, nobody has to read.
fn release(status: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"name": "sh.helm.release.v1.kubefed.v1", "namespace": FEDERATION,
                     "labels": {"name": "kubefed", "owner": "helm", "status": status, "version": "1"}},
        "data": {"release": ""},
    })
}
