//! A Cluster gets a new kubeconfig of its own member, and of no other cluster.

use kubesphere::{
    cluster::RegisteredCluster,
    command::{Kubectl, Mc},
    fleet_entry::Setting,
    readiness::is_ignored,
    side::Side,
};

use super::{
    Check, Report, Rule, Situation, Verdict, another_cluster,
    renewed_installation::not_installed,
    rule::{Outcome, Reason, each},
};
use crate::plan::{
    context_mapping::{LeftOut, Why},
    identity::{Identity, identity, is_joined_as},
    intent::ClusterIntent,
    observed::Observed,
    operation::Operation,
};

pub(super) const CHECK: Check = Check {
    id: "renewed-cluster",
    title: "the new kubeconfig is for the same member",
    skippable: false,
    rules: &[Rule::Joining(&[Operation::Renew], run)],
    unasked: &[Reason::beside(
        &[Operation::Renew],
        "only `renew` stores a new kubeconfig of a registered member",
    )],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let clusters = match situation.answering_clusters() {
        Ok(clusters) => clusters,
        Err(why) if situation.intent.left_out.is_empty() => return Err(why),
        Err(_) => Vec::new(),
    };
    let of_member = |(intent, member): (&ClusterIntent, _)| {
        let cluster = host.cluster_named(&intent.name);
        cluster.map(|cluster| of_member(cluster, intent, host, member)).unwrap_or_default()
    };
    let of_members = each(clusters, |(_, member)| &member.side, of_member)?.into_iter();
    let intent = situation.intent;
    let verdict = if intent.members.is_empty() { Verdict::Failure } else { Verdict::Warning };
    // All members are looked up in one kubeconfig.
    let member = intent.members.first().map(|member| &member.side);
    let left_out = intent.left_out.iter().map(|one| left_out(one, verdict, host, member));
    Ok(of_members.chain(left_out).collect())
}

fn of_member(
    cluster: &RegisteredCluster,
    intent: &ClusterIntent,
    host: &Observed,
    member: &Observed,
) -> Vec<Report> {
    match unrenewable(cluster, host, member).or_else(|| another(cluster, intent, host, member)) {
        Some(report) => vec![report],
        None => unread(member).into_iter().collect(),
    }
}

/// What no kubeconfig helps.
fn unrenewable(cluster: &RegisteredCluster, host: &Observed, member: &Observed) -> Option<Report> {
    let (name, kubectl) = (cluster.name(), Kubectl::on(&host.side));
    let failure = |what: &str| Report::failure(&host.side, format!("the Cluster \"{name}\" {what}"));
    if cluster.is_host() {
        return Some(failure("is the host's own: its controller writes and uses it by itself").hint(
            format!(
                "name the Cluster of a member; `{kubectl} get clusters.cluster.kubesphere.io` lists them"
            ),
        ));
    }
    if !cluster.is_direct() {
        return Some(
            failure("has no direct connection: it is the member's agent that connects, without a kubeconfig")
                .hint(format!(
                    "look at the agent on the member: `{}`",
                    Kubectl::on(&member.side)
                        .namespace("kubesphere-system")
                        .words("get deployment cluster-agent")
                )),
        );
    }
    if cluster.is_being_deleted() {
        return Some(failure("is being deleted").hint(format!(
            "wait until `{kubectl} get clusters.cluster.kubesphere.io {name}` no longer finds it, then join the member again"
        )));
    }
    if let Some(report) = not_installed(cluster, host, member) {
        return Some(report);
    }
    is_ignored(cluster, &host.differences()).then(|| {
        failure("has no `joinFederation: true`, so the controller ignores it forever").hint(format!(
            "`{kubectl} patch clusters.cluster.kubesphere.io {name} --type merge -p '{{\"spec\":{{\"joinFederation\":true}}}}'`"
        ))
    })
}

fn another(
    cluster: &RegisteredCluster,
    intent: &ClusterIntent,
    host: &Observed,
    member: &Observed,
) -> Option<Report> {
    let name = cluster.name();
    match identity(cluster, host, member) {
        Identity::Same => None,
        Identity::Other(uid) => Some(another_cluster::report(name, &uid, host, member)),
        Identity::Unproven => Some(unproven(intent, host, member)),
    }
}

fn unproven(intent: &ClusterIntent, host: &Observed, member: &Observed) -> Report {
    let name = &intent.name;
    let message = format!(
        "nothing proves that it is the host's \"{name}\": the host knows no UID of that, and the cluster (UID {}) has not both the service account {name}-kubesphere in kube-federation-system and the host's jwtSecret",
        member.uid
    );
    let prepare = Mc::new("prepare member").member(&member.side).host(&host.side);
    let unjoin = Mc::new("unjoin").word(name).host(&host.side);
    let join = Mc::new("join").member(&member.side).host(&host.side).setting(Setting::Name, name);
    let report = Report::failure(&member.side, message);
    // What the host's kubefed has left there, a preparation does not make.
    let report = if is_joined_as(name, member) {
        report.hint(format!("if it is, let it have the host's jwtSecret first: `{prepare}`"))
    } else {
        report
    };
    report.hint(format!("if the host never reached it, or it was removed meanwhile: delete the Cluster: `{unjoin}`, and join it anew: `{join}`"))
}

/// What cannot be seen is not removed.
fn unread(member: &Observed) -> Option<Report> {
    let why = member.earlier.as_ref()?.unread.as_ref()?;
    Some(Report::unknown(
        &member.side,
        format!("which credentials it made for the host before, so that all stay valid: {why}"),
    ))
}

fn left_out(one: &LeftOut, verdict: Verdict, host: &Observed, member: Option<&Side>) -> Report {
    let name = &one.name;
    let elsewhere = Mc::new("renew").word(name).host(&host.side);
    let renewal = member.into_iter().fold(elsewhere.clone(), Mc::member_options);
    let (message, hint) = match &one.why {
        Why::NoContext => (
            format!("no context that answers leads to the Cluster \"{name}\", which is left out"),
            format!("name its kubeconfig: `{elsewhere} --member-kubeconfig PATH --member-context NAME`"),
        ),
        Why::UnclearAddress => (
            format!(
                "at which address the host reaches the Cluster \"{name}\" is unclear, so that it is left out: its kubeconfig and its endpoint do not tell one that can be kept, and no context has it"
            ),
            format!("say which one it is: `{renewal} --member-context NAME --member-server URL`"),
        ),
        Why::SameMember(other) => (
            format!("the Cluster \"{name}\" stands for the same member as \"{other}\", and is left out"),
            format!("renew it afterwards: `{renewal} --member-context NAME`"),
        ),
    };
    Report::of(verdict, &host.side, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use kubesphere::{cluster::RegisteredCluster, jwt_secret::JwtSecret};
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, HOST_SECRET, cluster, host_cluster},
        plan::{
            context_mapping::{LeftOut, Why},
            observed::Seen,
            operation::Operation,
            superseded::Earlier,
        },
    };

    fn left_out() -> Vec<LeftOut> {
        let same = Why::SameMember("edge-1".to_owned());
        let left_out = [("paris", Why::NoContext), ("twin", same)];
        left_out.map(|(name, why)| LeftOut { name: name.to_owned(), why }).into()
    }

    fn renewing(cluster: RegisteredCluster) -> Case {
        Case::new()
            .registered([host_cluster("host"), cluster])
            .wanting(|intent| intent.operation = Operation::Renew)
    }

    #[test]
    fn the_same_member_is_renewed_and_nothing_else_asks() {
        assert_eq!(renewing(cluster("edge-1", "uid-of-edge-1")).says(&CHECK), Vec::<String>::new());
        let join = Case::new().registered([cluster("edge-1", "another")]);
        assert_eq!(join.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn another_cluster_is_refused_with_both_uids() {
        let case = renewing(cluster("edge-1", "uid-of-paris"));
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": it is another cluster than the host's \"edge-1\": the UID of its kube-system \
              is uid-of-edge-1, and that of \"edge-1\" uid-of-paris"
            ]
        );
        let hints = case.hints(&CHECK);
        assert!(hints.contains("name the context of \"edge-1\" with `--member-context`"), "{hints}");
        assert!(!hints.contains("kubectl mc"), "nothing is to be done with it: {hints}");
    }

    #[test]
    fn the_member_of_another_name_is_refused_by_it() {
        let [edge, paris] = [cluster("edge-1", "uid-of-paris"), cluster("paris", "uid-of-edge-1")];
        let case = renewing(edge.clone()).registered([host_cluster("host"), edge, paris]);
        assert_eq!(
            case.says(&CHECK),
            ["failure member \"edge-1\": it is the host's \"paris\", and not \"edge-1\""]
        );
    }

    #[test]
    fn without_a_uid_the_traces_of_the_join_prove_it() {
        let case = renewing(cluster("edge-1", ""));
        let said = case.says(&CHECK);
        assert!(
            said[0].starts_with("failure member \"edge-1\": nothing proves that it is the host's"),
            "{said:?}"
        );
        let hints = case.hints(&CHECK);
        assert!(hints.contains("`kubectl mc unjoin edge-1 --context prod`, and join it anew"), "{hints}");
        assert!(!hints.contains("prepare member"), "what is missing there is kubefed's: {hints}");
        let joined = case.member(|member| member.joined_as = Seen::Present(vec!["edge-1".to_owned()]));
        assert!(joined.hints(&CHECK).contains("`kubectl mc prepare member edge-1 --context prod`"));
        let case = renewing(cluster("edge-1", ""));
        let traced = case.member(|member| {
            member.joined_as = Seen::Present(vec!["edge-1".to_owned()]);
            member.config = Seen::Absent;
            member.secret = Seen::Present(JwtSecret::new(HOST_SECRET));
        });
        assert_eq!(traced.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn what_no_kubeconfig_helps_is_refused() {
        let said = |change: &serde_json::Value| {
            let said = renewing(cluster("edge-1", "uid-of-edge-1").patched(change)).says(&CHECK);
            said.first().cloned().unwrap_or_default()
        };
        let host = json!({"metadata": {"labels": {"cluster-role.kubesphere.io/host": ""}}});
        assert!(said(&host).starts_with("failure host \"prod\": the Cluster \"edge-1\" is the host's own"));
        let proxy = json!({"spec": {"connection": {"type": "proxy"}}});
        assert!(said(&proxy).starts_with("failure host \"prod\": the Cluster \"edge-1\" has no direct"));
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(said(&going), "failure host \"prod\": the Cluster \"edge-1\" is being deleted");
        assert!(said(&json!({"spec": {"joinFederation": false}})).contains("no `joinFederation: true`"));
    }

    #[test]
    fn what_is_left_out_or_could_not_be_seen_is_told() {
        let case = renewing(cluster("edge-1", "uid-of-edge-1"));
        let case = case.wanting(|intent| intent.left_out = left_out());
        let unread = Some("forbidden".to_owned());
        let case = case.member(|member| member.earlier = Some(Earlier { unread, ..Earlier::default() }));
        assert_eq!(
            case.says(&CHECK),
            [
                "unknown member \"edge-1\": which credentials it made for the host before, so that all stay valid: forbidden",
                "warning host \"prod\": no context that answers leads to the Cluster \"paris\", which is left out",
                "warning host \"prod\": the Cluster \"twin\" stands for the same member as \"edge-1\", and is left out",
            ]
        );
        let nobody = Case::new().wanting(|intent| {
            (intent.operation, intent.left_out) = (Operation::Renew, left_out());
            intent.members.clear();
        });
        assert!(nobody.says(&CHECK)[0].starts_with("failure host \"prod\": no context"));
    }
}
