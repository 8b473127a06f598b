//! How every check ended, as `check` prints it.

use std::{collections::BTreeMap, iter};

use owo_colors::{OwoColorize as _, Style};

use super::{
    clusters,
    style::Styles,
    ui::Ui,
    words::{count, sanitize},
};
use crate::{
    checks::{Finding, Verdict},
    error::Error,
    plan::observed::Observed,
};

/// The verdicts in the order in which they are reported: what is worst stands last, next to the prompt.
const ORDER: [Verdict; 5] =
    [Verdict::Skipped, Verdict::Ok, Verdict::Unknown, Verdict::Warning, Verdict::Failure];

/// Prints the clusters that answered, a line for each finding with its cures, and the sum.
pub fn show<'a>(
    ui: &Ui,
    clusters: impl Iterator<Item = &'a Observed>,
    findings: &[Finding],
) -> Result<(), Error> {
    for (number, line) in clusters::table(clusters).iter().enumerate() {
        let heading = number == 0;
        ui.result(&if heading { line.style(ui.result_styles.strong).to_string() } else { line.clone() })?;
    }
    ui.result("")?;
    lines(findings, &ui.result_styles).iter().try_for_each(|line| ui.result(line))?;
    ui.result("")?;
    ui.result(&sum(findings))
}

fn lines(findings: &[Finding], styles: &Styles) -> Vec<String> {
    let widest = findings.iter().map(|finding| finding.id.len()).max().unwrap_or_default();
    let in_order = ORDER
        .iter()
        .flat_map(|verdict| findings.iter().filter(move |finding| finding.report.verdict == *verdict));
    in_order.flat_map(|finding| lines_of(finding, widest, styles)).collect()
}

fn lines_of(finding: &Finding, widest: usize, styles: &Styles) -> Vec<String> {
    let report = &finding.report;
    let verdict = format!("{:<7}", report.verdict.as_str());
    let said = match (report.verdict, report.message.as_str()) {
        (Verdict::Ok, "") => finding.title.to_owned(),
        (Verdict::Ok, untold) if report.side.is_none() => format!("{} ({untold})", finding.title),
        (_, message) => message.to_owned(),
    };
    let side = report.side.as_ref().map(|side| format!("{side}: ")).unwrap_or_default();
    let line = format!(
        "{}   {:<widest$}   {}{}",
        verdict.style(style(report.verdict, styles)),
        finding.id,
        sanitize(&side),
        sanitize(&said)
    );
    let hint = format!("{}", "hint:".style(styles.name));
    let hints = report.cures.iter().map(|cure| format!("          {hint} {}", sanitize(cure)));
    iter::once(line).chain(hints).collect()
}

fn style(verdict: Verdict, styles: &Styles) -> Style {
    match verdict {
        Verdict::Skipped => styles.faint,
        Verdict::Ok => styles.good,
        Verdict::Unknown | Verdict::Warning => styles.attention,
        Verdict::Failure => styles.bad,
    }
}

/// `24 checks: 21 ok, 1 unknown, 2 warnings`: each check counts once, with its worst verdict.
fn sum(findings: &[Finding]) -> String {
    let mut worst: BTreeMap<&str, Verdict> = BTreeMap::new();
    for finding in findings {
        let verdict = worst.entry(finding.id).or_insert(finding.report.verdict);
        *verdict = (*verdict).max(finding.report.verdict);
    }
    let counts = ORDER.iter().filter_map(|verdict| {
        let number = worst.values().filter(|found| *found == verdict).count();
        (number > 0).then(|| match verdict {
            Verdict::Skipped => format!("{number} skipped"),
            Verdict::Ok => format!("{number} ok"),
            Verdict::Unknown => format!("{number} unknown"),
            Verdict::Warning => count(number, "warning"),
            Verdict::Failure => count(number, "failure"),
        })
    });
    format!("{}: {}", count(worst.len(), "check"), counts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::{Styles, lines, sum};
    use crate::checks::{Finding, Report, Verdict};

    fn finding(id: &'static str, report: Report) -> Finding {
        Finding { id, title: "all is well", report }
    }

    fn findings() -> Vec<Finding> {
        let side = Side::member("edge-1");
        let ok = Report::between(Verdict::Ok, "");
        vec![
            finding("permissions", Report::failure(&side, "may not").cure("ask")),
            finding("permissions", Report::unknown(&side, "how many\u{1b}[31m")),
            finding("api-reachable", ok),
        ]
    }

    #[test]
    fn what_is_worst_stands_last_with_its_cures() {
        assert_eq!(
            lines(&findings(), &Styles::default()),
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
        let lines = lines(&findings, &Styles::default());
        assert_eq!(lines[0], "skipped   prepared        only `import` asks");
        assert_eq!(sum(&findings), "3 checks: 1 skipped, 1 ok, 1 failure");
    }

    #[test]
    fn each_check_counts_once_with_its_worst_verdict() {
        assert_eq!(sum(&findings()), "2 checks: 1 ok, 1 failure");
        assert_eq!(sum(&findings()[2..]), "1 check: 1 ok");
    }
}
