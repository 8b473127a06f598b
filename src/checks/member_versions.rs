//! No member is newer than its host.

use kubesphere::versions::Version;

use super::{
    Check, Report, Rule, Situation,
    rule::{NO_MEMBER, Outcome, Reason, WITH_MEMBERS, each},
};
use crate::plan::{observed::Observed, operation::Operation};

pub(super) const CHECK: Check = Check {
    id: "member-versions",
    title: "the member is not newer than the host",
    skippable: false,
    rules: &[Rule::Joining(WITH_MEMBERS, run)],
    unasked: &[NO_MEMBER, Reason::of(&[Operation::Unjoin], "a member that leaves may have any version")],
};

/// Nothing tests a host with newer members, and nothing forbids it (kubesphere issue 4119).
fn run(situation: &Situation<'_>) -> Outcome {
    let (host, members) = (situation.answering_host()?, situation.answering_members()?);
    each(members, |(_, member)| &member.side, |(_, member)| of_member(host, member))
}

fn of_member(host: &Observed, member: &Observed) -> Vec<Report> {
    let kubernetes = newer(host.kubernetes_version(), member.kubernetes_version())
        .map(|(host, member)| format!("its Kubernetes {member} is newer than the host's {host}"));
    let kubesphere = newer(host.kubesphere_version(), member.kubesphere_version())
        .map(|(host, member)| format!("its KubeSphere {member} is newer than the host's {host}"));
    let warning = |message: String| {
        Report::warning(&member.side, message)
            .hint("upgrade the host first: what a newer member has and the host does not know may not work")
    };
    kubernetes.into_iter().chain(kubesphere).map(warning).collect()
}

/// Both versions, where the member's minor one is newer; patches make no difference.
fn newer(host: Option<Version>, member: Option<Version>) -> Option<(Version, Version)> {
    let (host, member) = (host?, member?);
    ((member.major, member.minor) > (host.major, host.minor)).then_some((host, member))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CHECK;
    use crate::checks::fixture::{Case, change_configuration};

    fn said_of(kubernetes: &str, kubesphere: &str) -> Vec<String> {
        let status = json!({"status": {"core": {"version": kubesphere}}});
        let case = Case::of_version("v3.3.2").member(|member| {
            member.kubernetes = kubernetes.to_owned();
            change_configuration(member, &status);
        });
        case.says(&CHECK)
    }

    #[test]
    fn an_older_member_and_a_newer_patch_are_fine() {
        assert_eq!(said_of("v1.22.1", "v3.2.1"), Vec::<String>::new());
        assert_eq!(said_of("v1.23.99+k3s1", "v3.3.9"), Vec::<String>::new());
    }

    #[test]
    fn a_newer_member_is_worth_a_warning_for_each_of_both() {
        assert_eq!(
            said_of("v1.24.0", "v3.4.1"),
            [
                "warning member \"edge-1\": its Kubernetes v1.24.0 is newer than the host's v1.23.17",
                "warning member \"edge-1\": its KubeSphere v3.4.1 is newer than the host's v3.3.2",
            ]
        );
    }
}
