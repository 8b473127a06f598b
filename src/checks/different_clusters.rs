//! Host and members are different clusters, by the UID of kube-system.

use kubesphere::{command::Kubectl, fleet_entry::Setting};

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
    .hint(format!(
        "choose another {}; `{} get-contexts` lists them",
        context(other),
        Kubectl::config(&other.side)
    ))
}

/// With its place, where a fleet file says it.
fn context(member: &Observed) -> String {
    match member.side.entry() {
        Some(_) => member.side.setting(Setting::Context),
        None => "context".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::{fleet_entry::FleetEntry, given_options::GivenOptions, side::Side};

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
    fn in_a_fleet_file_it_is_said_where_the_context_stands() {
        let entry = FleetEntry {
            file: "fleet.yaml".to_owned(),
            name: Some("edge-1".to_owned()),
            place: "fleet.yaml:4:3".to_owned(),
            fields: [("context".to_owned(), "fleet.yaml:5:5".to_owned())].into(),
            skips: Vec::new(),
        };
        let filed = Side::member("edge-1").reached_by(GivenOptions::default().in_fleet(entry));
        let case = Case::new().reached(&Side::host("prod"), &filed);
        let case = case.member(|member| member.uid = "uid-of-prod".to_owned());
        let hint = "choose another `context` at fleet.yaml:5:5; `kubectl config get-contexts` lists them";
        assert_eq!(case.hints(&CHECK), hint);
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
