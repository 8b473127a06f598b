//! The members' configurations of a join; the host is only read, and not even that where its secret was given.

use super::{
    Decision,
    members::{configure, with_members},
};
use crate::plan::{
    intent::Intent,
    needs::{Needs, Unplannable, shared_secret},
    observed::Observed,
    phase::{Lane, OnFailure, Phase, Plan},
};

pub(super) fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let needs = with_members(Needs::new(shared_secret(intent, host)?), members)?;
    let lanes = members.iter().map(|member| {
        let steps = configure(&needs, member, false).into_iter().collect();
        Lane { cluster: member.side.clone(), steps }
    });
    let plan = Plan::of([Phase::new(OnFailure::StopLane, lanes)]);
    Ok(Decision { needs, plan })
}
