//! The one object that `-o json` and `-o yaml` print.

use kubesphere::{jwt_secret::JwtSecret, object::ObjectRef, side::Side};
use serde::Serialize;

use super::{
    ending::{Ending, Object},
    impact, kept,
    manifests::{Manifests, Named},
    plan::View,
};
use crate::{
    checks::Finding,
    cli::DryRun,
    plan::{
        configuration_patch::Change, observed::Observed, operation::Operation, result::StepResult, step::Step,
    },
};

/// The version of the object's form; it changes with any change that is not an addition.
pub const API_VERSION: &str = "kubectl-mc/v1alpha1";

/// What a command was to do, found and did, and what remains.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    api_version: &'static str,
    kind: &'static str,
    dry_run: &'static str,
    /// Of the Cluster that is taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    clusters: Vec<ClusterView>,
    findings: Vec<FindingView>,
    plan: Option<PlanDocument>,
    results: Vec<ResultView>,
    /// The files that were written instead of changing anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifests: Option<Vec<ManifestView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remains: Option<Vec<RemainView>>,
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
    role: Option<String>,
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
    hints: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt_secret: Option<String>,
    steps: Vec<StepView>,
    /// What it means for people.
    impact: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<Vec<String>>,
}

#[derive(Clone, Debug, Serialize)]
struct ManifestView {
    cluster: SideView,
    object: String,
    file: String,
}

#[derive(Clone, Debug, Serialize)]
struct RemainView {
    cluster: Option<SideView>,
    object: String,
}

/// Something that is left over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remain {
    /// Where; absent where no context leads to it.
    pub side: Option<Side>,
    pub object: ObjectRef,
    /// The command that removes it, where one does.
    pub removal: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct StepView {
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
struct ResultView {
    cluster: SideView,
    object: String,
    outcome: &'static str,
}

impl Document {
    pub fn new(operation: Operation, dry_run: DryRun) -> Self {
        Self {
            api_version: API_VERSION,
            kind: operation.kind(),
            dry_run: dry_run_view(dry_run),
            name: None,
            clusters: Vec::new(),
            findings: Vec::new(),
            plan: None,
            results: Vec::new(),
            manifests: None,
            remains: None,
            ending: Ending::default(),
        }
    }

    /// The same about the removal of this Cluster.
    #[must_use]
    pub fn of_removal(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), remains: Some(Vec::new()), ..self }
    }

    /// Adds the clusters that answered.
    pub fn observed(&mut self, clusters: &[&Observed]) {
        self.clusters = clusters.iter().copied().map(cluster_view).collect();
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
    pub fn planned(&mut self, view: &View<'_>) {
        self.plan = Some(plan_view(view));
    }

    /// Adds what was done.
    pub fn done(&mut self, results: &[StepResult]) {
        self.results.extend(results.iter().map(result_view));
    }

    /// Adds the files that were written.
    pub fn written(&mut self, manifests: &Manifests<'_>) {
        let view = |Named { manifest, file, .. }: Named<'_>| ManifestView {
            cluster: side_view(&manifest.cluster),
            object: manifest.object.to_string(),
            file: manifests.path(&file),
        };
        self.manifests = Some(manifests.named().map(view).collect());
    }

    /// Adds what is left over.
    pub fn remains(&mut self, remains: &[Remain]) {
        let view = |remain: &Remain| RemainView {
            cluster: remain.side.as_ref().map(side_view),
            object: remain.object.to_string(),
        };
        self.remains.get_or_insert_default().extend(remains.iter().map(view));
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
        role: observed.role_unread().is_none().then(|| observed.role().to_string()),
        kube_sphere_version: observed.kubesphere_version().map(|version| version.to_string()),
        kubernetes_version: observed.kubernetes.clone(),
        nodes: observed.nodes(),
    }
}

pub(super) fn finding_view(finding: &Finding) -> FindingView {
    FindingView {
        id: finding.id,
        title: finding.title,
        verdict: finding.report.verdict.as_str(),
        cluster: finding.report.side.as_ref().map(side_view),
        message: finding.report.message.clone(),
        hints: finding.report.hints.clone(),
    }
}

pub(super) fn plan_view(view: &View<'_>) -> PlanDocument {
    PlanDocument {
        jwt_secret: view.secret.map(JwtSecret::fingerprint),
        steps: view.plan.shown().map(step_view).collect(),
        impact: impact::of_plan(view),
        kept: view.kept.map(|(_, kept)| kept.iter().map(kept::sentence).collect()),
    }
}

fn step_view(step: &Step) -> StepView {
    StepView {
        cluster: side_view(step.cluster()),
        action: step.verb(),
        object: step.object(),
        changes: step.changes().iter().map(change_view).collect(),
    }
}

fn change_view(change: &Change) -> ChangeView {
    ChangeView { field: change.field.clone(), old: change.old.clone(), new: change.new.clone() }
}

fn dry_run_view(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "none",
        DryRun::Client => "client",
        DryRun::Server => "server",
    }
}

fn result_view(result: &StepResult) -> ResultView {
    ResultView {
        cluster: side_view(&result.cluster),
        object: result.object.to_string(),
        outcome: result.effect.as_str(),
    }
}
