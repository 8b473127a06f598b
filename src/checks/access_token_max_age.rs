//! A member accepts the tokens that its host has issued.

use kubesphere::{
    command::Kubectl,
    kubesphere_config::{self, KubesphereConfig},
    role::Role,
    side::Side,
};

use super::{
    Check, Report, Rule, Situation,
    rule::{NO_INSTALLER, NO_MEMBER, Outcome, Reason, WITH_MEMBERS, each, some},
};
use crate::plan::{
    needs::ConfigurationNeed, observed::Observed, operation::Operation, secret_remarks::run_installer,
};

pub(super) const CHECK: Check = Check {
    id: "access-token-max-age",
    title: "the member accepts tokens that the host issued",
    skippable: false,
    rules: &[Rule::Joining(WITH_MEMBERS, run)],
    unasked: &[
        NO_INSTALLER,
        NO_MEMBER,
        Reason::of(&[Operation::Unjoin], "a member that leaves has no tokens of the host to accept"),
    ],
};

/// Unless `accessTokenMaxAge` is 0, a member looks for a token in its own cache, where the host's are not: who
/// follows a link to the member is asked to log in again (kubesphere `pkg/models/auth/token.go@v3.4.1:82`, issue 4683).
fn run(situation: &Situation<'_>) -> Outcome {
    let members = situation.answering_members()?.into_iter().map(|(_, member)| member);
    let looked_at = members.filter(|member| hides_role(member) || in_effect(situation, member).is_some());
    let looked_at = some(looked_at, "no member is in effect yet")?.into_iter();
    each(looked_at, |member| &member.side, |member| of_member(situation, member))
}

fn of_member(situation: &Situation<'_>, member: &Observed) -> Option<Report> {
    let side = &member.side;
    if hides_role(member) {
        let message = "KubeSphere 3.1 does not set accessTokenMaxAge to 0 on a member that has oauthOptions: it will ask whoever comes from the host to log in again";
        return Some(Report::warning(side, message).hint(set_by_hand(side)));
    }
    let config = in_effect(situation, member)?;
    (!config.tokens_never_age).then(|| {
        let message = format!(
            "authentication.oauthOptions.accessTokenMaxAge is not 0 in configmaps/{}: it asks whoever comes from the host to log in again",
            kubesphere_config::NAME
        );
        Report::of(situation.verdict_on_what_stands(), side, message)
            .hint(format!("let the installer write it anew: `{}`", run_installer(side)))
    })
}

fn in_effect<'a>(situation: &Situation<'_>, member: &'a Observed) -> Option<&'a KubesphereConfig> {
    let in_effect = situation.step(&member.side) == Some(&ConfigurationNeed::InEffect);
    member.config.present().filter(|_| in_effect && member.role() == Role::Member)
}

/// ks-installer `roles/ks-core/config/templates/kubesphere-config.yaml.j2@v3.1.1:12-17`: options that are given take
/// the place of what a member gets.
fn hides_role(member: &Observed) -> bool {
    let hides =
        member.kubesphere_version().is_some_and(|version| version.differences().oauth_options_hide_role);
    let given = member.configuration.present().filter(|_| hides);
    given.is_some_and(|given| given.has_oauth_options() && !given.oauth_options_never_age())
}

fn set_by_hand(side: &Side) -> String {
    let patch = Kubectl::on(side)
        .namespace("kubesphere-system")
        .words("patch clusterconfigurations.installer.kubesphere.io ks-installer --type merge -p")
        .word(r#"{"spec":{"authentication":{"oauthOptions":{"accessTokenMaxAge":0}}}}"#);
    format!("set it there before the join, for it runs the installer: `{patch}`")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, HOST_SECRET, config, specify},
        plan::observed::{Observed, Seen},
    };

    fn aging(member: &mut Observed) {
        let text = format!(
            "authentication: {{jwtSecret: {HOST_SECRET}, oauthOptions: {{accessTokenMaxAge: 2h}}}}\n\
             multicluster: {{clusterRole: member}}"
        );
        member.config = Seen::Present(config(&text));
    }

    #[test]
    fn tokens_that_never_age_and_a_cluster_that_is_no_member_are_fine() {
        assert_eq!(Case::new().joined().checking().says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().checking().says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_member_that_looks_in_its_own_cache_is_told() {
        let case = || Case::new().joined().member(aging);
        let said = "member \"edge-1\": authentication.oauthOptions.accessTokenMaxAge is not 0 in configmaps/kubesphere-config: it asks whoever comes from the host to log in again";
        assert_eq!(case().says(&CHECK), [format!("warning {said}")]);
        assert_eq!(case().checking().says(&CHECK), [format!("failure {said}")]);
        assert!(case().hints(&CHECK).contains("rollout restart deployment ks-installer`"));
    }

    #[test]
    fn version_3_1_is_foreseen_to_lose_it_where_options_are_given() {
        let said = |version: &str, options: Value| {
            let options = json!({"authentication": {"oauthOptions": options}});
            Case::of_version(version).member(|member| specify(member, &options)).says(&CHECK)
        };
        assert!(
            said("v3.1.1", json!({"clients": []}))[0]
                .starts_with("warning member \"edge-1\": KubeSphere 3.1")
        );
        assert_eq!(said("v3.1.1", json!({"accessTokenMaxAge": 0})), Vec::<String>::new());
        assert_eq!(said("v3.2.1", json!({"clients": []})), Vec::<String>::new());
    }
}
