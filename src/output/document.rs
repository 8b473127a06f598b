//! The one object that `-o json` and `-o yaml` print.

use serde::Serialize;

use super::{plan::PlanView, ui::Ui};
use crate::{
    checks::Finding,
    cli::{DryRun, OutputFormat},
    error::Error,
    kubesphere::side::Side,
    plan::{intent::Part, observed::Observed, steps::Step},
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
    /// What failed member by member, where several were joined.
    member_errors: Vec<ErrorView>,
    error: Option<ErrorView>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterView {
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
struct FindingView {
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

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorView {
    exit_code: u8,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

/// One thing that was done, or found done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// On which cluster.
    pub side: Side,
    /// To what, as `kind.group/name`.
    pub object: String,
    /// `created`, `patched`, `restarted` or `unchanged`.
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
                Part::Check => "Check",
            },
            dry_run: match dry_run {
                DryRun::None => "none",
                DryRun::Client => "client",
                DryRun::Server => "server",
            },
            clusters: Vec::new(),
            findings: Vec::new(),
            plan: None,
            results: Vec::new(),
            member_errors: Vec::new(),
            error: None,
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

    /// Adds what ended the command early.
    pub fn failed(&mut self, error: &Error) {
        self.error = Some(error_view(error));
    }

    /// Adds what ended the join of single members.
    pub fn failed_of_several(&mut self, errors: &[Error]) {
        self.member_errors = errors.iter().map(error_view).collect();
    }

    /// Prints the object.
    pub fn print(&self, ui: &Ui, format: OutputFormat) -> Result<(), Error> {
        print(ui, format, self)
    }
}

/// Prints a command's object.
pub(super) fn print(ui: &Ui, format: OutputFormat, object: &impl Serialize) -> Result<(), Error> {
    let text = match format {
        OutputFormat::Json => serde_json::to_string_pretty(object).expect("the document is plain data"),
        OutputFormat::Yaml => serde_yaml::to_string(object).expect("the document is plain data"),
    };
    ui.result(text.trim_end())
}

pub(super) fn side_view(side: &Side) -> SideView {
    let word = match side {
        Side::Host { .. } => "host",
        Side::Member { .. } => "member",
    };
    SideView { side: word, context: side.context().to_owned() }
}

fn cluster_view(observed: &Observed) -> ClusterView {
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

fn finding_view(finding: &Finding) -> FindingView {
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
    let changes = match &step.action {
        crate::plan::steps::Action::Patch(changes) => *changes,
        _ => &[],
    };
    let change = |change: &crate::plan::configuration_patch::Change| ChangeView {
        field: change.field.clone(),
        old: change.old.clone(),
        new: change.new.clone(),
    };
    StepView {
        cluster: side_view(&step.side),
        action: step.action.verb(),
        object: step.action.object(),
        changes: changes.iter().map(change).collect(),
    }
}

pub(super) fn error_view(error: &Error) -> ErrorView {
    ErrorView {
        exit_code: error.kind.exit_code(),
        message: error.message.clone(),
        causes: error.causes.clone(),
        hints: error.hints.clone(),
    }
}

fn result_view(outcome: &Outcome) -> ResultView {
    ResultView { cluster: side_view(&outcome.side), object: outcome.object.clone(), outcome: outcome.verb }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Document;
    use crate::{
        cli::DryRun,
        error::{Error, Kind},
        plan::intent::Part,
    };

    #[test]
    fn each_failed_member_has_its_error_beside_the_sum() {
        let mut document = Document::new(Part::Join, DryRun::None);
        document.failed_of_several(&[Error::new(Kind::TimedOut, "member \"a\": timed out").hint("again")]);
        document.failed(&Error::new(Kind::Partial, "1 of 2 members failed"));
        let object = serde_json::to_value(&document).unwrap();
        assert_eq!(
            object["memberErrors"],
            json!([{"exitCode": 4, "message": "member \"a\": timed out", "causes": [], "hints": ["again"]}])
        );
        assert_eq!(object["error"]["exitCode"], 6);
    }
}
