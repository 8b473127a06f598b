//! Objects that a join leaves, on either side.

use crate::{
    kubesphere::{cluster::RegisteredCluster, shell_word::shell_word},
    plan::{
        credential::{HostUid, Ownership},
        observed::{Denied, Seen},
        unjoin::namespaces::WorkspaceNamespace,
    },
};

/// Where kubefed works, on hosts and members (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
pub const FEDERATION_NAMESPACE: &str = "kube-federation-system";

/// A kind of object, as requests and messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKind {
    /// The API group, empty for the core.
    pub group: &'static str,
    /// The API version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The plural.
    pub plural: &'static str,
}

impl ObjectKind {
    const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self { group, version, kind, plural }
    }

    /// Of service accounts.
    pub const SERVICE_ACCOUNT: Self = Self::new("", "v1", "ServiceAccount", "serviceaccounts");
    /// Of Secrets.
    pub const SECRET: Self = Self::new("", "v1", "Secret", "secrets");
    /// Of namespaces.
    pub const NAMESPACE: Self = Self::new("", "v1", "Namespace", "namespaces");
    /// Of cluster roles.
    pub const CLUSTER_ROLE: Self =
        Self::new("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles");
    /// Of their bindings.
    pub const CLUSTER_ROLE_BINDING: Self =
        Self::new("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings");
    /// Of requests for certificates.
    pub const CERTIFICATE_REQUEST: Self =
        Self::new("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests");
    /// Of kubefed's clusters on a host.
    pub const KUBEFED_CLUSTER: Self =
        Self::new("core.kubefed.io", "v1beta1", "KubeFedCluster", "kubefedclusters");
    /// Of Clusters.
    pub const CLUSTER: Self = Self::new("cluster.kubesphere.io", "v1alpha1", "Cluster", "clusters");

    /// The plural with its group, as RBAC and kubectl name it.
    pub fn qualified(self) -> String {
        with_group(self.plural, self.group)
    }

    /// The singular with its group, as results name it.
    pub fn singular(self) -> String {
        with_group(&self.kind.to_ascii_lowercase(), self.group)
    }
}

fn with_group(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// One object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace, where it has one.
    pub namespace: Option<&'static str>,
    /// Its name.
    pub name: String,
    /// Its UID: only this very object is meant, and no later one of the same name.
    pub uid: String,
}

impl Trace {
    /// A Cluster of a host.
    pub fn of_cluster(cluster: &RegisteredCluster) -> Self {
        Self {
            kind: ObjectKind::CLUSTER,
            namespace: None,
            name: cluster.name().to_owned(),
            uid: cluster.object_uid().to_owned(),
        }
    }

    /// As `kind.group/name`.
    pub fn object(&self) -> String {
        format!("{}/{}", self.kind.singular(), self.name)
    }

    /// In words: `ServiceAccount kube-federation-system/member1-kubesphere`.
    pub fn in_words(&self) -> String {
        let namespace = self.namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("{} {namespace}{}", self.kind.kind, self.name)
    }

    /// The command that removes it by hand.
    pub fn removal(&self, context: &str) -> String {
        let namespace = self.namespace.map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
        format!(
            "kubectl --context {}{namespace} delete {} {}",
            shell_word(context),
            self.kind.qualified(),
            shell_word(&self.name)
        )
    }
}

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
    pub kubefed: Vec<Trace>,
    /// kubefed's namespace.
    pub federation_namespace: Option<FederationNamespace>,
    /// What has the name of a piece of a credential that we make.
    pub credential: Vec<Piece>,
    /// The namespaces that belong to workspaces.
    pub namespaces: Seen<Vec<WorkspaceNamespace>>,
    /// What may not be read, and has to be known.
    pub denied: Vec<Denied>,
}

/// kubefed's namespace on a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederationNamespace {
    /// The namespace.
    pub trace: Trace,
    /// Whether it has been deleted, and Kubernetes is about to remove what is in it.
    pub is_going: bool,
    /// What is in it besides what every namespace has and what the host's kubefed works with under this name.
    pub others: Vec<String>,
    /// What could not be looked at, so that nobody knows whether it is empty.
    pub untold: Vec<String>,
}

/// An object with the name of a piece of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The object.
    pub trace: Trace,
    /// Which piece.
    pub part: Part,
    /// Whose it is.
    pub whose: Ownership,
}

/// A piece of a credential that we make on a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
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

#[cfg(test)]
mod tests {
    use super::{ObjectKind, Trace};

    #[test]
    fn an_object_is_named_as_kubectl_takes_it() {
        let role = Trace {
            kind: ObjectKind::CLUSTER_ROLE,
            namespace: None,
            name: "kubefed-controller-manager:edge-kubesphere".to_owned(),
            uid: "u".to_owned(),
        };
        assert_eq!(
            role.object(),
            "clusterrole.rbac.authorization.k8s.io/kubefed-controller-manager:edge-kubesphere"
        );
        assert_eq!(
            role.removal("my edge"),
            "kubectl --context 'my edge' delete clusterroles.rbac.authorization.k8s.io kubefed-controller-manager:edge-kubesphere"
        );
        let account =
            Trace { kind: ObjectKind::SERVICE_ACCOUNT, namespace: Some("kube-federation-system"), ..role };
        assert!(
            account
                .removal("a")
                .starts_with("kubectl --context a -n kube-federation-system delete serviceaccounts ")
        );
    }
}
