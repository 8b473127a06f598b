//! The webhooks of the chart ks-core.
//!
//! Source: kubesphere `config/ks-core/templates/webhook.yaml@v4.1.3`.

use serde_json::{Value, json};

use crate::{
    kubesphere::{
        objects::SYSTEM,
        secret::{self, Confidential},
    },
    pki::Authority,
};

/// Of the chart's configurations those that every role has and none of whose rules anybody here meets; there is none
/// for Clusters.
pub(super) fn configurations(authority: &str) -> Vec<Value> {
    let webhook = |name: &str, policy: &str, path: &str, (group, version, resource): (&str, &str, &str)| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": name, "admissionReviewVersions": ["v1"], "failurePolicy": policy,
                "matchPolicy": "Exact", "sideEffects": "None", "timeoutSeconds": 30,
                "clientConfig": {
                    "caBundle": secret::base64(authority.as_bytes()),
                    "service": {"name": "ks-controller-manager", "namespace": SYSTEM, "path": path, "port": 443},
                },
                "rules": [{"apiGroups": [group], "apiVersions": [version], "operations": ["CREATE", "UPDATE"],
                           "resources": [resource], "scope": "*"}],
            }],
        })
    };
    let quotas = ("quota.kubesphere.io", "v1alpha2", "resourcequotas");
    let proxies = ("extensions.kubesphere.io", "v1alpha1", "reverseproxies");
    let path = "/validate-extensions-kubesphere-io-v1alpha1-reverseproxy";
    vec![
        webhook(
            "resourcesquotas.quota.kubesphere.io",
            "Ignore",
            "/validate-quota-kubesphere-io-v1alpha2",
            quotas,
        ),
        webhook("extensions.kubesphere.io", "Fail", path, proxies),
        defaulter(authority),
    ]
}

/// Of Secrets that are configurations: there are none here.
fn defaulter(authority: &str) -> Value {
    let name = "defaulter.config.kubesphere.io";
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": name, "admissionReviewVersions": ["v1"], "failurePolicy": "Ignore", "matchPolicy": "Exact",
            "sideEffects": "None", "timeoutSeconds": 30,
            "objectSelector": {"matchExpressions": [{"key": "config.kubesphere.io/type", "operator": "Exists"}]},
            "clientConfig": {
                "caBundle": secret::base64(authority.as_bytes()),
                "service": {"name": "ks-controller-manager", "namespace": SYSTEM, "path": "/mutate--v1-secret", "port": 443},
            },
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                       "resources": ["secrets"], "scope": "*"}],
        }],
    })
}

/// The certificate of their endpoint, and the CA that signed it: both are new in each rendering.
pub(super) fn certificate(confidential: &Confidential) -> (Value, String) {
    let expectation = "the test bed's certificates can be made";
    let authority = Authority::new("self-signed-ca").expect(expectation);
    let names = ["ks-controller-manager.kubesphere-system", "ks-controller-manager.kubesphere-system.svc"];
    let identity = authority.server("ks-core-admission-webhook", &names).expect(expectation);
    confidential.add(secret::base64(identity.key.as_bytes()));
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "ks-controller-manager-webhook-cert"},
        "data": {
            "ca.crt": secret::base64(authority.certificate().as_bytes()),
            "tls.crt": secret::base64(identity.certificate.as_bytes()),
            "tls.key": secret::base64(identity.key.as_bytes()),
        },
    });
    (object, authority.certificate())
}
