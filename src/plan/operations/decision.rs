//! Which operation decides.

use kubesphere::versions::Generation;

use super::{four, import, join, prepare_host, prepare_member, renew};
use crate::plan::{
    intent::Intent,
    needs::{Needs, Unplannable},
    observed::Observed,
    operation::Operation,
    phase::Plan,
};

/// What follows from what was observed.
#[derive(Clone, Debug)]
pub struct Decision {
    pub needs: Needs,
    pub plan: Plan,
}

/// Decides for `members`, which stand in the intent's order. A removal has more to look at and is decided by
/// [`super::unjoin::decide`].
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
        Operation::PrepareHost => prepare_host::decide(intent, host),
        Operation::PrepareMember => prepare_member::decide(intent, host, members),
        Operation::Import => import::decide(intent, host, members),
        Operation::Renew => match installing {
            Some(host) => four::renew::decide(intent, host, members),
            None => renew::decide(intent, host, members),
        },
        Operation::Unjoin => Err(Unplannable::NotObserved),
    }
}
