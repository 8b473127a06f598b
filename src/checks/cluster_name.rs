//! Each member's name is valid and free, or its own.

use kubesphere::{
    cluster::RegisteredCluster,
    cluster_configuration::ClusterConfiguration,
    command::{Kubectl, Mc},
    fleet_entry::Setting,
    names::{is_cluster_name, is_consoles_name, propose_cluster_name},
    readiness::is_ignored,
    side::Side,
};

use super::{
    Check, Report, Rule, Situation,
    rule::{NOTHING_REGISTERED, Outcome, REGISTERING, Reason, each},
};
use crate::plan::{intent::ClusterIntent, observed::Observed, operation::Operation};

/// What a host calls itself unless it is told otherwise.
const DEFAULT_HOST_NAME: &str = "host";

pub(super) const CHECK: Check = Check {
    id: "cluster-name",
    title: "the name of the member's Cluster is available",
    skippable: false,
    rules: &[Rule::Joining(REGISTERING, run)],
    unasked: &[
        NOTHING_REGISTERED,
        Reason::of(&[Operation::Renew, Operation::Unjoin], "the Cluster has its name already"),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let (host, clusters) = (situation.host_with_clusters()?, situation.answering_clusters()?.into_iter());
    // A name that was asked for is host-cluster-name's.
    let by_default = situation.intent.host.cluster_name.is_none().then(|| hosts_name_to_be(host)).flatten();
    let is_created = situation.changes_clusters();
    let of_member =
        |(intent, member): (_, &Observed)| of_member(intent, member, host, by_default, is_created);
    each(clusters, |(_, member)| &member.side, of_member)
}

fn of_member(
    intent: &ClusterIntent,
    member: &Observed,
    host: &Observed,
    hosts_name: Option<&str>,
    is_created: bool,
) -> Option<Report> {
    let name = &intent.name;
    let failure = |message: String| Report::failure(&member.side, message);
    if !is_cluster_name(name) {
        return Some(invalid(name, member, host, is_created));
    }
    if is_consoles_name(name) {
        return Some(consoles(name, &member.side, &host.side, host.cluster_named(name).is_some()));
    }
    if hosts_name == Some(name.as_str()) {
        return Some(failure(format!("the name \"{name}\" will be the host's own Cluster's")).hint(format!(
            "choose another with {}, or name the host with {}",
            member.side.setting(Setting::Name),
            host.side.setting(Setting::HostClusterName)
        )));
    }
    let cluster = host.cluster_named(name)?;
    if let Some(why) = why_taken(cluster, intent, member) {
        let report = failure(format!("the name \"{name}\" is taken on the host: {why}"))
            .hint(format!("choose another with {}", member.side.setting(Setting::Name)));
        // Whose name it is may have been meant.
        let is_anothers = cluster.member_uid().is_some_and(|uid| uid != member.uid);
        return Some(report.only_cause_of(is_anothers.then_some(&member.side)));
    }
    let kubectl = Kubectl::on(&host.side);
    if cluster.is_being_deleted() {
        return Some(failure(format!("its Cluster \"{name}\" is being deleted")).hint(format!(
            "wait until `{kubectl} get clusters.cluster.kubesphere.io {name}` no longer finds it"
        )));
    }
    is_ignored(cluster, &host.differences()).then(|| {
        failure(format!("its Cluster \"{name}\" has no `joinFederation: true`, so the controller ignores it forever"))
            .hint(format!(
                "`{kubectl} patch clusters.cluster.kubesphere.io {name} --type merge -p '{{\"spec\":{{\"joinFederation\":true}}}}'`"
            ))
    })
}

/// Before a join is asked for, its name can still be chosen.
fn invalid(name: &str, member: &Observed, host: &Observed, is_created: bool) -> Report {
    let side = &member.side;
    let message = format!("\"{name}\" cannot be a Cluster's name");
    if is_created {
        return Report::failure(side, message).hint("choose one with `--name`");
    }
    let is_free = |name: &String| {
        host.cluster_named(name).is_none_or(|cluster| cluster.member_uid() == Some(member.uid.as_str()))
    };
    let proposed = propose_cluster_name(name).filter(is_free).unwrap_or_else(|| "NAME".to_owned());
    let join = Mc::new("join").member(side).host(&host.side).words("--name").words(&proposed);
    Report::warning(side, message).hint(format!("join it under another: `{join}`"))
}

/// What stands keeps its name, for a member cannot be renamed.
fn consoles(name: &str, side: &Side, host: &Side, stands: bool) -> Report {
    let message = format!(
        "KubeSphere's console mistakes a Cluster \"{name}\" for the cluster that it runs on, and shows that one instead"
    );
    if stands {
        let unjoin = Mc::new("unjoin").word(name).host(host).member_context(side);
        return Report::warning(side, message)
            .hint(format!("remove it, and join it under another name: `{unjoin}`"));
    }
    let join = Mc::new("join").member(side).host(host).setting(Setting::Name, "NAME");
    Report::failure(side, message)
        .hint(format!("choose another name with {}: `{join}`", side.setting(Setting::Name)))
}

/// What the host's controller will call the Cluster that it makes of itself
/// (kubesphere `pkg/simple/client/multicluster/options.go@v3.4.1`).
fn hosts_name_to_be(host: &Observed) -> Option<&str> {
    let configured = host.configuration.present().and_then(ClusterConfiguration::host_cluster_name);
    let becomes_host = host.host_cluster().is_none() && !host.is_member();
    becomes_host.then(|| configured.unwrap_or(DEFAULT_HOST_NAME))
}

fn why_taken(cluster: &RegisteredCluster, intent: &ClusterIntent, member: &Observed) -> Option<String> {
    if cluster.is_host() {
        return Some("it is the host's own".to_owned());
    }
    match cluster.member_uid() {
        Some(uid) if uid == member.uid => None,
        Some(uid) => Some(format!("by the cluster with the UID {uid}")),
        // Of a join that was cut short before the controller has looked at it, perhaps.
        None if cluster.leads_to(&intent.server) => None,
        None => Some("by a cluster that does not answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::cluster::RegisteredCluster;
    use serde_json::json;

    use super::CHECK;
    use crate::checks::fixture::{Case, cluster, host_cluster, specify};

    fn called(case: Case, name: &str) -> Case {
        case.wanting_cluster(|cluster| cluster.name = name.to_owned())
    }

    fn unlike(change: &serde_json::Value) -> RegisteredCluster {
        let mut object = json!({
            "metadata": {"name": "edge-1"}, "spec": {"joinFederation": true}, "status": {"uid": "uid-of-edge-1"},
        });
        json_patch::merge(&mut object, change);
        RegisteredCluster::new(object)
    }

    #[test]
    fn a_free_name_and_its_own_are_fine() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        let own = Case::new().registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(own.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn another_clusters_name_is_taken() {
        let case = Case::new().registered([cluster("edge-1", "uid-of-another")]);
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": the name \"edge-1\" is taken on the host: by the cluster with the UID \
              uid-of-another"
            ]
        );
        assert_eq!(case.hints(&CHECK), "choose another with `--name`");
        let silent = Case::new().registered([cluster("edge-1", "")]).says(&CHECK);
        assert!(silent[0].ends_with("by a cluster that does not answer"), "{silent:?}");
    }

    #[test]
    fn the_hosts_own_name_is_taken_before_and_after_it_stands() {
        let standing = Case::new().registered([host_cluster("host")]);
        assert_eq!(
            called(standing, "host").says(&CHECK),
            ["failure member \"edge-1\": the name \"host\" is taken on the host: it is the host's own"]
        );
        let to_be = ["failure member \"edge-1\": the name \"host\" will be the host's own Cluster's"];
        assert_eq!(called(Case::new(), "host").says(&CHECK), to_be);
        let named =
            Case::new().host(|host| specify(host, &json!({"multicluster": {"hostClusterName": "europe"}})));
        assert_eq!(called(named, "host").says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_cluster_that_is_going_or_that_the_controller_ignores_is_not_waited_for() {
        let going = unlike(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
        let said = Case::new().registered([going]).says(&CHECK);
        assert_eq!(said, ["failure member \"edge-1\": its Cluster \"edge-1\" is being deleted"]);
        let ignored = Case::new().registered([unlike(&json!({"spec": {"joinFederation": false}}))]);
        assert!(ignored.says(&CHECK)[0].contains("has no `joinFederation: true`"));
        assert!(ignored.hints(&CHECK).contains("--type merge -p '{\"spec\":{\"joinFederation\":true}}'"));
    }

    /// Contexts of k3s are called so.
    #[test]
    fn the_consoles_own_name_is_refused_unless_it_stands() {
        let message = "member \"edge-1\": KubeSphere's console mistakes a Cluster \"default\" for the cluster that it runs on, \
                       and shows that one instead";
        for case in [Case::new(), Case::new().checking()] {
            let case = called(case, "default");
            assert_eq!(case.says(&CHECK), [format!("failure {message}")]);
            assert!(case.hints(&CHECK).contains("`kubectl mc join edge-1 --context prod --name NAME`"));
        }
        let stands = called(Case::new().registered([cluster("default", "uid-of-edge-1")]), "default");
        assert_eq!(stands.says(&CHECK), [format!("warning {message}")]);
    }

    #[test]
    fn a_name_that_the_console_refuses_is_refused() {
        assert_eq!(
            called(Case::new(), "Edge_1").says(&CHECK),
            ["failure member \"edge-1\": \"Edge_1\" cannot be a Cluster's name"]
        );
    }
}
