//! What stays on a member, and why.

use kubesphere::object::ExistingObject;

/// Something that an unjoin leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The configuration and the credential: it stays a member of this host under this other name.
    StillMember(String),
    /// The configuration and the namespaces: its secret is not this host's.
    OtherSecret,
    /// The configuration and the namespaces: it is a host itself.
    Host,
    /// The first of what kubefed works with, which may be another host's.
    Kubefed(ExistingObject),
    /// A namespace with others in it.
    Filled { namespace: ExistingObject, others: Vec<String> },
    /// A namespace that may not be empty.
    Untold {
        namespace: ExistingObject,
        /// What is not known of it.
        untold: Vec<String>,
    },
    /// A piece of the credential, which another host may use.
    Shared(ExistingObject),
    /// A piece of the credential, which is not ours.
    Foreign {
        piece: ExistingObject,
        /// Why it is not.
        why: String,
    },
    /// Namespaces of these names in workspaces of the host.
    Namespaces(Vec<String>),
    /// Namespaces that cannot be listed, and why.
    UnlistedNamespaces(String),
    /// ks-core and all that belongs to it: the host that calls itself so says that the cluster is its own.
    Claimed(String),
    /// Helm's release ks-core, with all that belongs to it.
    Core,
    /// The host's jwtSecret, in it.
    JwtSecret,
    /// The definitions of KubeSphere's kinds, and what there is of them.
    Definitions,
    /// The namespace of ks-core.
    SystemNamespace,
    /// What keeps namespaces of workspaces from being deleted once ks-core is gone.
    Finalizers,
    /// What has the name of a part of ks-core without being one.
    WithoutMarks(Vec<String>),
    /// What is to stay, as it says itself.
    ByPolicy(Vec<String>),
}
