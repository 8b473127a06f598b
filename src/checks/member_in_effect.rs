//! A member works as one of this host: its role and the host's secret are in effect.

use kubesphere::{cluster::RegisteredCluster, command::Mc, fleet_entry::Setting, side::Side};

use super::{
    Check, Report, Rule, Situation,
    rule::{LOOKING, NO_INSTALLER, NO_MEMBER, Outcome, Reason, Unasked, each, some},
    unfinished,
};
use crate::plan::{
    needs::{ConfigurationNeed, member_progress, shared_secret},
    observed::Observed,
    operation::Operation,
    rotation::is_completed_by,
};

pub(super) const CHECK: Check = Check {
    id: "member-in-effect",
    title: "the member's configuration is in effect",
    skippable: false,
    rules: &[
        Rule::Joining(
            &[Operation::Check, Operation::Join, Operation::PrepareMember, Operation::Rotate],
            without_run,
        ),
        Rule::Joining(LOOKING, not_as_wanted),
    ],
    unasked: &[
        NO_INSTALLER,
        NO_MEMBER,
        Reason::of(&[Operation::Import], "the check `prepared` asks it"),
        Reason::of(&[Operation::Renew], "a renewal changes no configuration"),
        Reason::of(&[Operation::Unjoin], "the member leaves, whether it is in effect or not"),
    ],
};

/// A member, and what its configuration needs.
struct About<'a> {
    side: &'a Side,
    /// The host whose rotation was broken off before this member had its turn.
    rotating: Option<&'a Side>,
    missing: String,
    step: &'a ConfigurationNeed,
    /// The name under which the host knows it.
    registered: Option<&'a str>,
}

fn without_run(situation: &Situation<'_>) -> Outcome {
    let of_member = |about: About<'_>| {
        let failed = *about.step == ConfigurationNeed::Restart;
        let report = || unfinished::restart(situation, about.side, &about.missing, &join(situation, &about));
        failed.then(|| completed(report(), &about))
    };
    each(members(situation)?, |about| about.side, of_member)
}

/// What a join waits for or sets right, and shows in its plan.
fn not_as_wanted(situation: &Situation<'_>) -> Outcome {
    let of_member = |about: About<'_>| match about.step {
        ConfigurationNeed::InEffect | ConfigurationNeed::AwaitController | ConfigurationNeed::Restart => None,
        ConfigurationNeed::Await => Some(unfinished::run(about.side, &about.missing)),
        ConfigurationNeed::Patch(patch) => {
            let drift = unfinished::drift(about.side, patch, &join(situation, &about));
            Some(completed(drift, &about))
        }
    };
    each(members(situation)?, |about| about.side, of_member)
}

/// A cluster whose configuration is to be changed and that the host does not know is no member yet.
fn members<'a>(situation: &Situation<'a>) -> Result<Vec<About<'a>>, Unasked> {
    let secret = shared_secret(situation.intent, situation.host);
    let mut members = Vec::new();
    for (intent, member) in situation.answering_members()? {
        let (Ok(secret), Some(step)) = (&secret, situation.step(&member.side)) else {
            return Err(situation.undecided());
        };
        let missing = member_progress(member, secret).missing().unwrap_or("something is missing").to_owned();
        let registered = situation.registered(intent, member).map(RegisteredCluster::name);
        if registered.is_some() || !matches!(step, ConfigurationNeed::Patch(_)) {
            let rotating =
                situation.host.filter(|host| registered.is_some() && lags(situation, host, member));
            let rotating = rotating.map(|host| &host.side);
            members.push(About { side: &member.side, rotating, missing, step, registered });
        }
    }
    some(members, "the cluster is not a member yet")
}

/// A change does by itself what is needed.
fn lags(situation: &Situation<'_>, host: &Observed, member: &Observed) -> bool {
    !situation.changes_clusters() && is_completed_by(host, member)
}

/// What brings all members of a host into effect, where not only this one may lag.
fn completed(report: Report, about: &About<'_>) -> Report {
    match about.rotating {
        Some(host) => unfinished::rotation(report, host),
        None => report,
    }
}

/// The command that brings a member into effect.
fn join(situation: &Situation<'_>, about: &About<'_>) -> Mc {
    let join = Mc::new("join").member(about.side).host(situation.host.map(|host| &host.side));
    let join = match about.registered.filter(|name| *name != about.side.context()) {
        Some(name) => join.setting(Setting::Name, name),
        None => join,
    };
    join.skipping(&situation.intent.skipped.of(about.side))
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
        let said = "its configuration is not in effect (kubesphere-config does not carry the host's jwtSecret yet), and no run of the installer is in progress";
        assert_eq!(
            case().says(&CHECK),
            [format!("warning member \"edge-1\": {said}: the installer is restarted")]
        );
        let importing = case().wanting(|intent| intent.operation = Operation::Import);
        assert_eq!(importing.says(&CHECK), Vec::<String>::new(), "prepared says it");
        assert_eq!(case().checking().says(&CHECK), [format!("failure member \"edge-1\": {said}")]);
        assert_eq!(
            case().checking().hints(&CHECK),
            "run the installer again: `kubectl mc join edge-1 --context prod`"
        );
    }

    #[test]
    fn what_a_rotation_has_left_is_completed_by_the_same_command() {
        let given = |case: Case| {
            case.host(|host| specify(host, &json!({"authentication": {"jwtSecret": HOST_SECRET}})))
        };
        let older = |member: &mut Observed| {
            not_in_effect(member);
            specify(member, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
        };
        for change in [older, not_in_effect] {
            let case = || given(Case::new().joined().member(change)).checking();
            let said = case().says(&CHECK).concat();
            assert!(
                said.starts_with("failure ") && said.contains(": a rotation of the jwtSecret was broken off"),
                "{said}"
            );
            let rotate = "complete the rotation: `kubectl mc rotate jwt-secret --context prod`";
            assert_eq!(case().hints(&CHECK), rotate);
            let joining = case().wanting(|intent| intent.operation = Operation::Join);
            assert!(!joining.says(&CHECK).concat().contains("rotation"), "it gives it to this member");
            let never_given = Case::new().joined().checking().member(change);
            assert!(
                never_given.hints(&CHECK).contains("`kubectl mc join edge-1"),
                "it would make a fresh one"
            );
        }
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
        assert_eq!(case.hints(&CHECK), "see how the run ends: `kubectl mc logs edge-1`");
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
