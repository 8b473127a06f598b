//! Makes a member known to its host: creates its Cluster, where there is none, and waits until that is ready.

use std::time::Duration;

use kubesphere::{
    core_values::CoreValues,
    object::{ObjectKind, ObjectRef},
    side::Side,
    versions::Differences,
};

use crate::plan::{
    access::{Access, of_clusters},
    cluster_manifest::cluster_manifest,
    configuration_patch::Change,
    core::HostIdentity,
    credential::CredentialKind,
    intent::Description,
    manifest::Manifest,
    member_kubeconfig::StoredKubeconfig,
    result::{Effect, StepResult},
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct Register {
    pub host: Side,
    pub member: Side,
    /// Of the member's kube-system.
    pub uid: String,
    pub name: String,
    pub description: Description,
    /// The credential that it stores.
    pub credential: CredentialKind,
    /// The values with which a host of KubeSphere 4 installs it.
    pub values: Option<CoreValues>,
    /// Whether the Cluster is created; else it is there, and only waited for.
    pub creates: bool,
    pub differences: Differences,
    /// How often the host's controller looks at each Cluster.
    pub resync: Duration,
    /// Where the host installs KubeSphere on the member itself: KubeSphere 4.
    pub installer: Option<Installer>,
}

/// A host of KubeSphere 4, and what its helm makes of the member.
#[derive(Clone, Debug)]
pub struct Installer {
    pub host: HostIdentity,
    /// Whether the member has a release ks-core already.
    pub upgrades: bool,
    /// What people rely on there that changes with it.
    pub changes: Vec<Change>,
}

impl Installer {
    /// Whether the member has signed with another secret.
    pub fn replaces_secret(&self) -> bool {
        self.changes.iter().any(Change::sets_jwt_secret)
    }
}

impl Planned for Register {
    fn cluster(&self) -> &Side {
        &self.host
    }

    fn verb(&self) -> &'static str {
        if self.creates { "create" } else { "wait" }
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![ObjectKind::CLUSTER.named(&self.name)]
    }

    fn changes(&self) -> &[Change] {
        self.installer.as_ref().map(|installer| installer.changes.as_slice()).unwrap_or_default()
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        let verbs: &[&'static str] = if self.creates { &["create", "get"] } else { &[] };
        of_clusters(&self.host, verbs)
    }

    fn manifests(&self, stored: Option<&StoredKubeconfig>) -> Vec<Manifest> {
        let stored = stored.filter(|_| self.creates);
        let manifest = stored.map(|stored| {
            let content = cluster_manifest(self, stored);
            Manifest::of_object(&self.host, ObjectKind::CLUSTER.named(&self.name), content)
        });
        manifest.into_iter().collect()
    }

    fn only_waits(&self) -> bool {
        !self.creates
    }

    fn foreseen(&self) -> Vec<StepResult> {
        let created = StepResult::new(&self.host, ObjectKind::CLUSTER.named(&self.name), Effect::Created);
        if self.creates { vec![created] } else { Vec::new() }
    }
}
