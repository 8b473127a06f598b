//! Replaces the kubeconfig in a Cluster, and waits until the host's controller has taken the new one.

use std::time::Duration;

use kubesphere::{
    cluster::RegisteredCluster,
    object::{ObjectKind, ObjectRef},
    side::Side,
    versions::Differences,
};

use crate::plan::{
    access::{Access, of_clusters},
    configuration_patch::Change,
    credential::CredentialKind,
    result::{Effect, StepResult},
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct Renew {
    pub host: Side,
    pub member: Side,
    /// Of the member's kube-system.
    pub uid: String,
    /// The Cluster as it was seen: somebody else's change since then is left as they want it.
    pub planned: RegisteredCluster,
    /// The address that it stores from then on.
    pub server: String,
    /// The credential that it stores from then on.
    pub credential: CredentialKind,
    /// What changes beside the kubeconfig.
    pub changes: Vec<Change>,
    pub differences: Differences,
    /// How often the host's controller looks at each Cluster.
    pub resync: Duration,
    pub waits_for: WaitsFor,
}

/// What is waited for once the kubeconfig is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// That the host's controller has joined the member by it.
    Joined,
    /// That the host's controller has looked at the Cluster, by whichever kubeconfig.
    Look,
}

impl Planned for Renew {
    fn cluster(&self) -> &Side {
        &self.host
    }

    fn verb(&self) -> &'static str {
        "patch"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![ObjectKind::CLUSTER.named(self.planned.name())]
    }

    fn changes(&self) -> &[Change] {
        &self.changes
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        of_clusters(&self.host, &["get", "patch"])
    }

    fn foreseen(&self) -> Vec<StepResult> {
        vec![StepResult::new(&self.host, ObjectKind::CLUSTER.named(self.planned.name()), Effect::Patched)]
    }
}
