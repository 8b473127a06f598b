//! No probe pods of a command that was killed are left on the host.

use kubesphere::{cluster_configuration::NAMESPACE, command::Kubectl, side::Side};

use super::{
    Check, Finding, Report, Rule,
    rule::{CHANGING, LOOKING, Reason},
};
use crate::plan::{observed::Seen, reach::leftovers::LeftoverPod};

pub(super) const CHECK: Check = Check {
    id: "leftover-probe-pods",
    title: "no probe pods are left on the host",
    skippable: false,
    rules: &[Rule::Later(LOOKING)],
    unasked: &[Reason::of(CHANGING, "only `check` tells it: a command that changes the host removes them")],
};

/// What the host has of them.
pub fn found(host: &Side, pods: &Seen<Vec<LeftoverPod>>) -> Vec<Finding> {
    CHECK.named(vec![report(host, pods)])
}

fn report(host: &Side, pods: &Seen<Vec<LeftoverPod>>) -> Report {
    if let Some(why) = pods.unreadable() {
        return Report::unknown(host, format!("whether probe pods are left behind: {why}"));
    }
    let names: Vec<&str> = pods.present().into_iter().flatten().map(|pod| pod.name.as_str()).collect();
    if names.is_empty() {
        return Report::holds(host);
    }
    let names = names.join(" ");
    let message = format!("probe pods of an earlier command that was killed are still there: {names}");
    let deletion =
        Kubectl::on(host).namespace(NAMESPACE).words("delete --ignore-not-found pods").words(&names);
    Report::warning(host, message)
        .hint(format!("`{deletion}`"))
        .hint("or leave it to the next `kubectl mc` command that changes this host")
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::found;
    use crate::{
        checks::Verdict,
        plan::{observed::Seen, reach::leftovers::LeftoverPod},
    };

    #[test]
    fn what_is_left_is_named_with_the_command_that_removes_it() {
        let pod = |name: &str| LeftoverPod { name: name.to_owned(), uid: String::new() };
        let findings = found(&Side::host("prod"), &Seen::Present(vec![pod("a"), pod("b")]));
        assert!(findings[0].report.message.ends_with("still there: a b"));
        assert_eq!(
            findings[0].report.hints[0],
            "`kubectl --context prod -n kubesphere-system delete --ignore-not-found pods a b`"
        );
        let verdict = |pods: Seen<Vec<LeftoverPod>>| found(&Side::host("prod"), &pods)[0].report.verdict;
        assert_eq!(verdict(Seen::Present(Vec::new())), Verdict::Ok);
        assert_eq!(verdict(Seen::Unreadable("forbidden".to_owned())), Verdict::Unknown);
    }
}
