//! What comes before everything else on a host: what earlier commands have left there goes, and new members are probed.

use crate::{
    kubesphere::side::Side,
    plan::{
        narrowing::Restoration,
        phase::{Lane, OnFailure, Phase},
        reach::{leftovers::LeftoverPod, probing::Outlook},
        step::Step,
        steps::{probe::Probe, restore_webhook::RestoreWebhook, sweep_pods::SweepPods},
    },
};

/// The phase before those of an operation that changes the host.
pub fn tidying(
    host: &Side,
    narrowed: Option<Restoration>,
    leftovers: Vec<LeftoverPod>,
    outlook: Option<&Outlook>,
) -> Option<Phase> {
    let restore = narrowed.map(|restoration| {
        Step::RestoreWebhook(RestoreWebhook { host: host.clone(), restoration, is_required: false })
    });
    let sweep =
        (!leftovers.is_empty()).then(|| Step::SweepPods(SweepPods { host: host.clone(), pods: leftovers }));
    let probe = match outlook {
        Some(Outlook::Probes(probing)) => Some(Step::Probe(Probe { probing: probing.clone() })),
        Some(Outlook::Unknown { .. }) | None => None,
    };
    let steps = restore.into_iter().chain(sweep).chain(probe).collect();
    Phase::new(OnFailure::StopAll, [Lane { cluster: host.clone(), steps }])
}
