//! What stands around a cluster's KubeSphere. Only GET and LIST, and nothing that a join depends on: what cannot be
//! read is told so.

use std::time::Duration;

use k8s_openapi::api::{
    core::v1::{ConfigMap, Node},
    storage::v1,
};
use kube::{api::ListParams, core::ObjectMeta};
use kubesphere::{
    cluster_configuration::NAMESPACE, devops_config, kubesphere_config::KubesphereConfig,
    versions::Generation,
};
use serde::Deserialize;
use tokio::time::timeout_at;

use super::{
    connection::Connection,
    core::{core_with_stuck, left_webhook},
    federation::federation,
    leftovers::leftovers,
    namespaces::terminating,
    objects::Objects,
    observe::{config_of, seen_if_possible},
    request_error::{Cause, Object, RequestError, Verb, request},
    time_limit::within,
};
use crate::plan::{
    observed::Seen,
    surroundings::{ReadScope, StorageClass, Surroundings},
};

/// The annotations by which `kubectl get storageclass` marks the default one.
const DEFAULT_CLASS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
/// Where a host asks a member for its version, and how long it waits
/// (kubesphere `pkg/controller/cluster/cluster_controller.go@v3.4.1`).
const PROXY: &str = "/api/v1/namespaces/kubesphere-system/services/:ks-apiserver:80/proxy";
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What is in scope. `class` is the `StorageClass` that the installer asserts by name; of a member's leftovers the
/// host is asked too.
pub async fn look_around(
    connection: &Connection,
    host: Option<&Connection>,
    (class, generation): (Option<String>, Option<Generation>),
    scope: ReadScope,
) -> Surroundings {
    let (
        nodes,
        storage_classes,
        devops,
        ks_apiserver,
        federation,
        leftovers,
        core,
        left_webhook,
        terminating,
    ) = tokio::join!(
        on(scope.shown, node_count(connection)),
        on(scope.run, storage_classes(connection, class.as_deref())),
        on(scope.run, devops(connection)),
        on(scope.answer, ks_apiserver(connection, generation)),
        on(scope.federation, federation(connection)),
        on(scope.leftovers, leftovers(connection, host)),
        on(scope.core, core_with_stuck(connection)),
        on(scope.left_webhook, left_webhook(connection)),
        on(scope.namespaces, terminating(connection)),
    );
    let (core, stuck) = core.unzip();
    Surroundings {
        nodes,
        storage_classes,
        devops,
        ks_apiserver,
        federation,
        leftovers,
        core,
        stuck: stuck.unwrap_or_default(),
        left_webhook,
        terminating,
    }
}

/// Asks only where it is in scope.
async fn on<T>(scope: bool, look: impl Future<Output = T>) -> Option<T> {
    if scope { Some(look.await) } else { None }
}

async fn node_count(connection: &Connection) -> Seen<usize> {
    let list = Objects::<Node>::on(connection).list_metadata(&ListParams::default().match_any()).await;
    seen_if_possible(list, |list| list.len())
}

/// The one that the installer asserts, where it is named; else all.
async fn storage_classes(connection: &Connection, name: Option<&str>) -> Seen<Vec<StorageClass>> {
    let classes = Objects::<v1::StorageClass>::on(connection);
    if let Some(name) = name {
        return seen_if_possible(classes.get_metadata(name).await, |class| vec![storage_class(class)]);
    }
    let list = classes.list_metadata(&ListParams::default().match_any()).await;
    seen_if_possible(list, |list| list.into_iter().map(storage_class).collect())
}

fn storage_class(metadata: ObjectMeta) -> StorageClass {
    let annotations = metadata.annotations.unwrap_or_default();
    let is_true = |key: &&str| annotations.get(*key).is_some_and(|value| value == "true");
    StorageClass { is_default: DEFAULT_CLASS.iter().any(is_true), name: metadata.name.unwrap_or_default() }
}

pub(super) async fn devops(connection: &Connection) -> Seen<KubesphereConfig> {
    let config_maps = Objects::<ConfigMap>::on(connection).in_namespace(devops_config::NAMESPACE);
    let found = config_maps.get(devops_config::NAME).await;
    seen_if_possible(found, |config_map| config_map).and_then(|config_map| config_of(&config_map))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    git_version: String,
}

/// An answer that is no version, or none at all, is malformed: only what may not be asked, or was not, is unreadable.
pub(super) async fn ks_apiserver(connection: &Connection, generation: Option<Generation>) -> Seen<String> {
    // Of 4 every version answers there without a login (kubesphere `pkg/apiserver/apiserver.go@v4.1.3:264-300`).
    let path = if generation == Some(Generation::Four) { "version" } else { "kapis/version" };
    let ask = http::Request::get(format!("{PROXY}/{path}")).body(Vec::new()).expect("a path makes a request");
    let object = Object::all("", "services/proxy").named("ks-apiserver").in_namespace(NAMESPACE);
    let answer = connection.client.request::<Answer>(ask);
    let answer = request(&connection.side, Verb::Get, &object, answer);
    match timeout_at(within(ANSWERS_WITHIN), answer).await {
        Ok(Ok(answer)) => Seen::Present(answer.git_version),
        Ok(Err(RequestError { cause: Cause::NotFound, .. })) => Seen::Absent,
        Ok(Err(RequestError { cause: cause @ (Cause::Forbidden { .. } | Cause::NotAsked), .. })) => {
            Seen::Unreadable(cause.to_string())
        }
        Ok(Err(error)) => Seen::Malformed(error.cause.to_string()),
        Err(_) => Seen::Malformed(format!("no answer within {} s", ANSWERS_WITHIN.as_secs())),
    }
}
