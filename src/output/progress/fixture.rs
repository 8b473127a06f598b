//! Plans and events of tests.

use kubesphere::side::Side;

use crate::{
    live::report::Event,
    plan::{
        phase::{Lane, OnFailure, Phase, Plan},
        step::{Step, StepName},
        steps::sweep_pods::SweepPods,
    },
};

/// Of members of these contexts with so many steps each, whatever these do.
pub(super) fn plan(contexts: &[&str], steps: usize) -> Plan {
    let lane = |context: &&str| {
        let cluster = Side::member(*context);
        let step = Step::SweepPods(SweepPods { host: cluster.clone(), pods: Vec::new() });
        Lane { cluster, steps: vec![step; steps] }
    };
    Plan::of([Phase::new(OnFailure::StopLane, contexts.iter().map(lane))])
}

fn name(phase: &'static str) -> StepName {
    StepName { phase, action: "patch", object: "ks-installer".to_owned() }
}

pub(super) fn begins(phase: &'static str) -> Event {
    Event::StepBegins(name(phase))
}

pub(super) fn ends(phase: &'static str) -> Event {
    Event::StepEnds(name(phase))
}
