//! How far a host of KubeSphere 4 has come with a member, as its Cluster tells.

use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    command::Kubectl,
    side::Side,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Installed,
    /// The controller has not looked at it: it begins with its finalizer.
    NotTakenUp,
    /// It is not tried again before that is asked for (after 4.1.3, kubesphere `cluster_controller.go@04a29b5c6`).
    Failed(String),
    /// It is being installed, or tried again, and why the host does not reach it, where it does not. Up to 4.1.3 nothing tells
    /// the two apart (kubesphere `cluster_controller.go@v4.1.3:374-410`).
    UnderWay(Option<String>),
}

/// Nothing where there is nothing to install: the host itself, a Cluster that goes away, or one that stores no kubeconfig.
pub fn stage(cluster: &RegisteredCluster) -> Option<Stage> {
    if cluster.is_host() || cluster.is_being_deleted() || cluster.kubeconfig_base64().is_none() {
        return None;
    }
    Some(match cluster.condition(ConditionType::CoreReady) {
        Some(core) if core.is_true => Stage::Installed,
        Some(core) if !cluster.asks_for_installation() => Stage::Failed(core.why().to_owned()),
        _ if cluster.is_untouched() => Stage::NotTakenUp,
        _ => {
            let unready = cluster.condition(ConditionType::Ready).filter(|ready| !ready.is_true);
            Stage::UnderWay(unready.map(|ready| ready.why().to_owned()))
        }
    })
}

/// What has a host after 4.1.3 install KubeSphere on a member again, also over what stands there.
pub fn reinstallation(host: &Side, name: &str) -> String {
    let annotate = Kubectl::on(host).words("annotate clusters.cluster.kubesphere.io").word(name);
    let annotate = annotate.words("kubesphere.io/ks-core-action=reinstall --overwrite");
    format!(
        "`{annotate}` (helm installs ks-core there again, over what stands there; pods of it may restart)"
    )
}

/// What has it install KubeSphere again with other values (kubesphere `cluster_controller.go@v4.1.3:374-410`).
pub fn other_values(host: &Side, name: &str) -> String {
    let edit = Kubectl::on(host).words("edit clusters.cluster.kubesphere.io").word(name);
    format!("set spec.config of its Cluster to the file in base64, and the host installs it again: `{edit}`")
}

#[cfg(test)]
mod tests {
    use kubesphere::cluster::RegisteredCluster;
    use serde_json::{Value, json};

    use super::{Stage, stage};

    fn of(change: &Value) -> Option<Stage> {
        let metadata = json!({"name": "a", "finalizers": ["finalizer.cluster.kubesphere.io"]});
        let mut object = json!({"metadata": metadata, "spec": {"connection": {"kubeconfig": "e30="}}});
        json_patch::merge(&mut object, change);
        stage(&RegisteredCluster::new(object))
    }

    fn condition(kind: &str, status: &str, message: &str) -> Value {
        json!({"type": kind, "status": status, "reason": kind, "message": message})
    }

    #[test]
    fn a_cluster_tells_how_far_its_host_has_come() {
        let with = |conditions: Value| json!({"status": {"conditions": conditions}});
        assert_eq!(of(&json!({})), Some(Stage::UnderWay(None)));
        assert_eq!(of(&json!({"metadata": {"finalizers": null}})), Some(Stage::NotTakenUp));
        let unreachable = with(json!([condition("Ready", "False", "dial tcp")]));
        assert_eq!(of(&unreachable), Some(Stage::UnderWay(Some("dial tcp".to_owned()))));
        let installed = with(json!([condition("KSCoreReady", "True", "KS Core is available now")]));
        assert_eq!(of(&installed), Some(Stage::Installed));
        let mut failed = with(json!([condition("KSCoreReady", "False", "KS Core installation failed")]));
        assert_eq!(of(&failed), Some(Stage::Failed("KS Core installation failed".to_owned())));
        failed["metadata"] = json!({"annotations": {"kubesphere.io/ks-core-action": "reinstall"}});
        assert_eq!(of(&failed), Some(Stage::UnderWay(None)));
    }

    #[test]
    fn a_host_installs_neither_itself_nor_what_it_cannot_reach() {
        assert_eq!(of(&json!({"metadata": {"labels": {"cluster-role.kubesphere.io/host": ""}}})), None);
        assert_eq!(of(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})), None);
        assert_eq!(of(&json!({"spec": {"connection": {"kubeconfig": null}}})), None);
    }
}
