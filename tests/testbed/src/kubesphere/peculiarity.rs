//! What can be peculiar to an installation.

use serde_json::Value;

use super::{Node, v4::ReleaseStatus};

/// Something about an installation that is not as it was shipped.
#[derive(Clone, Debug, PartialEq)]
pub enum Peculiarity {
    /// No KubeSphere at all.
    NoKubeSphere,
    /// The Deployment ks-installer was removed after the installation.
    NoInstaller,
    /// The spec lacks `authentication.jwtSecret`: the next run fails in ks-core.
    NoJwtSecretKey,
    /// The spec lacks `authentication`.
    NoAuthentication,
    /// The spec lacks `multicluster`.
    NoMulticluster,
    /// The effective jwtSecret is this one.
    JwtSecret(String),
    /// A merge patch of the spec, in effect since the installation.
    Spec(Value),
    /// A workspace that an earlier host left, labelled `kubefed.io/managed=true`.
    LeftoverWorkspace(String),
    /// A workspace that this host federates and places on no cluster.
    FederatedWorkspace(String),
    /// The tenant CRDs are missing.
    NoWorkspaces,
    /// DevOps is installed, since before the cluster became a member.
    DevOps,
    /// Another API uses the short name `cc`.
    ShortNameClash,
    NoDefaultStorageClass,
    /// A merge patch of the ClusterConfiguration's metadata, as another tool's mark.
    Metadata(Value),
    /// kubefed's pods on a host are not ready.
    KubefedDown,
    /// An installation of kubefed has failed and left its release.
    KubefedFailed,
    /// A project that an earlier host federated, labelled `kubefed.io/managed=true`.
    LeftoverProject(String),
    /// A project as a joined member has it: a namespace that belongs to a workspace, both by way of kubefed.
    FederatedProject {
        /// The namespace.
        name: String,
        /// Its workspace, which is made where there is none yet.
        workspace: String,
    },
    /// A service account that kubefed had under an earlier name of the cluster.
    EarlierName(String),
    /// There is one more node.
    Node(Node),
    /// No registry has images any more whose name has this in it, as `ks-apiserver`.
    ImageMissing(String),
    /// New pods take [`super::InstallerScenario::SLOWNESS`] times as long to run, and whoever waits for them as well.
    SlowPods,
    /// A release ks-core of helm with this status, whether KubeSphere is there or not: an install that broke off leaves
    /// `pending-install`.
    Release(ReleaseStatus),
    /// The namespace kubesphere-system says that a host of 4 manages the cluster.
    Managed {
        /// How that host calls the cluster.
        name: String,
        /// How it calls itself.
        host: String,
    },
    /// The upgrade from 3.4 has left the webhook before updates of Clusters, whose CA is no longer that of its endpoint
    /// (#6235).
    LeftWebhook,
    /// A host of 4 calls itself so.
    HostName(String),
    /// A proxy is the way to its apiserver: the cluster can be gone, and its control plane be used again.
    BehindProxy,
}
