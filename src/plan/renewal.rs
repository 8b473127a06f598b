//! What it takes to give a host a new kubeconfig of its member.

use jiff::Timestamp;
use kubesphere::{
    cluster::{Condition, ConditionType, RegisteredCluster},
    installer_log::mask,
    readiness::Membership,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{configuration_patch::Change, lifetime::end_of_stored};

/// The field that the host's dispatcher takes its URLs from; the controller fills it only while it is empty
/// (kubesphere `pkg/utils/clusterclient/clusterclient.go@v3.4.1`, `cluster_controller.go@v3.4.1`).
const ENDPOINT_FIELD: &str = "spec.connection.kubernetesAPIEndpoint";

/// An endpoint that the controller has not recorded yet it takes from the new kubeconfig.
pub fn changed_endpoint(cluster: &RegisteredCluster, server: &str) -> Option<Change> {
    let recorded = cluster.endpoint().filter(|_| !cluster.leads_to(server))?;
    // Somebody may have written a password into it.
    let old = Some(mask(recorded).into_owned());
    Some(Change { field: ENDPOINT_FIELD.to_owned(), old, new: server.to_owned() })
}

/// What to do with the Cluster as it stands now.
#[derive(Debug)]
pub enum Replacement {
    /// All of it stands there already: the answer to an earlier request was lost, or there is nothing to change.
    Arrived,
    /// What somebody else has done to the kubeconfig or to the Cluster itself: a participle.
    Overtaken(&'static str),
    /// This merge patch, which holds the credential: it is for the request's body only.
    Send(Value),
}

/// How the Cluster `planned`, which is `found` now, gets this kubeconfig. The old one is a secret, and so it is no guard in
/// the patch: it is compared here, and the patch holds for this state of the object only.
pub fn replacement(
    planned: &RegisteredCluster,
    found: Option<&RegisteredCluster>,
    kubeconfig: &SecretString,
    server: &str,
) -> Replacement {
    let same = found.filter(|found| found.object_uid() == planned.object_uid());
    let Some(found) = same else { return Replacement::Overtaken("deleted") };
    if found.is_being_deleted() {
        return Replacement::Overtaken("deleted");
    }
    let endpoint = changed_endpoint(found, server);
    if found.stores(kubeconfig) {
        return endpoint.map_or(Replacement::Arrived, |_| {
            Replacement::Send(guarded(found, &json!({"kubernetesAPIEndpoint": server})))
        });
    }
    if found.kubeconfig_base64().as_ref().map(SecretString::expose_secret)
        != planned.kubeconfig_base64().as_ref().map(SecretString::expose_secret)
    {
        return Replacement::Overtaken("changed the kubeconfig of");
    }
    let mut connection = json!({"kubeconfig": kubeconfig.expose_secret()});
    if endpoint.is_some() {
        connection["kubernetesAPIEndpoint"] = server.into();
    }
    Replacement::Send(guarded(found, &connection))
}

/// A merge patch of the connection for this very state of the object.
pub fn guarded(found: &RegisteredCluster, connection: &Value) -> Value {
    let metadata = json!({"uid": found.object_uid(), "resourceVersion": found.resource_version()});
    json!({"metadata": metadata, "spec": {"connection": connection}})
}

/// The annotation whose change has a controller of KubeSphere 4 look at a Cluster
/// (kubesphere `cluster_controller.go@v4.1.3`, `SetupWithManager`).
const SYNC_AT: &str = "kubesphere.io/syncAt";

/// A merge patch that asks for a look.
pub fn another_look(now: Timestamp) -> Value {
    json!({"metadata": {"annotations": {SYNC_AT: now.to_string()}}})
}

/// The same, for this very state of the object.
pub fn another_look_at(found: &RegisteredCluster, now: Timestamp) -> Value {
    let mut patch = another_look(now);
    patch["metadata"]["uid"] = found.object_uid().into();
    patch["metadata"]["resourceVersion"] = found.resource_version().into();
    patch
}

/// What the conditions said before a kubeconfig was replaced. No version says which kubeconfig its controller has looked
/// at; but each of its looks writes the conditions anew, and one that began before the change is refused when it writes,
/// because it writes the whole object (kubesphere `cluster_controller.go@v3.4.1`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    federated: Option<Condition>,
    ready: Option<Condition>,
}

impl Before {
    /// As this Cluster shows them.
    pub fn new(cluster: &RegisteredCluster) -> Self {
        Self {
            federated: cluster.condition(ConditionType::Federated),
            ready: cluster.condition(ConditionType::Ready),
        }
    }

    /// When the later one was written, where it says True: who writes the same in the same second leaves no trace of it.
    pub fn last_written(&self) -> Option<Timestamp> {
        let written = [&self.federated, &self.ready].into_iter().flatten().filter(|said| said.is_true);
        written.filter_map(|said| said.updated_at.parse().ok()).max()
    }

    /// Whether the controller has written anew whether the Cluster is ready.
    pub fn is_past(&self, cluster: &RegisteredCluster) -> bool {
        cluster.condition(ConditionType::Ready) != self.ready
    }

    /// How far the controller has come with the new kubeconfig, where `membership` is what the Cluster says. Ready alone
    /// proves nothing: 3.1 and 3.2 write it by a probe of its own, which may have begun with the old kubeconfig.
    pub fn progress(&self, cluster: &RegisteredCluster, membership: Membership) -> Membership {
        let is_ready_old = cluster.condition(ConditionType::Ready) == self.ready;
        let is_federated_old = cluster.condition(ConditionType::Federated) == self.federated;
        let says_ready = matches!(membership, Membership::Joined | Membership::WithoutKubesphereVersion);
        let is_old = if says_ready {
            is_ready_old || (is_federated_old && self.federated.is_some())
        } else {
            is_ready_old && is_federated_old
        };
        if is_old {
            return Membership::Pending("the controller has not looked at the new kubeconfig yet".to_owned());
        }
        match other_end(cluster).filter(|_| says_ready) {
            Some(other) => {
                Membership::Pending(format!("the controller still sees a certificate that ends on {other}"))
            }
            None => membership,
        }
    }
}

/// From 3.3 the controller names the end of the certificate that it has seen, as Go's `time.Time` prints it.
fn other_end(cluster: &RegisteredCluster) -> Option<String> {
    let said = cluster.condition(ConditionType::CertificateExpires)?.message;
    let ends = Timestamp::from_second(end_of_stored(cluster)?).ok()?;
    let ends = ends.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string();
    (!said.is_empty() && said != ends).then_some(said)
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
