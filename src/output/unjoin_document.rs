//! The one object that `unjoin -o json` and `-o yaml` print.

use serde::Serialize;

use super::{
    document::{
        API_VERSION, ClusterView, FindingView, Outcome, ResultView, SideView, StepView, cluster_view,
        dry_run_view, finding_view, result_view, side_view,
    },
    ending::{Ending, Object},
    kept,
};
use crate::{
    checks::Finding,
    cli::DryRun,
    kubesphere::side::Side,
    plan::{
        observed::Observed,
        unjoin::{
            plan::UnjoinPlan,
            steps::{UnjoinAction, UnjoinStep},
        },
    },
};

/// What an unjoin was to do, found and did, and what remains.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnjoinDocument {
    api_version: &'static str,
    kind: &'static str,
    dry_run: &'static str,
    name: String,
    clusters: Vec<ClusterView>,
    findings: Vec<FindingView>,
    plan: Option<PlanDocument>,
    results: Vec<ResultView>,
    remains: Vec<RemainView>,
    #[serde(flatten)]
    ending: Ending,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanDocument {
    steps: Vec<StepView>,
    kept: Vec<String>,
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
    /// What, as `kind.group/name`.
    pub object: String,
    /// The command that removes it, where one does.
    pub removal: Option<String>,
}

impl UnjoinDocument {
    /// An empty one.
    pub fn new(name: &str, dry_run: DryRun) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Unjoin",
            dry_run: dry_run_view(dry_run),
            name: name.to_owned(),
            clusters: Vec::new(),
            findings: Vec::new(),
            plan: None,
            results: Vec::new(),
            remains: Vec::new(),
            ending: Ending::default(),
        }
    }

    /// Adds the clusters that answered.
    pub fn observed<'a>(&mut self, clusters: impl Iterator<Item = &'a Observed>) {
        self.clusters = clusters.map(cluster_view).collect();
    }

    /// Adds what the checks said.
    pub fn found(&mut self, findings: &[Finding]) {
        self.findings.extend(findings.iter().map(finding_view));
    }

    /// Adds the plan.
    pub fn planned(&mut self, plan: &UnjoinPlan) {
        let kept = plan.member.iter().flat_map(|member| &member.kept).map(kept::sentence);
        let steps = plan.steps().iter().map(step_view).collect();
        self.plan = Some(PlanDocument { steps, kept: kept.collect() });
    }

    /// Adds what was done.
    pub fn done(&mut self, outcomes: &[Outcome]) {
        self.results = outcomes.iter().map(result_view).collect();
    }

    /// Adds what is left over.
    pub fn remains(&mut self, remains: &[Remain]) {
        let view = |remain: &Remain| RemainView {
            cluster: remain.side.as_ref().map(side_view),
            object: remain.object.clone(),
        };
        self.remains.extend(remains.iter().map(view));
    }
}

impl Object for UnjoinDocument {
    fn ending(&mut self) -> &mut Ending {
        &mut self.ending
    }
}

fn step_view(step: &UnjoinStep<'_>) -> StepView {
    let UnjoinStep { side, action } = step;
    let changes = match action {
        UnjoinAction::Patch(changes) => *changes,
        _ => &[],
    };
    StepView::new(side, action.verb(), action.object(), changes)
}
