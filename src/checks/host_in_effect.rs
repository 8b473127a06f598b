//! A host works as one: its role and secret are in effect, and its own Cluster is ready.

use super::{Check, Report, Situation, Verdict, unfinished};
use crate::{
    kubesphere::{
        cluster::ConditionType,
        command::{Kubectl, Mc},
        side::Side,
    },
    plan::{
        needs::{ConfigurationStep, host_progress},
        observed::Observed,
    },
};

pub(super) const CHECK: Check =
    Check { id: "host-in-effect", title: "what is a host works as one", skippable: false, run };

/// A role that is set without effect shows itself in the console as the one cluster `default`
/// (kubesphere issues 3877, 5800).
fn run(situation: &Situation<'_>) -> Vec<Report> {
    // What is no host yet becomes one by a join.
    let Some(host) = situation.host.filter(|host| host.is_host()) else { return Vec::new() };
    let Some(step) = situation.step(&host.side) else { return Vec::new() };
    let progress = host_progress(host);
    let missing = progress.missing().unwrap_or("something is missing");
    let command = Mc::new("prepare host").host(&host.side);
    let report = match step {
        ConfigurationStep::InEffect => own_cluster(situation, host),
        ConfigurationStep::Restart => unfinished::restart(situation, &host.side, missing, &command),
        ConfigurationStep::Await => unfinished::run(situation, &host.side, missing),
        ConfigurationStep::AwaitController => {
            situation.checks_only().then(|| Report::warning(&host.side, missing).cure(controller(&host.side)))
        }
        ConfigurationStep::Patch(patch) => unfinished::drift(situation, &host.side, patch, &command),
    };
    report.into_iter().collect()
}

fn own_cluster(situation: &Situation<'_>, host: &Observed) -> Option<Report> {
    let cluster = host.host_cluster()?;
    let unmet = [ConditionType::Federated, ConditionType::Ready].into_iter().find_map(|condition| {
        let found = cluster.condition(condition).filter(|found| !found.is_true)?;
        Some(format!("{} is False: {}", condition.as_str(), found.why()))
    })?;
    let verdict = if situation.checks_only() { Verdict::Failure } else { Verdict::Warning };
    let message = format!("its own Cluster \"{}\" is not ready: {unmet}", cluster.name());
    Some(Report::of(verdict, &host.side, message).cure(controller(&host.side)))
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
        checks::fixture::{Case, HOST_SECRET, cluster, config, host_cluster, specify, with_conditions},
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
        let said = "its configuration is not in effect (kubesphere-config does not enable multicluster yet), and no run of the installer is at work on it";
        assert_eq!(
            case().says(&CHECK),
            [format!("warning host \"prod\": {said}: the installer is restarted")]
        );
        assert_eq!(case().cures(&CHECK), "");
        let checked = case().checking();
        assert_eq!(checked.says(&CHECK), [format!("failure host \"prod\": {said}")]);
        assert!(checked.cures(&CHECK).ends_with("`kubectl mc prepare host --context prod`"));
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
        assert_eq!(checked.cures(&CHECK), "see how the run ends: `kubectl mc logs --context prod`");
    }

    #[test]
    fn a_host_without_its_cluster_waits_for_the_controller() {
        let case = Case::new().joined().registered([cluster("edge-1", "uid-of-edge-1")]).checking();
        assert_eq!(
            case.says(&CHECK),
            ["warning host \"prod\": the host's own Cluster is not registered yet"]
        );
        assert!(case.cures(&CHECK).contains("logs deployment/ks-controller-manager`"));
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
