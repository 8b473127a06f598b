//! What will be stored on the host works inside its pods.

use kubesphere::{
    cluster_configuration::NAMESPACE,
    command::{Kubectl, Mc},
    fleet_entry::Setting,
    side::Side,
    versions::Version,
};

use super::{
    Check, Finding, Report, Rule, Situation, Unjoining,
    member_role::is_anothers,
    rule::{
        NOTHING_STORED, Outcome, PREPARING, REGISTERING, Reason, STORING, Unasked, Whose, each, of, some,
    },
    situation::ToStore,
};
use crate::plan::{
    credential::{Account, CredentialKind, CredentialObject, Ownership},
    intent::ClusterIntent,
    member_kubeconfig::{Problem, StoredUser},
    observed::Observed,
    registration::Probe,
};

pub(super) const CHECK: Check = Check {
    id: "member-credential",
    title: "the member's credential works on the host",
    skippable: false,
    rules: &[Rule::Joining(STORING, run), Rule::Joining(REGISTERING, stored), Rule::Unjoining(unjoining)],
    unasked: &[Reason::of(PREPARING, NOTHING_STORED.why)],
};

/// What shows only when the credential is made.
pub fn found_late(report: Report) -> Finding {
    Finding { id: CHECK.id, title: CHECK.title, report }
}

/// That the host has stored what works, wherever it knows a member: from 3.4 on a Cluster that was ready once stays so,
/// whatever becomes of its credential (kubesphere `cluster_controller.go@v3.4.1`).
fn stored(situation: &Situation<'_>) -> Outcome {
    let host = situation.host_with_clusters()?;
    let probes = some(&host.stored, "no member is registered yet")?;
    let side = |name: &str| situation.member_of(name).unwrap_or(&host.side);
    let of_stored = |(name, probe): (&String, _)| of_stored(situation, host, name, probe);
    each(probes, |(name, _)| side(name), of_stored)
}

fn of_stored(situation: &Situation<'_>, host: &Observed, name: &str, probe: &Probe) -> Option<Report> {
    let member = situation.member_of(name);
    let side = member.unwrap_or(&host.side);
    let stored = format!("the kubeconfig that the host has stored in its Cluster \"{name}\"");
    let renewal = || renewal(&host.side, member, name).skipping(&situation.intent.skipped.of(side));
    match probe {
        Probe::Answered
        | Probe::AnsweredUnproven
        | Probe::OtherSecret
        | Probe::SecretUntold(_)
        | Probe::NotAsked => None,
        Probe::Refused(why) => Some(
            Report::failure(side, format!("{stored} no longer works: {why}"))
                .hint(format!("store a new one: `{}`", renewal())),
        ),
        Probe::OtherCluster(uid) => Some(
            Report::failure(
                side,
                format!("{stored} points to another cluster, whose kube-system has the UID {uid}"),
            )
            .hint(format!("store a new one: `{}`", renewal())),
        ),
        Probe::Failed(why) => Some(Report::unknown(
            side,
            format!("whether {stored} works, as this machine gets no answer: {why}"),
        )),
    }
}

/// The command that stores a new kubeconfig of a member.
pub(super) fn renewal(host: &Side, member: Option<&Side>, name: &str) -> Mc {
    let renewal = Mc::new("renew").word(name).host(host);
    match member {
        Some(member) => renewal.member_context(member),
        None => renewal.words("--member-context NAME"),
    }
}

/// What is stored already is not stored again.
fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.host.and_then(Observed::kubesphere_version);
    let of_member = |(side, cluster, member): ToStore<'_>| {
        let account = member.and_then(|member| member.account.as_ref());
        let reports = of_member(&side, cluster, host, account);
        let is_in_use =
            member.is_some_and(|member| is_anothers(situation, member) || is_of_other(situation, member));
        let tokens = account.into_iter().flat_map(|account| &account.tokens_of_others);
        // The wrong host may have been named, and it is by these that the right one reaches it.
        let shared = tokens.filter(|_| !is_in_use).map(|name| shared(&side, name));
        reports.into_iter().chain(shared).collect::<Vec<_>>()
    };
    each(situation.members_to_store()?, |(side, ..)| side, of_member)
}

/// Whether what was named as the host cannot be this member's.
fn is_of_other(situation: &Situation<'_>, member: &Observed) -> bool {
    let is_other = |host: &Observed| host.is_member() || host.generation() != member.generation();
    member.is_member() && situation.host.is_some_and(is_other)
}

fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let member = unjoining.answering_member()?;
    let traces = unjoining.traces.ok_or(Unasked::Unanswered(Whose::Members))?;
    let reports = traces.credential.iter().filter_map(|piece| match &piece.whose {
        Ownership::Ours => None,
        Ownership::Foreign(why) => Some(Report::warning(
            &member.side,
            format!("{} is not ours, and is left: {why}", piece.trace.object.in_words()),
        )),
    });
    of(&member.side, reports)
}

fn of_member(
    side: &Side,
    cluster: &ClusterIntent,
    host: Option<Version>,
    account: Option<&Account>,
) -> Vec<Report> {
    let kind = cluster.credential.kind(host);
    let problems = problems(kind, cluster);
    let mut reports: Vec<Report> = problems.map(|problem| problematic(side, problem)).collect();
    let holds_certificate = match kind {
        CredentialKind::Certificate => true,
        CredentialKind::ServiceAccount => false,
        CredentialKind::Context => cluster.user.as_ref().map_or(true, StoredUser::has_certificate),
    };
    let refused = host.filter(|host| host.differences().needs_client_certificate && !holds_certificate);
    reports.extend(refused.map(|host| token_only(side, kind, host)));
    let foreign = account.into_iter().flat_map(|account| account.foreign(kind));
    reports.extend(foreign.map(|(piece, why)| taken(side, piece, why)));
    let leaves_out_proxy = cluster.endpoint.as_ref().is_ok_and(|endpoint| endpoint.leaves_out_proxy);
    reports.extend(leaves_out_proxy.then(|| unproxied(side, cluster)));
    reports
}

/// A user's plugin matters only where the user is to be stored.
fn problems(kind: CredentialKind, cluster: &ClusterIntent) -> impl Iterator<Item = &Problem> {
    let user = cluster.user.as_ref().err().filter(|_| kind == CredentialKind::Context);
    cluster.endpoint.as_ref().err().into_iter().chain(user).flatten()
}

fn taken(side: &Side, piece: CredentialObject, why: &str) -> Report {
    let message = format!("{} {} is not ours: {why}", piece.type_meta().1, piece.name());
    piece.hints(side).into_iter().fold(Report::failure(side, message), Report::hint)
}

/// Joining another host takes nothing from the one before.
fn shared(side: &Side, secret: &str) -> Report {
    let message =
        format!("Secret {secret} holds a cluster-admin's token for another host, which stays valid");
    Report::warning(side, message).hint(format!(
        "if that host should no longer reach this cluster: `{}`",
        Kubectl::on(side).namespace(NAMESPACE).words("delete secret").word(secret)
    ))
}

fn problematic(side: &Side, problem: &Problem) -> Report {
    Report::failure(side, format!("its context cannot be stored on the host: {problem}"))
        .hint(problem.hint(side))
}

/// kubefed does not carry a `proxy-url` over (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
fn unproxied(side: &Side, cluster: &ClusterIntent) -> Report {
    let message = "its context has a `proxy-url`, which is not stored: the host will connect without it to";
    Report::warning(side, format!("{message} {}", cluster.server))
}

fn token_only(side: &Side, kind: CredentialKind, version: Version) -> Report {
    let has = if kind == CredentialKind::Context { "its context has" } else { "a service account has" };
    let never = "never gets a cluster ready without a client certificate";
    Report::failure(side, format!("{has} a token, and a host with KubeSphere {version} {never}"))
        .hint(format!(
            "let the member sign one: leave out {}, or say {}",
            side.setting(Setting::Credentials),
            side.setting_to(Setting::Credentials, "auto")
        ))
        .hint("or use a context with a client certificate, or upgrade the host to KubeSphere 3.4")
}

#[cfg(test)]
mod tests {
    use kubesphere::kubesphere_config::KubesphereConfig;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, cluster, play},
        plan::{
            credential::{Account, Choice, HostUid, Ownership},
            intent::ClusterIntent,
            member_kubeconfig::{Problem, StoredUser},
            observed::{Observed, Seen},
            registration::Probe,
        },
    };

    /// What is said of a context with a token, by the host's version.
    fn of_token(host: &str, choice: Choice) -> Vec<String> {
        let case = Case::of_version(host).wanting_cluster(|cluster| {
            cluster.credential = choice;
            cluster.user = Ok(StoredUser::Token("t".into()));
        });
        case.says(&CHECK)
    }

    fn by_plugin(cluster: &mut ClusterIntent) {
        cluster.user = Err(vec![Problem::Exec("aws".to_owned())]);
    }

    #[test]
    fn everything_that_stands_against_a_context_is_said_at_once() {
        let case = Case::new().wanting_cluster(|cluster| {
            by_plugin(cluster);
            cluster.credential = Choice::Context;
            cluster.endpoint = Err(vec![Problem::Insecure]);
        });
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": its context cannot be stored on the host: `insecure-skip-tls-verify` is set, \
                 on which the host's kubefed-controller-manager crashes",
                "failure member \"edge-1\": its context cannot be stored on the host: its user gets credentials from the \
                 program `aws`, which the host's pods do not have",
            ]
        );
        assert!(case.hints(&CHECK).contains("`--member-certificate-authority FILE`"));
        let stored = case.registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(stored.says(&CHECK), Vec::<String>::new(), "what is stored already is not stored again");
    }

    #[test]
    fn a_plugin_is_no_obstacle_where_its_user_is_not_stored() {
        assert_eq!(Case::new().wanting_cluster(by_plugin).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn only_a_host_of_3_3_refuses_a_token() {
        for (host, refused) in [("v3.2.1", 0), ("v3.3.2", 1), ("v3.4.1", 0)] {
            let said = of_token(host, Choice::Context);
            assert_eq!(said.len(), refused, "{host}: {said:?}");
            assert!(said.iter().all(|said| said.contains("its context has a token")), "{said:?}");
            let said = of_token(host, Choice::ServiceAccount);
            assert_eq!(said.len(), refused, "{host}: {said:?}");
            assert!(said.iter().all(|said| said.contains("a service account has a token")), "{said:?}");
            assert_eq!(of_token(host, Choice::Auto), Vec::<String>::new());
        }
    }

    fn asked(probe: Probe) -> Case {
        let case = Case::new().joined();
        case.host(|host| host.stored = [("edge-1".to_owned(), probe)].into())
    }

    #[test]
    fn what_is_stored_and_does_not_work_is_told_with_the_command_that_stores_another() {
        let refused = || asked(Probe::Refused("unauthorized".to_owned()));
        let stored = "the kubeconfig that the host has stored in its Cluster \"edge-1\"";
        let said = format!("failure member \"edge-1\": {stored} no longer works: unauthorized");
        for case in [refused(), refused().checking()] {
            assert_eq!(case.says(&CHECK), [said.as_str()]);
            let renewal = "`kubectl mc renew edge-1 --context prod --member-context edge-1`";
            assert_eq!(case.hints(&CHECK), format!("store a new one: {renewal}"));
        }
        let other = asked(Probe::OtherCluster("w".to_owned()));
        let said = format!(
            "failure member \"edge-1\": {stored} points to another cluster, whose kube-system has the UID w"
        );
        assert_eq!(other.says(&CHECK), [said]);
        let alone = refused().checking().wanting(|intent| intent.members.clear());
        assert!(alone.says(&CHECK)[0].starts_with("failure host \"prod\": the kubeconfig that the host"));
        assert!(alone.hints(&CHECK).ends_with("renew edge-1 --context prod --member-context NAME`"));
    }

    #[test]
    fn no_answer_to_this_machine_says_nothing_of_what_is_stored() {
        let said = asked(Probe::Failed("the connection was refused".to_owned())).says(&CHECK);
        assert!(said[0].starts_with("unknown member \"edge-1\": whether the kubeconfig"), "{said:?}");
        for probe in [Probe::Answered, Probe::AnsweredUnproven] {
            assert_eq!(asked(probe).says(&CHECK), Vec::<String>::new());
        }
    }

    fn nothing() -> Account {
        Account {
            service_account: Seen::Absent,
            binding: Seen::Absent,
            host: HostUid::default(),
            token: Seen::Absent,
            tokens_of_others: Vec::new(),
        }
    }

    #[test]
    fn the_token_of_another_host_is_told_with_the_command_that_removes_it() {
        let account = Account { tokens_of_others: vec!["kubectl-mc-host-token-1f".to_owned()], ..nothing() };
        let case = Case::new().member(|member| member.account = Some(account));
        let said = "warning member \"edge-1\": Secret kubectl-mc-host-token-1f holds a cluster-admin's token for \
                    another host, which stays valid";
        assert_eq!(case.says(&CHECK), [said]);
        let hint = "`kubectl --context edge-1 -n kubesphere-system delete secret kubectl-mc-host-token-1f`";
        assert!(case.hints(&CHECK).contains(hint));
    }

    /// Who follows the hint would cut off the host that has it.
    #[test]
    fn the_token_of_the_host_that_has_the_member_is_not_told_to_a_wrong_one() {
        let account = Account { tokens_of_others: vec!["kubectl-mc-host-token-1f".to_owned()], ..nothing() };
        let case = Case::new().member(|member| {
            member.account = Some(account);
            member.joined_as = Seen::Present(vec!["frankfurt".to_owned()]);
        });
        assert_eq!(case.says(&CHECK), Vec::<String>::new());
    }

    /// What was named as the host is a member itself, or of another generation.
    #[test]
    fn the_token_of_a_member_whose_host_was_not_named_is_not_told() {
        let with_token = |member: &mut Observed| {
            play(member, "member");
            member.account =
                Some(Account { tokens_of_others: vec!["kubectl-mc-host-token-1f".to_owned()], ..nothing() });
        };
        let of_member = Case::new().host(|host| play(host, "member")).member(with_token);
        assert_eq!(of_member.says(&CHECK), Vec::<String>::new());
        let issuer = "{authentication: {issuer: {jwtSecret: x}}, multicluster: {clusterRole: host}}";
        let of_4 =
            |host: &mut Observed| host.config = Seen::Present(KubesphereConfig::parse(issuer).unwrap());
        assert_eq!(Case::new().host(of_4).member(with_token).says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().member(with_token).says(&CHECK).len(), 1, "it may be a former host's");
    }

    /// With the contexts swapped it is the very token by which the real host reaches its member.
    #[test]
    fn no_token_is_anothers_where_host_and_member_are_the_same_cluster() {
        let account = Account { tokens_of_others: vec!["kubectl-mc-host-token-1f".to_owned()], ..nothing() };
        let case = Case::new().member(|member| {
            member.account = Some(account);
            member.uid = "uid-of-prod".to_owned();
        });
        assert_eq!(case.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn an_account_of_somebody_else_is_not_taken_over() {
        let foreign = || Seen::Present(Ownership::Foreign("it has no label a=b".to_owned()));
        let account = Account { service_account: foreign(), ..nothing() };
        let case = Case::new().member(|member| member.account = Some(account));
        let said =
            "failure member \"edge-1\": ServiceAccount kubectl-mc-host is not ours: it has no label a=b";
        assert_eq!(case.says(&CHECK), [said]);
        assert!(case.hints(&CHECK).contains(
            "`kubectl --context edge-1 -n kubesphere-system delete serviceaccounts kubectl-mc-host`; or let"
        ));
    }
}
