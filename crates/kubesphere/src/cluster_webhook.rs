//! The webhook that KubeSphere 3.4 puts before every update of a Cluster.
//!
//! It asks the member for the UID of its kube-system, so that no Cluster of a member that is gone can be changed, not
//! even by the removal of its finalizer (kubesphere `pkg/controller/cluster/cluster_webhook.go@v3.4.1`; the
//! configuration: ks-installer `roles/ks-core/ks-core/files/ks-core/templates/webhook.yaml@v3.4.1`).

use serde_json::Value;

use super::cluster;

/// The name of the `ValidatingWebhookConfiguration`.
pub const CONFIGURATION: &str = "cluster.kubesphere.io";
/// The name of the webhook in it.
pub const WEBHOOK: &str = "validating-cluster.kubesphere.io";
/// The API group of the configuration.
pub const GROUP: &str = "admissionregistration.k8s.io";
/// Its resource.
pub const PLURAL: &str = "validatingwebhookconfigurations";
/// The operation that it looks at.
pub const UPDATE: &str = "UPDATE";

/// The `ValidatingWebhookConfiguration`, as the host has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterWebhook {
    object: Value,
}

impl ClusterWebhook {
    /// Takes the whole object.
    pub fn new(object: Value) -> Self {
        Self { object }
    }

    /// Where in the list of webhooks the one of this name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.object["webhooks"].as_array()?.iter().position(|webhook| webhook["name"] == name)
    }

    /// A field of one of the webhooks that is a list; one that is absent, null or empty is empty.
    pub fn list(&self, position: usize, field: &str) -> &[Value] {
        let list = self.raw(position, field).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// A field of one of the webhooks, as it stands there. An API server keeps no empty list.
    pub fn raw(&self, position: usize, field: &str) -> Option<&Value> {
        let value = self.object["webhooks"].get(position)?.get(field)?;
        (!value.is_null() && *value != Value::Array(Vec::new())).then_some(value)
    }

    /// The whole object.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// Whether there is any annotation.
    pub fn has_annotations(&self) -> bool {
        self.object["metadata"]["annotations"].is_object()
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.object["metadata"]["annotations"].get(key)?.as_str()
    }

    /// Whether it looks at updates of Clusters.
    pub fn looks_at_updates(&self) -> bool {
        let position = self.position(WEBHOOK);
        position.is_some_and(|position| self.list(position, "rules").iter().any(covers_updates))
    }
}

/// Whether a rule covers updates of Clusters.
pub fn covers_updates(rule: &Value) -> bool {
    let has = |field: &str, value: &str| {
        let values = rule[field].as_array();
        values.is_some_and(|values| values.iter().any(|has| has == value || has == "*"))
    };
    let resource = has("resources", cluster::PLURAL) || has("resources", "*/*");
    has("apiGroups", cluster::GROUP) && resource && has("operations", UPDATE)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ClusterWebhook, covers_updates};

    fn rule(change: &Value) -> Value {
        let mut rule = json!({"apiGroups": ["cluster.kubesphere.io"], "apiVersions": ["v1alpha1"],
                              "operations": ["UPDATE"], "resources": ["clusters"], "scope": "*"});
        json_patch::merge(&mut rule, change);
        rule
    }

    #[test]
    fn only_updates_of_clusters_are_covered() {
        for change in [json!({}), json!({"operations": ["CREATE", "*"]}), json!({"resources": ["*/*"]})] {
            assert!(covers_updates(&rule(&change)), "{change}");
        }
        for change in [
            json!({"operations": ["CREATE"]}),
            json!({"resources": ["labels"]}),
            json!({"apiGroups": ["iam.kubesphere.io"]}),
            json!({"operations": null}),
        ] {
            assert!(!covers_updates(&rule(&change)), "{change}");
        }
    }

    #[test]
    fn it_stands_where_the_webhook_of_its_name_covers_updates() {
        let webhook = |name: &str, rules: Value| {
            let object = json!({"webhooks": [{"name": "other"}, {"name": name, "rules": rules}]});
            ClusterWebhook::new(object).looks_at_updates()
        };
        assert!(webhook(super::WEBHOOK, json!([rule(&json!({}))])));
        assert!(!webhook(super::WEBHOOK, json!(null)));
        assert!(!webhook("another", json!([rule(&json!({}))])));
        assert!(!ClusterWebhook::new(json!({})).looks_at_updates());
    }
}
