//! Every cluster answers.

use kubesphere::side::Side;

use super::{
    Check, Clusters, Finding, Report, Rule, Silent, kubesphere_version::is_version_4, rule::JOINING,
};

pub(super) const CHECK: Check = Check {
    id: "api-reachable",
    title: "the API server answers",
    skippable: false,
    rules: &[
        Rule::Joining(JOINING, |situation| Ok(of_clusters(&situation.clusters(), unreachable))),
        Rule::Unjoining(|unjoining| {
            let is_of_4 = unjoining.host.is_some_and(is_version_4);
            let unreachable = if is_of_4 { unreachable_for_removal_on_4 } else { unreachable_for_removal };
            Ok(of_clusters(&unjoining.clusters(), unreachable))
        }),
    ],
    unasked: &[],
};

/// That a cluster gave no usable answer when it was looked at for the first time.
pub fn found(silent: &Silent) -> Vec<Finding> {
    CHECK.named(vec![unreachable(silent)])
}

fn of_clusters(clusters: &Clusters<'_>, unreachable: fn(&Silent) -> Report) -> Vec<Report> {
    let answering = clusters.observed().map(|observed| Report::holds(&observed.side));
    answering.chain(clusters.silent.iter().map(unreachable)).collect()
}

fn unreachable(silent: &Silent) -> Report {
    let report = Report::failure(&silent.side, silent.message.clone());
    silent.hints.iter().fold(report, |report, hint| report.hint(hint.clone()))
}

/// A member that does not answer keeps nobody from doing the host's side.
fn unreachable_for_removal(silent: &Silent) -> Report {
    without_member(silent, "without `--member-context`, with `--force`")
}

/// No webhook asks the member there.
fn unreachable_for_removal_on_4(silent: &Silent) -> Report {
    without_member(silent, "without `--member-context` and `--uninstall`")
}

/// One that answers is not gone.
fn without_member(silent: &Silent, how: &str) -> Report {
    match silent.side {
        Side::Member { .. } if !silent.refuses => {
            unreachable(silent).hint(format!("if the member is gone for good: the same command {how}"))
        }
        Side::Host { .. } | Side::Member { .. } => unreachable(silent),
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::CHECK;
    use crate::checks::{Silent, fixture::Case};

    #[test]
    fn a_cluster_that_gave_no_answer_is_named_with_what_to_do() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        let case = Case::new().silent_member(Silent {
            side: Side::member("edge-1"),
            message: "get version: the connection to 192.0.2.1:6443 was refused".to_owned(),
            hints: vec!["is the cluster running?".to_owned()],
            is_away: true,
            refuses: false,
        });
        assert_eq!(
            case.says(&CHECK),
            ["failure member \"edge-1\": get version: the connection to 192.0.2.1:6443 was refused"]
        );
        assert_eq!(case.hints(&CHECK), "is the cluster running?");
    }
}
