//! A member works as one of this host: its role and the host's secret are in effect.

use super::{Check, Report, Situation, unfinished};
use crate::{
    kubesphere::{cluster::RegisteredCluster, command::Mc, side::Side},
    plan::{
        intent::MemberIntent,
        needs::{ConfigurationStep, member_progress, shared_secret},
        observed::Observed,
    },
};

pub(super) const CHECK: Check =
    Check { id: "member-in-effect", title: "what is a member works as one", skippable: false, run };

fn run(situation: &Situation<'_>) -> Vec<Report> {
    situation
        .answering_members()
        .filter_map(|(intent, member)| of_member(situation, intent, member))
        .collect()
}

fn of_member(situation: &Situation<'_>, intent: &MemberIntent, member: &Observed) -> Option<Report> {
    let side = &member.side;
    let secret = shared_secret(situation.intent, situation.host).ok()?;
    let progress = member_progress(member, &secret);
    let missing = progress.missing().unwrap_or("something is missing");
    let registered = situation.registered(intent, member).map(RegisteredCluster::name);
    let command = join(situation, side, registered);
    match situation.step(side)? {
        ConfigurationStep::InEffect | ConfigurationStep::AwaitController => None,
        ConfigurationStep::Await => unfinished::run(situation, side, missing),
        ConfigurationStep::Restart => unfinished::restart(situation, side, missing, &command),
        // A cluster that the host does not know is no member yet.
        ConfigurationStep::Patch(patch) => {
            registered.and_then(|_| unfinished::drift(situation, side, patch, &command))
        }
    }
}

/// The command that brings a member into effect.
fn join(situation: &Situation<'_>, member: &Side, registered: Option<&str>) -> Mc {
    let join = Mc::new("join").member(member).host(situation.host.map(|host| &host.side));
    match registered.filter(|name| *name != member.context()) {
        Some(name) => join.words("--name").word(name),
        None => join,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, HOST_SECRET, OTHER_SECRET, config, specify},
        plan::{
            observed::{InstallerRun, Observed, Seen},
            operation::Operation,
        },
    };

    fn not_in_effect(member: &mut Observed) {
        member.config = Seen::Present(config(&format!("authentication: {{jwtSecret: {OTHER_SECRET}}}")));
    }

    #[test]
    fn a_joined_member_and_one_before_its_join_are_fine() {
        for case in [Case::new().joined(), Case::new().joined().checking(), Case::new().checking()] {
            assert_eq!(case.says(&CHECK), Vec::<String>::new());
        }
    }

    #[test]
    fn a_run_that_failed_before_is_a_failure_of_what_stands_and_a_warning_of_a_join() {
        let case = || Case::new().joined().member(not_in_effect);
        let said = "its configuration is not in effect (kubesphere-config does not carry the host's jwtSecret yet), and no run of the installer is at work on it";
        assert_eq!(
            case().says(&CHECK),
            [format!("warning member \"edge-1\": {said}: the installer is restarted")]
        );
        let importing = case().wanting(|intent| intent.operation = Operation::Import);
        assert_eq!(importing.says(&CHECK), Vec::<String>::new(), "prepared says it");
        assert_eq!(case().checking().says(&CHECK), [format!("failure member \"edge-1\": {said}")]);
        assert_eq!(
            case().checking().cures(&CHECK),
            "run the installer again: `kubectl mc join edge-1 --context prod`"
        );
    }

    #[test]
    fn a_run_that_is_at_work_on_it_is_told_by_a_check() {
        let case = Case::new().joined().checking().member(|member| {
            not_in_effect(member);
            member.run = InstallerRun::UnderWay("starting".to_owned());
        });
        assert!(
            case.says(&CHECK)[0]
                .starts_with("warning member \"edge-1\": its configuration is not in effect yet")
        );
        assert_eq!(case.cures(&CHECK), "see how the run ends: `kubectl mc logs edge-1`");
    }

    #[test]
    fn a_registered_member_that_asks_for_something_else_has_drifted() {
        let case = || {
            let other = json!({"multicluster": {"clusterRole": "none"}});
            Case::new().joined().member(|member| specify(member, &other))
        };
        assert_eq!(case().says(&CHECK), Vec::<String>::new(), "the plan says it");
        let drift = "failure member \"edge-1\": its configuration has changed: spec.multicluster.clusterRole is none, not member";
        assert_eq!(case().checking().says(&CHECK), [drift]);
        assert_eq!(
            case().checking().registered([]).says(&CHECK),
            Vec::<String>::new(),
            "it is no member yet"
        );
    }

    #[test]
    fn a_secret_that_was_changed_is_shown_as_a_fingerprint() {
        let case = Case::new().joined().checking().member(|member| {
            not_in_effect(member);
            specify(member, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
        });
        let said = case.says(&CHECK).concat();
        assert!(said.contains("spec.authentication.jwtSecret is sha256:"), "{said}");
        assert!(!said.contains(OTHER_SECRET) && !said.contains(HOST_SECRET), "{said}");
    }
}
