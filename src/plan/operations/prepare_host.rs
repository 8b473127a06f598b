//! The host's part of a join.

use super::{
    Decision,
    members::{host as host_phase, with_host},
};
use crate::plan::{
    intent::Intent,
    needs::{Needs, Unplannable, shared_secret},
    observed::Observed,
    phase::Plan,
};

pub(super) fn decide(intent: &Intent, host: Option<&Observed>) -> Result<Decision, Unplannable> {
    let secret = shared_secret(intent, host)?;
    let host = host.ok_or(Unplannable::NotObserved)?;
    let needs = with_host(Needs::new(secret), &intent.host, host)?;
    let plan = Plan::of([host_phase(&intent.host, &needs, host)]);
    Ok(Decision { needs, plan })
}
