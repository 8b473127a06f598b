//! Whose a member is on KubeSphere 4. Neither the Kubernetes API nor the controller keeps a host from taking the member of
//! another, or a host itself: only ks-apiserver's validation does, which the console asks (kubesphere
//! `pkg/kapis/cluster/v1alpha1/handler.go@v4.1.3:167-197`).

use kubesphere::{
    cluster_configuration::NAMESPACE,
    command::{Kubectl, helm},
    role::Role,
    side::Side,
};

use super::{
    Report, Situation,
    rule::{Outcome, each},
};
use crate::plan::{
    core::{Claim, HostIdentity},
    observed::{Observed, Seen},
};

pub(super) fn is_free_or_ours(situation: &Situation<'_>) -> Outcome {
    let host = situation.host_with_clusters()?;
    let members = situation.answering_members()?;
    each(members, |(_, member)| &member.side, |(_, member)| of_member(host, member))
}

fn of_member(host: &Observed, member: &Observed) -> Option<Report> {
    let claim = &member.surroundings.core.as_ref()?.claim;
    let says_host = member.config.present().is_some_and(|config| config.role == Some(Role::Host));
    match claim {
        _ if says_host => Some(is_a_host(&member.side)),
        Seen::Present(claim) if claim.is_nobodys() => None,
        Seen::Present(claim) if claim.name == claim.host => Some(is_a_host(&member.side)),
        Seen::Present(claim) if is_ours(claim, host, member) => None,
        Seen::Present(claim) => Some(is_anothers(claim, &member.side)),
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            Some(Report::unknown(&member.side, format!("whether another host manages it: {why}")))
        }
        Seen::Absent => None,
    }
}

/// Many hosts call themselves `host`: that the name is the same proves nothing alone.
fn is_ours(claim: &Claim, host: &Observed, member: &Observed) -> bool {
    let Some(identity) = HostIdentity::of(host) else { return false };
    let is_registered = host.clusters_with_uid(&member.uid).any(|cluster| cluster.name() == claim.name);
    let issuer = member.config.present().and_then(|config| config.issuer_secret.as_ref());
    claim.host == identity.name && (is_registered || issuer == Some(&identity.secret))
}

fn is_a_host(side: &Side) -> Report {
    let message =
        "it is a host of KubeSphere 4 itself: a join would make a member of it, and take its console away";
    Report::failure(side, message)
        .hint(format!(
            "if it is to be a member, remove KubeSphere there first: `{} uninstall ks-core -n {NAMESPACE}`",
            helm(side)
        ))
        .hint(format!("then what says that it is a host: `{}`", release(side)))
}

fn is_anothers(claim: &Claim, side: &Side) -> Report {
    let Claim { name, host } = claim;
    let message = format!("it is managed by another host, which calls itself \"{host}\" and it \"{name}\"");
    Report::failure(side, message)
        .hint(format!("if that host still has it: remove Cluster {name} there"))
        .hint(format!("if that host is gone, or has left this behind: `{}`", release(side)))
}

fn release(side: &Side) -> Kubectl {
    let annotate = Kubectl::on(side).words("annotate namespace").word(NAMESPACE);
    annotate.words("cluster.kubesphere.io/name- cluster.kubesphere.io/host-cluster-")
}

#[cfg(test)]
mod tests {
    use crate::{
        checks::{
            fixture::{Case, HOST_SECRET, OTHER_SECRET, cluster, config, surround},
            member_role::CHECK,
        },
        plan::{
            core::{Claim, Core},
            observed::{Observed, Seen},
        },
    };

    fn claimed(name: &str, host: &str) -> impl FnOnce(&mut Observed) {
        let claim = Seen::Present(Claim { name: name.to_owned(), host: host.to_owned() });
        move |member| surround(member, |around| around.core = Some(Core { claim, release: Seen::Absent }))
    }

    fn configured(member: &mut Observed, secret: &str, role: &str) {
        let text = format!(
            "authentication: {{issuer: {{jwtSecret: {secret}}}}}\nmulticluster: {{clusterRole: {role}}}"
        );
        member.config = Seen::Present(config(&text));
    }

    #[test]
    fn a_bare_cluster_and_a_member_of_ours_are_fine() {
        assert_eq!(Case::of_4().says(&CHECK), Vec::<String>::new());
        let ours = || Case::of_4().member(claimed("edge-1", "host"));
        let registered = ours().registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(registered.says(&CHECK), Vec::<String>::new());
        let former = ours().member(|member| configured(member, HOST_SECRET, "member"));
        assert_eq!(former.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn the_member_of_another_host_is_refused_whatever_that_calls_itself() {
        for host in ["host", "frankfurt"] {
            let case = Case::of_4().member(claimed("edge-1", host));
            let case = case.member(|member| configured(member, OTHER_SECRET, "member"));
            let said = format!(
                "failure member \"edge-1\": it is managed by another host, which calls itself \"{host}\" and it \"edge-1\""
            );
            assert_eq!(case.says(&CHECK), [said]);
            assert!(case.hints(&CHECK).ends_with(
                "`kubectl --context edge-1 annotate namespace kubesphere-system cluster.kubesphere.io/name- \
                 cluster.kubesphere.io/host-cluster-`"
            ));
        }
        let taken = Case::of_4().registered([cluster("edge-1", "uid-of-edge-1")]);
        let taken = taken.member(claimed("edge-1", "frankfurt"));
        assert!(
            taken.says(&CHECK)[0].contains("managed by another host"),
            "also where it is registered here"
        );
    }

    #[test]
    fn a_host_is_refused_with_the_way_out() {
        let by_role = Case::of_4().member(claimed("x", "y"));
        let by_role = by_role.member(|member| configured(member, OTHER_SECRET, "host"));
        let by_claim = Case::of_4().member(claimed("hub", "hub"));
        for case in [by_role, by_claim] {
            assert!(
                case.says(&CHECK)[0].contains("it is a host of KubeSphere 4 itself"),
                "{:?}",
                case.says(&CHECK)
            );
            let hints = case.hints(&CHECK);
            assert!(hints.contains("uninstall ks-core -n kubesphere-system`"), "{hints}");
            assert!(hints.contains("annotate namespace kubesphere-system"), "{hints}");
        }
    }
}
