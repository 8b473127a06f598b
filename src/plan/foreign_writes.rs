//! Writes of others to a Cluster whose member is being installed. The controller stores what came of helm into the object that
//! it read before: any write meanwhile lets it lose that, and run helm again (kubesphere
//! `pkg/controller/cluster/cluster_controller.go@v4.1.3:391-410`).

use kubesphere::cluster::{ConditionType, FINALIZER, HELM_ANNOTATIONS, RegisteredCluster};
use serde_json::Value;

/// The states of one Cluster, as they are seen one after the other.
#[derive(Debug, Default)]
pub struct ForeignWrites {
    before: Option<Written>,
}

/// What somebody else has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignWrite {
    /// Changed the Cluster while helm is at work.
    Meanwhile,
    /// It was installed, and is not any more.
    Lost,
}

#[derive(Debug)]
struct Written {
    resource_version: String,
    by_controller: Value,
    is_taken_up: bool,
    is_installed: bool,
}

impl ForeignWrites {
    pub fn see(&mut self, cluster: &RegisteredCluster) -> Option<ForeignWrite> {
        let now = Written::of(cluster);
        let before = self.before.replace(now)?;
        let now = self.before.as_ref()?;
        if before.is_installed && !now.is_installed {
            return Some(ForeignWrite::Lost);
        }
        let is_at_work = now.is_taken_up && !now.is_installed;
        let is_foreign =
            before.resource_version != now.resource_version && before.by_controller == now.by_controller;
        (is_at_work && is_foreign).then_some(ForeignWrite::Meanwhile)
    }
}

impl Written {
    fn of(cluster: &RegisteredCluster) -> Self {
        let object = cluster.object();
        let at = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
        let annotations = HELM_ANNOTATIONS.map(|key| {
            let found = cluster.annotations().find(|(name, _)| *name == key);
            Value::from(found.map(|(_, value)| value.to_owned()))
        });
        let endpoint = at("/spec/connection/kubernetesAPIEndpoint");
        let core = cluster.condition(ConditionType::CoreReady);
        Self {
            resource_version: cluster.resource_version().to_owned(),
            by_controller: Value::from(vec![
                at("/metadata/finalizers"),
                at("/status"),
                endpoint,
                Value::from(annotations.to_vec()),
            ]),
            is_taken_up: cluster.finalizers().contains(&FINALIZER) && at("/status/uid").is_string(),
            is_installed: core.is_some_and(|core| core.is_true),
        }
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::cluster::{FINALIZER, RegisteredCluster};
    use serde_json::{Value, json};

    use super::{ForeignWrite, ForeignWrites};

    fn seen(states: &[Value]) -> Vec<Option<ForeignWrite>> {
        let mut writes = ForeignWrites::default();
        states.iter().map(|state| writes.see(&RegisteredCluster::new(state.clone()))).collect()
    }

    fn state(version: &str, conditions: &Value) -> Value {
        json!({
            "metadata": {"resourceVersion": version, "finalizers": [FINALIZER], "labels": {"at": version}},
            "status": {"uid": "u", "conditions": conditions},
        })
    }

    #[test]
    fn what_the_controller_writes_is_not_foreign() {
        let created = json!({"metadata": {"resourceVersion": "1"}});
        let finalized = json!({"metadata": {"resourceVersion": "2", "finalizers": [FINALIZER]}});
        let core = json!([{"type": "KSCoreReady", "status": "True"}]);
        let ready = json!([{"type": "KSCoreReady", "status": "True"}, {"type": "Ready", "status": "True"}]);
        let states = [
            created,
            finalized,
            state("3", &json!([])),
            state("4", &core),
            state("5", &ready),
            state("6", &ready),
        ];
        assert_eq!(seen(&states), vec![None; 6]);
        let mut with_job = state("4", &json!([]));
        with_job["metadata"]["annotations"] = json!({"kubesphere.io/install-core-jobname": "job"});
        assert_eq!(seen(&[state("3", &json!([])), with_job]), [None, None]);
    }

    #[test]
    fn a_write_while_helm_is_at_work_is_told_and_so_is_what_is_lost() {
        let none = json!([]);
        assert_eq!(
            seen(&[state("3", &none), state("4", &none), state("4", &none)]),
            [None, Some(ForeignWrite::Meanwhile), None]
        );
        let core = json!([{"type": "KSCoreReady", "status": "True"}]);
        assert_eq!(seen(&[state("3", &core), state("4", &none)]), [None, Some(ForeignWrite::Lost)]);
    }
}
