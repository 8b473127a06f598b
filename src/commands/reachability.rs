//! What earlier commands have left behind on a host, and reachability from its nodes: looked at before the question.

use tokio::time::Instant;

use super::{connect::Clusters, narrowing::left_narrowed};
use crate::{
    checks::{Finding, leftover_probe_pods, member_reachable},
    live::{
        connection::Connection,
        reach::{leftovers::find, probe::probe, probe_plan, remains::Remains},
        report::Reporter,
    },
    plan::{
        operations::tidying,
        phase::Plan,
        reach::probing::{ProbePlan, ProbedMember, probed_members},
    },
};

/// Adds to a plan, before everything else, what will be probed, and what earlier commands have left on the host. Returns what can be
/// found out from its nodes, where that is asked for. Nothing is written.
pub(super) async fn look(clusters: &Clusters, plan: &mut Plan) -> Option<ProbePlan> {
    // A member whose host is only read changes nothing there.
    let host = clusters.host.as_ref().filter(|host| plan.concerns(&host.side))?;
    let members = probed_members(&clusters.intent, plan);
    let probe_plan =
        async { if members.is_empty() { None } else { Some(probe_plan::look(host, members).await) } };
    let (probe_plan, leftovers, narrowed) = tokio::join!(probe_plan, find(host), left_narrowed(host));
    let leftovers = leftovers.present().cloned().unwrap_or_default();
    let before = tidying(&host.side, narrowed, leftovers, probe_plan.as_ref());
    *plan = std::mem::take(plan).after(before);
    probe_plan
}

/// For a command that only looks: what is foreseen, and what the nodes' kubelets find out about these members.
pub(super) async fn check(
    host: &Connection,
    members: Vec<ProbedMember>,
    skipped: &[String],
    deadline: Instant,
    remains: &Remains,
    report: &dyn Reporter,
) -> Vec<Finding> {
    let probe_plan = probe_plan::look(host, members).await;
    let mut found = member_reachable::foreseen(&probe_plan);
    if let ProbePlan::Probes(probing) = &probe_plan {
        let probed = probe(host, probing, deadline, remains, report).await;
        found.extend(member_reachable::probed(&probed, skipped));
    }
    found
}

/// For a command that only looks: probe pods that a killed command has left on the host.
pub(super) async fn left_behind(host: &Connection) -> Vec<Finding> {
    leftover_probe_pods::found(&host.side, &find(host).await)
}
