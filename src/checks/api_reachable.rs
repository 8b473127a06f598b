//! Every cluster answers.

use kubesphere::side::Side;

use super::{
    Check, Clusters, Finding, Report, Rule, Silence, Silent, Unjoining, Verdict,
    kubesphere_version::is_version_4, rule::JOINING,
};

pub const CHECK: Check = Check {
    id: "api-reachable",
    title: "the API server answers",
    skippable: false,
    rules: &[
        Rule::Joining(JOINING, |situation| Ok(of_clusters(&situation.clusters(), unreachable))),
        Rule::Unjoining(|unjoining| {
            Ok(of_clusters(&unjoining.clusters(), |silent| unreachable_for_removal(unjoining, silent)))
        }),
    ],
    unasked: &[],
};

/// That a cluster gave no usable answer when it was looked at for the first time.
pub fn found(silent: &Silent) -> Vec<Finding> {
    CHECK.named(vec![unreachable(silent)])
}

fn of_clusters(clusters: &Clusters<'_>, unreachable: impl Fn(&Silent) -> Report) -> Vec<Report> {
    let answering = clusters.observed().map(|observed| Report::holds(&observed.side));
    answering.chain(clusters.silent.iter().map(unreachable)).collect()
}

/// What was not asked is no failure of the cluster.
fn unreachable(silent: &Silent) -> Report {
    if silent.silence == Silence::Unasked {
        return Report::of(Verdict::Skipped, &silent.side, silent.message.clone());
    }
    let report = Report::failure(&silent.side, silent.message.clone());
    silent.hints.iter().fold(report, |report, hint| report.hint(hint.clone()))
}

/// A member that does not answer keeps nobody from doing the side of a host that does; one that answers, or was not asked in time,
/// is not gone. On KubeSphere 4 no webhook asks it.
fn unreachable_for_removal(unjoining: &Unjoining<'_>, silent: &Silent) -> Report {
    let report = unreachable(silent);
    let may_be_gone = matches!(silent.silence, Silence::Away | Silence::Lasting);
    let host = unjoining.host.filter(|_| may_be_gone && matches!(silent.side, Side::Member { .. }));
    let Some(host) = host else { return report };
    let (is_of_4, is_filed) = (is_version_4(host), silent.side.entry().is_some());
    let alone = unjoining.on_host_alone();
    let way = match (is_of_4, is_filed) {
        (true, true) => format!("`{alone}`"),
        (false, true) => format!("`{}`", alone.words("--force")),
        (true, false) => "the same command without `--member-context` and `--uninstall`".to_owned(),
        (false, false) => "the same command without `--member-context`, with `--force`".to_owned(),
    };
    report.hint(format!("if the member is gone for good: {way}"))
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::CHECK;
    use crate::checks::{Silence, Silent, fixture::Case};

    #[test]
    fn a_cluster_that_gave_no_answer_is_named_with_what_to_do() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        let case = Case::new().silent_member(Silent {
            side: Side::member("edge-1"),
            message: "get version: the connection to 192.0.2.1:6443 was refused".to_owned(),
            hints: vec!["is the cluster running?".to_owned()],
            silence: Silence::Away,
        });
        assert_eq!(
            case.says(&CHECK),
            ["failure member \"edge-1\": get version: the connection to 192.0.2.1:6443 was refused"]
        );
        assert_eq!(case.hints(&CHECK), "is the cluster running?");
    }

    #[test]
    fn a_cluster_that_did_not_have_its_turn_has_not_failed() {
        let case = Case::new().silent_member(Silent {
            side: Side::member("edge-1"),
            message: "get version: not asked before the time was up".to_owned(),
            hints: vec!["give it more time with `--timeout`".to_owned()],
            silence: Silence::Unasked,
        });
        assert_eq!(
            case.says(&CHECK),
            ["skipped member \"edge-1\": get version: not asked before the time was up"]
        );
    }
}
