//! What the installer is doing where its configuration is to change.

use super::{
    Check, Report, Rule, Situation, Unjoining,
    rule::{CONFIGURING, NO_RUN, Outcome, each, some},
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
    unasked: &[(&[Operation::Renew], "a renewal runs no installer")],
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

/// `waits`: what changes a configuration waits for a run first.
fn of_cluster(observed: &Observed, waits: bool) -> Option<Report> {
    let side = &observed.side;
    match &observed.run {
        InstallerRun::UnderWay(what) => {
            let waited = if waits { " and is waited for first" } else { "" };
            let message = format!("a run of the installer is under way{waited} ({what})");
            Some(Report::warning(side, message))
        }
        InstallerRun::Unknown { why, .. } => {
            Some(Report::unknown(side, format!("whether a run of the installer is under way: {why}")))
        }
        InstallerRun::Idle { last_failure: Some(failure) } => {
            Some(Report::warning(side, format!("the installer's last run failed: {failure}")))
        }
        // That it has no pod is installer-present's.
        InstallerRun::Idle { last_failure: None } | InstallerRun::NoPod(_) | InstallerRun::NotAsked => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{checks::fixture::Case, plan::observed::InstallerRun};

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
