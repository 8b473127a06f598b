//! What the steps of a plan need permission for.

use super::{
    intent::Part,
    join::{ConfigurationStep, MemberPlan, Plan, Registration},
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

/// What the plan needs on a member. The credential that is stored creates a `ClusterRole` that allows everything,
/// which only one who may everything may do (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
pub fn on_member(part: Part, plan: &MemberPlan) -> Vec<Access> {
    let mut accesses = of_configuration(part, &plan.configuration);
    let creates = plan.cluster.as_ref().is_some_and(|cluster| cluster.registration == Registration::Create);
    if creates {
        accesses.push(Access { verb: "*", group: "*", resource: "*", namespace: None, name: None });
    }
    accesses
}

/// What the plan needs on the host.
pub fn on_host(part: Part, plan: &Plan) -> Vec<Access> {
    let host = plan.host.iter();
    let mut accesses: Vec<_> = host.flat_map(|host| of_configuration(part, &host.configuration)).collect();
    if plan.creations().next().is_some() {
        let of = |verb| Access {
            verb,
            group: cluster::GROUP,
            resource: cluster::PLURAL,
            namespace: None,
            name: None,
        };
        accesses.extend(["create", "get"].map(of));
    }
    accesses
}
