//! What the steps of a plan need permission for.

use kubesphere::{cluster, cluster_configuration, cluster_webhook, object::ObjectKind, side::Side};

use super::{
    credential::{CLUSTER_ADMIN, CredentialKind, CredentialObject, HostUid, SIGNER},
    credential_step::CredentialStep,
    needs::ConfigurationNeed,
    superseded::Superseded,
};

/// One permission, as an access review asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub verb: &'static str,
    /// The API group, empty for the core.
    pub group: &'static str,
    /// The plural of the resource.
    pub resource: &'static str,
    /// The namespace, for namespaced resources.
    pub namespace: Option<&'static str>,
    /// The object's name, where one is known beforehand.
    pub name: Option<&'static str>,
}

/// Everything, as a cluster-admin may.
pub const EVERYTHING: Access = Access { verb: "*", group: "*", resource: "*", namespace: None, name: None };

/// What probing from the nodes needs. Without it reachability stays unknown, and nothing else depends on it.
pub fn of_probing() -> [Access; 4] {
    let of = |verb, resource| Access {
        verb,
        group: "",
        resource,
        namespace: Some(cluster_configuration::NAMESPACE),
        name: None,
    };
    [of("create", "pods"), of("list", "pods"), of("delete", "pods"), of("list", "events")]
}

/// What a step on a ClusterConfiguration needs.
pub fn of_configuration(step: &ConfigurationNeed) -> Option<Access> {
    let of = |group, resource| Access {
        verb: "patch",
        group,
        resource,
        namespace: Some(cluster_configuration::NAMESPACE),
        name: Some(cluster_configuration::NAME),
    };
    match step {
        // Waiting needs no right. Where the run that is waited for leaves no effect and the restart after it is
        // denied, that is said then: who interrupted a join must be able to go on with the rights it began with.
        ConfigurationNeed::InEffect | ConfigurationNeed::AwaitController | ConfigurationNeed::Await => None,
        ConfigurationNeed::Patch(_) => Some(of(cluster_configuration::GROUP, cluster_configuration::PLURAL)),
        ConfigurationNeed::Restart => Some(of("apps", "deployments")),
    }
}

/// What is done to the host's Clusters.
pub fn of_clusters(host: &Side, verbs: &[&'static str]) -> Vec<(Side, Access)> {
    let of =
        |verb| Access { verb, group: cluster::GROUP, resource: cluster::PLURAL, namespace: None, name: None };
    verbs.iter().map(|verb| (host.clone(), of(verb))).collect()
}

/// What it takes to narrow the webhook before Clusters, or to restore it.
pub fn of_webhook() -> [Access; 2] {
    ["get", "patch"].map(|verb| Access {
        verb,
        group: cluster_webhook::GROUP,
        resource: cluster_webhook::PLURAL,
        namespace: None,
        name: Some(cluster_webhook::CONFIGURATION),
    })
}

/// What is done to objects of a kind whose names nobody knows beforehand.
pub fn of_kind(verb: &'static str, kind: ObjectKind, namespace: Option<&'static str>) -> Access {
    Access { verb, group: kind.group, resource: kind.plural, namespace, name: None }
}

/// What it takes to remove what a host does not use any more.
pub fn of_removal_of_superseded(superseded: &Superseded) -> Vec<Access> {
    let tokens =
        (!superseded.tokens.is_empty()).then(|| of("delete", CredentialObject::Token(HostUid::default())));
    let verb = if superseded.empties_binding { "delete" } else { "patch" };
    let users = (!superseded.users.is_empty())
        .then(|| ["get", verb].map(|verb| of(verb, CredentialObject::UserBinding)));
    tokens.into_iter().chain(users.into_iter().flatten()).collect()
}

fn of(verb: &'static str, piece: CredentialObject) -> Access {
    let (group, resource) = piece.resource();
    // What does not exist yet is created without a name, as RBAC sees it.
    let name = piece.fixed_name().filter(|_| matches!(verb, "get" | "patch" | "delete"));
    Access { verb, group, resource, namespace: piece.namespace(), name }
}

/// What it takes to make a credential. The one that is stored creates a `ClusterRole` that allows everything, which
/// only one who may everything may do (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
pub fn of_credential(step: &CredentialStep) -> Vec<Access> {
    let mut accesses = match step.kind {
        CredentialKind::Context => vec![EVERYTHING],
        CredentialKind::ServiceAccount => vec![
            of("get", CredentialObject::ServiceAccount),
            of("get", CredentialObject::Binding),
            of("list", CredentialObject::Token(HostUid::default())),
            of("get", CredentialObject::Token(HostUid::default())),
        ],
        CredentialKind::Certificate => {
            vec![of("get", CredentialObject::UserBinding), of("get", CredentialObject::Certificate)]
        }
    };
    accesses.extend(step.missing.iter().flat_map(|piece| creation(*piece)));
    accesses
}

fn creation(piece: CredentialObject) -> Vec<Access> {
    let created = of("create", piece);
    match piece {
        CredentialObject::Namespace
        | CredentialObject::ServiceAccount
        | CredentialObject::Token(_)
        | CredentialObject::AnotherToken(..) => vec![created],
        CredentialObject::Binding
        | CredentialObject::UserBinding
        | CredentialObject::Rebinding
        | CredentialObject::AddedUser => {
            let bound = Access {
                verb: "bind",
                resource: "clusterroles",
                name: Some(CLUSTER_ADMIN),
                ..created.clone()
            };
            let stands = matches!(piece, CredentialObject::Rebinding | CredentialObject::AddedUser);
            let changed = if stands { of("patch", piece) } else { created };
            vec![changed, bound]
        }
        CredentialObject::Certificate => {
            let resource = "certificatesigningrequests/approval";
            let approved = Access { verb: "patch", resource, ..created.clone() };
            let signed =
                Access { verb: "approve", resource: "signers", name: Some(SIGNER), ..created.clone() };
            vec![created, approved, signed, of("delete", piece)]
        }
    }
}
