//! Whether the host's admission lets an update of a Cluster pass.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::{
    live::{
        connection::Connection,
        objects::{Change, Persistence},
        observe::clusters,
        request_error::{Cause, RequestError},
    },
    plan::unjoin::admission::Admission,
};

/// What we write on a Cluster so that it is an update.
const TOUCHED: &str = "kubectl-mc/touched";

/// Tries an update of this very Cluster, which nothing keeps. A webhook that asks a silent member answers late or never:
/// no answer within `limit` is a denial.
pub async fn attempt(
    host: &Connection,
    (cluster, uid): (&str, &str),
    limit: Duration,
) -> Result<Admission, RequestError> {
    update(host, (cluster, uid), limit, Persistence::DryRun).await
}

/// Updates this very Cluster for nothing but its controller to look at it: one with a deletion timestamp is looked at whenever
/// it is updated, otherwise only at the next resync (kubesphere `pkg/controller/cluster/cluster_controller.go@v3.3.0`).
pub async fn touch(
    host: &Connection,
    (cluster, uid): (&str, &str),
    limit: Duration,
) -> Result<Admission, RequestError> {
    update(host, (cluster, uid), limit, Persistence::Stored).await
}

async fn update(
    host: &Connection,
    (cluster, uid): (&str, &str),
    limit: Duration,
    persistence: Persistence,
) -> Result<Admission, RequestError> {
    let now = host.clock.now().to_string();
    let change = Change::merge(json!({"metadata": {"uid": uid, "annotations": {TOUCHED: now}}}));
    let answer = send(host, cluster, &change, persistence);
    match timeout(limit, answer).await {
        Err(_) => Ok(Admission::Denies(format!("no answer within {} s", limit.as_secs()))),
        Ok(Err(error)) => judged(error),
        Ok(Ok(())) => Ok(Admission::Passes),
    }
}

pub(super) async fn send(
    host: &Connection,
    cluster: &str,
    change: &Change,
    persistence: Persistence,
) -> Result<(), RequestError> {
    clusters(host).patch(cluster, change, persistence).await.map(drop)
}

/// What an error says of the host's admission, if anything. Where a guard did not hold, there is no such Cluster any more.
pub(super) fn judged(error: RequestError) -> Result<Admission, RequestError> {
    let text = error.cause.to_string();
    match (Admission::of_refusal(&text), &error.cause) {
        (Some(admission), _) => Ok(admission),
        (None, Cause::NotFound) => Ok(Admission::NotAsked),
        // Another object has the name meanwhile, and a UID cannot be changed.
        (None, Cause::Invalid { message }) if message.contains("metadata.uid") => Ok(Admission::NotAsked),
        (None, Cause::TimedOut { .. }) => {
            Ok(Admission::Denies(format!("{text}, while its other requests are answered")))
        }
        (None, _) => Err(error),
    }
}
