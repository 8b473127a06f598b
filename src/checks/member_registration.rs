//! No member is registered on this host under another name.

use super::{Check, Report, Situation};
use crate::{
    kubesphere::{cluster::RegisteredCluster, command::Mc, side::Side},
    plan::{intent::ClusterIntent, observed::Observed},
};

pub(super) const CHECK: Check = Check {
    id: "member-registration",
    title: "each member is not registered, or under its own name",
    skippable: false,
    run,
};

fn run(situation: &Situation<'_>) -> Vec<Report> {
    // Whose Cluster is renewed is renewed-cluster's.
    let Some(host) = situation.host.filter(|_| !situation.renews()) else { return Vec::new() };
    if situation.clusters().next().is_none() {
        return Vec::new();
    }
    let of_members =
        situation.answering_clusters().flat_map(|(cluster, member)| of_member(cluster, member, host));
    let renamed =
        situation.answering_clusters().filter_map(|(cluster, member)| known_as(cluster, member, host));
    of_members.chain(renamed).chain(unidentified(situation, host)).collect()
}

/// A former member works only under the name that it had: what kubefed made for it carries that name
/// (kubesphere issue 3570, website `manage-multi-cluster.md`).
fn known_as(intent: &ClusterIntent, member: &Observed, host: &Observed) -> Option<Report> {
    let names = member.joined_as.present().filter(|names| !names.contains(&intent.name))?;
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
        .cure(format!("keep the old name with `--name {name}`, if it was a member of this host"))
    })
}

fn of_member(intent: &ClusterIntent, member: &Observed, host: &Observed) -> Vec<Report> {
    let others = host.clusters_with_uid(&member.uid).filter(|cluster| cluster.name() != intent.name);
    others.map(|cluster| registered_as(cluster, member, &host.side)).collect()
}

fn registered_as(cluster: &RegisteredCluster, member: &Observed, host: &Side) -> Report {
    let name = cluster.name();
    let join = Mc::new("join").member(&member.side).host(host).words("--name").word(name);
    Report::failure(&member.side, format!("it is registered on this host already, as \"{name}\""))
        .cure(format!("keep that name, for a member cannot be renamed: `{join}`"))
}

/// Clusters that no UID is known of could be one of the members; which cannot be told.
fn unidentified(situation: &Situation<'_>, host: &Observed) -> Option<Report> {
    let wanted = |name: &str| situation.clusters().any(|(_, cluster)| cluster.name == name);
    let names: Vec<_> = (host.clusters.present()?.iter())
        .filter(|cluster| !cluster.is_host() && cluster.member_uid().is_none() && !wanted(cluster.name()))
        .map(|cluster| format!("\"{}\"", cluster.name()))
        .collect();
    (!names.is_empty()).then(|| {
        Report::unknown(
            &host.side,
            format!("which cluster stands behind the registered {}: no UID is known of it", names.join(", ")),
        )
        .cure("go on only if it is none of these members")
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, cluster, host_cluster},
        plan::observed::Seen,
    };

    #[test]
    fn an_unknown_cluster_and_one_under_its_own_name_are_fine() {
        assert_eq!(Case::new().registered([host_cluster("host")]).says(&CHECK), Vec::<String>::new());
        let own = [cluster("edge-1", "uid-of-edge-1"), cluster("other", "uid-of-other")];
        assert_eq!(Case::new().registered(own).says(&CHECK), Vec::<String>::new());
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
        assert!(case.cures(&CHECK).contains("`kubectl mc join edge-1 --context prod --name old`"));
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
