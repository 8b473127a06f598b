//! Objects that a join leaves, on either side.

use kubesphere::object::ExistingObject;

use crate::plan::{
    credential::{HostUid, Ownership},
    observed::{Denied, Seen},
    unjoin::{core::CoreSeen, namespaces::WorkspaceNamespace},
};

/// Where kubefed works, on hosts and members (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
pub const FEDERATION_NAMESPACE: &str = "kube-federation-system";

/// The service account by which a host's kubefed works on a member.
pub fn kubefed_account(name: &str) -> String {
    format!("{name}-kubesphere")
}

/// The role of that account, and the name of its binding.
pub fn kubefed_role(name: &str) -> String {
    format!("kubefed-controller-manager:{}", kubefed_account(name))
}

/// The Secret on the host with that account's token.
pub fn kubefed_secret(name: &str) -> String {
    format!("{name}-secret")
}

/// What a join left on a member.
#[derive(Clone, Debug)]
pub struct Traces {
    /// What the host's kubefed works with under this name, in the order in which it is removed.
    pub kubefed: Vec<ExistingObject>,
    /// kubefed's namespace.
    pub federation_namespace: Option<FederationNamespace>,
    /// What has the name of a piece of a credential that we make.
    pub credential: Vec<CredentialTrace>,
    /// The namespaces that belong to workspaces.
    pub namespaces: Seen<Vec<WorkspaceNamespace>>,
    /// What there is of KubeSphere 4.
    pub core: Option<CoreSeen>,
    /// What may not be read, and has to be known.
    pub denied: Vec<Denied>,
}

/// kubefed's namespace on a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederationNamespace {
    pub trace: ExistingObject,
    /// Whether it has been deleted, and Kubernetes is about to remove what is in it.
    pub is_going: bool,
    /// What is in it besides what every namespace has and what the host's kubefed works with under this name.
    pub others: Vec<String>,
    /// What could not be looked at, so that nobody knows whether it is empty.
    pub untold: Vec<String>,
}

/// An object with the name of a piece of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialTrace {
    pub trace: ExistingObject,
    /// Which piece.
    pub part: TracedCredential,
    /// Whose it is.
    pub whose: Ownership,
}

/// A piece of a credential that we make on a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TracedCredential {
    /// The token of a host, where it says of which.
    Token(Option<HostUid>),
    /// The binding of the service account.
    Binding,
    /// The service account.
    Account,
    /// The binding of the user of a client certificate.
    UserBinding,
    /// A request for a client certificate.
    Request,
}
