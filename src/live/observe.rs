//! One look at a cluster: every read that decisions need, all at once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    api::{DynamicObject, ListParams},
    core::Selector,
};
use kubesphere::{
    cluster::RegisteredCluster,
    cluster_configuration::{self, ClusterConfiguration, NAMESPACE},
    jwt_secret::JwtSecret,
    kubesphere_config::{self, KubesphereConfig},
    object::ObjectKind,
    side::Side,
    versions::{Generation, Version},
};
use serde::de::DeserializeOwned;

pub(super) use crate::plan::unjoin::trace::FEDERATION_NAMESPACE;

use super::{
    connection::Connection,
    follow::{has_given_up, why_no_pod},
    identify::all_identified,
    installer_run,
    objects::Objects,
    request_error::{Cause, Object, RequestError, Verb, request},
    workloads::Deployment,
};
use crate::plan::{
    needs::ConfigurationNeed,
    observed::{Clock, Installer, InstallerRun, Observed, Seen},
    reconciler::Reconciler,
    surroundings::Surroundings,
};

/// The annotation of a restart, and where managedFields have it.
pub(super) const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
const RESTARTED_FIELD: &str =
    "/f:spec/f:template/f:metadata/f:annotations/f:kubectl.kubernetes.io~1restartedAt";

/// What the names of kubefed's service accounts on members end with.
const FEDERATED_SUFFIX: &str = "-kubesphere";

/// ClusterConfigurations in kubesphere-system, always by group and plural: `cc` may be something else.
pub fn configurations(connection: &Connection) -> Objects<'_> {
    Objects::of(connection, ObjectKind::CLUSTER_CONFIGURATION).in_namespace(NAMESPACE)
}

pub fn clusters(connection: &Connection) -> Objects<'_> {
    Objects::of(connection, ObjectKind::CLUSTER)
}

/// The Cluster of this name as it stands, without asking its member who it is.
pub(super) async fn cluster_named(
    host: &Connection,
    name: &str,
) -> Result<Option<RegisteredCluster>, RequestError> {
    let found = clusters(host).find(name).await?;
    Ok(found.map(|found| RegisteredCluster::new(as_value(&found))))
}

/// The Clusters, in words.
pub fn clusters_object() -> Object {
    ObjectKind::CLUSTER.into()
}

/// Looks at a cluster. An error is one that leaves nothing to decide on: no answer, no login.
///
/// GET, not LIST, wherever a name is known: a consistent LIST waits for the watch cache's progress.
pub async fn observe(connection: &Connection) -> Result<Observed, RequestError> {
    // Boxed, because seven requests are more state than a stack should carry around.
    let reads = Box::pin(async {
        tokio::try_join!(
            kubernetes_version(connection),
            kube_system_uid(connection),
            configuration(connection),
            config(connection),
            secret(connection),
            installer(connection),
            by_side(connection),
        )
    });
    let (kubernetes, uid, configuration, config, secret, deployment, by_side) = reads.await?;
    let (clusters, joined_as) = by_side;
    let mut observed = Observed {
        side: connection.side.clone(),
        server: connection.server.clone(),
        kubernetes,
        uid,
        configuration,
        config,
        secret,
        installer: deployment,
        apiserver_version: None,
        clusters,
        joined_as,
        clock: Clock { now: connection.clock.now(), ahead_seconds: connection.clock.ahead_seconds() },
        run: InstallerRun::NotAsked,
        container: None,
        last_line: None,
        short_name_clashes: Seen::Absent,
        user: None,
        denied: Vec::new(),
        stored: BTreeMap::new(),
        account: None,
        earlier: None,
        endpoint: None,
        surroundings: Surroundings::default(),
    };
    let is_version_4 = observed.config.present().is_some_and(KubesphereConfig::has_issuer);
    let tells_version =
        observed.configuration.present().is_some_and(|found| found.installed_version().is_some());
    if is_version_4 || !tells_version {
        observed.apiserver_version = apiserver_version(connection).await?;
    }
    if is_version_4 && observed.apiserver_version.is_none() {
        observed.apiserver_version = agent_version(connection).await?;
    }
    Ok(observed)
}

/// Looks again at what a change of the configuration depends on; the rest is as it was.
pub(super) async fn observe_again(
    connection: &Connection,
    reconciler: &Reconciler,
) -> Result<Observed, RequestError> {
    let before = reconciler.observed();
    let log = async {
        Ok(match before.installer.present() {
            Some(installer) => {
                Some(installer_run::read(connection, installer, before.container.as_ref()).await)
            }
            None => None,
        })
    };
    let (configuration, config, installer, by_side, log) = tokio::try_join!(
        configuration(connection),
        config(connection),
        installer(connection),
        by_side(connection),
        log,
    )?;
    let (clusters, joined_as) = by_side;
    let clock = Clock { now: connection.clock.now(), ..before.clock };
    let mut observed =
        Observed { configuration, config, installer, clusters, joined_as, clock, ..before.clone() }
            .without_closer_look();
    let triggers = reconciler.triggers_on(&observed);
    let is_in_effect = reconciler.goal().step(&observed) == Ok(ConfigurationNeed::InEffect);
    installer_run::observe(connection, &mut observed, triggers, log, is_in_effect).await;
    Ok(observed)
}

/// Looks at a cluster; where it was looked at `before`, only at what shows whether it is in effect what was planned.
pub async fn observe_since(
    connection: &Connection,
    before: Option<&Observed>,
) -> Result<Observed, RequestError> {
    match before {
        Some(before) => observe_effect(connection, before).await,
        None => observe(connection).await,
    }
}

/// Looks again at what shows whether it is in effect what was planned; the rest is as it was.
pub(super) async fn observe_effect(
    connection: &Connection,
    before: &Observed,
) -> Result<Observed, RequestError> {
    let clusters = async {
        match connection.side {
            Side::Host { .. } => registered_clusters(connection).await,
            Side::Member { .. } => Ok(before.clusters.clone()),
        }
    };
    let (configuration, config, clusters) =
        tokio::try_join!(configuration(connection), config(connection), clusters)?;
    // What has not changed is held once.
    let is_same = configuration == before.configuration;
    let configuration = if is_same { before.configuration.clone() } else { configuration };
    Ok(Observed { configuration, config, clusters, ..before.clone() }.without_closer_look())
}

/// The registered Clusters; those whose identity no status tells are asked themselves.
pub async fn registered_clusters(
    connection: &Connection,
) -> Result<Seen<Vec<RegisteredCluster>>, RequestError> {
    let parameters = ListParams::default().match_any();
    let list = match seen(clusters(connection).list(&parameters).await)? {
        Seen::Present(list) => list,
        Seen::Absent => return Ok(Seen::Absent),
        Seen::Unreadable(reason) | Seen::Malformed(reason) => return Ok(Seen::Unreadable(reason)),
    };
    let clusters = list.iter().map(|item| RegisteredCluster::new(as_value(item)));
    Ok(Seen::Present(all_identified(connection, clusters).await))
}

pub async fn configuration(connection: &Connection) -> Result<Seen<ClusterConfiguration>, RequestError> {
    let found = configurations(connection).get(cluster_configuration::NAME).await;
    Ok(seen(found)?.and_then(|object| Seen::Present(ClusterConfiguration::new(as_value(&object)))))
}

/// kubesphere-config as it stands in a ConfigMap.
pub fn config_of(config_map: &ConfigMap) -> Seen<KubesphereConfig> {
    let text = config_map.data.as_ref().and_then(|data| data.get(kubesphere_config::KEY));
    match text.map(|text| KubesphereConfig::parse(text)) {
        None => Seen::Malformed(format!("there is no key {}", kubesphere_config::KEY)),
        Some(Ok(config)) => {
            let resource_version = config_map.metadata.resource_version.clone();
            Seen::Present(KubesphereConfig { resource_version, ..config })
        }
        Some(Err(why)) => Seen::Malformed(format!("{} is {why}", kubesphere_config::KEY)),
    }
}

/// Any object as plain JSON.
pub fn as_value(object: &DynamicObject) -> serde_json::Value {
    serde_json::to_value(object).expect("what came as JSON can be written as JSON")
}

async fn kubernetes_version(connection: &Connection) -> Result<String, RequestError> {
    let object = Object::all("", "version");
    let version =
        request(&connection.side, Verb::Get, &object, connection.client.apiserver_version()).await?;
    Ok(version.git_version)
}

pub async fn kube_system_uid(connection: &Connection) -> Result<String, RequestError> {
    let namespace = Objects::of(connection, ObjectKind::NAMESPACE).get_metadata("kube-system").await?;
    Ok(namespace.uid.unwrap_or_default())
}

pub async fn config(connection: &Connection) -> Result<Seen<KubesphereConfig>, RequestError> {
    let found: Seen<ConfigMap> = get(connection, kubesphere_config::NAME).await?;
    Ok(found.and_then(|config_map| config_of(&config_map)))
}

/// The second copy of the secret is a cross-check; without the permission the join goes on.
pub(super) async fn secret(connection: &Connection) -> Result<Seen<JwtSecret>, RequestError> {
    let secrets = Objects::<Secret>::on(connection).in_namespace(NAMESPACE);
    let found = secrets.get(kubesphere_config::SECRET_NAME).await;
    Ok(seen_if_possible(found, |secret| secret).and_then(|secret| secret_value(&secret)))
}

/// The value as the installer takes it: Ansible drops the line breaks at the end of what `base64 -d` prints
/// (ks-installer `roles/ks-core/config/tasks/main.yaml`; Ansible's `strip_empty_ends`).
fn secret_value(secret: &Secret) -> Seen<JwtSecret> {
    let key = kubesphere_config::SECRET_KEY;
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    match bytes.and_then(|bytes| std::str::from_utf8(&bytes.0).ok()) {
        Some(text) => Seen::Present(JwtSecret::new(text.trim_end_matches(['\r', '\n']))),
        None => Seen::Malformed(format!("there is no text under its key {key}")),
    }
}

async fn installer(connection: &Connection) -> Result<Seen<Installer>, RequestError> {
    let found: Seen<Deployment> = get(connection, cluster_configuration::NAME).await?;
    Ok(found.and_then(|deployment| Seen::Present(installer_of(&deployment))))
}

/// The installer as its Deployment shows it.
pub(super) fn installer_of(deployment: &Deployment) -> Installer {
    let selector = Selector::try_from(deployment.spec.selector.clone());
    Installer {
        version: image_version(deployment),
        replicas: deployment.spec.replicas.unwrap_or(1),
        is_rolling: is_rolling(deployment),
        has_given_up: has_given_up(deployment),
        selector: selector.ok().map(|selector| selector.to_string()),
        restarted_at: restarted_at(deployment),
        restart: restart(deployment).map(str::to_owned),
        resource_version: deployment.metadata.resource_version.clone().unwrap_or_default(),
        without_pods: why_no_pod(deployment),
    }
}

/// The server's time of it, or else the client's own, by which nobody but the client goes.
fn restarted_at(deployment: &Deployment) -> Option<Timestamp> {
    let text = restart(deployment)?;
    let managers = deployment.metadata.managed_fields.iter().flatten();
    let times = managers.filter(|entry| {
        entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(RESTARTED_FIELD).is_some())
    });
    times.filter_map(|entry| Some(entry.time.as_ref()?.0)).max().or_else(|| text.parse().ok())
}

/// `kubectl rollout restart` says when in an annotation.
fn restart(deployment: &Deployment) -> Option<&str> {
    let annotations = deployment.spec.template.metadata.as_ref()?.annotations.as_ref()?;
    annotations.get(RESTARTED_AT).map(String::as_str)
}

/// As `kubectl rollout status` tells it (kubectl `pkg/polymorphichelpers/rollout_status.go@v1.34`).
fn is_rolling(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let Some(status) = &deployment.status else { return false };
    let updated = status.updated_replicas.unwrap_or_default();
    let is_complete = updated >= wanted && status.replicas.unwrap_or_default() <= updated;
    deployment.metadata.generation > status.observed_generation || (!is_complete && !has_given_up(deployment))
}

/// Whether it is KubeSphere 3 that is installed, which has an installer; nothing where that cannot be told.
pub async fn has_kubesphere_3(connection: &Connection) -> Option<bool> {
    let (config, version) = tokio::join!(config(connection), apiserver_version(connection));
    let config = config.ok().and_then(|config| config.present().map(KubesphereConfig::has_issuer));
    let version = version.ok().flatten().map(|version| version.generation() == Generation::Four);
    match (config, version) {
        (Some(true), _) | (_, Some(true)) => Some(false),
        (Some(false), _) => Some(true),
        (None, _) => None,
    }
}

async fn apiserver_version(connection: &Connection) -> Result<Option<Version>, RequestError> {
    let found: Seen<Deployment> = get(connection, "ks-apiserver").await?;
    Ok(found.present().and_then(image_version))
}

/// A member of KubeSphere 4 has one Deployment for all of it (kubesphere
/// `config/ks-core/templates/ks-agent.yaml@v4.1.3`).
async fn agent_version(connection: &Connection) -> Result<Option<Version>, RequestError> {
    let found: Seen<Deployment> = get(connection, "ks-agent").await?;
    Ok(found.present().and_then(image_version))
}

fn image_version(deployment: &Deployment) -> Option<Version> {
    let pod = deployment.spec.template.spec.as_ref()?;
    pod.containers.iter().find_map(|container| Version::of_image(container.image.as_deref()?))
}

/// What is asked of a host only, and of a member only.
async fn by_side(
    connection: &Connection,
) -> Result<(Seen<Vec<RegisteredCluster>>, Seen<Vec<String>>), RequestError> {
    match connection.side {
        Side::Host { .. } => Ok((registered_clusters(connection).await?, Seen::Absent)),
        Side::Member { .. } => Ok((Seen::Absent, joined_as(connection).await)),
    }
}

pub(super) async fn joined_as(connection: &Connection) -> Seen<Vec<String>> {
    let accounts = Objects::of(connection, ObjectKind::SERVICE_ACCOUNT).in_namespace(FEDERATION_NAMESPACE);
    let list = accounts.list_metadata(&ListParams::default().match_any()).await;
    seen_if_possible(list, |list| {
        let names = list.into_iter().filter_map(|account| account.name);
        names.filter_map(|name| name.strip_suffix(FEDERATED_SUFFIX).map(str::to_owned)).collect()
    })
}

/// An object in kubesphere-system.
async fn get<K>(connection: &Connection, name: &str) -> Result<Seen<K>, RequestError>
where
    K: k8s_openapi::Resource + DeserializeOwned,
{
    seen(Objects::<K>::on(connection).in_namespace(NAMESPACE).get(name).await)
}

/// A missing object and a missing permission are facts to decide on; anything else ends the look.
pub(super) fn seen<T>(result: Result<T, RequestError>) -> Result<Seen<T>, RequestError> {
    match result {
        Ok(value) => Ok(Seen::Present(value)),
        Err(RequestError { cause: Cause::NotFound, .. }) => Ok(Seen::Absent),
        Err(RequestError { cause: cause @ Cause::Forbidden { .. }, .. }) => {
            Ok(Seen::Unreadable(cause.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// A read that the join can do without.
pub(super) fn seen_if_possible<T, U>(result: Result<T, RequestError>, map: impl FnOnce(T) -> U) -> Seen<U> {
    match result {
        Ok(value) => Seen::Present(map(value)),
        Err(RequestError { cause: Cause::NotFound, .. }) => Seen::Absent,
        Err(error) => Seen::Unreadable(error.cause.to_string()),
    }
}
