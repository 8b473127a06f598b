//! The one object that `-o json` and `-o yaml` print.

use serde::Serialize;

use super::{
    ending::{Ending, Object},
    plan::PlanView,
};
use crate::{
    checks::Finding,
    cli::DryRun,
    kubesphere::side::Side,
    plan::{configuration_patch::Change, intent::Part, observed::Observed, steps::Step},
};

/// The version of the object's form; it changes with any change that is not an addition.
pub const API_VERSION: &str = "kubectl-mc/v1alpha1";

/// What a join, or a part of it, was to do, found and did.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    api_version: &'static str,
    kind: &'static str,
    dry_run: &'static str,
    clusters: Vec<ClusterView>,
    findings: Vec<FindingView>,
    plan: Option<PlanDocument>,
    results: Vec<ResultView>,
    #[serde(flatten)]
    ending: Ending,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterView {
    #[serde(flatten)]
    cluster: SideView,
    server: String,
    uid: String,
    role: String,
    kube_sphere_version: Option<String>,
    kubernetes_version: String,
    nodes: Option<usize>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SideView {
    side: &'static str,
    context: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct FindingView {
    id: &'static str,
    title: &'static str,
    verdict: &'static str,
    cluster: Option<SideView>,
    message: String,
    cures: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanDocument {
    jwt_secret: String,
    steps: Vec<StepView>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct StepView {
    cluster: SideView,
    action: &'static str,
    object: String,
    changes: Vec<ChangeView>,
}

#[derive(Clone, Debug, Serialize)]
struct ChangeView {
    field: String,
    old: Option<String>,
    new: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ResultView {
    cluster: SideView,
    object: String,
    outcome: &'static str,
}

/// One thing that was done, or found done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// On which cluster.
    pub side: Side,
    /// To what, as `kind.group/name`.
    pub object: String,
    /// `created`, `patched`, `restarted`, `deleted` or `unchanged`.
    pub verb: &'static str,
}

impl Document {
    /// An empty one.
    pub fn new(part: Part, dry_run: DryRun) -> Self {
        Self {
            api_version: API_VERSION,
            kind: match part {
                Part::Join => "Join",
                Part::PrepareHost => "PrepareHost",
                Part::PrepareMember => "PrepareMember",
                Part::Import => "Import",
                Part::Renew => "Renew",
                Part::Check => "Check",
            },
            dry_run: dry_run_view(dry_run),
            clusters: Vec::new(),
            findings: Vec::new(),
            plan: None,
            results: Vec::new(),
            ending: Ending::default(),
        }
    }

    /// Adds the clusters that answered.
    pub fn observed<'a>(&mut self, clusters: impl Iterator<Item = &'a Observed>) {
        self.clusters = clusters.map(cluster_view).collect();
    }

    /// Adds what the checks said.
    pub fn found(&mut self, findings: &[Finding]) {
        self.findings = findings.iter().map(finding_view).collect();
    }

    /// Adds what was found out after them.
    pub fn found_later(&mut self, findings: &[Finding]) {
        self.findings.extend(findings.iter().map(finding_view));
    }

    /// Adds the plan.
    pub fn planned(&mut self, view: PlanView<'_>) {
        let steps = view.plan.steps().iter().map(step_view).collect();
        self.plan = Some(PlanDocument { jwt_secret: view.plan.secret.fingerprint(), steps });
    }

    /// Adds what was done.
    pub fn done(&mut self, outcomes: &[Outcome]) {
        self.results = outcomes.iter().map(result_view).collect();
    }
}

impl Object for Document {
    fn ending(&mut self) -> &mut Ending {
        &mut self.ending
    }
}

pub(super) fn side_view(side: &Side) -> SideView {
    let word = match side {
        Side::Host { .. } => "host",
        Side::Member { .. } => "member",
    };
    SideView { side: word, context: side.context().to_owned() }
}

pub(super) fn cluster_view(observed: &Observed) -> ClusterView {
    ClusterView {
        cluster: side_view(&observed.side),
        server: observed.server.clone(),
        uid: observed.uid.clone(),
        role: observed.role().to_string(),
        kube_sphere_version: observed.kubesphere_version().map(|version| version.to_string()),
        kubernetes_version: observed.kubernetes.clone(),
        nodes: observed.nodes.present().copied(),
    }
}

pub(super) fn finding_view(finding: &Finding) -> FindingView {
    FindingView {
        id: finding.id,
        title: finding.title,
        verdict: finding.report.verdict.as_str(),
        cluster: finding.report.side.as_ref().map(side_view),
        message: finding.report.message.clone(),
        cures: finding.report.cures.clone(),
    }
}

fn step_view(step: &Step<'_>) -> StepView {
    let Step { side, action } = step;
    StepView::new(side, action.verb(), action.object(), action.changes())
}

impl StepView {
    /// What is done to which object, and which of its fields change.
    pub(super) fn new(side: &Side, action: &'static str, object: String, changes: &[Change]) -> Self {
        Self { cluster: side_view(side), action, object, changes: changes.iter().map(change_view).collect() }
    }
}

fn change_view(change: &Change) -> ChangeView {
    ChangeView { field: change.field.clone(), old: change.old.clone(), new: change.new.clone() }
}

pub(super) fn dry_run_view(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "none",
        DryRun::Client => "client",
        DryRun::Server => "server",
    }
}

pub(super) fn result_view(outcome: &Outcome) -> ResultView {
    ResultView { cluster: side_view(&outcome.side), object: outcome.object.clone(), outcome: outcome.verb }
}
