//! Taking a member out: the host's Cluster, by its controller; then on the member the annotations that name the host, the
//! host's credential, and where that is asked for ks-core, whose record of helm goes last: by it an interrupted command knows what
//! there was.

use crate::plan::{
    observed::Observed,
    operations::unjoin::{of_both, on_host},
    phase::Plan,
    step::Step,
    steps::{
        confirm_ownership::{ConfirmOwnership, ToldBy},
        release_claim::ReleaseClaim,
        remove::Remove,
        uninstall::Uninstall,
    },
    unjoin::plan::{MemberPlan, UnjoinIntent, UnjoinPlan},
};

pub(in crate::plan::operations) fn decide(
    intent: &UnjoinIntent,
    found: &UnjoinPlan,
    host: &Observed,
    member: Option<&Observed>,
) -> Plan {
    let on_member = found.member.as_ref().zip(member);
    let on_member = on_member.map(|(found, member)| on_member_of_4(intent, found, host, member));
    of_both(found, on_host(found), on_member)
}

fn on_member_of_4(
    intent: &UnjoinIntent,
    found: &MemberPlan,
    host: &Observed,
    member: &Observed,
) -> Vec<Step> {
    let cluster = || found.side.clone();
    let core = found.core.clone().unwrap_or_default();
    let confirm = ConfirmOwnership::of(found, ToldBy::Claim, intent, (host, member));
    let claim = core.claim.map(|own| Step::ReleaseClaim(ReleaseClaim { cluster: cluster(), own }));
    let removals = found
        .removals
        .iter()
        .map(|existing| Step::Remove(Remove { cluster: cluster(), existing: existing.clone() }));
    let uninstall =
        core.uninstall.map(|found| Step::Uninstall(Uninstall { cluster: cluster(), uninstallation: found }));
    [Step::ConfirmOwnership(confirm)].into_iter().chain(claim).chain(removals).chain(uninstall).collect()
}
