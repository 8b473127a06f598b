//! The host is one, or may become one.

use kubesphere::{
    command::{Mc, context_option},
    role::Role,
};

use super::{
    Check, Finding, Report, Rule, Situation,
    rule::{JOINING, Outcome, of},
};
use crate::plan::{intent::HostChoice, observed::Observed, operation::Operation};

pub(super) const CHECK: Check = Check {
    id: "host-role",
    title: "the cluster can be the host",
    skippable: false,
    rules: &[
        Rule::Joining(JOINING, may_be_host),
        Rule::Joining(&[Operation::Join, Operation::PrepareHost], becoming_host),
        Rule::Joining(
            &[Operation::PrepareMember, Operation::Import, Operation::Renew, Operation::Rotate],
            no_host,
        ),
        Rule::Unjoining(|unjoining| {
            let host = unjoining.answering_host()?;
            of(&host.side, wrong_way_round(host, unjoining.member).or_else(|| member(host)))
        }),
    ],
    unasked: &[],
};

/// What keeps it from having any member.
pub fn obstacle(host: &Observed) -> Option<Finding> {
    let found = unfit(host).into_iter().flat_map(|report| CHECK.named(vec![report]));
    found.into_iter().find(Finding::is_obstacle)
}

/// A cluster that is to become a host is checked before it is one.
fn may_be_host(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let members = situation.members.iter().filter_map(|member| member.observed);
    of(&host.side, wrong_way_round(host, members).or_else(|| unfit(host)))
}

/// Whoever takes one for the other would be told how to make a member of the host.
fn wrong_way_round<'a>(host: &Observed, members: impl IntoIterator<Item = &'a Observed>) -> Option<Report> {
    let real = members.into_iter().find(|member| member.is_host()).filter(|_| host.is_member())?;
    let message = format!("it is a member and {} is a host: they are the wrong way round", real.side);
    let (member, context) = (host.side.context(), context_option(&real.side));
    let report = Report::failure(&host.side, message)
        .hint(format!("name the host with `{context}`, and \"{member}\" as the member"));
    Some(report.only_cause_of([&host.side, &real.side]))
}

fn unfit(host: &Observed) -> Option<Report> {
    if let Some(why) = host.role_unread() {
        return Some(Report::unknown(&host.side, format!("its role: {why}")));
    }
    let Role::Other(text) = host.role() else { return member(host) };
    Some(
        Report::failure(&host.side, format!("its clusterRole is {text:?}, which KubeSphere does not know"))
            .hint("set spec.multicluster.clusterRole to none or host first"),
    )
}

/// It shares its host's jwtSecret with all other members: they would pass for its own.
fn member(host: &Observed) -> Option<Report> {
    host.is_member().then(|| {
        Report::failure(&host.side, "it is a member of another host, and a member is never made a host")
            .hint("name the real host with `--context NAME`")
            .only_cause_of([&host.side])
    })
}

/// A cluster that is no host yet becomes one only where somebody said which: a wrong current-context must not
/// turn a cluster into a host, which cannot be undone.
fn becoming_host(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let unasked = situation.intent.host.chosen == HostChoice::CurrentContextUnasked;
    let unsaid = unasked && !host.is_host() && unfit(host).is_none();
    let report = unsaid.then(|| {
        Report::failure(
            &host.side,
            "it has the role none and is only the current-context: `--yes` alone does not make it a host",
        )
        .hint(format!("say so with `{}`, if it should be the host", context_option(&host.side)))
    });
    of(&host.side, report)
}

/// These parts build on a host. A cluster that is none may be one by a wrong context, whose secret is of no use.
fn no_host(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let is_none = !host.is_host() && unfit(host).is_none();
    let report = is_none.then(|| {
        Report::failure(&host.side, "it is not a host: its role is none").hint(format!(
            "name the real host with `--context NAME`, or make it one first: `{}`",
            Mc::new("prepare host").host(&host.side)
        ))
    });
    of(&host.side, report)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, play},
        plan::{intent::HostChoice, operation::Operation},
    };

    #[test]
    fn a_host_and_a_standalone_cluster_that_was_named_are_fine() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().host(|host| play(host, "host")).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_member_is_never_made_a_host() {
        let case = Case::new().host(|host| play(host, "member"));
        assert_eq!(
            case.says(&CHECK),
            ["failure host \"prod\": it is a member of another host, and a member is never made a host"]
        );
        assert_eq!(case.hints(&CHECK), "name the real host with `--context NAME`");
    }

    #[test]
    fn a_member_before_its_host_is_told_that_they_are_the_wrong_way_round() {
        let said = "failure host \"prod\": it is a member and member \"edge-1\" is a host: they are the wrong way round";
        let swapped = Case::new().host(|host| play(host, "member")).member(|member| play(member, "host"));
        assert_eq!(swapped.says(&CHECK), [said]);
        let way = "name the host with `--context edge-1`, and \"prod\" as the member";
        assert_eq!(swapped.hints(&CHECK), way);
        assert_eq!(swapped.tells(), [said], "and nothing else of the two");
    }

    #[test]
    fn a_role_that_kubesphere_does_not_know_is_not_overwritten() {
        let case = Case::new().host(|host| play(host, "hots"));
        assert_eq!(
            case.says(&CHECK),
            ["failure host \"prod\": its clusterRole is \"hots\", which KubeSphere does not know"]
        );
    }

    #[test]
    fn the_current_context_alone_makes_no_host() {
        let unasked =
            |case: Case| case.wanting(|intent| intent.host.chosen = HostChoice::CurrentContextUnasked);
        assert_eq!(
            unasked(Case::new()).says(&CHECK),
            [
                "failure host \"prod\": it has the role none and is only the current-context: `--yes` alone does not make \
              it a host"
            ]
        );
        assert_eq!(
            unasked(Case::new()).hints(&CHECK),
            "say so with `--context prod`, if it should be the host"
        );
        assert!(unasked(Case::new().host(|host| play(host, "host"))).says(&CHECK).is_empty());
    }

    #[test]
    fn what_builds_on_a_host_needs_one() {
        for part in [Operation::PrepareMember, Operation::Import, Operation::Renew, Operation::Rotate] {
            let case = || Case::new().wanting(|intent| intent.operation = part);
            assert_eq!(case().says(&CHECK), ["failure host \"prod\": it is not a host: its role is none"]);
            assert!(case().hints(&CHECK).ends_with("`kubectl mc prepare host --context prod`"));
            assert_eq!(case().host(|host| play(host, "host")).says(&CHECK), Vec::<String>::new());
        }
    }
}
