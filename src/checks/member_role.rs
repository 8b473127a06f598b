//! A member may become one of this host: it is no host, and no other host's.

use std::fmt;

use kubesphere::{
    cluster_configuration::ClusterConfiguration, command::Mc, jwt_secret::JwtSecret, role::Role,
};

use super::{
    Check, Report, Rule, Situation,
    member_ownership::is_free_or_ours,
    rule::{NO_MEMBER, Outcome, Reason, WITH_MEMBERS, each},
};
use crate::plan::{
    credential::Account, intent::MemberIntent, needs::shared_secret, observed::Observed, operation::Operation,
};

pub(super) const CHECK: Check = Check {
    id: "member-role",
    title: "the cluster can be a member of this host",
    skippable: false,
    rules: &[Rule::Federating(WITH_MEMBERS, run), Rule::Installing(WITH_MEMBERS, is_free_or_ours)],
    unasked: &[
        NO_MEMBER,
        Reason::of(&[Operation::Unjoin], "the check `member-registration` asks whose member it is"),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let secret = shared_secret(situation.intent, situation.host).ok();
    let of_member = |(intent, member): (_, _)| of_member(intent, member, situation.host, secret.as_ref());
    each(situation.answering_members()?, |(_, member)| &member.side, of_member)
}

fn of_member(
    intent: &MemberIntent,
    member: &Observed,
    host: Option<&Observed>,
    secret: Option<&JwtSecret>,
) -> Option<Report> {
    if let Some(why) = member.role_unread() {
        return Some(Report::unknown(&member.side, format!("its role: {why}")));
    }
    if member.is_host() {
        let report = Report::failure(&member.side, "it is a host, and a host is never made a member");
        let swapped = host.filter(|host| !host.is_host()).map(|host| {
            let (host, member) = (host.side.context(), member.side.context());
            format!(
                "are the two swapped? \"{host}\" is not a host: name \"{member}\" with `--context`, and \"{host}\" as MEMBER"
            )
        });
        return Some(
            swapped
                .into_iter()
                .fold(report, Report::hint)
                .hint("join its members to the other host one by one, or use a cluster with the role none"),
        );
    }
    if let Role::Other(text) = member.role() {
        return Some(
            Report::failure(
                &member.side,
                format!("its clusterRole is {text:?}, which KubeSphere does not know"),
            )
            .hint("set spec.multicluster.clusterRole to none first"),
        );
    }
    let secret = secret?;
    if let Some(report) = host_itself(member, host, secret) {
        return Some(report);
    }
    if belongs_here(host, member, secret) {
        return None;
    }
    let Some(trace) = other_host(member, secret) else {
        return untold(member).or_else(|| left_by_rotation(member, secret));
    };
    if intent.from_other_host {
        let message = match trace {
            Trace::Secret => {
                "it is taken over: another host that has given it its jwtSecret loses it".to_owned()
            }
            trace => format!("it is taken over from another host, which loses it: {trace}"),
        };
        return Some(Report::warning(&member.side, message));
    }
    let prepare = Mc::new("prepare member").member(&member.side);
    let (whose, prepare) = match host {
        Some(host) => ("another host", prepare.host(&host.side)),
        None => {
            ("a host, and which one cannot be told without asking yours", prepare.words("--jwt-secret-stdin"))
        }
    };
    let (message, otherwise) = match (trace, host) {
        (Trace::Secret, Some(_)) => (ANOTHER_SECRET.to_owned(), "no other host has it"),
        (trace, _) => (format!("it is a member of {whose}: {trace}"), "that host is gone"),
    };
    Some(
        Report::failure(&member.side, message)
            .hint("if that host still uses it: remove it there first, by deleting its Cluster")
            .hint(format!("then, or if {otherwise}, take it over: `{prepare} --from-other-host`")),
    )
}

pub(super) fn belongs_here(host: Option<&Observed>, member: &Observed, secret: &JwtSecret) -> bool {
    let is_registered = host.is_some_and(|host| host.clusters_with_uid(&member.uid).next().is_some());
    is_registered || member.effective_secret() == Some(secret)
}

/// A join has stopped before the host knew the member: no rotation has reached it since then.
fn left_by_rotation(member: &Observed, secret: &JwtSecret) -> Option<Report> {
    let message = "it has another jwtSecret than the host, and the host's credential: a join has stopped, and the host was given \
                   another jwtSecret since then; it gets the present one";
    has_another(member, secret).then(|| Report::warning(&member.side, message))
}

fn has_another(member: &Observed, secret: &JwtSecret) -> bool {
    let given = member.configuration.present().and_then(ClusterConfiguration::jwt_secret);
    member.is_member() && given.is_some_and(|given| given != *secret)
}

/// Of a member that nothing else proves to be another host's.
const ANOTHER_SECRET: &str = "it is a member with another jwtSecret than this host's: another host has given it, or this one before a rotation";

/// Whether another host than the one that was named has this member.
pub(super) fn is_anothers(situation: &Situation<'_>, member: &Observed) -> bool {
    let secret = shared_secret(situation.intent, situation.host).ok();
    secret.is_some_and(|secret| {
        !belongs_here(situation.host, member, &secret) && other_host(member, &secret).is_some()
    })
}

/// Where the host is not asked, its secret alone can tell that it was named as its own member.
fn host_itself(member: &Observed, host: Option<&Observed>, secret: &JwtSecret) -> Option<Report> {
    let signs_with_it = member.effective_secret() == Some(secret);
    if host.is_some() || member.role() != Role::None || !signs_with_it {
        return None;
    }
    let message = "it has no role and signs with this very secret already: is it the host itself?";
    Some(Report::failure(&member.side, message).hint(format!(
        "if it is not, say which cluster is the host: `{} --context HOST`",
        Mc::new("prepare member").member(&member.side)
    )))
}

/// One trace of another host may stand where this user may not look.
fn untold(member: &Observed) -> Option<Report> {
    let reason = member.joined_as.unreadable()?;
    Some(Report::unknown(
        &member.side,
        format!(
            "whether another host has joined it, by the service accounts in kube-federation-system: {reason}"
        ),
    ))
}

/// What shows that a host other than ours signs for a member. No host removes it when it lets the member go
/// (kubesphere `pkg/controller/cluster/join.go@v3.4.1`, unJoinFederation without a member's configuration).
pub(super) fn other_host<'a>(member: &'a Observed, secret: &JwtSecret) -> Option<Trace<'a>> {
    let account = member.joined_as.present().and_then(|names| names.first());
    let name = member.config.present().and_then(|config| config.cluster_name.as_deref());
    let is_ours = member.account.as_ref().is_some_and(Account::is_of_host);
    let by_secret = (has_another(member, secret) && !is_ours).then_some(Trace::Secret);
    account.map(|name| Trace::Account(name)).or(name.map(Trace::Name)).or(by_secret)
}

/// What another host has left.
pub(super) enum Trace<'a> {
    /// kubefed's service account for the member of this name.
    Account(&'a str),
    /// The name in kubesphere-config.
    Name(&'a str),
    /// Its jwtSecret, which may be our host's own from before a rotation.
    Secret,
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => {
                write!(
                    formatter,
                    "service account {name}-kubesphere in kube-federation-system is of that host"
                )
            }
            Self::Name(name) => write!(formatter, "that host has named it \"{name}\" in kubesphere-config"),
            Self::Secret => formatter.write_str(
                "its ClusterConfiguration has the role member and a jwtSecret that is not this host's",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ANOTHER_SECRET, CHECK};
    use crate::{
        checks::fixture::{Case, HOST_SECRET, OTHER_SECRET, cluster, config, play, specify},
        plan::{
            credential::{Account, HostUid, Ownership},
            observed::{Observed, Seen},
        },
    };

    fn said_of(member: impl FnOnce(&mut Observed)) -> Vec<String> {
        Case::new().member(member).says(&CHECK)
    }

    fn elsewhere(evidence: &str) -> [String; 1] {
        [format!("failure member \"edge-1\": it is a member of another host: {evidence}")]
    }

    fn named_by_another(member: &mut Observed) {
        let text = format!(
            "authentication: {{jwtSecret: {OTHER_SECRET}}}\nmulticluster: {{clusterName: frankfurt}}"
        );
        member.config = Seen::Present(config(&text));
    }

    #[test]
    fn a_standalone_cluster_and_a_prepared_member_may_join() {
        assert_eq!(said_of(|_| ()), Vec::<String>::new());
        let shared = json!({"authentication": {"jwtSecret": HOST_SECRET}});
        assert_eq!(said_of(|member| specify(member, &shared)), Vec::<String>::new());
    }

    #[test]
    fn a_host_is_never_made_a_member() {
        assert_eq!(
            said_of(|member| play(member, "host")),
            ["failure member \"edge-1\": it is a host, and a host is never made a member"]
        );
        let hints = |case: Case| case.member(|member| play(member, "host")).hints(&CHECK);
        let swapped = "are the two swapped? \"prod\" is not a host: name \"edge-1\" with `--context`";
        assert!(hints(Case::new()).contains(swapped));
        assert!(!hints(Case::new().host(|host| play(host, "host"))).contains("swapped"), "both are hosts");
    }

    #[test]
    fn a_role_that_kubesphere_does_not_know_is_not_overwritten() {
        assert_eq!(
            said_of(|member| play(member, "mebmer")),
            ["failure member \"edge-1\": its clusterRole is \"mebmer\", which KubeSphere does not know"]
        );
    }

    #[test]
    fn the_name_in_its_configuration_shows_another_host() {
        assert_eq!(
            said_of(named_by_another),
            elsewhere("that host has named it \"frankfurt\" in kubesphere-config")
        );
    }

    #[test]
    fn a_service_account_of_kubefed_shows_another_host() {
        assert_eq!(
            said_of(|member| member.joined_as = Seen::Present(vec!["frankfurt".to_owned()])),
            elsewhere("service account frankfurt-kubesphere in kube-federation-system is of that host")
        );
    }

    #[test]
    fn a_member_that_was_given_another_secret_shows_another_host() {
        let given = |member: &mut Observed| {
            play(member, "member");
            specify(member, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
        };
        let said = format!("member \"edge-1\": {ANOTHER_SECRET}");
        assert_eq!(said_of(given), [format!("failure {said}")], "it may be our own, from before a rotation");
        let asked = Case::new().member(given).wanting(|intent| intent.members[0].from_other_host = true);
        assert!(
            asked.says(&CHECK)[0].starts_with("warning member \"edge-1\": it is taken over: another host")
        );
    }

    #[test]
    fn the_hosts_own_credential_shows_that_a_rotation_has_passed_it_by() {
        let ours = || Seen::Present(Ownership::Ours);
        let of_host = |token| Account {
            service_account: ours(),
            binding: ours(),
            host: HostUid::new("uid-of-prod"),
            token,
            tokens_of_others: Vec::new(),
        };
        let said = |token: Seen<Ownership>| {
            said_of(|member| {
                play(member, "member");
                specify(member, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
                member.account = Some(of_host(token));
            })
        };
        let passed_by =
            "warning member \"edge-1\": it has another jwtSecret than the host, and the host's credential";
        assert!(said(ours())[0].starts_with(passed_by), "{:?}", said(ours()));
        let another = format!("failure member \"edge-1\": {ANOTHER_SECRET}");
        assert_eq!(said(Seen::Absent), [another], "the account alone may be for another host");
    }

    #[test]
    fn a_member_without_a_trace_of_another_host_is_ours_to_take() {
        assert_eq!(said_of(|member| play(member, "member")), Vec::<String>::new());
    }

    #[test]
    fn who_is_registered_here_or_has_our_secret_belongs_here() {
        let registered =
            Case::new().member(named_by_another).registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(registered.says(&CHECK), Vec::<String>::new());
        let text =
            format!("authentication: {{jwtSecret: {HOST_SECRET}}}\nmulticluster: {{clusterName: edge-1}}");
        assert_eq!(said_of(|member| member.config = Seen::Present(config(&text))), Vec::<String>::new());
    }

    #[test]
    fn who_has_the_secret_and_no_role_may_be_the_host_that_is_not_asked() {
        let shared = |member: &mut Observed| {
            member.config = Seen::Present(config(&format!("authentication: {{jwtSecret: {HOST_SECRET}}}")));
        };
        let case = Case::new().member(shared).without_host();
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": it has no role and signs with this very secret already: is it the host itself?"
            ]
        );
        assert_eq!(
            case.hints(&CHECK),
            "if it is not, say which cluster is the host: `kubectl mc prepare member edge-1 --context HOST`"
        );
        let prepared = case.member(|member| play(member, "member"));
        assert_eq!(prepared.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_place_where_the_user_may_not_look_leaves_it_unknown() {
        assert_eq!(
            said_of(|member| member.joined_as = Seen::Unreadable("forbidden".to_owned())),
            ["unknown member \"edge-1\": whether another host has joined it, by the service accounts in \
              kube-federation-system: forbidden"]
        );
    }

    #[test]
    fn a_takeover_is_refused_with_its_command_until_it_is_asked_for() {
        let case = || Case::new().member(named_by_another);
        let hints = case().hints(&CHECK);
        assert!(
            hints.ends_with("`kubectl mc prepare member edge-1 --context prod --from-other-host`"),
            "{hints}"
        );
        let asked = case().wanting(|intent| intent.members[0].from_other_host = true);
        assert_eq!(
            asked.says(&CHECK),
            ["warning member \"edge-1\": it is taken over from another host, which loses it: \
              that host has named it \"frankfurt\" in kubesphere-config"]
        );
        let unasked = case().without_host().hints(&CHECK);
        assert!(
            unasked.ends_with("`kubectl mc prepare member edge-1 --jwt-secret-stdin --from-other-host`"),
            "{unasked}"
        );
        let host = Case::new().member(|member| play(member, "host"));
        let host = host.wanting(|intent| intent.members[0].from_other_host = true);
        assert!(host.says(&CHECK)[0].starts_with("failure "), "a host is never taken over");
    }
}
