//! Nothing of a former host is left on a member.

use kubesphere::{
    command::{Kubectl, Mc},
    side::Side,
};

use super::{
    Check, Report, Rule, Situation,
    rule::{LOOKING, NO_KUBEFED, NO_MEMBER, Outcome, Reason, WITH_MEMBERS, each, some},
    stopped_join::credential,
};
use crate::plan::{
    intent::MemberIntent,
    observed::{Observed, Seen},
    operation::Operation,
    surroundings::{LeftoverWorkspace, Leftovers},
};

pub(super) const CHECK: Check = Check {
    id: "member-leftovers",
    title: "nothing of a former host is left",
    skippable: true,
    rules: &[
        Rule::Joining(WITH_MEMBERS, of_former_hosts),
        Rule::Joining(LOOKING, of_former_names),
        Rule::Joining(LOOKING, of_stopped_joins),
    ],
    unasked: &[
        NO_KUBEFED,
        NO_MEMBER,
        Reason::of(&[Operation::Unjoin], "what a removal leaves is listed at its end"),
    ],
};

/// So many names are shown of what may be many.
const SHOWN: usize = 5;

/// What is managed on a member of this host, this host manages.
fn of_former_hosts(situation: &Situation<'_>) -> Outcome {
    let members = situation.answering_members()?.into_iter();
    let unknown = members.filter(|(intent, member)| situation.registered(intent, member).is_none());
    let looked_at = unknown
        .filter_map(|(intent, member)| Some((intent, member, member.surroundings.leftovers.as_ref()?)));
    let looked_at = some(looked_at, "no cluster becomes a member of this host")?;
    let of_member = |(intent, member, leftovers): (&MemberIntent, &Observed, _)| {
        of_member(&member.side, intent.name(), leftovers)
    };
    each(looked_at, |(_, member, _)| &member.side, of_member)
}

fn of_former_names(situation: &Situation<'_>) -> Outcome {
    let host = situation.host_with_clusters()?;
    let members = situation.answering_members()?.into_iter();
    let known = members.filter(|(intent, member)| situation.registered(intent, member).is_some());
    let known = some(known.map(|(_, member)| member), "no member is registered yet")?;
    each(known, |member| &member.side, |member| other_accounts(host, member))
}

fn of_stopped_joins(situation: &Situation<'_>) -> Outcome {
    let host = situation.host_with_clusters()?;
    let members = situation.answering_members()?.into_iter();
    let unknown = members.filter(|(intent, member)| situation.registered(intent, member).is_none());
    let unknown = some(unknown, "all members are registered")?;
    each(unknown, |(_, member)| &member.side, |(intent, member)| credential(intent, member, host))
}

fn of_member(side: &Side, name: &str, leftovers: &Leftovers) -> Vec<Report> {
    let workspaces = match &leftovers.workspaces {
        Seen::Present(workspaces) => of_workspaces(side, workspaces, name),
        Seen::Absent => Vec::new(),
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            vec![Report::unknown(side, format!("whether workspaces of a former host are left: {why}"))]
        }
    };
    workspaces.into_iter().chain(of_namespaces(side, &leftovers.namespaces)).collect()
}

/// The host takes no member in that has a managed workspace of the name of one of its own that is not placed there,
/// because kubefed would delete it (kubesphere `pkg/controller/cluster/join.go@v3.4.1:808-840`, issue 3169).
fn of_workspaces(side: &Side, workspaces: &[LeftoverWorkspace], name: &str) -> Vec<Report> {
    let conflicts = |workspace: &&LeftoverWorkspace| {
        let placed = workspace.placed_on.present();
        placed.is_some_and(|clusters| !clusters.iter().any(|cluster| cluster == name))
    };
    let names = |workspaces: Vec<&LeftoverWorkspace>| -> Vec<String> {
        workspaces.iter().map(|workspace| workspace.name.clone()).collect()
    };
    let untold = workspaces.iter().find_map(|workspace| match &workspace.placed_on {
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            let message = format!(
                "whether this host has workspace {}, which a former host has left, and does not place it on this cluster: {why}",
                workspace.name
            );
            Some(Report::unknown(side, message))
        }
        Seen::Present(_) | Seen::Absent => None,
    });
    let told =
        workspaces.iter().filter(|workspace| matches!(workspace.placed_on, Seen::Present(_) | Seen::Absent));
    let (conflicting, sanitize): (Vec<_>, Vec<_>) = told.partition(conflicts);
    let (conflicting, sanitize) = (names(conflicting), names(sanitize));
    let conflict = (!conflicting.is_empty()).then(|| {
        let message = format!(
            "a former host's workspaces are left that this host has too and does not place on this cluster, so it cannot join: {}",
            listed(&conflicting)
        );
        Report::failure(side, message).hint(release(side, &conflicting))
    });
    let left = (!sanitize.is_empty()).then(|| {
        let message = format!(
            "a former host's workspaces are left: {}; a workspace of that name on this host will take them over",
            listed(&sanitize)
        );
        Report::warning(side, message).hint(release(side, &sanitize))
    });
    conflict.into_iter().chain(untold).chain(left).collect()
}

fn release(side: &Side, names: &[String]) -> String {
    format!(
        "keep them as the member's own: `{} kubefed.io/managed-`",
        Kubectl::on(side).words("label workspaces.tenant.kubesphere.io").words(&names.join(" "))
    )
}

fn of_namespaces(side: &Side, namespaces: &Seen<Vec<String>>) -> Option<Report> {
    match namespaces {
        Seen::Present(names) if !names.is_empty() => {
            let message = format!(
                "a former host's kubefed managed these namespaces, and what manages workspaces here may delete them: {}",
                listed(names)
            );
            let hint = format!(
                "keep them: `{} kubefed.io/managed- kubesphere.io/workspace-`",
                Kubectl::on(side).words("label namespaces").words(&names.join(" "))
            );
            Some(Report::warning(side, message).hint(hint))
        }
        Seen::Present(_) | Seen::Absent => None,
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            Some(Report::unknown(side, format!("whether namespaces of a former host are left: {why}")))
        }
    }
}

/// Service accounts of other names that this member had: no host removes them, and each may do everything
/// (kubesphere issue 3570).
fn other_accounts(host: &Observed, member: &Observed) -> Option<Report> {
    let is_registered =
        |name: &str| host.clusters_with_uid(&member.uid).any(|cluster| cluster.name() == name);
    let others: Vec<&String> =
        member.joined_as.present()?.iter().filter(|name| !is_registered(name)).collect();
    let first = others.first()?;
    let names: Vec<String> = others.iter().map(|name| format!("{name}-kubesphere")).collect();
    let unjoin = Mc::new("unjoin").word(first).member_context(&member.side).host(&host.side);
    let message = format!(
        "service accounts of earlier names are left in kube-federation-system, with all rights: {}",
        listed(&names)
    );
    let others = if others.len() > 1 { ", and so for each" } else { "" };
    Some(
        Report::warning(&member.side, message)
            .hint(format!("if no other host uses them: `{unjoin}`{others}; the member stays joined")),
    )
}

/// The names, or some of many and how many more there are.
pub fn listed(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, play, surround},
        plan::{
            credential::{Account, HostUid, Ownership},
            observed::Seen,
            surroundings::{LeftoverWorkspace, Leftovers},
        },
    };

    fn workspace(name: &str, placed_on: Seen<Vec<String>>) -> LeftoverWorkspace {
        LeftoverWorkspace { name: name.to_owned(), placed_on }
    }

    fn with(workspaces: Vec<LeftoverWorkspace>, namespaces: &[&str]) -> Case {
        let namespaces = Seen::Present(namespaces.iter().map(|name| (*name).to_owned()).collect());
        let leftovers = Leftovers { workspaces: Seen::Present(workspaces), namespaces };
        Case::new().member(|member| surround(member, |around| around.leftovers = Some(leftovers)))
    }

    #[test]
    fn a_clean_member_and_no_look_are_fine() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        assert_eq!(with(Vec::new(), &[]).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_workspace_that_the_host_has_elsewhere_would_keep_the_member_out() {
        let elsewhere = || with(vec![workspace("team-a", Seen::Present(vec!["edge-2".to_owned()]))], &[]);
        assert_eq!(
            elsewhere().says(&CHECK),
            [
                "failure member \"edge-1\": a former host's workspaces are left that this host has too and does not place on this cluster, so it cannot join: team-a"
            ]
        );
        assert!(elsewhere().hints(&CHECK).ends_with(
            "`kubectl --context edge-1 label workspaces.tenant.kubesphere.io team-a kubefed.io/managed-`"
        ));
        let here = with(vec![workspace("team-a", Seen::Present(vec!["edge-1".to_owned()]))], &[]);
        assert!(here.says(&CHECK)[0].starts_with("warning "));
    }

    #[test]
    fn a_workspace_whose_placement_may_not_be_read_may_keep_the_member_out() {
        let said =
            with(vec![workspace("team-a", Seen::Unreadable("forbidden".to_owned()))], &[]).says(&CHECK);
        assert_eq!(
            said,
            [
                "unknown member \"edge-1\": whether this host has workspace team-a, which a former host has left, \
              and does not place it on this cluster: forbidden"
            ]
        );
    }

    #[test]
    fn other_workspaces_and_namespaces_are_worth_a_warning() {
        let names: Vec<String> = (1..=7).map(|number| format!("team-{number}")).collect();
        let workspaces = names.iter().map(|name| workspace(name, Seen::Absent)).collect();
        let case = with(workspaces, &["project-a"]);
        let said = case.says(&CHECK);
        assert!(
            said[0].contains("are left: team-1, team-2, team-3, team-4, team-5 and 2 more; "),
            "{said:?}"
        );
        assert!(
            said[1]
                .starts_with("warning member \"edge-1\": a former host's kubefed managed these namespaces")
        );
        assert!(case.hints(&CHECK).contains("team-6 team-7"), "a command names all of them");
    }

    #[test]
    fn accounts_of_other_names_of_a_joined_member_are_told_by_a_check() {
        let case = || {
            let names = ["edge-1", "old"].map(str::to_owned).to_vec();
            Case::new().joined().member(|member| member.joined_as = Seen::Present(names))
        };
        assert_eq!(case().says(&CHECK), Vec::<String>::new());
        let said = case().checking().says(&CHECK);
        assert!(said[0].ends_with("with all rights: old-kubesphere"), "{said:?}");
        assert_eq!(
            case().checking().hints(&CHECK),
            "if no other host uses them: `kubectl mc unjoin old --member-context edge-1 --context prod`; the member stays joined"
        );
    }

    #[test]
    fn the_credential_of_a_join_that_has_stopped_is_told_by_a_check() {
        let ours = || Seen::Present(Ownership::Ours);
        let account = |tokens_of_others: &[&str]| Account {
            service_account: ours(),
            binding: ours(),
            host: HostUid::new("uid-of-prod"),
            token: Seen::Absent,
            tokens_of_others: tokens_of_others.iter().map(|name| (*name).to_owned()).collect(),
        };
        let left = |account| Case::new().checking().member(|member| member.account = Some(account));
        let said = left(account(&[])).says(&CHECK).join("\n");
        assert!(
            said.starts_with(
                "warning member \"edge-1\": it is not registered, and has this host's credential, with all rights"
            ) && said.contains("kubectl-mc-host"),
            "{said}"
        );
        let hints = left(account(&[])).hints(&CHECK);
        let unjoin = "`kubectl mc unjoin edge-1 --context prod --member-context edge-1`";
        assert!(hints.ends_with(&format!("to remove what is left on it: {unjoin}")), "{hints}");
        let with_role = left(account(&[])).member(|member| play(member, "member"));
        assert_eq!(with_role.says(&CHECK).join("\n"), said, "the join has stopped later");
        assert_eq!(left(account(&["of-another"])).says(&CHECK), Vec::<String>::new(), "another host uses it");
        let with_token = Account { token: ours(), ..account(&["of-another"]) };
        assert_eq!(left(with_token).says(&CHECK).len(), 1);
        let joined = Case::new().joined().checking().member(|member| member.account = Some(account(&[])));
        assert_eq!(joined.says(&CHECK), Vec::<String>::new(), "it is in use");
    }

    #[test]
    fn what_may_not_be_read_is_unknown() {
        let forbidden = || Seen::Unreadable("forbidden".to_owned());
        let leftovers =
            Leftovers { workspaces: forbidden(), namespaces: Seen::Unreadable("forbidden".to_owned()) };
        let case = Case::new().member(|member| surround(member, |around| around.leftovers = Some(leftovers)));
        assert_eq!(
            case.says(&CHECK),
            [
                "unknown member \"edge-1\": whether workspaces of a former host are left: forbidden",
                "unknown member \"edge-1\": whether namespaces of a former host are left: forbidden",
            ]
        );
    }
}
