//! The Clusters of a join, on configurations that others have prepared: the check `prepared` lets no others through, so that
//! at most a run is waited for that is under way, and none is changed.

use super::{
    Decision,
    members::{configure, credentials, describe, host as host_phase, register, with_host, with_members},
};
use crate::plan::{
    intent::Intent,
    needs::{ConfigurationStep, Needs, Unplannable, shared_secret},
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
    let needs = with_members(with_host(Needs::new(secret), &intent.host, host)?, members)?;
    let prepared = awaits(&needs, host).then(|| host_phase(&intent.host, &needs, host)).flatten();
    let lanes = intent.members.iter().zip(members).map(|(intent, member)| {
        let configured = awaits(&needs, member).then(|| configure(&needs, member, prepared.is_some()));
        let steps = configured
            .flatten()
            .into_iter()
            .chain(register(intent, host, member))
            .chain(describe(intent, host));
        Lane { cluster: member.side.clone(), steps: steps.collect() }
    });
    let registered = Phase::new(OnFailure::StopLane, lanes);
    let plan = Plan::of([credentials(intent, host, members), prepared, registered]);
    Ok(Decision { needs, plan })
}

fn awaits(needs: &Needs, cluster: &Observed) -> bool {
    matches!(needs.of(&cluster.side), Some(ConfigurationStep::Await | ConfigurationStep::AwaitController))
}
