//! What came of the steps: from it later steps take what earlier ones have made, and results, the object of `-o` and the exit code
//! are made.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kubesphere::side::Side;

use super::{
    failure::Failure,
    registering::WithoutVersion,
    steps::{confirm_ownership::SeenAgain, make_credential::Made, narrow_webhook::Window},
};
use crate::{
    checks::Finding,
    plan::{manifest::Written, member_kubeconfig::StoredKubeconfig, observed::Observed, result::StepResult},
};

/// What was changed so far. It is kept outside of the future that carries out a plan: an interruption drops that future with its
/// ledger, and what was changed is told all the same.
#[derive(Default)]
pub struct Journal(Mutex<Vec<StepResult>>);

impl Journal {
    /// A binding that was patched twice is one result.
    pub(super) fn add(&self, result: &StepResult) {
        let mut changes = self.all();
        if !changes.contains(result) {
            changes.push(result.clone());
        }
    }

    pub fn withdraw(&self, result: &StepResult) {
        self.all().retain(|change| change != result);
    }

    /// Those that nobody has been told of.
    pub fn take(&self) -> Vec<StepResult> {
        mem::take(&mut *self.all())
    }

    fn all(&self) -> MutexGuard<'_, Vec<StepResult>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Entries in the order of phases and lanes.
#[derive(Default)]
pub struct Ledger {
    pub entries: Vec<Entry>,
    /// Whether a failure has kept later phases from beginning.
    pub has_stopped: bool,
}

/// What came of one lane.
pub struct Entry {
    pub cluster: Side,
    pub results: Vec<StepResult>,
    /// What would be sent, where that is all that was asked for.
    pub written: Vec<Written>,
    /// What was found out on the way.
    pub findings: Vec<Finding>,
    /// What the cluster showed after its last change, where it was looked at again.
    pub observed: Option<Observed>,
    /// The cluster whose installer was at work for it, where that run is not known to have succeeded.
    pub left_run: Option<Box<Observed>>,
    /// What the host will store of this member.
    pub kubeconfig: Option<StoredKubeconfig>,
    /// Of the credential.
    pub(super) made: Vec<Made>,
    /// A former member and its host, before the member's first change.
    pub(super) seen_again: Option<SeenAgain>,
    /// Whether the webhook that an earlier command has left narrowed was restored.
    pub(super) restored_webhook: bool,
    /// While the webhook is narrowed for the Cluster of this lane.
    pub(super) window: Option<Window>,
    /// Why the member's KubeSphere version stays unknown to its host, where it does.
    pub without_version: Option<WithoutVersion>,
    /// Whether something is left that can only take effect later (`--wait=false`).
    pub unfinished: bool,
    pub failure: Option<Failure>,
}

impl Entry {
    pub(super) fn new(cluster: &Side) -> Self {
        Self {
            cluster: cluster.clone(),
            results: Vec::new(),
            written: Vec::new(),
            findings: Vec::new(),
            observed: None,
            left_run: None,
            kubeconfig: None,
            made: Vec::new(),
            seen_again: None,
            restored_webhook: false,
            window: None,
            without_version: None,
            unfinished: false,
            failure: None,
        }
    }
}

impl Ledger {
    pub fn results(&self) -> Vec<StepResult> {
        self.entries.iter().flat_map(|entry| entry.results.clone()).collect()
    }

    pub(super) fn withdraw(&mut self, result: &StepResult) {
        self.entries.iter_mut().for_each(|entry| entry.results.retain(|other| other != result));
    }

    /// What those steps would send that change something.
    pub fn written(&self) -> Vec<Written> {
        let written = self.entries.iter().flat_map(|entry| &entry.written);
        written.filter(|written| written.step.is_shown()).cloned().collect()
    }

    pub fn is_unfinished(&self) -> bool {
        self.entries.iter().any(|entry| entry.unfinished)
    }

    pub(super) fn is_unfinished_on(&self, cluster: &Side) -> bool {
        self.of(cluster).any(|entry| entry.unfinished)
    }

    pub(super) fn has_failed(&self, cluster: &Side) -> bool {
        self.of(cluster).any(|entry| entry.failure.is_some())
    }

    pub(super) fn of<'a>(&'a self, cluster: &'a Side) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.cluster == *cluster)
    }

    /// The host after its configuration has changed, whether that is in effect or not.
    pub(super) fn host(&self) -> Option<&Observed> {
        self.hosts().find_map(|entry| entry.observed.as_ref())
    }

    pub(super) fn host_in_effect(&self) -> Option<&Observed> {
        self.hosts().filter(|entry| !entry.unfinished).find_map(|entry| entry.observed.as_ref())
    }

    fn hosts(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| matches!(entry.cluster, Side::Host { .. }))
    }

    pub(super) fn kubeconfig<'a>(&'a self, member: &'a Side) -> Option<&'a StoredKubeconfig> {
        self.of(member).find_map(|entry| entry.kubeconfig.as_ref())
    }

    pub(super) fn observed<'a>(&'a self, cluster: &'a Side) -> Option<&'a Observed> {
        self.of(cluster).rev().find_map(|entry| entry.observed.as_ref())
    }
}
