//! The clocks of host, members and this machine agree.

use super::{
    Check, Report, Rule, Situation, Verdict,
    rule::{JOINING, Outcome, Reason},
};
use crate::plan::{observed::Observed, operation::Operation};

pub(super) const CHECK: Check = Check {
    id: "clock-skew",
    title: "the clocks of host, members and this machine agree",
    skippable: true,
    rules: &[Rule::Joining(JOINING, run)],
    unasked: &[Reason::of(&[Operation::Unjoin], "a removal depends on no clock")],
};

/// By how many seconds a token may seem to come from the future (`authentication.maximumClockSkew`, 10s as shipped in
/// every version's kubesphere-config; issues 3935, 5934).
const ALLOWED_SECONDS: i64 = 10;

fn run(situation: &Situation<'_>) -> Outcome {
    let clusters = situation.answering()?;
    let off = this_machine(&clusters);
    let holding = clusters.iter().map(|observed| Report::holds(&observed.side));
    let members = situation.answering_members().unwrap_or_default().into_iter();
    let members = members.filter_map(|(_, member)| between(situation, situation.host?, member));
    Ok(members.chain(off).chain(holding).collect())
}

/// Tokens that the host issues are refused by a member whose clock is behind; the other way round the host refuses.
fn between(situation: &Situation<'_>, host: &Observed, member: &Observed) -> Option<Report> {
    let ahead = member.clock.ahead_seconds - host.clock.ahead_seconds;
    (ahead.abs() > ALLOWED_SECONDS).then(|| {
        let matters = !situation.changes_clusters() || situation.stores_credential(&member.side);
        let verdict = if matters { Verdict::Failure } else { Verdict::Warning };
        let message = format!("its clock is {} the host's: logins fail with `token used before issued`", apart(ahead));
        Report::of(verdict, &member.side, message).hint(
            "set both clusters' nodes by the same time servers (`timedatectl status` and `chronyc tracking` on the nodes)",
        )
    })
}

/// This machine's clock matters to the credentials that are made on it. It is told once: where all clusters are off, it
/// is this machine that is.
fn this_machine(clusters: &[&Observed]) -> Option<Report> {
    let off = clusters.iter().find(|observed| observed.clock.ahead_seconds.abs() > ALLOWED_SECONDS)?;
    let ahead = -off.clock.ahead_seconds;
    let message = format!("this machine's clock is {} the cluster's", apart(ahead));
    Some(Report::warning(&off.side, message).hint("set this machine's clock, or see which of both is wrong"))
}

fn apart(ahead_seconds: i64) -> String {
    let direction = if ahead_seconds > 0 { "ahead of" } else { "behind" };
    format!("{} s {direction}", ahead_seconds.abs())
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::fixture::Case;

    fn ahead(host: i64, member: i64) -> Case {
        let case = Case::new().host(|observed| observed.clock.ahead_seconds = host);
        case.member(|observed| observed.clock.ahead_seconds = member)
    }

    #[test]
    fn what_kubesphere_allows_is_fine() {
        assert_eq!(ahead(0, 0).says(&CHECK), Vec::<String>::new());
        assert_eq!(ahead(-3, 7).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_member_that_is_off_is_a_failure_where_it_is_to_be_registered_or_checked() {
        let said = "member \"edge-1\": its clock is 11 s behind the host's: logins fail with `token used before issued`";
        assert_eq!(ahead(4, -7).says(&CHECK), [format!("failure {said}")]);
        let joined = || ahead(4, -7).joined();
        assert_eq!(joined().says(&CHECK), [format!("warning {said}")]);
        assert_eq!(joined().checking().says(&CHECK), [format!("failure {said}")]);
    }

    #[test]
    fn this_machine_is_told_once() {
        assert_eq!(
            ahead(60, 60).says(&CHECK),
            ["warning host \"prod\": this machine's clock is 60 s behind the cluster's"]
        );
        let both = ahead(0, 60).says(&CHECK);
        assert_eq!(both.len(), 2, "{both:?}");
        assert_eq!(both[1], "warning member \"edge-1\": this machine's clock is 60 s behind the cluster's");
    }
}
