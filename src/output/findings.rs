//! Findings of checks, as a person reads them.

use super::{
    document::finding_view,
    event::Told,
    line::Line,
    style::Tone,
    ui::{Telling, Ui},
};
use crate::checks::{Finding, Verdict};

/// Whether there is a finding that is neither simply ok nor skipped.
pub fn are_worth_showing(findings: &[Finding]) -> bool {
    findings.iter().any(is_worth_showing)
}

fn is_worth_showing(finding: &Finding) -> bool {
    finding.report.verdict > Verdict::Ok
}

/// Shows every finding that is neither simply ok nor skipped: obstacles last, next to the prompt.
pub fn show(ui: &Ui, findings: &[Finding]) {
    let mut worth: Vec<&Finding> = findings.iter().filter(|finding| is_worth_showing(finding)).collect();
    worth.sort_by_key(|finding| finding.report.verdict);
    for finding in worth {
        show_one(ui, finding);
    }
}

fn show_one(ui: &Ui, finding: &Finding) {
    let report = &finding.report;
    match ui.telling() {
        Telling::Events => return ui.tell(&Told::Finding(finding_view(finding))),
        Telling::Errors if report.verdict < Verdict::Failure => return,
        Telling::Errors | Telling::Lines => {}
    }
    let heading = match report.verdict {
        Verdict::Failure => "error:",
        Verdict::Warning => "warning:",
        Verdict::Unknown => "unknown:",
        Verdict::Skipped => "skipped:",
        Verdict::Ok => "ok:",
    };
    let side = report.side.as_ref().map(|side| format!("{side}: ")).unwrap_or_default();
    let id = Line::toned(Tone::Faint, format!("[{}]", finding.id));
    let heading = Line::toned(Tone::of(report.verdict), heading);
    let line = heading.and(format!(" {side}{} ", report.message)).and(id);
    ui.problem([line], report.hints.iter().map(String::as_str));
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::are_worth_showing;
    use crate::checks::{Finding, Report, Verdict};

    #[test]
    fn what_was_not_asked_is_never_shown_before_a_plan() {
        let finding = |report: Report| [Finding { id: "x", title: "x", report }];
        assert!(!are_worth_showing(&finding(Report::skipped("no run follows"))));
        assert!(!are_worth_showing(&finding(Report::between(Verdict::Ok, ""))));
        assert!(are_worth_showing(&finding(Report::unknown(&Side::host("prod"), "why"))));
    }
}
