//! Why a Cluster of KubeSphere 4 whose member is not installed gets no new kubeconfig.

use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    command::Mc,
    versions::Generation,
};

use super::Report;
use crate::plan::observed::Observed;

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
    let join = Mc::new("join").member(&member.side).host(&host.side).words("--name").word(name);
    if let Some(core) = core {
        // After 4.1.3; nothing that it looks at is ready then (kubesphere `cluster_controller.go@04a29b5c6`).
        let why = core.why();
        let message = format!(
            "the Cluster \"{name}\" is not installed, and its host does not try it again by itself: {why}"
        );
        return Some(Report::failure(&host.side, message).hint(format!("this says what helps: `{join}`")));
    }
    is_being_installed(member).then(|| {
        let message = format!(
            "the Cluster \"{name}\" is being installed: with another kubeconfig its host would begin with that anew"
        );
        Report::failure(&host.side, message).hint(format!("wait until it is joined: `{join}`"))
    })
}

/// Whether a helm is at work on it: what is written to its Cluster meanwhile has all of it done again
/// (kubesphere `cluster_controller.go@v4.1.3:391-410`).
fn is_being_installed(member: &Observed) -> bool {
    let core = member.surroundings.core.as_ref();
    let release = core.and_then(|core| core.release.present());
    release.is_some_and(|release| release.is_pending() && !release.is_abandoned(member.clock.now))
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

    #[test]
    fn an_installation_that_was_given_up_is_told_with_its_reason() {
        let failed =
            json!({"type": "KSCoreReady", "status": "False", "reason": "KSCoreReady", "message": "no image"});
        let said = renewing(installed(&json!([failed])), "failed", 1);
        assert!(said[0].ends_with("does not try it again by itself: no image"), "{said:?}");
    }
}
