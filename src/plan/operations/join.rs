//! A join: the credentials, the host, then every member with its Cluster.

use super::{
    Decision,
    members::{configure, credentials, describe, host as host_phase, register, with_host, with_members},
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
    let secret = shared_secret(intent, host)?;
    let host = host.ok_or(Unplannable::NotObserved)?;
    let needs = with_host(Needs::new(secret), &intent.host, host)?;
    let needs = with_members(needs, members)?;
    let prepared = host_phase(&intent.host, &needs, host);
    let lanes = intent.members.iter().zip(members).map(|(intent, member)| {
        let configured = configure(&needs, member, prepared.is_some());
        let steps =
            configured.into_iter().chain(register(intent, host, member)).chain(describe(intent, host));
        Lane { cluster: member.side.clone(), steps: steps.collect() }
    });
    let joined = Phase::new(OnFailure::StopLane, lanes);
    let plan = Plan::of([credentials(intent, host, members), prepared, joined]);
    Ok(Decision { needs, plan })
}
