//! Clusters on a host as others put them there, and credentials of a chosen lifetime.

use std::path::PathBuf;

use futures::future::join_all;
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use crate::{
    ADMIN, Bed,
    bed::{Cluster, key_texts},
    control_plane::MASTERS,
    kubeconfig::{Access, Credentials, write_private},
    kubesphere::{objects, secret, specification::merge},
    pki::Validity,
};

/// A Cluster as the console writes it, and what its controller has written into it since.
///
/// Source: console `src/actions/cluster.js@v3.4.1`.
#[derive(Clone)]
pub struct ClusterObject(Value);

impl ClusterObject {
    /// A direct connection without a kubeconfig yet.
    pub fn new(name: &str) -> Self {
        Self(json!({
            "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
            "metadata": {"name": name, "annotations": {"kubesphere.io/creator": "admin"}},
            "spec": {"provider": "", "joinFederation": true, "connection": {"type": "direct"}},
        }))
    }

    /// With this kubeconfig stored.
    #[must_use]
    pub fn kubeconfig(self, kubeconfig: &str) -> Self {
        self.with(&json!({"spec": {"connection": {"kubeconfig": secret::base64(kubeconfig.as_bytes())}}}))
    }

    #[must_use]
    pub fn label(self, name: &str, value: &str) -> Self {
        self.with(&json!({"metadata": {"labels": {name: value}}}))
    }

    /// With a condition whose reason and message are these, both of whose times are `at`, as `2026-01-03T10:00:00Z`.
    #[must_use]
    pub fn condition(mut self, kind: &str, status: &str, (reason, message): (&str, &str), at: &str) -> Self {
        let condition = json!({
            "type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": at,
            "lastTransitionTime": at,
        });
        match &mut self.0["status"]["conditions"] {
            Value::Array(conditions) => conditions.push(condition),
            none => *none = json!([condition]),
        }
        self
    }

    /// With a merge patch of the whole object, as `{"status": {"uid": "…", "nodeCount": 3}}`.
    #[must_use]
    pub fn with(mut self, patch: &Value) -> Self {
        merge(&mut self.0, patch);
        self
    }

    pub fn json(self) -> Value {
        self.0
    }
}

impl Cluster {
    /// A kubeconfig of an administrator here, whose client certificate holds only so long: `Validity::until(moment)`,
    /// `Validity::lasting(duration)`, `Validity::ended(ago)`. Its one context is named as the cluster's.
    ///
    /// # Panics
    /// When no certificate can be made.
    pub fn kubeconfig_holding(&self, validity: Validity) -> String {
        let identity =
            self.plane().identity(ADMIN, Some(MASTERS), validity).expect("a certificate can be made");
        let credentials = Credentials::Certificate(identity);
        for text in key_texts(&credentials) {
            self.confidential().add(text);
        }
        Access {
            name: self.name(),
            server: &self.server(),
            authority: &self.plane().ca_pem(),
            credentials: &credentials,
        }
        .to_yaml()
    }

    /// Creates a Cluster here that stores this kubeconfig, as the console does.
    ///
    /// # Panics
    /// When the apiserver refuses it.
    pub fn import(&self, name: &str, kubeconfig: &str) {
        self.create_clusters(vec![ClusterObject::new(name).kubeconfig(kubeconfig)]);
    }

    /// Creates these Clusters here, many at once, with the status that they come with: it is no subresource. Where a
    /// controller runs, it looks at them at once.
    ///
    /// # Panics
    /// When the apiserver refuses one.
    pub fn create_clusters(&self, clusters: Vec<ClusterObject>) {
        let client = self.client();
        let created = crate::block_on(async move {
            let creations = clusters.into_iter().map(|cluster| {
                let client = client.clone();
                async move { objects::create(&client, &cluster.json()).await }
            });
            join_all(creations).await
        });
        for outcome in created {
            outcome.expect("the apiserver takes the Cluster");
        }
    }
}

impl Bed {
    /// A copy of [`Bed::kubeconfig`] in which the context of the same name is that of this kubeconfig; mode 0600.
    ///
    /// # Panics
    /// When it is no kubeconfig with a current context, or cannot be written.
    pub fn kubeconfig_with(&self, other: &str) -> PathBuf {
        let mut other: Kubeconfig = serde_yaml::from_str(other).expect("a kubeconfig is given");
        let own = std::fs::read_to_string(self.kubeconfig()).expect("the bed's kubeconfig is there");
        let own: Kubeconfig = serde_yaml::from_str(&own).expect("the bed's kubeconfig is valid");
        let name = other.current_context.take().expect("the kubeconfig has a current context");
        let current = own.current_context.clone();
        // What comes first stays where names are the same.
        let mut merged = other.merge(own).expect("two kubeconfigs of one kind merge");
        merged.current_context = current;
        let path = self.folder().join(format!("kubeconfig-{name}-{}", secret::random_secret(5)));
        let text = serde_yaml::to_string(&merged).expect("a kubeconfig serialises");
        write_private(&path, &text).expect("the bed's folder takes a file");
        path
    }
}
