//! A host of 3.1 or 3.2 finds the token Secrets that its kubefed relies on.

use kubesphere::versions::WITHOUT_TOKEN_SECRETS;

use super::{
    Check, Report, Rule, Situation,
    rule::{NO_KUBEFED, NO_MEMBER, Outcome, Reason, Unasked, each},
};
use crate::plan::{observed::Observed, operation::Operation};

pub(super) const CHECK: Check = Check {
    id: "legacy-token-secrets",
    title: "the member's Kubernetes works with the host's KubeSphere",
    skippable: true,
    rules: &[Rule::Joining(
        &[Operation::Check, Operation::Join, Operation::PrepareMember, Operation::Import],
        run,
    )],
    unasked: &[
        NO_KUBEFED,
        NO_MEMBER,
        Reason::of(
            &[Operation::Renew, Operation::Rotate, Operation::Unjoin],
            "what kubefed made when the member was joined is there",
        ),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let version = situation.answering_host()?.kubesphere_version();
    let version = version.ok_or(Unasked::Because("which KubeSphere the host has is not known"))?;
    let members = situation.answering_members()?.into_iter();
    let is_too_new = |member: &Observed| {
        version.differences().needs_legacy_token_secrets
            && member.kubernetes_version().is_some_and(|kubernetes| kubernetes >= WITHOUT_TOKEN_SECRETS)
    };
    let report = |member: &Observed| {
        Report::failure(
            &member.side,
            format!(
                "Kubernetes {} makes no token Secrets for service accounts, which a host with KubeSphere {version} waits for",
                member.kubernetes
            ),
        )
        .hint("upgrade the host to KubeSphere 3.3 or later")
    };
    each(members, |(_, member)| &member.side, |(_, member)| is_too_new(member).then(|| report(member)))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::fixture::Case;

    fn joining_kubernetes(host: &str, kubernetes: &str) -> Vec<String> {
        Case::of_version(host).member(|member| member.kubernetes = kubernetes.to_owned()).says(&CHECK)
    }

    #[test]
    fn hosts_before_3_3_cannot_take_a_member_with_kubernetes_1_24() {
        for host in ["v3.1.1", "v3.2.1"] {
            assert_eq!(
                joining_kubernetes(host, "v1.24.0"),
                [format!(
                    "failure member \"edge-1\": Kubernetes v1.24.0 makes no token Secrets for service accounts, which a \
                     host with KubeSphere {host} waits for"
                )]
            );
            assert_eq!(joining_kubernetes(host, "v1.23.17+k3s1"), Vec::<String>::new());
        }
    }

    #[test]
    fn later_hosts_ask_for_their_tokens() {
        for host in ["v3.3.2", "v3.4.1"] {
            assert_eq!(joining_kubernetes(host, "v1.34.3"), Vec::<String>::new());
        }
    }
}
