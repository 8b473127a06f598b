//! What hosts of KubeSphere 4 and helm have left on a cluster. Of helm's records the metadata alone: their content holds the
//! host's jwtSecret.

use jiff::Timestamp;
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingWebhookConfiguration,
    core::v1::{Namespace, Secret},
};
use kube::{api::ListParams, core::ObjectMeta};
use kubesphere::{cluster_configuration::NAMESPACE, cluster_webhook::CONFIGURATION};

use super::{connection::Connection, objects::Objects, observe::seen_if_possible, stuck_pods::stuck};
use crate::plan::{
    core::{Claim, Core, CoreRelease, HOST_ANNOTATION, NAME_ANNOTATION},
    observed::Seen,
};

/// Helm's records of the release (helm `pkg/storage/driver/secrets.go@v3.16.2`).
pub(super) const RELEASE: &str = "owner=helm,name=ks-core";
/// Its name.
pub(super) const NAME: &str = "ks-core";

pub(super) async fn core(connection: &Connection) -> Core {
    let (claim, release) = tokio::join!(claim(connection), release(connection));
    Core { claim, release }
}

/// Also what helm waits for there, where it is not done.
pub(super) async fn core_with_stuck(connection: &Connection) -> (Core, Vec<String>) {
    let core = core(connection).await;
    let is_unfinished = core.release.present().is_some_and(|release| !release.is_deployed());
    let stuck = if is_unfinished { stuck(connection, NAMESPACE).await } else { Vec::new() };
    (core, stuck.iter().map(ToString::to_string).collect())
}

pub(super) async fn claim(connection: &Connection) -> Seen<Claim> {
    let found = Objects::<Namespace>::on(connection).get_metadata(NAMESPACE).await;
    seen_if_possible(found, |metadata| {
        let mut annotations = metadata.annotations.unwrap_or_default();
        let mut take = |key: &str| annotations.remove(key).unwrap_or_default();
        Claim { name: take(NAME_ANNOTATION), host: take(HOST_ANNOTATION) }
    })
}

/// The newest one.
pub(super) async fn release(connection: &Connection) -> Seen<CoreRelease> {
    let secrets = Objects::<Secret>::on(connection).in_namespace(NAMESPACE);
    let list = secrets.list_metadata(&ListParams::default().labels(RELEASE).match_any()).await;
    seen_if_possible(list, |list| list).and_then(|list| {
        let newest = list.into_iter().filter_map(record).max_by_key(|record| record.revision);
        newest.map_or(Seen::Absent, Seen::Present)
    })
}

fn record(metadata: ObjectMeta) -> Option<CoreRelease> {
    let labels = metadata.labels?;
    Some(CoreRelease {
        revision: labels.get("version")?.parse().ok()?,
        status: labels.get("status")?.clone(),
        since: metadata.creation_timestamp.map(|time| time.0),
        began: labels.get("createdAt").and_then(|second| Timestamp::from_second(second.parse().ok()?).ok()),
    })
}

/// Whether there is one at all.
pub(super) async fn left_webhook(connection: &Connection) -> Seen<()> {
    let webhooks = Objects::<ValidatingWebhookConfiguration>::on(connection);
    seen_if_possible(webhooks.get_metadata(CONFIGURATION).await, drop)
}
