//! Writing: the three changes of a join, that of a renewal, and the withdrawal of a Cluster that lost a race.

use jiff::Timestamp;
use kubesphere::{
    cluster::RegisteredCluster,
    cluster_configuration::{ClusterConfiguration, NAME, NAMESPACE},
};
use serde_json::{Value, json};

use super::{
    connection::Connection,
    objects::{Change, Deletion, FIELD_MANAGER, Objects, Persistence},
    observe::{RESTARTED_AT, as_value, clusters, configurations},
    request_error::RequestError,
    workloads::Deployment,
};
use crate::plan::{
    cluster_manifest::cluster_manifest,
    configuration_patch::ConfigurationPatch,
    member_kubeconfig::StoredKubeconfig,
    observed::{Installer, Seen},
    steps::{describe_cluster::DescribeCluster, register::Register},
};

/// Sends a guarded patch of the ClusterConfiguration.
pub async fn patch_configuration(
    connection: &Connection,
    patch: &ConfigurationPatch,
    persistence: Persistence,
) -> Result<ClusterConfiguration, RequestError> {
    let change = Change::json(patch.document());
    let patched = configurations(connection).patch(NAME, &change, persistence).await?;
    Ok(ClusterConfiguration::new(as_value(&patched)))
}

/// Restarts the installer as `kubectl rollout restart` does; a new pod runs everything again
/// (shell-operator: an object that is there at the start is an `add`). Where the Deployment is not as it was seen, the
/// server answers with a conflict: somebody may just have restarted it, and another restart would cut their run off.
///
/// Returns the time of the change by the server's clock.
pub async fn restart_installer(
    connection: &Connection,
    installer: &Seen<Installer>,
    now: Timestamp,
    persistence: Persistence,
) -> Result<Option<Timestamp>, RequestError> {
    let annotation = json!({RESTARTED_AT: now.to_string()});
    // Who may not read it restarts it as it is.
    let seen = installer.present().map(|seen| json!({"resourceVersion": seen.resource_version}));
    let change = Change::merge(json!({
        "metadata": seen.unwrap_or_else(|| json!({})),
        "spec": {"template": {"metadata": {"annotations": annotation}}},
    }));
    let deployments = Objects::<Deployment>::on(connection).in_namespace(NAMESPACE);
    let changed = deployments.patch(NAME, &change, persistence).await?;
    let managers = changed.metadata.managed_fields.unwrap_or_default();
    let ours = managers.into_iter().filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
    Ok(ours.filter_map(|entry| Some(entry.time?.0)).max())
}

/// Creates the Cluster; not by apply, which would keep the credential a second time in an annotation.
pub async fn create_cluster(
    host: &Connection,
    step: &Register,
    kubeconfig: &StoredKubeconfig,
    persistence: Persistence,
) -> Result<RegisteredCluster, RequestError> {
    let manifest = cluster_manifest(step, kubeconfig);
    let created = clusters(host).create(&manifest, persistence).await?;
    Ok(RegisteredCluster::new(as_value(&created)))
}

/// Sends a merge patch of a Cluster, which says itself for which state of it it holds.
pub async fn patch_cluster(
    host: &Connection,
    name: &str,
    patch: &Value,
    persistence: Persistence,
) -> Result<RegisteredCluster, RequestError> {
    let patched = clusters(host).patch(name, &Change::merge(patch.clone()), persistence).await?;
    Ok(RegisteredCluster::new(as_value(&patched)))
}

/// Sends a guarded patch of what a Cluster says about its member.
pub async fn describe_cluster(
    host: &Connection,
    step: &DescribeCluster,
    persistence: Persistence,
) -> Result<(), RequestError> {
    clusters(host).patch(&step.name, &Change::json(step.patch.document()), persistence).await.map(drop)
}

/// Deletes this very object and no later one of the same name, unless it is gone already.
pub async fn withdraw_cluster(host: &Connection, cluster: &RegisteredCluster) -> Result<(), RequestError> {
    clusters(host).remove(cluster.name(), &Deletion::of(cluster.object_uid())).await.map(drop)
}
