//! A member is joined, or is none, as whoever asks expects it.

use kubesphere::{
    cluster::RegisteredCluster,
    command::Mc,
    readiness::{Membership, membership},
    side::Side,
};

use super::{
    Check, Report, Rule, Situation,
    rule::{CHANGING, LOOKING, Outcome, Reason, Unasked, each},
    stopped_join::not_gone,
};
use crate::plan::{
    intent::{Expected, MemberIntent},
    observed::Observed,
    registered_name::is_members,
};

pub const CHECK: Check = Check {
    id: "expected-state",
    title: "the member is in the expected state",
    skippable: false,
    rules: &[Rule::Joining(LOOKING, run)],
    unasked: &[Reason::of(CHANGING, "only `check --expect` asks it")],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let expected = situation.intent.expected.ok_or(Unasked::Because("there is no `--expect`"))?;
    let host = situation.host;
    let of_member = |(intent, observed): (&MemberIntent, _)| {
        let Some(host) = host else { return Some(untold(&intent.side, "the host gave no usable answer")) };
        if let Some(why) = host.clusters.unreadable() {
            return Some(untold(&intent.side, why));
        }
        let cluster = registered(host, intent, observed);
        match expected {
            Expected::Joined => not_joined(host, &intent.side, observed, cluster),
            Expected::Absent => cluster
                .map(|cluster| still_there(host, &intent.side, cluster))
                .or_else(|| not_gone(intent, observed?, host)),
        }
    };
    let members = situation.members.iter().map(|member| (member.intent, member.observed));
    each(members, |(intent, _)| &intent.side, of_member)
}

/// By its UID; by its name where the member or the host tells none.
fn registered<'a>(
    host: &'a Observed,
    intent: &MemberIntent,
    member: Option<&'a Observed>,
) -> Option<&'a RegisteredCluster> {
    let named = intent.cluster.as_ref().and_then(|cluster| host.cluster_named(&cluster.name));
    let known = member.and_then(|member| host.clusters_with_uid(&member.uid).next());
    known.or_else(|| named.filter(|cluster| is_members(cluster, intent, member)))
}

fn not_joined(
    host: &Observed,
    side: &Side,
    member: Option<&Observed>,
    cluster: Option<&RegisteredCluster>,
) -> Option<Report> {
    let join = Mc::new("join").member(side).host(&host.side);
    let Some(cluster) = cluster else {
        return Some(Report::failure(side, "it is not registered on the host").hint(format!("`{join}`")));
    };
    let uid = member.map(|member| member.uid.as_str()).or(cluster.member_uid()).unwrap_or_default();
    let why = match membership(Some(cluster), uid, &host.differences()) {
        Membership::Joined | Membership::WithoutKubesphereVersion => return None,
        Membership::Pending(why) | Membership::Failing(why) => why,
        Membership::OtherCluster(uid) => format!("another cluster answers there, with the UID {uid}"),
    };
    let message = format!("it is not joined: its Cluster \"{}\" is not ready: {why}", cluster.name());
    Some(Report::failure(side, message).hint(format!("`{join}`")))
}

fn still_there(host: &Observed, side: &Side, cluster: &RegisteredCluster) -> Report {
    let unjoin = Mc::new("unjoin").word(cluster.name()).host(&host.side).member_context(side);
    Report::failure(side, format!("it is registered on the host, as \"{}\"", cluster.name()))
        .hint(format!("`{unjoin}`"))
}

/// Who asks for a state wants it proven.
fn untold(side: &Side, why: &str) -> Report {
    Report::failure(side, format!("whether it is registered on the host cannot be told: {why}"))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, play},
        plan::{
            credential::{Account, HostUid, Ownership},
            intent::Expected,
            observed::Seen,
        },
    };

    fn says(case: Case, expected: Expected) -> Vec<String> {
        case.checking().wanting(|intent| intent.expected = Some(expected)).says(&CHECK)
    }

    #[test]
    fn a_joined_member_is_what_is_expected_or_told_with_the_command_that_removes_it() {
        let joined = || Case::new().joined();
        assert_eq!(says(joined(), Expected::Joined), Vec::<String>::new());
        let said = "failure member \"edge-1\": it is registered on the host, as \"edge-1\"";
        assert_eq!(says(joined(), Expected::Absent), [said]);
    }

    #[test]
    fn a_cluster_that_is_no_member_is_absent_and_not_joined() {
        assert_eq!(says(Case::new(), Expected::Absent), Vec::<String>::new());
        let said = "failure member \"edge-1\": it is not registered on the host";
        assert_eq!(says(Case::new(), Expected::Joined), [said]);
    }

    #[test]
    fn who_has_the_hosts_credential_is_not_absent() {
        let ours = || Seen::Present(Ownership::Ours);
        let (host, tokens_of_others) = (HostUid::new("uid-of-prod"), Vec::new());
        let account =
            Account { service_account: ours(), binding: ours(), host, token: ours(), tokens_of_others };
        for role in ["none", "member"] {
            let left = Case::new().member(|member| {
                play(member, role);
                member.account = Some(account.clone());
            });
            let said = says(left, Expected::Absent);
            assert!(
                said[0].starts_with(
                    "failure member \"edge-1\": it is not registered, and has this host's credential"
                ),
                "{role}: {said:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_told_is_not_as_expected() {
        for expected in [Expected::Joined, Expected::Absent] {
            let case = Case::new().host(|host| host.clusters = Seen::Unreadable("forbidden".to_owned()));
            let said =
                "failure member \"edge-1\": whether it is registered on the host cannot be told: forbidden";
            assert_eq!(says(case, expected), [said]);
        }
        assert!(Case::new().checking().skips(&CHECK).is_some());
    }
}
