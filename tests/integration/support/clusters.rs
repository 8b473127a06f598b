//! Cluster objects as a host may have them, whoever wrote them.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::objects,
    pki::{Authority, Validity},
};

/// A Cluster under construction: ready, looked at just now, with a token that never ends.
#[must_use]
pub struct Registered(Value);

impl Registered {
    pub fn new(name: &str) -> Self {
        let object = json!({
            "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
            "metadata": {"name": name, "labels": {}, "annotations": {}},
            "spec": {"joinFederation": true, "connection": {"type": "direct"}},
            "status": {
                "kubernetesVersion": "v1.34.3", "kubeSphereVersion": "v3.4.1", "nodeCount": 3,
                "uid": format!("uid-of-{name}"),
            },
        });
        let server = format!("https://{name}.example.org:6443");
        let this = Self(object).with(json!({"spec": {"connection": {"kubernetesAPIEndpoint": server}}}));
        this.stored(&server, json!({"token": format!("a-token-of-{name}-that-is-secret")}))
            .ready(Duration::ZERO)
    }

    /// With this merge patch.
    #[expect(clippy::needless_pass_by_value, reason = "they are written in place")]
    pub fn with(mut self, patch: Value) -> Self {
        json_patch::merge(&mut self.0, &patch);
        self
    }

    /// With a kubeconfig of this server and user.
    #[expect(clippy::needless_pass_by_value, reason = "they are written in place")]
    pub fn stored(self, server: &str, user: Value) -> Self {
        self.storing(&json!({
            "clusters": [{"name": "a", "cluster": {"server": server}}], "users": [{"name": "a", "user": user}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}], "current-context": "a",
        })
        .to_string())
    }

    pub fn storing(self, kubeconfig: &str) -> Self {
        self.with(json!({"spec": {"connection": {"kubeconfig": STANDARD.encode(kubeconfig)}}}))
    }

    /// With a client certificate that ends in so long, on its own server.
    pub fn certificate(self, authority: &Authority, validity: Validity) -> Self {
        let server = self.0["spec"]["connection"]["kubernetesAPIEndpoint"].as_str().unwrap().to_owned();
        let identity = authority.client("admin", None, validity).unwrap();
        let data = [&identity.certificate, &identity.key].map(|pem| STANDARD.encode(pem));
        self.stored(&server, json!({"client-certificate-data": data[0], "client-key-data": data[1]}))
    }

    /// Found ready so long ago.
    pub fn ready(self, ago: Duration) -> Self {
        self.conditions(ago, "True", "", "Ready")
    }

    /// Found not ready so long ago, with this error.
    pub fn failing(self, ago: Duration, error: &str) -> Self {
        self.conditions(ago, "False", error, "Cluster join federation control plane failed")
    }

    fn conditions(self, ago: Duration, status: &str, federated: &str, ready: &str) -> Self {
        let at = (Timestamp::now() - ago).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let condition = |kind: &str, reason: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": "", "lastUpdateTime": at,
                   "lastTransitionTime": at})
        };
        self.with(
            json!({"status": {"conditions": [condition("Federated", federated), condition("Ready", ready)]}}),
        )
    }

    /// Creates it; its status is an ordinary field, so it is kept.
    pub fn create(self, host: &Cluster) {
        let client = host.client();
        block_on(async move { objects::create(&client, &self.0).await.map(drop) }).unwrap();
    }
}
