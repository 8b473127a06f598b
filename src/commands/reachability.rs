//! Reachability from the host's nodes: looked at before the question, probed after it; and what earlier commands have
//! left behind there.

use tokio::time::Instant;

use super::{
    connect::Clusters,
    narrowing::{self, left_narrowed},
};
use crate::{
    checks::{Finding, leftover_probe_pods, member_reachable},
    live::{
        apply::Persistence,
        connection::Connection,
        reach::{
            leftovers::{find, sweep},
            outlook,
            probe::{probe, rehearse},
            remains::Remains,
        },
        report::{Deed, Event, Note, Report},
    },
    plan::{
        join::Plan,
        reach::probing::{Outlook, ProbedMember, probed_members},
    },
};

/// Adds to a plan what will be probed, and what earlier commands have left on the host. Nothing is written.
pub(super) async fn look(clusters: &Clusters, plan: &mut Plan) {
    let Some(host) = &clusters.host else { return };
    // A member whose host is only read changes nothing there.
    if plan.is_empty() || !plan.changes_host() {
        return;
    }
    let members = probed_members(&clusters.intent, plan);
    let outlook = async { if members.is_empty() { None } else { Some(outlook::look(host, members).await) } };
    let (outlook, leftovers, narrowed) = tokio::join!(outlook, find(host), left_narrowed(host));
    plan.probing = outlook;
    plan.narrowed = narrowed;
    plan.leftover_pods = leftovers.present().cloned().unwrap_or_default();
}

/// Removes what an earlier probing has left behind. That it cannot is worth a note, not an end.
pub(super) async fn tidy(clusters: &Clusters, plan: &Plan, report: &dyn Report) {
    let Some(host) = clusters.host.as_ref().filter(|_| !plan.leftover_pods.is_empty()) else { return };
    let failed = sweep(host, &plan.leftover_pods, Persistence::Stored).await;
    let deleted = plan.leftover_pods.len() - failed.len();
    for problem in failed {
        report.tell(&host.side, Event::Note(Note::LeftoverStays(problem)));
    }
    report.tell(&host.side, Event::Done(Deed::LeftoversDeleted(deleted)));
}

/// What the nodes' kubelets find out, no longer than until `deadline`. What an interruption leaves on the host stands in
/// `remains`.
pub(super) async fn findings(
    host: &Connection,
    outlook: &Outlook,
    skipped: &[String],
    deadline: Instant,
    remains: &Remains,
    report: &dyn Report,
) -> Vec<Finding> {
    let Outlook::Probes(probing) = outlook else { return Vec::new() };
    member_reachable::probed(&probe(host, probing, deadline, remains, report).await, skipped)
}

/// For a command that only looks: what is foreseen, and what the nodes' kubelets find out about these members.
pub(super) async fn check(
    host: &Connection,
    members: Vec<ProbedMember>,
    skipped: &[String],
    deadline: Instant,
    remains: &Remains,
    report: &dyn Report,
) -> Vec<Finding> {
    let outlook = outlook::look(host, members).await;
    let mut found = member_reachable::foreseen(&outlook);
    found.extend(findings(host, &outlook, skipped, deadline, remains, report).await);
    found
}

/// For a command that only looks: probe pods that a killed command has left on the host.
pub(super) async fn left_behind(host: &Connection) -> Vec<Finding> {
    leftover_probe_pods::found(&host.side, &find(host).await)
}

/// What admission on the host would refuse of all that.
pub(super) async fn rehearsed(clusters: &Clusters, plan: &Plan, skipped: &[String]) -> Vec<Finding> {
    let Some(host) = &clusters.host else { return Vec::new() };
    sweep(host, &plan.leftover_pods, Persistence::DryRun).await;
    narrowing::rehearse(host, plan.narrowed.as_ref()).await;
    let Some(Outlook::Probes(probing)) = &plan.probing else { return Vec::new() };
    member_reachable::probed(&rehearse(host, probing).await, skipped)
}
