//! Whose a member is on KubeSphere 4. Neither the Kubernetes API nor the controller keeps a host from taking the member of
//! another, or a host itself: only ks-apiserver's validation does, which the console asks (kubesphere
//! `pkg/kapis/cluster/v1alpha1/handler.go@v4.1.3:167-197`).

use kubesphere::{command::Mc, missing_right::needed, role::Role, side::Side, versions::Generation};

use super::{
    Report, Situation,
    member_role::{Trace, belongs_here, other_host},
    rule::{Outcome, each},
};
use crate::plan::{
    core::{Claim, HostIdentity},
    observed::{Observed, Seen},
    operation::Operation,
};

/// What uninstalls KubeSphere or takes a host's name off is for nobody to paste who may only have named the wrong cluster.
const WAY_OUT: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/checks/member-role.md");

pub(super) fn is_free_or_ours(situation: &Situation<'_>) -> Outcome {
    let host = situation.host_with_clusters()?;
    let members = situation.answering_members()?;
    let operation = situation.intent.operation;
    each(members, |(_, member)| &member.side, |(_, member)| of_member(operation, host, member))
}

fn of_member(operation: Operation, host: &Observed, member: &Observed) -> Option<Report> {
    if let Some(trace) = trace_of_3(host, member) {
        return Some(is_of_3(&trace, &member.side));
    }
    let claim = &member.surroundings.core.as_ref()?.claim;
    let says_host = member.config.present().is_some_and(|config| config.role == Some(Role::Host));
    match claim {
        _ if says_host => Some(is_a_host(member)),
        Seen::Present(claim) if claim.is_nobodys() => None,
        Seen::Present(claim) if claim.name == claim.host => Some(is_a_host(member)),
        Seen::Present(claim) if is_ours(claim, host, member) => None,
        Seen::Present(claim) => Some(is_anothers(claim, &member.side)),
        Seen::Unreadable(why) | Seen::Malformed(why) => Some(untold(operation, host, member, why)),
        Seen::Absent => None,
    }
}

/// Who may not read the annotations may see by the secret that it is another host's. Where nothing tells, nothing is changed: no
/// one else would keep this host from taking it over.
fn untold(operation: Operation, host: &Observed, member: &Observed, why: &str) -> Report {
    let side = &member.side;
    let identity = HostIdentity::of(host);
    let is_registered = host.clusters_with_uid(&member.uid).next().is_some();
    let issuer = member.config.present().and_then(|config| config.issuer_secret.as_ref());
    let is_anothers = issuer.is_some_and(|issuer| identity.is_none_or(|identity| *issuer != identity.secret));
    let is_hidden = member.config.unreadable().is_some() && operation.changes_clusters();
    let report = if is_anothers && !is_registered {
        let message = format!(
            "it has another jwtSecret than this host gives to its members: another host manages it, and which one cannot be read ({why})"
        );
        Report::failure(side, message)
    } else if is_hidden && !is_registered {
        Report::failure(side, format!("nothing tells whether another host manages it: {why}"))
    } else {
        return Report::unknown(side, format!("whether another host manages it: {why}"));
    };
    report.hint(format!("{}, on kubesphere-system", needed(None, "get", "namespaces")))
}

/// Many hosts call themselves `host`: that the name is the same proves nothing alone.
fn is_ours(claim: &Claim, host: &Observed, member: &Observed) -> bool {
    let Some(identity) = HostIdentity::of(host) else { return false };
    let is_registered = host.clusters_with_uid(&member.uid).any(|cluster| cluster.name() == claim.name);
    let issuer = member.config.present().and_then(|config| config.issuer_secret.as_ref());
    claim.host == identity.name && (is_registered || issuer == Some(&identity.secret))
}

/// What shows that a host of KubeSphere 3 has it. One that has been upgraded to 4 may still have members with 3 of its own.
fn trace_of_3<'a>(host: &Observed, member: &'a Observed) -> Option<Trace<'a>> {
    let is_of_3 = member.generation() == Some(Generation::Three) && !member.is_host();
    let secret = HostIdentity::of(host).filter(|_| is_of_3)?.secret;
    if belongs_here(Some(host), member, &secret) { None } else { other_host(member, &secret) }
}

fn is_of_3(trace: &Trace<'_>, side: &Side) -> Report {
    let unjoin = Mc::new("unjoin NAME").words("--context HOST").member_context(side);
    Report::failure(side, format!("it is a member of another host, one of KubeSphere 3: {trace}"))
        .hint("name that host with `--context`, or another cluster as the member")
        .hint(format!("if it is to leave that host, take it out there first: `{unjoin}`"))
        .only_cause_of([side])
}

fn is_a_host(member: &Observed) -> Report {
    let side = &member.side;
    let named = |message| {
        let report = Report::failure(side, message).only_cause_of([side]);
        report.hint("name another cluster as the member, or this one as the host")
    };
    if member.generation() == Some(Generation::Three) {
        return named("it is a host of KubeSphere 3 itself");
    }
    named("it is a host of KubeSphere 4 itself: a join would make a member of it, and take its console away")
        .hint(format!("if nobody needs it as a host any more: {WAY_OUT} says how it becomes a member"))
}

fn is_anothers(claim: &Claim, side: &Side) -> Report {
    let Claim { name, host } = claim;
    let message = format!("it is managed by another host, which calls itself \"{host}\" and it \"{name}\"");
    let unjoin = Mc::new("unjoin").word(name).words("--context HOST").member_context(side);
    Report::failure(side, message)
        .hint(format!("if it is to leave that host, take it out there first: `{unjoin}`"))
        .hint(format!("if that host is gone, or has left this behind: {WAY_OUT} says what to do"))
        .only_cause_of([side])
}

#[cfg(test)]
mod tests {
    use crate::{
        checks::{
            fixture::{
                Case, HOST_SECRET, OTHER_SECRET, cluster, config, empty, host_cluster, play, surround,
            },
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

    /// It may be somebody's production cluster.
    #[track_caller]
    fn assert_harmless(hints: &str) {
        for harm in ["uninstall", "delete", "annotate", "helm"] {
            assert!(!hints.contains(harm), "{hints}");
        }
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
            let hints = case.hints(&CHECK);
            assert!(
                hints.contains("`kubectl mc unjoin edge-1 --context HOST --member-context edge-1`"),
                "{hints}"
            );
            assert!(hints.contains("docs/checks/member-role.md says what to do"), "{hints}");
            assert_harmless(&hints);
        }
        let taken = Case::of_4().registered([cluster("edge-1", "uid-of-edge-1")]);
        let taken = taken.member(claimed("edge-1", "frankfurt"));
        assert!(
            taken.says(&CHECK)[0].contains("managed by another host"),
            "also where it is registered here"
        );
    }

    #[test]
    fn a_member_of_a_host_of_3_is_that_hosts_whatever_else_stands_against_it() {
        let of_4 = |host: &mut Observed| {
            empty(host);
            configured(host, HOST_SECRET, "host");
        };
        let named = |secret: &'static str| {
            Case::new().registered([host_cluster("host")]).host(of_4).member(move |member| {
                play(member, "member");
                let text =
                    format!("authentication: {{jwtSecret: {secret}}}\nmulticluster: {{clusterName: old}}");
                member.config = Seen::Present(config(&text));
            })
        };
        let said = "failure member \"edge-1\": it is a member of another host, one of KubeSphere 3: that host has named it \"old\" in \
                    kubesphere-config";
        assert_eq!(named(OTHER_SECRET).says(&CHECK), [said]);
        let hints = named(OTHER_SECRET).hints(&CHECK);
        assert!(hints.contains("`kubectl mc unjoin NAME --context HOST --member-context edge-1`"), "{hints}");
        assert_harmless(&hints);
        let ours = named(OTHER_SECRET).registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(ours.says(&CHECK), Vec::<String>::new(), "its host was upgraded");
        assert_eq!(named(HOST_SECRET).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn what_may_not_be_read_is_told_by_the_secret_or_stops_what_would_change_it() {
        let unread = || {
            let claim = Seen::Unreadable("forbidden".to_owned());
            let core = Core { claim, release: Seen::Absent };
            Case::of_4().member(|member| surround(member, |around| around.core = Some(core)))
        };
        let unknown = ["unknown member \"edge-1\": whether another host manages it: forbidden"];
        assert_eq!(unread().says(&CHECK), unknown, "one without KubeSphere is nobody's");
        let with = |secret: &'static str| unread().member(|member| configured(member, secret, "member"));
        assert_eq!(with(HOST_SECRET).says(&CHECK), unknown);
        assert!(
            with(OTHER_SECRET).says(&CHECK)[0]
                .starts_with("failure member \"edge-1\": it has another jwtSecret")
        );
        let registered = with(OTHER_SECRET).registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(registered.says(&CHECK), unknown, "its secret is another check's");
        let hidden = || unread().member(|member| member.config = Seen::Unreadable("forbidden".to_owned()));
        let said = "failure member \"edge-1\": nothing tells whether another host manages it: forbidden";
        assert_eq!(hidden().says(&CHECK), [said]);
        assert_eq!(hidden().checking().says(&CHECK), unknown);
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
            assert!(hints.contains("docs/checks/member-role.md says how it becomes a member"), "{hints}");
            assert_harmless(&hints);
        }
    }
}
