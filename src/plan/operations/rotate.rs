//! A fresh jwtSecret for a host, and then for all its members; or only for the members, where an earlier run has begun.

use super::{
    Decision,
    members::{configured, host as host_phase, with_host, with_members},
};
use crate::plan::{
    intent::{HostIntent, Intent},
    needs::{Needs, Unplannable, host_need, signing_secret},
    observed::Observed,
    phase::Plan,
};

pub(super) fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let host = host.ok_or(Unplannable::NotObserved)?;
    let begun = intent.host.rotation.as_ref().filter(|rotation| rotation.begins(host, members));
    let wanted = HostIntent { rotation: begun.cloned(), ..intent.host.clone() };
    let secret = match begun {
        Some(rotation) => rotation.secrets.fresh.clone(),
        None => signing_secret(host, &host_need(&wanted, host)?).ok_or(Unplannable::NotObserved)?,
    };
    let needs = with_members(with_host(Needs::new(secret), &wanted, host)?, members)?;
    let prepared = host_phase(&wanted, &needs, host);
    let given = configured(&needs, members, prepared.is_some());
    Ok(Decision { needs, plan: Plan::of([prepared, given]) })
}
