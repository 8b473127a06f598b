//! The members' configurations of a join; the host is only read, and not even that where its secret was given.

use super::{
    Decision,
    members::{configured, with_members},
};
use crate::plan::{
    intent::Intent,
    needs::{Needs, Unplannable, shared_secret},
    observed::Observed,
    phase::Plan,
};

pub(super) fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let needs = with_members(Needs::new(shared_secret(intent, host)?), members)?;
    let plan = Plan::of([configured(&needs, members, false)]);
    Ok(Decision { needs, plan })
}
