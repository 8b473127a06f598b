//! What is shown, confirmed and carried out: one value.

use kubesphere::side::Side;

use super::step::Step;
use crate::plan::access::Access;

/// Phases, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub phases: Vec<Phase>,
}

/// Lanes, side by side.
#[derive(Clone, Debug)]
pub struct Phase {
    pub lanes: Vec<Lane>,
    pub on_failure: OnFailure,
    pub begins: Begins,
}

/// What the failure of one lane means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// No later phase begins.
    StopAll,
    /// That cluster's later lanes are left out.
    StopLane,
}

/// When a phase begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// After the phase before it, also where that has left something that takes effect later (`--wait=false`).
    Anyway,
    /// Only where nothing is left of the phases before it.
    WhenFinished,
}

/// Steps, in order.
#[derive(Clone, Debug)]
pub struct Lane {
    pub cluster: Side,
    pub steps: Vec<Step>,
}

impl Phase {
    /// None where no lane has a step.
    pub fn new(on_failure: OnFailure, lanes: impl IntoIterator<Item = Lane>) -> Option<Self> {
        let lanes: Vec<Lane> = lanes.into_iter().filter(|lane| !lane.steps.is_empty()).collect();
        (!lanes.is_empty()).then_some(Self { lanes, on_failure, begins: Begins::Anyway })
    }
}

impl Plan {
    pub fn of(phases: impl IntoIterator<Item = Option<Phase>>) -> Self {
        Self { phases: phases.into_iter().flatten().collect() }
    }

    /// With a phase before all others.
    #[must_use]
    pub fn after(mut self, phase: Option<Phase>) -> Self {
        self.phases.splice(0..0, phase);
        self
    }

    /// Every step, also those that only confirm what was seen.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| &phase.lanes).flat_map(|lane| &lane.steps)
    }

    /// The steps that change something, or wait for something that is known.
    pub fn shown(&self) -> impl Iterator<Item = &Step> {
        self.steps().filter(|step| step.is_shown())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.shown().next().is_none()
    }

    /// Whether nothing is changed by it.
    pub fn only_waits(&self) -> bool {
        self.shown().all(Step::only_waits)
    }

    /// Whether a step changes this cluster, or waits for it.
    pub fn concerns(&self, cluster: &Side) -> bool {
        self.shown().any(|step| step.cluster() == cluster)
    }

    /// What the steps need on this cluster, each once.
    pub fn accesses(&self, cluster: &Side) -> Vec<Access> {
        let mut accesses = Vec::new();
        let needed = self.steps().flat_map(Step::accesses).filter(|(of, _)| of == cluster);
        for (_, access) in needed {
            if !accesses.contains(&access) {
                accesses.push(access);
            }
        }
        accesses
    }

    /// Whether a run of the installer follows, or is waited for, on this cluster.
    pub fn runs_installer(&self, cluster: &Side) -> bool {
        self.steps().any(|step| match step {
            Step::Configure(step) => step.cluster == *cluster && step.expected.runs_installer(),
            _ => false,
        })
    }

    /// Whether a Cluster is created on the host, of this member or of any.
    pub fn registers(&self, member: Option<&Side>) -> bool {
        self.steps().any(|step| match step {
            Step::Register(step) => step.creates && member.is_none_or(|member| step.member == *member),
            _ => false,
        })
    }

    /// Whether the host is to store a credential of this member.
    pub fn stores_credential(&self, member: &Side) -> bool {
        self.steps().any(|step| match step {
            Step::MakeCredential(step) => step.member == *member,
            _ => false,
        })
    }
}
