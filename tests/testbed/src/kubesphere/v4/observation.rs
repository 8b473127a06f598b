//! What the controller writes of a cluster that has ks-core: its versions, its nodes, that it is ready.
//!
//! Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3`.

use kube::{
    ResourceExt as _,
    api::{DynamicObject, ListParams},
};
use serde_json::Value;

use super::{
    clients::Connected,
    controller::{ClusterController, Process},
    membership,
};
use crate::kubesphere::{conditions, go_error, objects, queue::Next};

/// The Service proxy's path to a cluster's ks-apiserver.
const PROXY: &str = "/api/v1/namespaces/kubesphere-system/services/http:ks-apiserver:80/proxy/";

impl ClusterController {
    /// Labels, versions, nodes, ownership and users.
    pub(super) async fn observe(
        &self,
        mut cluster: DynamicObject,
        connected: &Connected,
        process: &Process,
    ) -> Result<Next, String> {
        let (host, name) = (self.site.client(), cluster.name_any());
        let said = |what: &str| {
            let (what, name) = (what.to_owned(), name.clone());
            move |cause: String| format!("failed to sync {what} for {name}: {cause}")
        };
        membership::label(&host, &mut cluster).await.map_err(said("cluster label"))?;
        match self.told_version(connected).await {
            Err(cause) => return self.write_not_ready(cluster, cause).await,
            Ok(version) => cluster.data["status"]["kubeSphereVersion"] = version.into(),
        }
        conditions::set(&mut cluster, "Ready", true, "Ready", "Cluster is available now");
        cluster = self.write(&cluster).await.map_err(go_error::message)?;
        self.count_nodes(&cluster, connected).await.map_err(said("kubernetes version"))?;
        let claimed = membership::claim(connected.client(), &name, &process.host_cluster_name).await;
        claimed.map_err(said("cluster name"))?;
        let granted = membership::grant(&host, &mut cluster, Some(connected.client())).await;
        granted.map_err(said("cluster membership"))?;
        Ok(Next::After(process.resync))
    }

    /// A copy of the object is written: what comes after still holds the old one, and meets a conflict if it writes.
    async fn count_nodes(&self, cluster: &DynamicObject, connected: &Connected) -> Result<(), String> {
        let nodes = objects::objects(connected.client(), "v1", "Node", None);
        let count = nodes.list(&ListParams::default()).await.map_err(go_error::message)?.items.len();
        let status = &cluster.data["status"];
        let version = connected.kubernetes_version.as_str();
        if status["kubernetesVersion"] == version && status["nodeCount"] == count {
            return Ok(());
        }
        let mut copy = cluster.clone();
        copy.data["status"]["kubernetesVersion"] = version.into();
        copy.data["status"]["nodeCount"] = count.into();
        self.write(&copy).await.map(drop).map_err(go_error::message)
    }

    async fn told_version(&self, connected: &Connected) -> Result<String, String> {
        let answer = connected.get(&format!("{PROXY}{}", self.site.version().version_path())).await?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        Ok(match answer["gitVersion"].as_str().unwrap_or_default() {
            "v0.0.0" => "v3.0.0".to_owned(),
            "" => "unknown".to_owned(),
            version => version.to_owned(),
        })
    }
}
