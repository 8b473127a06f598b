//! A host works as one: its role and secret are in effect, and its own Cluster is ready.

use kubesphere::{
    cluster::ConditionType,
    command::{Kubectl, Mc},
    side::Side,
};

use super::{
    Check, Report, Rule, Situation,
    rule::{LOOKING, NO_INSTALLER, Outcome, Reason, Unasked, of},
    unfinished,
};
use crate::plan::{
    needs::{ConfigurationNeed, host_progress},
    observed::Observed,
    operation::Operation,
    rotation::is_begun,
};

pub(super) const CHECK: Check = Check {
    id: "host-in-effect",
    title: "the host's configuration is in effect",
    skippable: false,
    rules: &[
        Rule::Joining(
            &[Operation::Check, Operation::Join, Operation::PrepareHost, Operation::Rotate],
            without_run,
        ),
        Rule::Joining(LOOKING, not_as_wanted),
        Rule::Joining(
            &[Operation::Check, Operation::Join, Operation::PrepareHost, Operation::Import],
            own_cluster,
        ),
    ],
    unasked: &[
        NO_INSTALLER,
        Reason::of(
            &[Operation::PrepareMember, Operation::Renew, Operation::Unjoin],
            "the host's configuration is not changed",
        ),
    ],
};

/// What is no host yet becomes one by a join. A role that is set without effect shows itself in the console as the one
/// cluster `default` (kubesphere issues 3877, 5800).
fn host_with_step<'a>(situation: &Situation<'a>) -> Result<(&'a Observed, &'a ConfigurationNeed), Unasked> {
    let host = situation.answering_host()?;
    if !host.is_host() {
        return Err(Unasked::Because("the cluster is not a host yet"));
    }
    Ok((host, situation.step(&host.side).ok_or_else(|| situation.undecided())?))
}

fn without_run(situation: &Situation<'_>) -> Outcome {
    let (host, step) = host_with_step(situation)?;
    let restart = || unfinished::restart(situation, &host.side, &missing(host), &prepare(host));
    let report = (*step == ConfigurationNeed::Restart).then(|| completed(situation, host, restart()));
    of(&host.side, report)
}

/// What a join waits for or sets right, and shows in its plan.
fn not_as_wanted(situation: &Situation<'_>) -> Outcome {
    let (host, step) = host_with_step(situation)?;
    let side = &host.side;
    let report = match step {
        ConfigurationNeed::InEffect | ConfigurationNeed::Restart => return of(side, None),
        ConfigurationNeed::Await => of_run(host),
        ConfigurationNeed::AwaitController => Report::warning(side, missing(host)).hint(controller(side)),
        ConfigurationNeed::Patch(patch) => {
            completed(situation, host, unfinished::drift(side, patch, &prepare(host)))
        }
    };
    of(side, [report])
}

/// A rotation that was broken off has its members before it.
fn completed(situation: &Situation<'_>, host: &Observed, report: Report) -> Report {
    let is_begun = !situation.changes_clusters() && is_begun(host);
    if is_begun { unfinished::rotation(report, &host.side) } else { report }
}

fn of_run(host: &Observed) -> Report {
    let report = unfinished::run(&host.side, &missing(host));
    if !is_begun(host) {
        return report;
    }
    let rotate = Mc::new("rotate jwt-secret").host(&host.side);
    report.hint(format!("then have all its members get the same jwtSecret: `{rotate}`"))
}

fn missing(host: &Observed) -> String {
    host_progress(host).missing().unwrap_or("something is missing").to_owned()
}

/// The command that brings a host into effect.
fn prepare(host: &Observed) -> Mc {
    Mc::new("prepare host").host(&host.side)
}

fn own_cluster(situation: &Situation<'_>) -> Outcome {
    let (host, step) = host_with_step(situation)?;
    let in_effect = *step == ConfigurationNeed::InEffect;
    let cluster = host.host_cluster().filter(|_| in_effect);
    let unready = cluster.and_then(|cluster| {
        let unmet = [ConditionType::Federated, ConditionType::Ready].into_iter().find_map(|condition| {
            let found = cluster.condition(condition).filter(|found| !found.is_true)?;
            Some(format!("{} is False: {}", condition.as_str(), found.why()))
        })?;
        let message = format!("its own Cluster \"{}\" is not ready: {unmet}", cluster.name());
        let report = Report::of(situation.verdict_on_what_stands(), &host.side, message);
        Some(report.hint(controller(&host.side)))
    });
    of(&host.side, unready)
}

/// Where the cause of what the cluster controller does not do stands.
pub(super) fn controller(host: &Side) -> String {
    let kubectl = Kubectl::on(host).namespace("kubesphere-system");
    format!("see what the controller says: `{}`", kubectl.words("logs deployment/ks-controller-manager"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{
            Case, HOST_SECRET, OTHER_SECRET, cluster, config, host_cluster, specify, with_conditions,
        },
        plan::observed::{InstallerRun, Observed, Seen},
    };

    fn not_in_effect(host: &mut Observed) {
        host.config = Seen::Present(config(&format!("authentication: {{jwtSecret: {HOST_SECRET}}}")));
    }

    #[test]
    fn a_host_in_effect_and_a_cluster_that_is_none_yet_are_fine() {
        assert_eq!(Case::new().joined().says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().joined().checking().says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().checking().says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_run_that_failed_before_is_made_up_for_by_a_join_and_is_a_failure_of_what_stands() {
        let case = || Case::new().joined().host(not_in_effect);
        let said = "its configuration is not in effect (kubesphere-config does not enable multicluster yet), and no run of the installer is in progress";
        assert_eq!(
            case().says(&CHECK),
            [format!("warning host \"prod\": {said}: the installer is restarted")]
        );
        assert_eq!(case().hints(&CHECK), "");
        let checked = case().checking();
        assert_eq!(checked.says(&CHECK), [format!("failure host \"prod\": {said}")]);
        assert!(checked.hints(&CHECK).ends_with("`kubectl mc prepare host --context prod`"));
    }

    #[test]
    fn a_run_that_is_at_work_on_it_is_told_by_a_check() {
        let under_way = |host: &mut Observed| {
            not_in_effect(host);
            host.run = InstallerRun::UnderWay("starting".to_owned());
        };
        let case = || Case::new().joined().host(under_way);
        assert_eq!(case().says(&CHECK), Vec::<String>::new());
        let checked = case().checking();
        assert!(
            checked.says(&CHECK)[0]
                .starts_with("warning host \"prod\": its configuration is not in effect yet")
        );
        assert_eq!(checked.hints(&CHECK), "see how the run ends: `kubectl mc logs --context prod`");
    }

    #[test]
    fn a_host_that_was_given_another_secret_has_its_members_before_it() {
        let given = |run: InstallerRun| {
            Case::new().joined().checking().host(|host| {
                specify(host, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
                host.run = run;
            })
        };
        let rotate = "`kubectl mc rotate jwt-secret --context prod`";
        let failed = given(InstallerRun::Idle { last_failure: None });
        let said = failed.says(&CHECK).concat();
        assert!(said.contains("a rotation of the jwtSecret was broken off"), "{said}");
        assert_eq!(failed.hints(&CHECK), format!("complete the rotation: {rotate}"));
        let under_way = given(InstallerRun::UnderWay("starting".to_owned()));
        assert!(under_way.hints(&CHECK).ends_with(&format!("get the same jwtSecret: {rotate}")));
        let alone = failed.registered([host_cluster("host")]);
        assert!(
            alone.hints(&CHECK).ends_with("`kubectl mc prepare host --context prod`"),
            "it has no members"
        );
    }

    #[test]
    fn a_host_without_its_cluster_waits_for_the_controller() {
        let case = Case::new().joined().registered([cluster("edge-1", "uid-of-edge-1")]).checking();
        assert_eq!(
            case.says(&CHECK),
            ["warning host \"prod\": the host's own Cluster is not registered yet"]
        );
        assert!(case.hints(&CHECK).contains("logs deployment/ks-controller-manager`"));
    }

    #[test]
    fn a_configuration_that_says_another_role_is_drift() {
        let case = || {
            Case::new().joined().host(|host| specify(host, &json!({"multicluster": {"clusterRole": "none"}})))
        };
        assert_eq!(case().says(&CHECK), Vec::<String>::new(), "the plan says it");
        assert_eq!(
            case().checking().says(&CHECK),
            [
                "failure host \"prod\": its configuration has changed: spec.multicluster.clusterRole is none, not host"
            ]
        );
    }

    #[test]
    fn a_host_whose_own_cluster_is_not_ready_is_told_with_the_controllers_reason() {
        let conditions = json!([{"type": "Ready", "status": "False", "reason": "no route to host"}]);
        let unready = || [with_conditions(&host_cluster("host"), &conditions)];
        let case = || Case::new().joined().registered(unready());
        let said = "host \"prod\": its own Cluster \"host\" is not ready: Ready is False: no route to host";
        assert_eq!(case().says(&CHECK), [format!("warning {said}")]);
        assert_eq!(case().checking().says(&CHECK), [format!("failure {said}")]);
    }
}
