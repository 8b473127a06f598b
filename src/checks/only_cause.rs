//! Where another cluster was reached than was meant. All else that is found of it follows from that, and what would be done about
//! it would be done to a cluster that is somebody else's.

use kubesphere::side::Side;

use super::{EXPECTED_STATE, Finding, Report, Verdict};

const FOLLOWS: &str = "another check says what comes before all else that is to know of this cluster";

/// The clusters of which one report says all that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnlyCause(Vec<Side>);

impl OnlyCause {
    pub(super) fn of<'a>(sides: impl IntoIterator<Item = &'a Side>) -> Self {
        Self(sides.into_iter().cloned().collect())
    }

    fn explains(&self, side: &Side) -> bool {
        self.0.contains(side)
    }
}

/// Only the cause is told of a cluster that has one; of several the first.
pub(super) fn only_causes(findings: Vec<Finding>) -> Vec<Finding> {
    let first = |side: &Side| findings.iter().position(|finding| finding.report.only_cause.explains(side));
    let firsts: Vec<Option<usize>> =
        findings.iter().map(|finding| finding.report.side.as_ref().and_then(first)).collect();
    let told = findings.into_iter().zip(firsts).enumerate();
    told.map(|(place, (finding, first))| match first {
        Some(first) if first != place => follows(finding),
        _ => finding,
    })
    .collect()
}

fn follows(finding: Finding) -> Finding {
    if finding.report.verdict <= Verdict::Ok {
        return finding;
    }
    // Whoever expects a state is told whether it is so, whatever else is true.
    let is_asked_for = finding.id == EXPECTED_STATE.id;
    let side = finding.report.side.clone();
    let told = if is_asked_for { finding.report } else { Report::skipped(FOLLOWS) };
    Finding { report: Report { side, hints: Vec::new(), ..told }, ..finding }
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::{FOLLOWS, only_causes};
    use crate::checks::{EXPECTED_STATE, Finding, Report, Verdict};

    fn told(reports: impl IntoIterator<Item = Report>) -> Vec<Report> {
        let findings = reports.into_iter().map(|report| Finding { id: "x", title: "x", report });
        only_causes(findings.collect()).into_iter().map(|finding| finding.report).collect()
    }

    #[test]
    fn of_another_cluster_than_the_one_meant_only_that_is_told() {
        let (wrong, other) = (Side::member("wrong"), Side::member("other"));
        let dangerous = |side| Report::warning(side, "a token of another host").hint("delete it");
        let cause = Report::failure(&wrong, "it is another cluster").hint("name its context");
        let cause = cause.only_cause_of([&wrong]);
        let holds = Report::holds(&wrong);
        let said = told([dangerous(&wrong), holds.clone(), cause.clone(), dangerous(&other)]);
        assert_eq!((said[0].verdict, said[0].message.as_str()), (Verdict::Skipped, FOLLOWS));
        assert_eq!((said[0].side.as_ref(), said[0].hints.len()), (Some(&wrong), 0));
        assert_eq!(said[1..], [holds, cause, dangerous(&other)]);
    }

    #[test]
    fn a_state_that_is_expected_is_judged_all_the_same() {
        let side = Side::member("edge");
        let of = |id, report: Report| Finding { id, title: "x", report };
        let expected = of(EXPECTED_STATE.id, Report::failure(&side, "it is registered").hint("`unjoin`"));
        let cause = of("member-role", Report::failure(&side, "another host's").only_cause_of([&side]));
        let told = only_causes(vec![expected, cause]);
        assert_eq!(told[0].report, Report::failure(&side, "it is registered"));
    }

    #[test]
    fn of_several_causes_the_first_is_told() {
        let (host, member) = (Side::host("edge"), Side::member("prod"));
        let swapped = Report::failure(&host, "the wrong way round").only_cause_of([&host, &member]);
        let narrower = Report::failure(&member, "it is a host").only_cause_of([&member]);
        let said = told([swapped.clone(), narrower]);
        assert_eq!(said[0], swapped);
        assert_eq!(said[1].verdict, Verdict::Skipped);
    }
}
