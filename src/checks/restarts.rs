//! What restarts on each cluster with a join.

use kubesphere::versions::Version;

use super::{
    Check, Report, Rule, Situation,
    rule::{CHANGING, LOOKING, NO_INSTALLER, NO_RUN, Outcome, Reason, UNDECIDED, each, some},
};
use crate::plan::observed::Observed;

pub(super) const CHECK: Check = Check {
    id: "restarts",
    title: "the restart impact is known",
    skippable: false,
    rules: &[Rule::Joining(LOOKING, run)],
    unasked: &[NO_INSTALLER, Reason::of(CHANGING, "the plan tells it beside its steps")],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let clusters = situation.answering()?.into_iter();
    let runs = clusters.filter(|observed| situation.runs_installer(&observed.side));
    let runs = some(runs, if situation.decision.is_some() { NO_RUN } else { UNDECIDED })?;
    each(runs, |observed| &observed.side, |observed| [of_cluster(observed)])
}

fn of_cluster(observed: &Observed) -> Report {
    let side = &observed.side;
    match observed.kubesphere_version() {
        Some(version) => Report::told(side, format!("in a join {}", what_restarts(Some(version)))),
        None => Report::unknown(
            side,
            "in a join the whole installer runs; whether it restarts pods is not known, as its version is not",
        ),
    }
}

/// What a run of the installer for another role restarts (`Differences::restarts_pods` has the source).
pub fn what_restarts(version: Option<Version>) -> &'static str {
    match version.map(Version::differences) {
        Some(differences) if differences.restarts_pods => {
            "the whole installer runs, and restarts ks-apiserver and ks-controller-manager twice"
        }
        _ => "the whole installer runs; ks-apiserver and ks-controller-manager reload in place",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::{
            Verdict,
            fixture::{Case, change_configuration},
        },
        plan::observed::Seen,
    };

    #[test]
    fn a_check_tells_what_a_join_would_restart_by_version() {
        for (version, said) in [("v3.1.1", "and restarts ks-apiserver"), ("v3.4.1", "reload in place")] {
            let reports = Case::of_version(version).checking().reports(&CHECK);
            assert_eq!(reports.len(), 2, "{reports:?}");
            assert!(reports.iter().all(|report| report.verdict == Verdict::Ok), "{reports:?}");
            assert!(reports.iter().all(|report| report.message.contains(said)), "{version}: {reports:?}");
        }
    }

    #[test]
    fn without_a_version_it_is_not_known() {
        let case = Case::new().checking().member(|member| {
            change_configuration(member, &json!({"metadata": {"labels": null}, "status": null}));
            member.installer = Seen::Absent;
        });
        let said = case.says(&CHECK);
        let unknown = "unknown member \"edge-1\": in a join the whole installer runs; whether it restarts pods is not known";
        assert!(said.len() == 2 && said[1].starts_with(unknown), "{said:?}");
    }

    #[test]
    fn a_join_says_it_in_its_plan_and_a_joined_pair_restarts_nothing() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().joined().checking().says(&CHECK), Vec::<String>::new());
    }
}
