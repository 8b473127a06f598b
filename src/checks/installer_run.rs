//! What the installer is doing where its configuration is to change.

use kubesphere::command::Mc;

use super::{
    Check, Finding, Report, Rule, Situation, Unjoining,
    rule::{CONFIGURING, NO_INSTALLER, NO_RUN, Outcome, Reason, each, some},
};
use crate::plan::{
    observed::{InstallerRun, Observed},
    operation::Operation,
};

pub(super) const CHECK: Check = Check {
    id: "installer-run",
    title: "no run of the installer is in progress",
    skippable: false,
    rules: &[Rule::Joining(CONFIGURING, run), Rule::Unjoining(unjoining)],
    unasked: &[NO_INSTALLER, Reason::of(&[Operation::Renew], "a renewal runs no installer")],
};

fn run(situation: &Situation<'_>) -> Outcome {
    of_clusters(&situation.answering()?, situation.changes_clusters())
}

fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    of_clusters(unjoining.clusters().with_installer()?, true)
}

fn of_clusters(clusters: &[&Observed], waits: bool) -> Outcome {
    let looked_at = clusters.iter().filter(|observed| observed.run != InstallerRun::NotAsked);
    each(some(looked_at, NO_RUN)?, |observed| &observed.side, |observed| of_cluster(observed, waits))
}

/// What is left of the runs that a command has begun or waited for: their configurations are in effect, which does not take the
/// whole run.
pub fn left<'a>(clusters: impl Iterator<Item = &'a Observed>) -> Vec<Finding> {
    let reports = clusters.filter_map(|observed| {
        let InstallerRun::UnderWay(what) = &observed.run else { return of_cluster(observed, false) };
        let report = Report::warning(&observed.side, format!("the installer's run goes on ({what})"));
        Some(report.hint(format!("see how it ends: `{}`", Mc::logs(&observed.side))))
    });
    CHECK.named(reports.collect())
}

/// `waits`: what changes a configuration waits for a run first.
fn of_cluster(observed: &Observed, waits: bool) -> Option<Report> {
    let side = &observed.side;
    match &observed.run {
        InstallerRun::UnderWay(what) => {
            let waited = if waits { " and is waited for first" } else { "" };
            let message = format!("a run of the installer is under way{waited} ({what})");
            Some(Report::warning(side, message).hint(format!("to follow it: `{}`", Mc::logs(side))))
        }
        InstallerRun::Unknown { why, .. } => {
            Some(Report::unknown(side, format!("whether a run of the installer is under way: {why}")))
        }
        InstallerRun::Idle { last_failure: Some(failure) } => {
            let report = Report::warning(side, format!("the installer's last run failed: {failure}"));
            Some(report.hint(format!("see what to do: `{}`", Mc::logs(side))))
        }
        // That it has no pod is installer-present's.
        InstallerRun::Idle { last_failure: None } | InstallerRun::NoPod(_) | InstallerRun::NotAsked => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::Case,
        plan::observed::{InstallerRun, Observed, fixture},
    };

    fn said_of(run: InstallerRun) -> Vec<String> {
        Case::new().member(|member| member.run = run).says(&CHECK)
    }

    #[test]
    fn an_idle_installer_is_fine() {
        assert_eq!(said_of(InstallerRun::NotAsked), Vec::<String>::new());
        assert_eq!(said_of(InstallerRun::Idle { last_failure: None }), Vec::<String>::new());
    }

    #[test]
    fn a_run_that_is_under_way_or_failed_is_worth_a_warning() {
        assert_eq!(
            said_of(InstallerRun::UnderWay("components 2/4".to_owned())),
            [
                "warning member \"edge-1\": a run of the installer is under way and is waited for first (components 2/4)"
            ]
        );
        assert_eq!(
            said_of(InstallerRun::Idle { last_failure: Some("task monitoring failed".to_owned()) }),
            ["warning member \"edge-1\": the installer's last run failed: task monitoring failed"]
        );
    }

    #[test]
    fn what_is_left_of_a_run_is_told_with_its_log() {
        let left = |run| {
            let found = super::left(std::iter::once(&Observed { run, ..fixture("v1.27.4") }));
            found
                .into_iter()
                .map(|finding| (finding.report.message, finding.report.hints))
                .collect::<Vec<_>>()
        };
        assert_eq!(left(InstallerRun::Idle { last_failure: None }), []);
        let hints = |what| vec![format!("see {what}: `kubectl mc logs member1`")];
        let going =
            "configuring; failed: component monitoring, task ks-monitor: Installing prometheus".to_owned();
        let said = format!("the installer's run goes on ({going})");
        assert_eq!(left(InstallerRun::UnderWay(going)), [(said, hints("how it ends"))]);
        let failed = InstallerRun::Idle { last_failure: Some("component devops".to_owned()) };
        assert_eq!(
            left(failed),
            [("the installer's last run failed: component devops".to_owned(), hints("what to do"))]
        );
    }

    #[test]
    fn a_log_that_cannot_be_read_leaves_it_unknown() {
        assert_eq!(
            said_of(InstallerRun::Unknown {
                why: "its log cannot be read (forbidden)".to_owned(),
                is_likely: false
            }),
            [
                "unknown member \"edge-1\": whether a run of the installer is under way: its log cannot be read \
              (forbidden)"
            ]
        );
    }
}
