//! No member is registered on this host under another name.

use kubesphere::{cluster::RegisteredCluster, command::Mc, fleet_entry::Setting, side::Side};

use super::{
    Check, Report, Rule, Situation, Unjoining, another_cluster,
    described::differing,
    rule::{LOOKING, NOTHING_REGISTERED, Outcome, REGISTERING, Reason, Unasked, each, of},
    stopped_join::{prepared, to_join},
    stored_options::without_effect,
};
use crate::plan::{
    identity::{Identity, identity},
    intent::{ClusterIntent, Expected, MemberIntent},
    observed::Observed,
    operation::Operation,
    skipped::Skipped,
    unjoin::{
        member_ownership::{HostEvidence, MemberOwnership},
        plan::{MemberPlan, UnjoinIntent},
    },
};

pub(super) const CHECK: Check = Check {
    id: "member-registration",
    title: "the member is not registered under another name",
    skippable: false,
    rules: &[
        Rule::Joining(REGISTERING, run),
        Rule::Joining(LOOKING, unregistered),
        Rule::Joining(LOOKING, differing),
        Rule::Joining(REGISTERING, without_effect),
        Rule::Unjoining(unjoining),
    ],
    unasked: &[
        NOTHING_REGISTERED,
        Reason::of(&[Operation::Renew], "the check `renewed-cluster` asks whose Cluster it is"),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let (host, clusters) = (situation.host_with_clusters()?, situation.answering_clusters()?);
    let skipped = &situation.intent.skipped;
    let of_member = |(cluster, member): (_, _)| {
        let of_member = of_member(cluster, member, host, skipped);
        of_member.into_iter().chain(known_as(cluster, member, host)).collect::<Vec<_>>()
    };
    let of_members = each(clusters, |(_, member)| &member.side, of_member)?;
    Ok(of_members.into_iter().chain(unidentified(situation, host)).collect())
}

fn unregistered(situation: &Situation<'_>) -> Outcome {
    let host = situation.host_with_clusters()?;
    let members = situation.answering_members()?.into_iter();
    let unregistered = |(intent, member): (&MemberIntent, &Observed)| {
        let is_unknown = situation.registered(intent, member).is_none();
        let report = || prepared(intent, member, host).or_else(|| named_in_file(situation, member, host));
        is_unknown.then(report).flatten()
    };
    each(members, |(_, member)| &member.side, unregistered)
}

/// A fleet file names members. Of a cluster that is only to be none nobody needs to be told that.
fn named_in_file(situation: &Situation<'_>, member: &Observed, host: &Observed) -> Option<Report> {
    let is_named = member.side.entry().is_some() && situation.intent.expected != Some(Expected::Absent);
    (is_named && !member.is_member() && !member.is_host()).then(|| {
        let message =
            "it is not joined: its role is none, and a join of the file makes it a member of this host";
        Report::warning(&member.side, message).hint(to_join(&member.side, &host.side))
    })
}

/// Whether the context leads to the member that the Cluster stands for.
fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let (host, member) = (unjoining.answering_host()?, unjoining.answering_member()?);
    let Some(cluster) = unjoining.cluster() else {
        return of(&member.side, misnamed(unjoining).or_else(|| stays(unjoining)));
    };
    if member.uid == host.uid || cluster.is_host() {
        return Err(Unasked::Because("the Cluster is not a member's"));
    }
    let (side, name) = (&member.side, cluster.name());
    let on_host_alone = unjoining.on_host_alone();
    let report = match identity(cluster, host, member) {
        Identity::Same => stays(unjoining),
        Identity::Other(uid) => Some(another_cluster::report(name, &uid, host, member)),
        Identity::Unproven => Some(
            Report::failure(
                side,
                format!(
                    "nothing proves that it is the member \"{name}\": the host does not know its UID, cannot ask it, and \
                     it has not both kubefed's service account of that name and the host's jwtSecret"
                ),
            )
            .hint(format!("remove it on the host first: `{on_host_alone}`; run this command again then")),
        ),
    };
    of(side, report)
}

/// Nothing there is of the name, and a Cluster of another name is the member's.
fn misnamed(unjoining: &Unjoining<'_>) -> Option<Report> {
    let nothing_to_do = unjoining.plan.filter(|plan| unjoining.is_first && plan.is_empty());
    let member = nothing_to_do?.member.as_ref()?;
    let MemberOwnership::Twice(other) = &member.member_ownership else { return None };
    let message = format!(
        "it is registered on this host as \"{other}\", and nothing is left there of the name that was given"
    );
    Some(
        Report::failure(&member.side, message)
            .hint(format!("if it was meant: `{}`", to_unjoin(other, unjoining, &member.side))),
    )
}

fn to_unjoin(name: &str, unjoining: &Unjoining<'_>, member: &Side) -> Mc {
    Mc::new("unjoin").word(name).host(unjoining.host.map(|host| &host.side)).member_context(member)
}

/// What whose the member is says of what is left undone.
fn stays(unjoining: &Unjoining<'_>) -> Option<Report> {
    let member = unjoining.plan?.member.as_ref()?;
    let message = match &member.member_ownership {
        MemberOwnership::Ours | MemberOwnership::Clean => return None,
        MemberOwnership::Twice(other) => {
            let message = format!("it is registered on this host as \"{other}\" too, and stays its member");
            let unjoin = to_unjoin(other, unjoining, &member.side);
            return Some(Report::warning(&member.side, message).hint(format!("if it was meant: `{unjoin}`")));
        }
        MemberOwnership::Claimed(host) => return Some(claimed(unjoining, member, host)),
        MemberOwnership::OtherSecret => {
            let report = if is_anothers(unjoining, member) {
                elsewhere(unjoining.intent, &member.side)
            } else {
                drifted(&member.side)
            };
            return Some(report.hint(given_back(&member.side, unjoining.host)));
        }
        MemberOwnership::Host => "it is a host itself".to_owned(),
    };
    Some(Report::warning(&member.side, message))
}

/// The controller takes the annotations off a member that it has found ready, whoever has written them; each host writes its own
/// at each look (kubesphere `cluster_controller.go@v4.1.3`, cleanup, syncClusterName).
fn claimed(unjoining: &Unjoining<'_>, member: &MemberPlan, host: &str) -> Report {
    let cluster = unjoining.cluster().map(|_| "the Cluster here");
    let credential = (!member.removals.is_empty()).then_some("the credential that it has for this host");
    let going: Vec<&str> = cluster.into_iter().chain(credential).collect();
    let going = match going.as_slice() {
        [] => "there is nothing of this host to take out".to_owned(),
        going => format!("nothing goes but {}", going.join(" and ")),
    };
    let annotations = cluster.map(
        |_| "; the annotations of that host may go with the Cluster, until it looks at its member again",
    );
    let message = format!(
        "another host, which calls itself \"{host}\", manages it: {going}{}",
        annotations.unwrap_or_default()
    );
    Report::warning(&member.side, message)
}

/// Nothing of this host is there, and the host knows nothing of it.
fn is_anothers(unjoining: &Unjoining<'_>, member: &MemberPlan) -> bool {
    unjoining.is_first && member.evidence == HostEvidence::Nothing && member.is_empty()
}

fn elsewhere(intent: &UnjoinIntent, member: &Side) -> Report {
    let message = format!(
        "the host has no Cluster \"{}\", and another host has this member: its role is member, and its jwtSecret is not this \
         host's",
        intent.name
    );
    Report::failure(member, message).hint("name the host that has it with `--context`")
}

/// Whether another host has taken it or this one has renewed its secret cannot be seen.
fn drifted(member: &Side) -> Report {
    Report::warning(
        member,
        "its role is member and its jwtSecret is not this host's: another host has taken it, or this host's was renewed",
    )
}

fn given_back(member: &Side, host: Option<&Observed>) -> String {
    let give = Mc::new("prepare member").member(member).host(host.map(|host| &host.side));
    let give = give.words("--from-other-host");
    format!("if no other host has it: give it this host's with `{give}`, and run the same command again")
}

/// A former member works only under the name that it had: what kubefed made for it carries that name
/// (kubesphere issue 3570, website `manage-multi-cluster.md`).
fn known_as(intent: &ClusterIntent, member: &Observed, host: &Observed) -> Option<Report> {
    // A host joins itself by kubefed, too.
    let names =
        member.joined_as.present().filter(|names| !member.is_host() && !names.contains(&intent.name))?;
    let name = names.first()?;
    let registered = host.clusters_with_uid(&member.uid).next().is_some();
    (!registered).then(|| {
        Report::warning(
            &member.side,
            format!(
                "it was a member before, as \"{name}\", and may not work under the name \"{}\"",
                intent.name
            ),
        )
        .hint(format!(
            "keep the old name with {}, if it was a member of this host",
            member.side.setting_to(Setting::Name, name)
        ))
    })
}

fn of_member(
    intent: &ClusterIntent,
    member: &Observed,
    host: &Observed,
    skipped: &Skipped,
) -> Option<Report> {
    let registered: Vec<&RegisteredCluster> = host.clusters_with_uid(&member.uid).collect();
    match registered.as_slice() {
        [] => None,
        [cluster] => {
            (cluster.name() != intent.name).then(|| registered_as(cluster, member, &host.side, skipped))
        }
        several => Some(registered_again(several, intent, member, &host.side)),
    }
}

/// The Kubernetes API takes a second Cluster of the same member; what a member has for it carries the name of one of them.
fn registered_again(
    clusters: &[&RegisteredCluster],
    intent: &ClusterIntent,
    member: &Observed,
    host: &Side,
) -> Report {
    let names: Vec<String> = clusters.iter().map(|cluster| format!("\"{}\"", cluster.name())).collect();
    let message = format!(
        "it is registered on this host {} times, as {}: one Cluster is enough, and the others have to go",
        names.len(),
        names.join(" and ")
    );
    let others = clusters.iter().filter(|cluster| cluster.name() != intent.name);
    let unjoin = others.map(|cluster| {
        let unjoin = Mc::new("unjoin").word(cluster.name()).host(host).member_context(&member.side);
        format!("`{unjoin}`")
    });
    let unjoin = unjoin.collect::<Vec<_>>().join(" or ");
    Report::failure(&member.side, message)
        .hint(format!("remove one; the member stays under the name that is left: {unjoin}"))
}

fn registered_as(cluster: &RegisteredCluster, member: &Observed, host: &Side, skipped: &Skipped) -> Report {
    let name = cluster.name();
    let join = Mc::new("join").member(&member.side).host(host).setting(Setting::Name, name);
    let join = join.skipping(&skipped.of(&member.side));
    let keeping = match member.side.entry() {
        Some(_) => member.side.setting_to(Setting::Name, name),
        None => format!("`{join}`"),
    };
    Report::failure(&member.side, format!("it is registered on this host already, as \"{name}\""))
        .hint(format!("keep that name, for a member cannot be renamed: {keeping}"))
}

/// Clusters that no UID is known of could be one of the members; which cannot be told.
fn unidentified(situation: &Situation<'_>, host: &Observed) -> Option<Report> {
    let wanted = |name: &str| situation.clusters_asked_for().any(|(_, cluster)| cluster.name == name);
    let names: Vec<_> = (host.clusters.present()?.iter())
        .filter(|cluster| !cluster.is_host() && cluster.member_uid().is_none() && !wanted(cluster.name()))
        .map(|cluster| format!("\"{}\"", cluster.name()))
        .collect();
    (!names.is_empty()).then(|| {
        Report::unknown(
            &host.side,
            format!("which cluster stands behind the registered {}: no UID is known of it", names.join(", ")),
        )
        .hint("go on only if it is none of these members")
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, cluster, host_cluster, play},
        plan::observed::Seen,
    };

    #[test]
    fn an_unknown_cluster_and_one_under_its_own_name_are_fine() {
        assert_eq!(Case::new().registered([host_cluster("host")]).says(&CHECK), Vec::<String>::new());
        let own = [cluster("edge-1", "uid-of-edge-1"), cluster("other", "uid-of-other")];
        assert_eq!(Case::new().registered(own).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_prepared_member_without_a_cluster_is_told_from_a_joined_one() {
        let prepared = || {
            let joined = Case::new().checking().joined();
            joined.registered([host_cluster("host")])
        };
        let (said, hints) = (prepared().says(&CHECK), prepared().hints(&CHECK));
        assert!(
            said[0].starts_with("warning member \"edge-1\": it is not joined: it is prepared"),
            "{said:?}"
        );
        assert!(hints.contains("`kubectl mc join edge-1 --context prod`"), "{hints}");
        assert!(
            hints.contains("`kubectl mc unjoin edge-1 --context prod --member-context edge-1`"),
            "{hints}"
        );
        let joined = prepared().registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(joined.says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().checking().says(&CHECK), Vec::<String>::new(), "it has no role yet");
    }

    #[test]
    fn where_no_cluster_is_asked_for_nothing_is_said_of_the_others() {
        let unknown = || Case::new().registered([cluster("other", "")]);
        assert_eq!(unknown().says(&CHECK).len(), 1);
        let prepared = unknown().wanting(|intent| intent.members[0].cluster = None);
        assert_eq!(prepared.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn another_name_for_the_same_cluster_is_refused() {
        let case = Case::new().registered([cluster("old", "uid-of-edge-1")]);
        assert_eq!(
            case.says(&CHECK),
            ["failure member \"edge-1\": it is registered on this host already, as \"old\""]
        );
        assert!(case.hints(&CHECK).contains("`kubectl mc join edge-1 --context prod --name old`"));
    }

    #[test]
    fn a_member_that_is_registered_twice_is_told_how_one_goes_and_sent_to_no_other_name() {
        let twice = || [cluster("edge-1", "uid-of-edge-1"), cluster("again", "uid-of-edge-1")];
        for name in ["edge-1", "again", "third"] {
            let case =
                Case::new().registered(twice()).wanting_cluster(|cluster| cluster.name = name.to_owned());
            assert_eq!(
                case.says(&CHECK),
                [
                    "failure member \"edge-1\": it is registered on this host 2 times, as \"edge-1\" and \"again\": one \
                  Cluster is enough, and the others have to go"
                ]
            );
            let (hints, other) = (case.hints(&CHECK), if name == "again" { "edge-1" } else { "again" });
            let unjoin = format!("`kubectl mc unjoin {other} --context prod --member-context edge-1`");
            assert!(hints.contains(&unjoin) && !hints.contains("kubectl mc join"), "{hints}");
        }
    }

    #[test]
    fn what_the_stored_kubeconfig_told_counts_like_the_status() {
        let mut asked = cluster("old", "");
        asked.asked_uid = Some("uid-of-edge-1".to_owned());
        assert_eq!(
            Case::new().registered([asked]).says(&CHECK),
            ["failure member \"edge-1\": it is registered on this host already, as \"old\""]
        );
    }

    #[test]
    fn a_former_members_other_name_is_worth_a_warning() {
        let said = |name: &str| {
            let joined_as = Seen::Present(vec![name.to_owned()]);
            Case::new().member(|member| member.joined_as = joined_as).says(&CHECK)
        };
        let warning = "warning member \"edge-1\": it was a member before, as \"old\", and may not work under the name \"edge-1\"";
        assert_eq!(said("old"), [warning]);
        assert_eq!(said("edge-1"), Vec::<String>::new());
        let host = Case::new().member(|member| {
            play(member, "host");
            member.joined_as = Seen::Present(vec!["host".to_owned()]);
        });
        assert_eq!(host.says(&CHECK), Vec::<String>::new(), "a host joins itself");
    }

    #[test]
    fn a_registered_cluster_that_no_uid_is_known_of_leaves_it_unknown() {
        assert_eq!(
            Case::new().registered([cluster("lost", "")]).says(&CHECK),
            [
                "unknown host \"prod\": which cluster stands behind the registered \"lost\": no UID is known of it"
            ]
        );
        assert_eq!(Case::new().registered([cluster("edge-1", "")]).says(&CHECK), Vec::<String>::new());
    }
}
