//! How every check ended, as `check` prints it.

use std::{collections::BTreeMap, iter};

use kubesphere::side::Side;

use super::{
    clusters,
    line::Line,
    style::{Marks, Tone},
    ui::Ui,
    words::count,
};
use crate::{
    checks::{Finding, NO_ANSWER, Verdict, api_reachable},
    error::Error,
    plan::observed::Observed,
};

/// The verdicts in the order in which they are listed: what is worst stands last, next to the prompt.
const ORDER: [Verdict; 5] =
    [Verdict::Skipped, Verdict::Ok, Verdict::Unknown, Verdict::Warning, Verdict::Failure];

/// Prints cluster by cluster what is to be known, each with its fixs, and how many checks else passed.
pub fn show(ui: &Ui, clusters: &[&Observed], findings: &[Finding]) -> Result<(), Error> {
    let report = Report { marks: ui.result_marks, findings };
    for section in sections(clusters, findings) {
        report.section(section).iter().try_for_each(|line| ui.sentence(line))?;
        ui.result("")?;
    }
    ui.result(report.sum())
}

/// Prints the clusters that answered, a line for each finding with its hints, and the sum.
pub fn show_all(ui: &Ui, clusters: &[&Observed], findings: &[Finding]) -> Result<(), Error> {
    ui.results(clusters::headed_table(clusters.iter().copied()))?;
    ui.result("")?;
    ui.results(lines(findings))?;
    ui.result("")?;
    ui.result(sum_of_checks(findings))
}

/// What is said of one cluster, or of several at once.
#[derive(Clone, Copy)]
enum Section<'a> {
    Of(&'a Observed),
    Silent(&'a Side),
    Several,
}

impl Section<'_> {
    /// What was asked of no cluster stands in none.
    fn has(&self, finding: &Finding) -> bool {
        let side = finding.report.side.as_ref();
        match self {
            Self::Of(observed) => side == Some(&observed.side),
            Self::Silent(silent) => side == Some(silent),
            Self::Several => side.is_none() && finding.report.verdict > Verdict::Skipped,
        }
    }
}

/// The clusters that answered, then those that did not, then what is said of several at once.
fn sections<'a>(clusters: &[&'a Observed], findings: &'a [Finding]) -> Vec<Section<'a>> {
    let mut silent: Vec<&Side> = Vec::new();
    for side in findings.iter().filter_map(|finding| finding.report.side.as_ref()) {
        if clusters.iter().all(|observed| observed.side != *side) && !silent.contains(&side) {
            silent.push(side);
        }
    }
    let between = findings.iter().any(|finding| Section::Several.has(finding));
    let answering = clusters.iter().copied().map(Section::Of);
    answering
        .chain(silent.into_iter().map(Section::Silent))
        .chain(between.then_some(Section::Several))
        .collect()
}

struct Report<'a> {
    marks: Marks,
    findings: &'a [Finding],
}

impl Report<'_> {
    fn section(&self, section: Section<'_>) -> Vec<Line> {
        let findings: Vec<&Finding> = self.findings.iter().filter(|finding| section.has(finding)).collect();
        let told = ORDER.iter().rev().take_while(|verdict| **verdict > Verdict::Ok).flat_map(|verdict| {
            let told =
                findings.iter().filter(move |found| found.report.verdict == *verdict && !is_silence(found));
            told.flat_map(|finding| self.told(finding))
        });
        let heading = Line::toned(Tone::Strong, heading(section, &findings));
        iter::once(heading).chain(told).chain(self.passed(&findings)).collect()
    }

    fn told(&self, finding: &Finding) -> Vec<Line> {
        let report = &finding.report;
        let mark = marked(report.verdict, self.marks.of(report.verdict));
        let said = if report.message.is_empty() { finding.title } else { &report.message };
        let id = Line::toned(Tone::Name, finding.id);
        let line = Line::from("  ").and(mark).and(" ").and(id).and(format!(": {said}"));
        iter::once(line).chain(hints(finding, "      ")).collect()
    }

    /// `✓ 31 passed, – 4 skipped`
    fn passed(&self, findings: &[&Finding]) -> Option<Line> {
        let number = |verdict| findings.iter().filter(|found| found.report.verdict == verdict).count();
        let silent = findings.iter().filter(|found| is_silence(found)).count();
        let counts = [
            (Verdict::Ok, number(Verdict::Ok), "passed".to_owned()),
            (Verdict::Unknown, silent, format!("not checked: {NO_ANSWER}")),
            (Verdict::Skipped, number(Verdict::Skipped), "skipped".to_owned()),
        ];
        let told = counts.into_iter().filter(|(_, number, _)| *number > 0).map(|(verdict, number, what)| {
            let symbol = self.marks.symbol(verdict).map(|symbol| format!("{symbol} ")).unwrap_or_default();
            marked(verdict, format!("{symbol}{number} {what}"))
        });
        let told = Line::joined(told, ", ");
        (!told.is_empty()).then(|| Line::from("  ").and(told))
    }

    /// Counts findings: one check of three clusters counts three times.
    fn sum(&self) -> Line {
        let counts = ORDER.iter().rev().filter_map(|verdict| {
            let number = self.findings.iter().filter(|found| found.report.verdict == *verdict).count();
            (number > 0).then(|| marked(*verdict, counted(*verdict, number)))
        });
        Line::joined(counts, ", ")
    }
}

fn marked(verdict: Verdict, text: impl AsRef<str>) -> Line {
    Line::toned(Tone::of(verdict), text)
}

fn hints<'a>(finding: &'a Finding, indent: &'a str) -> impl Iterator<Item = Line> + 'a {
    let label = move || Line::from(indent).and(Line::toned(Tone::Name, "hint:"));
    finding.report.hints.iter().map(move |hint| label().and(format!(" {hint}")))
}

fn is_silence(finding: &Finding) -> bool {
    finding.report.verdict == Verdict::Unknown && finding.report.message == NO_ANSWER
}

/// `host "prod" at https://10.0.0.1:6443: role host, KubeSphere v3.4.1, Kubernetes v1.27.4, 3 nodes`
fn heading(section: Section<'_>, findings: &[&Finding]) -> String {
    match section {
        Section::Of(observed) => {
            format!("{} at {}: {}", observed.side, observed.server, described(observed))
        }
        Section::Silent(side) => {
            let is_unasked = |finding: &&&Finding| {
                finding.id == api_reachable::CHECK.id && finding.report.verdict == Verdict::Skipped
            };
            let unasked = findings.iter().find(is_unasked);
            let why = unasked.map_or(NO_ANSWER, |finding| &finding.report.message);
            format!("{side}: {why}")
        }
        Section::Several => "several clusters".to_owned(),
    }
}

fn described(observed: &Observed) -> String {
    let role = match observed.role_unread() {
        None => observed.role().to_string(),
        Some(_) => "unknown".to_owned(),
    };
    let version = observed.kubesphere_version().map(|version| format!("KubeSphere {version}"));
    let nodes = observed.nodes().map(|nodes| count(nodes, "node"));
    let kubernetes = format!("Kubernetes {}", observed.kubernetes);
    let parts = [Some(format!("role {role}")), version, Some(kubernetes), nodes];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn counted(verdict: Verdict, number: usize) -> String {
    match verdict {
        Verdict::Skipped => format!("{number} skipped"),
        Verdict::Ok => format!("{number} passed"),
        Verdict::Unknown => format!("{number} unknown"),
        Verdict::Warning => count(number, "warning"),
        Verdict::Failure => count(number, "failure"),
    }
}

fn lines(findings: &[Finding]) -> Vec<Line> {
    let widest = findings.iter().map(|finding| finding.id.len()).max().unwrap_or_default();
    let in_order = ORDER
        .iter()
        .flat_map(|verdict| findings.iter().filter(move |finding| finding.report.verdict == *verdict));
    in_order.flat_map(|finding| lines_of(finding, widest)).collect()
}

fn lines_of(finding: &Finding, widest: usize) -> Vec<Line> {
    let report = &finding.report;
    let verdict = marked(report.verdict, format!("{:<7}", report.verdict.as_str()));
    let said = if report.message.is_empty() { finding.title } else { &report.message };
    let side = report.side.as_ref().map(|side| format!("{side}: ")).unwrap_or_default();
    let line = verdict.and(format!("   {:<widest$}   {side}{said}", finding.id));
    iter::once(line).chain(hints(finding, "          ")).collect()
}

/// `24 checks: 21 ok, 1 unknown, 2 warnings`: each check counts once, with its worst verdict.
fn sum_of_checks(findings: &[Finding]) -> String {
    let mut worst: BTreeMap<&str, Verdict> = BTreeMap::new();
    for finding in findings {
        let verdict = worst.entry(finding.id).or_insert(finding.report.verdict);
        *verdict = (*verdict).max(finding.report.verdict);
    }
    let counts = ORDER.iter().filter_map(|verdict| {
        let number = worst.values().filter(|found| *found == verdict).count();
        (number > 0).then(|| counted(*verdict, number))
    });
    format!("{}: {}", count(worst.len(), "check"), counts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::{Marks, Report as Printed, Section, lines, sections, sum_of_checks};
    use crate::checks::{Finding, Report, Verdict};

    fn finding(id: &'static str, report: Report) -> Finding {
        Finding { id, title: "all is well", report }
    }

    fn findings() -> Vec<Finding> {
        let side = Side::member("edge-1");
        let ok = Report::between(Verdict::Ok, "");
        vec![
            finding("permissions", Report::failure(&side, "may not").hint("ask")),
            finding("permissions", Report::unknown(&side, "how many\u{1b}[31m")),
            finding("api-reachable", ok),
        ]
    }

    fn printed(findings: &[Finding], marks: Marks) -> Vec<String> {
        let report = Printed { marks, findings };
        let lines = sections(&[], findings).into_iter().flat_map(|section| report.section(section));
        lines.chain([report.sum()]).map(|line| line.to_string()).collect()
    }

    #[test]
    fn what_is_worst_of_a_cluster_stands_first_and_what_passed_is_counted() {
        let host = Side::host("prod");
        let mut findings = findings();
        findings.push(finding("short-name-cc", Report::holds(&host)));
        findings.push(finding("prepared", Report::skipped("only `import` asks")));
        assert_eq!(
            printed(&findings, Marks::Symbols),
            [
                "member \"edge-1\": it gave no usable answer",
                "  ✗ permissions: may not",
                "      hint: ask",
                "  ? permissions: how many^[[31m",
                "host \"prod\": it gave no usable answer",
                "  ✓ 1 passed",
                "several clusters",
                "  ✓ 1 passed",
                "1 failure, 1 unknown, 2 passed, 1 skipped",
            ]
        );
        let words = printed(&findings, Marks::Words);
        assert_eq!((words[1].as_str(), words[5].as_str()), ("  failure permissions: may not", "  1 passed"));
    }

    #[test]
    fn what_nobody_could_ask_is_counted_and_not_repeated() {
        let side = Side::member("gone");
        let silent = |id| finding(id, Report::unknown(&side, super::NO_ANSWER));
        let findings = [silent("member-role"), silent("permissions")];
        assert!(matches!(sections(&[], &findings)[..], [Section::Silent(_)]));
        assert_eq!(
            printed(&findings, Marks::Symbols),
            [
                "member \"gone\": it gave no usable answer",
                "  ? 2 not checked: it gave no usable answer",
                "2 unknown"
            ]
        );
    }

    #[test]
    fn what_is_worst_stands_last_with_its_hints() {
        assert_eq!(
            lines(&findings()),
            [
                "ok        api-reachable   all is well",
                "unknown   permissions     member \"edge-1\": how many^[[31m",
                "failure   permissions     member \"edge-1\": may not",
                "          hint: ask",
            ]
        );
    }

    #[test]
    fn what_was_not_asked_stands_first_with_its_reason_and_is_counted_apart() {
        let mut findings = findings();
        findings.push(finding("prepared", Report::skipped("only `import` asks")));
        let lines = lines(&findings);
        assert_eq!(lines[0], "skipped   prepared        only `import` asks");
        assert_eq!(sum_of_checks(&findings), "3 checks: 1 skipped, 1 passed, 1 failure");
    }

    #[test]
    fn each_check_counts_once_with_its_worst_verdict() {
        assert_eq!(sum_of_checks(&findings()), "2 checks: 1 passed, 1 failure");
        assert_eq!(sum_of_checks(&findings()[2..]), "1 check: 1 passed");
    }
}
