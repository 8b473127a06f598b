//! Why a Cluster of KubeSphere 4 whose member is not installed gets no new kubeconfig.

use jiff::Timestamp;
use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    command::Mc,
    fleet_entry::Setting,
    versions::Generation,
};

use super::Report;
use crate::plan::{core::CoreRelease, observed::Observed};

pub(super) fn not_installed(
    cluster: &RegisteredCluster,
    host: &Observed,
    member: &Observed,
) -> Option<Report> {
    let core = cluster.condition(ConditionType::CoreReady);
    if host.generation() != Some(Generation::Four) || core.as_ref().is_some_and(|core| core.is_true) {
        return None;
    }
    let name = cluster.name();
    let join = Mc::new("join").member(&member.side).host(&host.side).setting(Setting::Name, name);
    if let Some(core) = core {
        // After 4.1.3; nothing that it looks at is ready then (kubesphere `cluster_controller.go@04a29b5c6`).
        let why = core.why();
        let message = format!(
            "the Cluster \"{name}\" is not installed, and its host does not try it again by itself: {why}"
        );
        return Some(Report::failure(&host.side, message).hint(format!("this says what helps: `{join}`")));
    }
    let release = pending(member)?;
    if is_broken_off(cluster, release) {
        return Some(broken_off(release, member));
    }
    let message = format!(
        "the Cluster \"{name}\" is being installed: with another kubeconfig its host would begin with that anew"
    );
    Some(Report::failure(&host.side, message).hint(format!("wait until it is joined: `{join}`")))
}

/// The release on which a helm may be at work: what is written to its Cluster meanwhile has all of it done again
/// (kubesphere `cluster_controller.go@v4.1.3:391-410`).
fn pending(member: &Observed) -> Option<&CoreRelease> {
    let release = member.surroundings.core.as_ref()?.release.present()?;
    (release.is_pending() && !release.is_abandoned(member.clock.now)).then_some(release)
}

/// Whether the host has looked at the Cluster since that helm began, and has not reached the member. Up to 4.1.3 the controller
/// runs helm within a look, and no other look at the same Cluster meanwhile (kubesphere `cluster_controller.go@v4.1.3:274-288`).
fn is_broken_off(cluster: &RegisteredCluster, release: &CoreRelease) -> bool {
    let ready = cluster.condition(ConditionType::Ready).filter(|ready| !ready.is_true);
    let looked_at: Option<Timestamp> = ready.and_then(|ready| ready.updated_at.parse().ok());
    let is_later = looked_at.zip(release.began).is_some_and(|(looked_at, began)| looked_at > began);
    is_later && cluster.install_job().is_none()
}

/// No other helm touches it, with whichever kubeconfig (helm `pkg/action/upgrade.go@v3.16.2`, errPending).
fn broken_off(release: &CoreRelease, member: &Observed) -> Report {
    let status = &release.status;
    let message = format!(
        "helm release ks-core stays {status}: the host has lost its access to the member while its helm was at work on it"
    );
    Report::failure(&member.side, message).hint(format!(
        "remove that revision, then run the same command again: `{}`",
        release.removal(&member.side)
    ))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use kubesphere::cluster::RegisteredCluster;
    use serde_json::{Value, json};

    use crate::{
        checks::{
            fixture::{Case, cluster, surround},
            renewed_cluster::CHECK,
        },
        plan::{
            core::{Core, CoreRelease},
            observed::Seen,
            operation::Operation,
        },
    };

    fn installed(conditions: &Value) -> RegisteredCluster {
        cluster("edge-1", "uid-of-edge-1").patched(&json!({"status": {"conditions": conditions}}))
    }

    fn renewing(cluster: RegisteredCluster, status: &str, minutes: i64) -> Vec<String> {
        let since = Some(Timestamp::UNIX_EPOCH - SignedDuration::from_mins(minutes));
        let release =
            Seen::Present(CoreRelease { revision: 1, status: status.to_owned(), since, began: since });
        let case = Case::of_4().registered([cluster]).wanting(|intent| intent.operation = Operation::Renew);
        let case = case.member(|member| {
            surround(member, |around| around.core = Some(Core { claim: Seen::Absent, release }));
        });
        case.says(&CHECK)
    }

    #[test]
    fn nobody_disturbs_a_helm_and_nothing_else_is_in_the_way() {
        let ready = installed(&json!([{"type": "KSCoreReady", "status": "True"}]));
        assert_eq!(renewing(ready, "pending-upgrade", 1), Vec::<String>::new(), "it is installed");
        assert_eq!(
            renewing(installed(&json!([])), "failed", 1),
            Vec::<String>::new(),
            "it may be what helps"
        );
        assert_eq!(renewing(installed(&json!([])), "pending-install", 60), Vec::<String>::new());
        let said = renewing(installed(&json!([])), "pending-install", 1);
        assert!(said[0].contains("the Cluster \"edge-1\" is being installed"), "{said:?}");
    }

    /// A credential that was taken from the host while its helm was at work leaves no way but this one.
    #[test]
    fn a_helm_that_the_host_has_not_seen_to_its_end_is_told_with_what_lets_another_one_begin() {
        let unready = |at: &str| {
            installed(
                &json!([{"type": "Ready", "status": "False", "message": "Unauthorized", "lastUpdateTime": at}]),
            )
        };
        let said = renewing(unready("1969-12-31T23:59:30Z"), "pending-upgrade", 1);
        assert!(
            said[0].starts_with("failure member \"edge-1\": helm release ks-core stays pending-upgrade"),
            "{said:?}"
        );
        let before = renewing(unready("1969-12-31T23:58:00Z"), "pending-upgrade", 1);
        assert!(before[0].contains("is being installed"), "{before:?}");
        let by_a_job = json!({"metadata": {"annotations": {"kubesphere.io/install-core-jobname": "job"}}});
        let at_work = renewing(unready("1969-12-31T23:59:30Z").patched(&by_a_job), "pending-upgrade", 1);
        assert!(
            at_work[0].contains("is being installed"),
            "its helm goes on without the controller: {at_work:?}"
        );
    }

    #[test]
    fn an_installation_that_was_given_up_is_told_with_its_reason() {
        let failed =
            json!({"type": "KSCoreReady", "status": "False", "reason": "KSCoreReady", "message": "no image"});
        let said = renewing(installed(&json!([failed])), "failed", 1);
        assert!(said[0].ends_with("does not try it again by itself: no image"), "{said:?}");
    }
}
