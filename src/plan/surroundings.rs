//! What stands around a cluster's KubeSphere, as far as a join depends on it. All of it can be done without: what may
//! not be read leaves a check unknown.

use kubesphere::kubesphere_config::KubesphereConfig;

use super::{core::Core, observed::Seen};

/// What was seen; `None` where nobody looked, because nothing depends on it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// How many nodes there are, for people.
    pub nodes: Option<Seen<usize>>,
    /// The `StorageClasses` that a run of the installer may find.
    pub storage_classes: Option<Seen<Vec<StorageClass>>>,
    pub devops: Option<Seen<KubesphereConfig>>,
    /// The version that ks-apiserver tells through the Service proxy, as a host asks for it.
    pub ks_apiserver: Option<Seen<String>>,
    /// The host's kubefed.
    pub federation: Option<Federation>,
    /// What a former host left on a member.
    pub leftovers: Option<Leftovers>,
    /// What hosts of KubeSphere 4 and helm have left on a member.
    pub core: Option<Core>,
    /// The pods of KubeSphere 4 that cannot start while helm waits for them, with their images and why.
    pub stuck: Vec<String>,
    /// The webhook before Clusters that an upgrade from 3.4 has left on a host of KubeSphere 4.
    pub left_webhook: Option<Seen<()>>,
    /// Of the namespaces that a join writes to, those that are being deleted.
    pub terminating: Option<Seen<Vec<TerminatingNamespace>>>,
}

/// What of it is worth a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent yes and no")]
pub struct ReadScope {
    /// What people are shown of a cluster before it is changed.
    pub shown: bool,
    /// What a run of the installer depends on.
    pub run: bool,
    /// Whether KubeSphere answers as a host asks it.
    pub answer: bool,
    /// What kubefed depends on, on a host.
    pub federation: bool,
    /// What a former host left, on a member.
    pub leftovers: bool,
    /// Whose a member of KubeSphere 4 is, and what helm has done there.
    pub core: bool,
    /// What blocks a host of KubeSphere 4.
    pub left_webhook: bool,
    /// The namespaces that are written to.
    pub namespaces: bool,
}

/// A namespace in which nothing can be created any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminatingNamespace {
    pub name: String,
    /// Finalizers that somebody has put on it; Kubernetes' own waits for what is in it.
    pub finalizers: Vec<String>,
    /// What its conditions say that it waits for.
    pub remaining: Vec<String>,
}

/// A `StorageClass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClass {
    pub name: String,
    /// Whether `kubectl get storageclass` marks it `(default)`.
    pub is_default: bool,
}

/// The kubefed of a host.
#[derive(Clone, Debug)]
pub struct Federation {
    /// Whether Deployment kubefed-controller-manager is available.
    pub controller: Seen<bool>,
    /// The webhooks that stand before Clusters and what kubefed makes of them.
    pub webhooks: Seen<Vec<Webhook>>,
    /// Helm's records of the release kubefed.
    pub releases: Seen<Vec<Release>>,
}

/// A webhook of the API server, and who answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The `ValidatingWebhookConfiguration`.
    pub configuration: String,
    /// The namespace of the Service that it asks.
    pub namespace: String,
    pub service: String,
    /// Whether a ready pod stands behind the Service.
    pub is_served: Seen<bool>,
}

/// One of helm's records of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Counted from 1.
    pub revision: u32,
    /// `deployed`, `failed`, `pending-install`, `superseded`, …
    pub status: String,
}

/// What a former host left on a member.
#[derive(Clone, Debug)]
pub struct Leftovers {
    /// Workspaces that its kubefed manages.
    pub workspaces: Seen<Vec<LeftoverWorkspace>>,
    /// Namespaces that its kubefed manages, or that belong to these workspaces.
    pub namespaces: Seen<Vec<String>>,
}

/// A workspace of a former host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftoverWorkspace {
    pub name: String,
    /// The clusters on which this host places its own workspace of the same name, where it has one.
    pub placed_on: Seen<Vec<String>>,
}
