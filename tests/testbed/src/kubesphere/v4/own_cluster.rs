//! The host's Cluster of its own.
//!
//! Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3:60-85,180-222`.

use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::controller::{ClusterController, Process};
use crate::kubesphere::{objects, secret};

const HOST_LABEL: &str = "cluster-role.kubesphere.io/host";

impl ClusterController {
    /// Creates the Cluster that has the host's name, or makes the one that has it the host's
    /// (`createHostClusterIfNotExists`).
    pub(super) async fn reconcile_host(&self, process: &Process) -> kube::Result<()> {
        let kubeconfig = secret::base64(self.host_kubeconfig.as_bytes());
        let Some(mut cluster) = self.api().get_opt(&process.host_cluster_name).await? else {
            return objects::create(
                &self.site.client(),
                &host_cluster(&process.host_cluster_name, &kubeconfig),
            )
            .await
            .map(drop);
        };
        let label = cluster.labels().get(HOST_LABEL).is_some_and(|value| !value.is_empty());
        if cluster.data["spec"]["connection"]["kubeconfig"] == kubeconfig.as_str() && !label {
            return Ok(());
        }
        cluster.data["spec"]["connection"]["kubeconfig"] = kubeconfig.into();
        cluster.labels_mut().insert(HOST_LABEL.to_owned(), String::new());
        self.write(&cluster).await.map(drop)
    }
}

fn host_cluster(name: &str, kubeconfig: &str) -> Value {
    json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
        "metadata": {
            "name": name,
            "labels": {HOST_LABEL: "", "kubesphere.io/managed": "true"},
            "annotations": {
                "kubesphere.io/description": "The description was created by KubeSphere automatically. It is \
                    recommended that you use the Host Cluster to manage clusters only and deploy workloads on Member \
                    Clusters.",
                "kubesphere.io/creator": "admin",
            },
        },
        "spec": {"provider": "kubesphere", "connection": {"type": "direct", "kubeconfig": kubeconfig}},
    })
}
