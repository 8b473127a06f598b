//! Which operation decides.

use kubesphere::versions::Generation;

use super::{four, import, join, prepare_host, prepare_member, renew, rotate, unjoin};
use crate::plan::{
    intent::Intent,
    needs::{Needs, Unplannable},
    observed::Observed,
    operation::Operation,
    phase::Plan,
    rotation::Secrets,
    unjoin::plan::{UnjoinIntent, UnjoinPlan},
};

/// What follows from what was observed.
#[derive(Clone, Debug)]
pub struct Decision {
    pub needs: Needs,
    pub plan: Plan,
}

/// Decides for `members`, which stand in the intent's order. A removal has more to look at and is decided by
/// [`decide_removal`].
pub fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let installing = host.filter(|host| host.generation() == Some(Generation::Four));
    match intent.operation {
        Operation::Join | Operation::Check => match installing {
            Some(host) => four::join::decide(intent, host, members),
            None => join::decide(intent, host, members),
        },
        Operation::PrepareHost => match installing {
            Some(host) => four::prepare::decide(host),
            None => prepare_host::decide(intent, host),
        },
        Operation::PrepareMember => match installing {
            Some(host) => four::prepare::decide(host),
            None => prepare_member::decide(intent, host, members),
        },
        // Whatever is imported, its host prepares it.
        Operation::Import => match installing {
            Some(host) => four::join::decide(intent, host, members),
            None => import::decide(intent, host, members),
        },
        Operation::Renew => match installing {
            Some(host) => four::renew::decide(intent, host, members),
            None => renew::decide(intent, host, members),
        },
        Operation::Rotate => match installing {
            Some(host) => four::prepare::decide(host),
            None => rotate::decide(intent, host, members),
        },
        Operation::Unjoin => Err(Unplannable::NotObserved),
    }
}

/// The steps of what was found out about a removal.
pub fn decide_removal(
    intent: &UnjoinIntent,
    found: &UnjoinPlan,
    host: &Observed,
    member: Option<&Observed>,
    secrets: Option<&Secrets>,
) -> Plan {
    match host.generation() {
        Some(Generation::Four) => four::unjoin::decide(intent, found, host, member),
        _ => unjoin::decide(intent, found, host, member, secrets),
    }
}
