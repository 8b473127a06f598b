//! Host and members are different clusters, by the UID of kube-system.

use kubesphere::command::Kubectl;

use super::{
    Check, Clusters, Report, Rule, Unjoining,
    rule::{EVERY, Outcome, Unasked, Whose, each, of},
};
use crate::plan::observed::Observed;

pub(super) const CHECK: Check = Check {
    id: "different-clusters",
    title: "host and members are different clusters",
    skippable: false,
    rules: &[Rule::Clusters(EVERY, run), Rule::Unjoining(of_host)],
    unasked: &[],
};

fn run(clusters: &Clusters<'_>) -> Outcome {
    let silent = clusters.silent;
    let clusters = clusters.answering()?;
    if clusters.len() < 2 {
        let alone = Unasked::Because("only one cluster is named");
        return Err(if silent.is_empty() { alone } else { Unasked::Unanswered(Whose::All) });
    }
    let pairs = clusters.iter().enumerate().flat_map(|(index, one)| {
        clusters[index + 1..].iter().filter(|other| other.uid == one.uid).map(move |other| (*one, *other))
    });
    let same: Vec<Report> = pairs.map(|(one, other)| same(one, other)).collect();
    if same.is_empty() { each(clusters, |observed| &observed.side, |_| None) } else { Ok(same) }
}

/// The Cluster that a host has of itself is no member's.
fn of_host(unjoining: &Unjoining<'_>) -> Outcome {
    let side = &unjoining.answering_host()?.side;
    let own = unjoining.cluster().filter(|cluster| cluster.is_host());
    let report = own.map(|cluster| {
        let list = Kubectl::on(side).words("get clusters.cluster.kubesphere.io");
        let name = cluster.name();
        Report::failure(side, format!("the Cluster \"{name}\" is the host's own, and cannot be removed"))
            .hint(format!("`{list}` lists the members"))
    });
    of(side, report)
}

fn same(one: &Observed, other: &Observed) -> Report {
    let uid = &one.uid;
    Report::failure_between(format!(
        "{} and {} are the same cluster (the UID of kube-system is {uid} in both)",
        one.side, other.side
    ))
    .hint(format!("choose another context; `{} get-contexts` lists them", Kubectl::config(&other.side)))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::fixture::Case;

    #[test]
    fn other_uids_are_other_clusters() {
        assert_eq!(Case::new().second_member().says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn host_and_member_are_not_one_cluster() {
        let case = Case::new().member(|member| member.uid = "uid-of-prod".to_owned());
        assert_eq!(
            case.says(&CHECK),
            [
                "failure: host \"prod\" and member \"edge-1\" are the same cluster (the UID of kube-system is uid-of-prod \
              in both)"
            ]
        );
    }

    #[test]
    fn two_members_are_not_one_cluster() {
        let case = Case::new().second_member().member(|member| member.uid = "uid-of-edge-2".to_owned());
        let said = case.says(&CHECK);
        assert!(
            said[0].starts_with("failure: member \"edge-1\" and member \"edge-2\" are the same"),
            "{said:?}"
        );
    }
}
