//! The name that is wanted for the host's Cluster can still take effect.

use kubesphere::fleet_entry::Setting;

use super::{
    Check, Report, Rule, Situation,
    rule::{Outcome, Reason, Unasked, of},
};
use crate::plan::{observed::Observed, operation::Operation};

pub(super) const CHECK: Check = Check {
    id: "host-cluster-name",
    title: "the host's Cluster can get this name",
    skippable: false,
    rules: &[Rule::Joining(&[Operation::Check, Operation::Join, Operation::PrepareHost], run)],
    unasked: &[Reason::beside(
        &[Operation::Check, Operation::Join, Operation::PrepareHost],
        "this command gives the host's Cluster no name",
    )],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let name = situation.intent.host.cluster_name.as_deref();
    let name = name.ok_or(Unasked::Because("the host's Cluster is given no name"))?;
    let report = standing(host, name).or_else(|| unread(host, name));
    of(&host.side, report.or_else(|| taken(situation, host, name)))
}

/// Renaming has no effect once the object stands (kubesphere `cluster_controller.go@v3.4.1`).
fn standing(host: &Observed, name: &str) -> Option<Report> {
    let cluster = host.host_cluster().filter(|cluster| cluster.name() != name)?;
    Some(
        Report::warning(
            &host.side,
            format!(
                "its Cluster already exists and is called \"{}\": the name \"{name}\" no longer takes effect",
                cluster.name()
            ),
        )
        .hint(format!("leave out {}", setting(host))),
    )
}

/// 3.1 does not read the field: its host is always called `host`.
fn unread(host: &Observed, name: &str) -> Option<Report> {
    let unread =
        host.kubesphere_version().is_some_and(|version| !version.differences().reads_host_cluster_name);
    (unread && name != "host").then(|| {
        Report::failure(&host.side, "KubeSphere 3.1 always calls its host's Cluster \"host\"")
            .hint(format!("leave out {}, or upgrade the host to 3.2 or later first", setting(host)))
    })
}

fn taken(situation: &Situation<'_>, host: &Observed, name: &str) -> Option<Report> {
    let member = situation.clusters_asked_for().any(|(_, cluster)| cluster.name == name);
    let registered = host.cluster_named(name).is_some_and(|cluster| !cluster.is_host());
    (member || registered).then(|| {
        Report::failure(&host.side, format!("the name \"{name}\" is a member's"))
            .hint(format!("choose another with {}", setting(host)))
    })
}

fn setting(host: &Observed) -> String {
    host.side.setting(Setting::HostClusterName)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::fixture::{Case, cluster, host_cluster};

    fn named(case: Case, name: &str) -> Case {
        case.wanting(|intent| intent.host.cluster_name = Some(name.to_owned()))
    }

    #[test]
    fn a_free_name_is_fine() {
        assert_eq!(named(Case::new(), "europe").says(&CHECK), Vec::<String>::new());
        let standing = Case::new().registered([host_cluster("europe")]);
        assert_eq!(named(standing, "europe").says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_comes_too_late_is_worth_a_warning() {
        let standing = Case::new().registered([host_cluster("host")]);
        assert_eq!(
            named(standing, "europe").says(&CHECK),
            [
                "warning host \"prod\": its Cluster already exists and is called \"host\": the name \"europe\" no longer \
              takes effect"
            ]
        );
    }

    #[test]
    fn a_members_name_is_taken() {
        let taken = ["failure host \"prod\": the name \"edge-1\" is a member's"];
        assert_eq!(named(Case::new(), "edge-1").says(&CHECK), taken);
        let registered = Case::new().registered([cluster("old", "uid-of-old")]);
        assert_eq!(
            named(registered, "old").says(&CHECK),
            ["failure host \"prod\": the name \"old\" is a member's"]
        );
    }

    #[test]
    fn version_3_1_calls_its_host_host() {
        assert_eq!(
            named(Case::of_version("v3.1.1"), "europe").says(&CHECK),
            ["failure host \"prod\": KubeSphere 3.1 always calls its host's Cluster \"host\""]
        );
        assert_eq!(named(Case::of_version("v3.1.1"), "host").says(&CHECK), Vec::<String>::new());
        assert_eq!(named(Case::of_version("v3.2.1"), "europe").says(&CHECK), Vec::<String>::new());
    }
}
