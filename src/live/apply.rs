//! Writing: the three changes of a join, that of a renewal, and the withdrawal of a Cluster that lost a race.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};

use super::{
    connection::Connection,
    observe::{clusters, clusters_object, configuration_object, configurations},
    request_error::{Object, RequestError, Verb, request},
};
use crate::{
    kubesphere::{
        cluster::RegisteredCluster,
        cluster_configuration::{ClusterConfiguration, NAME, NAMESPACE},
    },
    plan::{
        cluster_manifest::cluster_manifest,
        configuration_patch::ConfigurationPatch,
        member_kubeconfig::StoredKubeconfig,
        steps::{describe_cluster::DescribeCluster, register::Register},
    },
};

/// The manager that fields belong to after our writes.
pub const FIELD_MANAGER: &str = "kubectl-mc";

/// Whether the server keeps what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It does.
    Stored,
    /// Requests carry `dryRun=All`.
    DryRun,
}

impl Persistence {
    pub(super) fn is_dry_run(self) -> bool {
        self == Self::DryRun
    }

    pub(super) fn patch_parameters(self) -> PatchParams {
        PatchParams {
            dry_run: self.is_dry_run(),
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        }
    }
}

/// Sends a guarded patch of the ClusterConfiguration.
pub async fn patch_configuration(
    connection: &Connection,
    patch: &ConfigurationPatch,
    persistence: Persistence,
) -> Result<ClusterConfiguration, RequestError> {
    let document = serde_json::from_value(patch.document()).expect("the planner writes JSON Patch");
    let patch = Patch::<()>::Json(document);
    let api = configurations(connection);
    let parameters = persistence.patch_parameters();
    let answer = api.patch(NAME, &parameters, &patch);
    let object = request(&connection.side, Verb::Patch, &configuration_object(), answer).await?;
    Ok(ClusterConfiguration::new(super::observe::as_value(&object)))
}

/// Restarts the installer as `kubectl rollout restart` does; a new pod runs everything again
/// (shell-operator: an object that is there at the start is an `add`).
///
/// Returns the time of the change by the server's clock.
pub async fn restart_installer(
    connection: &Connection,
    now: Timestamp,
    persistence: Persistence,
) -> Result<Option<Timestamp>, RequestError> {
    let api: Api<Deployment> = Api::namespaced(connection.client.clone(), NAMESPACE);
    let annotation = json!({"kubectl.kubernetes.io/restartedAt": now.to_string()});
    let patch = Patch::Merge(json!({"spec": {"template": {"metadata": {"annotations": annotation}}}}));
    let object = Object::all("apps", "deployments").named(NAME).in_namespace(NAMESPACE);
    let parameters = persistence.patch_parameters();
    let changed =
        request(&connection.side, Verb::Patch, &object, api.patch(NAME, &parameters, &patch)).await?;
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
    let manifest = cluster_manifest(&step.name, &step.description, kubeconfig);
    let object: DynamicObject = serde_json::from_value(manifest).expect("the planner writes an object");
    let parameters =
        PostParams { dry_run: persistence.is_dry_run(), field_manager: Some(FIELD_MANAGER.to_owned()) };
    let api = clusters(host);
    let named = clusters_object().named(&step.name);
    let created = request(&host.side, Verb::Create, &named, api.create(&parameters, &object)).await?;
    Ok(RegisteredCluster::new(super::observe::as_value(&created)))
}

/// Sends a merge patch of a Cluster, which says itself for which state of it it holds.
pub async fn patch_cluster(
    host: &Connection,
    name: &str,
    patch: &Value,
    persistence: Persistence,
) -> Result<RegisteredCluster, RequestError> {
    let api = clusters(host);
    let patch = Patch::Merge(patch);
    let parameters = persistence.patch_parameters();
    let named = clusters_object().named(name);
    let answer = api.patch(name, &parameters, &patch);
    let patched = request(&host.side, Verb::Patch, &named, answer).await?;
    Ok(RegisteredCluster::new(super::observe::as_value(&patched)))
}

/// Sends a guarded patch of what a Cluster says about its member.
pub async fn describe_cluster(
    host: &Connection,
    step: &DescribeCluster,
    persistence: Persistence,
) -> Result<(), RequestError> {
    let document = serde_json::from_value(step.patch.document()).expect("the planner writes JSON Patch");
    let (api, patch) = (clusters(host), Patch::<()>::Json(document));
    let parameters = persistence.patch_parameters();
    let named = clusters_object().named(&step.name);
    let answer = api.patch(&step.name, &parameters, &patch);
    request(&host.side, Verb::Patch, &named, answer).await.map(drop)
}

/// Deletes this very object and no later one of the same name.
pub async fn withdraw_cluster(host: &Connection, cluster: &RegisteredCluster) -> Result<(), RequestError> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(cluster.object_uid().to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let api = clusters(host);
    let named = clusters_object().named(cluster.name());
    request(&host.side, Verb::Delete, &named, api.delete(cluster.name(), &parameters)).await.map(drop)
}
