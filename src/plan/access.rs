//! What the steps of a plan need permission for.

use super::{
    credential::{CLUSTER_ADMIN, HostUid, Kind, Piece, SIGNER},
    credential_step::CredentialStep,
    intent::Part,
    join::{ConfigurationStep, MemberPlan, Plan},
    superseded::Superseded,
};
use crate::kubesphere::{cluster, cluster_configuration};

/// One permission, as an access review asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The verb.
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
fn of_configuration(part: Part, step: &ConfigurationStep) -> Vec<Access> {
    let of = |group, resource| Access {
        verb: "patch",
        group,
        resource,
        namespace: Some(cluster_configuration::NAMESPACE),
        name: Some(cluster_configuration::NAME),
    };
    match step {
        // An import changes no configuration.
        _ if part == Part::Import => Vec::new(),
        // Waiting needs no right. Where the run that is waited for leaves no effect and the restart after it is
        // denied, that is said then: who interrupted a join must be able to go on with the rights it began with.
        ConfigurationStep::InEffect | ConfigurationStep::AwaitController | ConfigurationStep::Await => {
            Vec::new()
        }
        ConfigurationStep::Patch(_) => vec![of(cluster_configuration::GROUP, cluster_configuration::PLURAL)],
        ConfigurationStep::Restart => vec![of("apps", "deployments")],
    }
}

/// What the plan needs on a member.
pub fn on_member(part: Part, plan: &MemberPlan) -> Vec<Access> {
    let mut accesses = of_configuration(part, &plan.configuration);
    let cluster = plan.cluster.as_ref().filter(|_| plan.stores_credential());
    accesses
        .extend(cluster.and_then(|cluster| cluster.credential.as_ref()).into_iter().flat_map(of_credential));
    let renewal = cluster.and_then(|cluster| cluster.renewal());
    accesses.extend(renewal.into_iter().flat_map(|renewal| of_removal(&renewal.superseded)));
    accesses
}

/// What it takes to remove what a host does not use any more.
fn of_removal(superseded: &Superseded) -> Vec<Access> {
    let tokens = (!superseded.tokens.is_empty()).then(|| of("delete", Piece::Token(HostUid::default())));
    let verb = if superseded.empties_binding { "delete" } else { "patch" };
    let users =
        (!superseded.users.is_empty()).then(|| ["get", verb].map(|verb| of(verb, Piece::UserBinding)));
    tokens.into_iter().chain(users.into_iter().flatten()).collect()
}

fn of(verb: &'static str, piece: Piece) -> Access {
    let (group, resource) = piece.resource();
    // What does not exist yet is created without a name, as RBAC sees it.
    let name = piece.fixed_name().filter(|_| matches!(verb, "get" | "patch" | "delete"));
    Access { verb, group, resource, namespace: piece.namespace(), name }
}

/// What it takes to make a credential. The one that is stored creates a `ClusterRole` that allows everything, which
/// only one who may everything may do (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
fn of_credential(step: &CredentialStep) -> Vec<Access> {
    let mut accesses = match step.kind {
        Kind::Context => vec![EVERYTHING],
        Kind::ServiceAccount => vec![
            of("get", Piece::ServiceAccount),
            of("get", Piece::Binding),
            of("list", Piece::Token(HostUid::default())),
            of("get", Piece::Token(HostUid::default())),
        ],
        Kind::Certificate => vec![of("get", Piece::UserBinding), of("get", Piece::Certificate)],
    };
    accesses.extend(step.missing.iter().flat_map(|piece| creation(*piece)));
    accesses
}

fn creation(piece: Piece) -> Vec<Access> {
    let created = of("create", piece);
    match piece {
        Piece::ServiceAccount | Piece::Token(_) | Piece::AnotherToken(..) => vec![created],
        Piece::Binding | Piece::UserBinding | Piece::Rebinding | Piece::AddedUser => {
            let bound = Access {
                verb: "bind",
                resource: "clusterroles",
                name: Some(CLUSTER_ADMIN),
                ..created.clone()
            };
            let stands = matches!(piece, Piece::Rebinding | Piece::AddedUser);
            let changed = if stands { of("patch", piece) } else { created };
            vec![changed, bound]
        }
        Piece::Certificate => {
            let resource = "certificatesigningrequests/approval";
            let approved = Access { verb: "patch", resource, ..created.clone() };
            let signed =
                Access { verb: "approve", resource: "signers", name: Some(SIGNER), ..created.clone() };
            vec![created, approved, signed, of("delete", piece)]
        }
    }
}

/// What the plan needs on the host.
pub fn on_host(part: Part, plan: &Plan) -> Vec<Access> {
    let host = plan.host.iter();
    let mut accesses: Vec<_> = host.flat_map(|host| of_configuration(part, &host.configuration)).collect();
    let of =
        |verb| Access { verb, group: cluster::GROUP, resource: cluster::PLURAL, namespace: None, name: None };
    if plan.creations().next().is_some() {
        accesses.extend(["create", "get"].map(of));
    }
    if plan.renewals().next().is_some() {
        accesses.extend(["get", "patch"].map(of));
    }
    accesses
}
