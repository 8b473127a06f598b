//! Taking a member out: the host's Cluster first; then on the member what the join and kubefed left there, its namespaces, and last
//! its configuration, by which an interrupted command knows what it was about.

use kubesphere::object::ObjectKind;

use crate::plan::{
    narrowing::Restoration,
    needs::ConfigurationNeed,
    observed::Observed,
    phase::{Begins, Lane, OnFailure, Phase, Plan},
    reconciler::Goal,
    rotation::Secrets,
    step::Step,
    steps::{
        await_gone::AwaitGone,
        configure::Configure,
        confirm_ownership::{ConfirmOwnership, ToldBy},
        delete_cluster::{DeleteCluster, Forced},
        narrow_webhook::NarrowWebhook,
        release::Release,
        remove::Remove,
        restore_webhook::RestoreWebhook,
    },
    unjoin::{
        admission::Admission,
        plan::{Deletion, MemberPlan, UnjoinIntent, UnjoinPlan},
    },
};

/// The steps of what was found out about the removal.
pub fn decide(
    intent: &UnjoinIntent,
    found: &UnjoinPlan,
    host: &Observed,
    member: Option<&Observed>,
    secrets: Option<&Secrets>,
) -> Plan {
    let steps = found.member.as_ref().zip(member);
    let steps = steps.map(|(found, member)| on_member(intent, found, host, member, secrets));
    of_both(found, on_host(found), steps)
}

/// The member's steps begin when the host's Cluster is gone.
pub(super) fn of_both(found: &UnjoinPlan, on_host: Vec<Step>, on_member: Option<Vec<Step>>) -> Plan {
    let first = Phase::new(OnFailure::StopAll, [Lane { cluster: found.host.clone(), steps: on_host }]);
    let lane = found.member.as_ref().zip(on_member);
    let lane = lane.map(|(member, steps)| Lane { cluster: member.side.clone(), steps });
    let then = Phase::new(OnFailure::StopLane, lane);
    Plan::of([first, then.map(|phase| Phase { begins: Begins::WhenFinished, ..phase })])
}

pub(super) fn on_host(found: &UnjoinPlan) -> Vec<Step> {
    let host = || found.host.clone();
    let restore = found.restored_first().map(|restoration: &Restoration| {
        let is_required = found.forced.is_some() || found.has_left_narrowed() || found.admits_by_narrowing();
        Step::RestoreWebhook(RestoreWebhook { host: host(), restoration: restoration.clone(), is_required })
    });
    let Some(planned) = found.deletion.cluster() else { return restore.into_iter().collect() };
    let asks_anew = found.admits_by_narrowing();
    let narrow = found.forced.map(|field| {
        let planned = planned.clone();
        Step::NarrowWebhook(NarrowWebhook { host: host(), field, planned, asks_anew })
    });
    let asks_webhook = found.forced.is_some()
        || matches!(found.admission, Admission::Passes | Admission::Denies(_) | Admission::Silent(_));
    let delete = Step::DeleteCluster(DeleteCluster {
        host: host(),
        planned: planned.clone(),
        deletes: matches!(found.deletion, Deletion::Delete(_)),
        asks_webhook,
        asks_anew: asks_anew && found.forced.is_none(),
        with_member: found.member.is_some(),
        forced: found
            .forced
            .map(|field| Forced { field, denial: found.admission.denial().map(str::to_owned) }),
    });
    restore.into_iter().chain(narrow).chain([delete]).collect()
}

fn on_member(
    intent: &UnjoinIntent,
    found: &MemberPlan,
    host: &Observed,
    member: &Observed,
    secrets: Option<&Secrets>,
) -> Vec<Step> {
    let cluster = || found.side.clone();
    let confirm = ConfirmOwnership::of(found, ToldBy::Configuration, intent, (host, member));
    let removals = found
        .removals
        .iter()
        .map(|existing| Step::Remove(Remove { cluster: cluster(), existing: existing.clone() }));
    let releases = found
        .releases
        .iter()
        .map(|release| Step::Release(Release { cluster: cluster(), release: release.clone() }));
    let configured = secrets.filter(|_| found.configuration != ConfigurationNeed::InEffect);
    let configured = configured.map(|secrets| {
        Step::Configure(Configure {
            cluster: cluster(),
            goal: Goal::Standalone(secrets.clone()),
            expected: found.configuration.clone(),
            observed: Box::new(member.clone()),
        })
    });
    let removed = found.removals.iter().find(|existing| existing.object.kind == ObjectKind::NAMESPACE);
    let gone = removed.or(found.going.as_ref()).map(|existing| {
        Step::AwaitGone(AwaitGone {
            cluster: cluster(),
            existing: existing.clone(),
            was_deleted_before: removed.is_none(),
        })
    });
    [Step::ConfirmOwnership(confirm)]
        .into_iter()
        .chain(removals)
        .chain(releases)
        .chain(configured)
        .chain(gone)
        .collect()
}
