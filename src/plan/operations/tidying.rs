//! What comes before everything else on a host: what earlier commands have left there goes, and new members are probed.

use kubesphere::side::Side;

use crate::plan::{
    narrowing::Restoration,
    phase::{Lane, OnFailure, Phase},
    reach::{leftovers::LeftoverPod, probing::ProbePlan},
    step::Step,
    steps::{probe::Probe, restore_webhook::RestoreWebhook, sweep_pods::SweepPods},
};

/// The phase before those of an operation that changes the host.
pub fn tidying(
    host: &Side,
    narrowed: Option<Restoration>,
    leftovers: Vec<LeftoverPod>,
    probe_plan: Option<&ProbePlan>,
) -> Option<Phase> {
    let restore = narrowed.map(|restoration| {
        Step::RestoreWebhook(RestoreWebhook { host: host.clone(), restoration, is_required: false })
    });
    let sweep =
        (!leftovers.is_empty()).then(|| Step::SweepPods(SweepPods { host: host.clone(), pods: leftovers }));
    let probe = match probe_plan {
        Some(ProbePlan::Probes(probing)) => Some(Step::Probe(Probe { probing: probing.clone() })),
        Some(ProbePlan::Unknown { .. }) | None => None,
    };
    let steps = restore.into_iter().chain(sweep).chain(probe).collect();
    Phase::new(OnFailure::StopAll, [Lane { cluster: host.clone(), steps }])
}
