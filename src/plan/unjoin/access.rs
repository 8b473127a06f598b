//! What the steps need permission for.

use super::{
    admission::Admission,
    plan::{Deletion, MemberPlan, UnjoinPlan},
};
use crate::{
    kubesphere::{
        cluster_configuration::{self, NAMESPACE},
        cluster_webhook,
        object::{ExistingObject, ObjectKind},
    },
    plan::{access::Access, join::ConfigurationStep},
};

/// What the plan needs on the host.
pub fn on_host(plan: &UnjoinPlan) -> Vec<Access> {
    let of = |verb| access(verb, ObjectKind::CLUSTER, None);
    let mut accesses = match plan.deletion {
        Deletion::Delete(_) => vec![of("get"), of("delete")],
        Deletion::Await(_) => vec![of("get")],
        Deletion::Done => Vec::new(),
    };
    // The webhook is asked by a patch that changes nothing.
    if plan.forced.is_some()
        || matches!(plan.admission, Admission::Passes | Admission::Denies(_) | Admission::Silent(_))
    {
        accesses.push(of("patch"));
    }
    accesses.extend(of_webhook(plan));
    accesses
}

/// What it takes to narrow the webhook, or to restore what is left narrowed.
fn of_webhook(plan: &UnjoinPlan) -> Vec<Access> {
    let of = |verb| Access {
        verb,
        group: cluster_webhook::GROUP,
        resource: cluster_webhook::PLURAL,
        namespace: None,
        name: Some(cluster_webhook::CONFIGURATION),
    };
    if plan.forced.is_some() || plan.has_left_narrowed() || plan.admits_by_narrowing() {
        vec![of("get"), of("patch")]
    } else {
        Vec::new()
    }
}

/// What the plan needs on the member.
pub fn on_member(plan: &MemberPlan) -> Vec<Access> {
    let mut accesses: Vec<Access> = Vec::new();
    let releases = plan.releases.first().map(|_| access("patch", ObjectKind::NAMESPACE, None));
    let removals = plan.removals.iter().flat_map(of_removal);
    for needed in removals.chain(releases).chain(of_configuration(&plan.configuration)) {
        if !accesses.contains(&needed) {
            accesses.push(needed);
        }
    }
    accesses
}

/// A namespace is waited for until it is gone.
fn of_removal(trace: &ExistingObject) -> Vec<Access> {
    let delete = access("delete", trace.object.kind, trace.object.namespace);
    if trace.object.kind == ObjectKind::NAMESPACE {
        vec![delete, access("get", trace.object.kind, None)]
    } else {
        vec![delete]
    }
}

fn of_configuration(step: &ConfigurationStep) -> Option<Access> {
    let of = |group, resource| Access {
        verb: "patch",
        group,
        resource,
        namespace: Some(NAMESPACE),
        name: Some(cluster_configuration::NAME),
    };
    match step {
        ConfigurationStep::InEffect | ConfigurationStep::AwaitController | ConfigurationStep::Await => None,
        ConfigurationStep::Patch(_) => Some(of(cluster_configuration::GROUP, cluster_configuration::PLURAL)),
        ConfigurationStep::Restart => Some(of("apps", "deployments")),
    }
}

fn access(verb: &'static str, kind: ObjectKind, namespace: Option<&'static str>) -> Access {
    Access { verb, group: kind.group, resource: kind.plural, namespace, name: None }
}
