//! An import finds both sides prepared.

use kubesphere::{command::Mc, side::Side};

use super::{
    Check, Report, Rule, Situation,
    rule::{NO_INSTALLER, Outcome, Reason, each, of},
};
use crate::plan::{
    needs::{ConfigurationNeed, host_need, host_progress, member_need, member_progress, shared_secret},
    observed::Observed,
    operation::Operation,
};

pub(super) const CHECK: Check = Check {
    id: "prepared",
    title: "the configuration is prepared for an import",
    skippable: false,
    rules: &[Rule::Joining(&[Operation::Import], run)],
    unasked: &[
        NO_INSTALLER,
        Reason::beside(&[Operation::Import], "only `import` needs what others have prepared"),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let members = situation.answering_members().unwrap_or_default();
    let of_member = |(_, member): (_, &Observed)| of_member(situation, host, member);
    let of_members = each(members, |(_, member)| &member.side, of_member)?;
    Ok(of(&host.side, of_host(situation, host))?.into_iter().chain(of_members).collect())
}

fn of_host(situation: &Situation<'_>, host: &Observed) -> Option<Report> {
    // What is no host at all is host-role's.
    let step = host_need(&situation.intent.host, host).ok().filter(|_| host.is_host())?;
    let missing = missing(&step, host_progress(host).missing())?;
    Some(report(&host.side, &missing).hint(format!("`{}`", Mc::new("prepare host").host(&host.side))))
}

fn of_member(situation: &Situation<'_>, host: &Observed, member: &Observed) -> Option<Report> {
    let secret = shared_secret(situation.intent, Some(host)).ok()?;
    let step = member_need(member, &secret).ok()?;
    let missing = missing(&step, member_progress(member, &secret).missing())?;
    let prepare = Mc::new("prepare member").member(&member.side).host(&host.side);
    Some(report(&member.side, &missing).hint(format!("`{prepare}`")))
}

fn report(side: &Side, missing: &str) -> Report {
    Report::failure(side, format!("it is not prepared: {missing}"))
}

/// What only a change or a restart of the installer would bring. What is under way is waited for.
fn missing(step: &ConfigurationNeed, missing: Option<&str>) -> Option<String> {
    match step {
        ConfigurationNeed::InEffect | ConfigurationNeed::Await | ConfigurationNeed::AwaitController => None,
        ConfigurationNeed::Patch(patch) => {
            let changes = patch.changes.iter().map(|change| {
                let old = change.old.as_deref().unwrap_or("unset");
                format!("{} is {old}, not {}", change.field, change.new)
            });
            Some(changes.collect::<Vec<_>>().join("; "))
        }
        ConfigurationNeed::Restart => Some(format!(
            "{}, and the installer is not running",
            missing.unwrap_or("its configuration is not in effect")
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, HOST_SECRET, config, host_cluster, play, specify},
        plan::{
            observed::{InstallerRun, Observed, Seen},
            operation::Operation,
        },
    };

    fn importing() -> Case {
        let case = Case::new().wanting(|intent| intent.operation = Operation::Import);
        let case = case.registered([host_cluster("host")]).host(|host| {
            play(host, "host");
            with_status(host);
        });
        case.member(prepare)
    }

    fn with_status(host: &mut Observed) {
        let mut object = host.configuration.present().unwrap().object().clone();
        object["status"]["multicluster"] = json!({"status": "enabled"});
        let configuration = kubesphere::cluster_configuration::ClusterConfiguration::new(object);
        host.configuration = Seen::Present(configuration);
    }

    fn prepare(member: &mut Observed) {
        specify(
            member,
            &json!({"multicluster": {"clusterRole": "member"}, "authentication": {"jwtSecret": HOST_SECRET}}),
        );
        member.config = Seen::Present(config(&format!(
            "authentication: {{jwtSecret: {HOST_SECRET}, oauthOptions: {{accessTokenMaxAge: 0}}}}\n\
             multicluster: {{enable: false, clusterRole: member}}"
        )));
    }

    #[test]
    fn what_is_prepared_on_both_sides_can_be_imported() {
        assert_eq!(importing().says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn what_would_have_to_change_is_said_with_fingerprints() {
        let case =
            importing().member(|member| specify(member, &json!({"authentication": {"jwtSecret": ""}})));
        let case = case.member(|member| play(member, "none"));
        let said = case.says(&CHECK).join("\n");
        assert!(
            said.starts_with(
                "failure member \"edge-1\": it is not prepared: spec.authentication.jwtSecret is"
            ),
            "{said}"
        );
        assert!(said.ends_with("spec.multicluster.clusterRole is none, not member"), "{said}");
        assert!(!said.contains(HOST_SECRET));
        assert_eq!(case.hints(&CHECK), "`kubectl mc prepare member edge-1 --context prod`");
    }

    #[test]
    fn a_host_that_never_came_into_effect_is_not_prepared() {
        let case = importing().host(|host| {
            let text = format!("authentication: {{jwtSecret: {HOST_SECRET}}}");
            host.config = Seen::Present(config(&text));
        });
        assert_eq!(
            case.says(&CHECK),
            [
                "failure host \"prod\": it is not prepared: kubesphere-config does not enable multicluster yet, \
              and the installer is not running"
            ]
        );
        assert_eq!(case.hints(&CHECK), "`kubectl mc prepare host --context prod`");
    }

    #[test]
    fn what_is_under_way_is_waited_for() {
        let case = importing().member(|member| {
            member.config = Seen::Present(config("authentication: {jwtSecret: other}"));
            member.run = InstallerRun::UnderWay("installing 1/9".to_owned());
        });
        assert_eq!(case.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_join_prepares_by_itself() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
    }
}
