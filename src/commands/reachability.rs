//! What earlier commands have left behind on a host, and reachability from its nodes: looked at before the question.

use kubesphere::side::Side;
use tokio::time::Instant;

use super::{connect::Clusters, narrowing::restoration};
use crate::{
    checks::{Finding, cluster_webhook, leftover_probe_pods, member_reachable},
    live::{
        connection::Connection,
        narrowing::webhook,
        reach::{leftovers::find, probe::probe, probe_plan, remains::Remains},
        report::Reporter,
    },
    plan::{
        narrowing::Standing,
        observed::Seen,
        operations::tidying,
        phase::Plan,
        reach::{
            leftovers::LeftoverPod,
            probing::{ProbePlan, ProbedMember, probed_members},
        },
        skipped::Skipped,
    },
};

/// What earlier commands have left behind on a host.
#[derive(Clone)]
pub(super) struct Left {
    pods: Seen<Vec<LeftoverPod>>,
    webhook: Seen<Standing>,
}

impl Left {
    pub(super) async fn on(host: &Connection) -> Self {
        let (pods, webhook) = tokio::join!(find(host), webhook::look(host));
        Self { pods, webhook }
    }

    /// For a command that only looks.
    pub(super) fn findings(&self, host: &Side) -> Vec<Finding> {
        let pods = leftover_probe_pods::found(host, &self.pods);
        [pods, cluster_webhook::found(host, &self.webhook)].concat()
    }
}

/// Adds to a plan, before everything else, what will be probed, and what earlier commands have left on the host. Returns what can be
/// found out from its nodes, where that is asked for. Nothing is written.
pub(super) async fn look(clusters: &Clusters, plan: &mut Plan, left: Option<&Left>) -> Option<ProbePlan> {
    // A member whose host is only read changes nothing there.
    let host = clusters.host.as_ref().filter(|host| plan.concerns(&host.side))?;
    let members = probed_members(&clusters.intent, plan);
    let probe_plan = if members.is_empty() { None } else { Some(probe_plan::look(host, members).await) };
    let left = match left {
        Some(left) => left.clone(),
        None => Left::on(host).await,
    };
    let pods = left.pods.present().cloned().unwrap_or_default();
    let before = tidying(&host.side, restoration(left.webhook), pods, probe_plan.as_ref());
    *plan = std::mem::take(plan).after(before);
    probe_plan
}

/// For a command that only looks: what is foreseen, and what the nodes' kubelets find out about these members.
pub(super) async fn check(
    host: &Connection,
    members: Vec<ProbedMember>,
    skipped: &Skipped,
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
