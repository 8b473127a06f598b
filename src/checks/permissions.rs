//! The user may do what the plan needs.

use kubesphere::{cluster, cluster_configuration, missing_right};

use super::{
    Check, Report, Rule, Situation, Unjoining,
    rule::{JOINING, Outcome, each},
};
use crate::plan::observed::{Denied, Observed, Seen};

pub(super) const CHECK: Check = Check {
    id: "permissions",
    title: "the user has all permissions that are needed",
    skippable: false,
    rules: &[Rule::Joining(JOINING, run), Rule::Unjoining(unjoining)],
    unasked: &[],
};

fn run(situation: &Situation<'_>) -> Outcome {
    each(situation.answering()?, |observed| &observed.side, |observed| of_cluster(observed, true))
}

/// Without the member nothing depends on the host's configuration.
fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let is_configured = unjoining.intent.with_member;
    let clusters = unjoining.clusters().answering()?;
    each(clusters, |observed| &observed.side, |observed| of_cluster(observed, is_configured))
}

/// `is_configured`: whether the plan depends on its configuration.
fn of_cluster(observed: &Observed, is_configured: bool) -> Vec<Report> {
    let unread = unread(observed, is_configured);
    let denied = unread.iter().chain(&observed.denied).map(|denied| may_not(observed, denied));
    let mut denied: Vec<Report> = denied.collect();
    if let Some(last) = denied.pop() {
        denied.push(last.hint(missing_right::ROLES));
    }
    // For people only: without the permission the join goes on.
    let nodes = observed.surroundings.nodes.as_ref().and_then(Seen::unreadable);
    let nodes =
        nodes.map(|reason| Report::unknown(&observed.side, format!("how many nodes it has: {reason}")));
    denied.into_iter().chain(nodes).collect()
}

/// What no plan can be made without.
fn unread(observed: &Observed, is_configured: bool) -> Vec<Denied> {
    let namespace = Some(cluster_configuration::NAMESPACE);
    let configurations = format!("{}.{}", cluster_configuration::PLURAL, cluster_configuration::GROUP);
    let clusters = format!("{}.{}", cluster::PLURAL, cluster::GROUP);
    let reads = [
        (observed.configuration.unreadable().filter(|_| is_configured), "get", configurations, namespace),
        (observed.config.unreadable().filter(|_| is_configured), "get", "configmaps".to_owned(), namespace),
        (observed.clusters.unreadable(), "list", clusters, None),
    ];
    let unread = reads.into_iter().filter(|(reason, ..)| reason.is_some());
    unread
        .map(|(_, verb, resource, namespace)| Denied {
            verb: verb.to_owned(),
            resource,
            namespace: namespace.map(str::to_owned),
        })
        .collect()
}

fn may_not(observed: &Observed, denied: &Denied) -> Report {
    let Denied { verb, resource, namespace } = denied;
    if verb == "*" {
        let context = observed.side.context();
        return Report::failure(
            &observed.side,
            "its user is not a cluster-admin, as the credential that the host stores has to be",
        )
        .hint(format!("give context \"{context}\" a user who is bound to the ClusterRole cluster-admin"));
    }
    let place = namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let on = format_args!("{resource}{place}");
    Report::failure(&observed.side, format!("its user may not {verb} {on}")).hint(missing_right::needed(
        observed.user.as_deref(),
        verb,
        on,
    ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::Case,
        plan::observed::{Denied, Seen},
    };

    fn forbidden<T>() -> Seen<T> {
        Seen::Unreadable("forbidden".to_owned())
    }

    #[test]
    fn who_may_everything_hears_nothing() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn every_read_that_a_plan_needs_is_named_with_its_rule() {
        let case = Case::new()
            .host(|host| host.clusters = forbidden())
            .member(|member| (member.configuration, member.config) = (forbidden(), forbidden()));
        assert_eq!(
            case.says(&CHECK),
            [
                "failure host \"prod\": its user may not list clusters.cluster.kubesphere.io",
                "failure member \"edge-1\": its user may not get clusterconfigurations.installer.kubesphere.io in \
                 kubesphere-system",
                "failure member \"edge-1\": its user may not get configmaps in kubesphere-system",
            ]
        );
        assert!(
            case.hints(&CHECK).starts_with("the user needs \"list\" on clusters.cluster.kubesphere.io; ")
        );
        let known = case.host(|host| host.user = Some("jane".to_owned()));
        let needed = "the user \"jane\" needs \"list\" on clusters.cluster.kubesphere.io";
        assert!(known.hints(&CHECK).starts_with(needed), "{}", known.hints(&CHECK));
    }

    #[test]
    fn every_write_that_is_denied_is_named_with_its_rule() {
        let denied = Denied {
            verb: "patch".to_owned(),
            resource: "clusterconfigurations.installer.kubesphere.io".to_owned(),
            namespace: Some("kubesphere-system".to_owned()),
        };
        let case = Case::new().host(|host| host.denied = vec![denied]);
        assert_eq!(
            case.says(&CHECK),
            [
                "failure host \"prod\": its user may not patch clusterconfigurations.installer.kubesphere.io in \
              kubesphere-system"
            ]
        );
        assert!(case.hints(&CHECK).starts_with("the user needs \"patch\" on clusterconfigurations"));
    }

    #[test]
    fn a_credential_to_store_is_a_cluster_admins() {
        let all = Denied { verb: "*".to_owned(), resource: "*.*".to_owned(), namespace: None };
        let case = Case::new().member(|member| member.denied = vec![all]);
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": its user is not a cluster-admin, as the credential that the host stores has to be"
            ]
        );
        assert!(case.hints(&CHECK).starts_with("give context \"edge-1\" a user"));
    }

    #[test]
    fn nodes_are_for_people_only() {
        let case = Case::new().member(|member| member.surroundings.nodes = Some(forbidden()));
        assert_eq!(case.says(&CHECK), ["unknown member \"edge-1\": how many nodes it has: forbidden"]);
    }
}
