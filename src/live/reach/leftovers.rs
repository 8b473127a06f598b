//! Probe pods of commands that were killed.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Preconditions};

use super::outlook::{pods, pods_object};
use crate::{
    live::{
        apply::Persistence,
        connection::Connection,
        observe::seen_if_possible,
        request_error::{Cause, RequestError, Verb, request},
    },
    plan::{
        observed::Seen,
        reach::{
            leftovers::{AgingPod, LeftoverPod, leftovers},
            pod::SELECTOR,
        },
    },
};

/// Those on the host that are past their deadline, by its own clock.
pub async fn find(host: &Connection) -> Seen<Vec<LeftoverPod>> {
    let parameters = ListParams::default().labels(SELECTOR).match_any();
    let list = request(&host.side, Verb::List, &pods_object(), pods(host).list(&parameters)).await;
    seen_if_possible(list, |list| leftovers(list.items.into_iter().map(aging).collect(), host.clock.now()))
}

/// Deletes these very pods and no later ones of the same names. Returns what could not be deleted, and why.
pub async fn sweep(host: &Connection, pods: &[LeftoverPod], persistence: Persistence) -> Vec<String> {
    let mut failed = Vec::new();
    for pod in pods {
        match delete(host, pod, persistence).await {
            Ok(()) | Err(RequestError { cause: Cause::NotFound | Cause::Conflict, .. }) => {}
            Err(error) => failed.push(format!("{error}: {}", error.cause)),
        }
    }
    failed
}

async fn delete(host: &Connection, pod: &LeftoverPod, persistence: Persistence) -> Result<(), RequestError> {
    let parameters = DeleteParams {
        dry_run: persistence.is_dry_run(),
        preconditions: Some(Preconditions { uid: Some(pod.uid.clone()), resource_version: None }),
        ..DeleteParams::default().grace_period(0)
    };
    let object = pods_object().named(&pod.name);
    let api = pods(host);
    request(&host.side, Verb::Delete, &object, api.delete(&pod.name, &parameters)).await.map(drop)
}

fn aging(pod: Pod) -> AgingPod {
    AgingPod {
        name: pod.metadata.name.unwrap_or_default(),
        uid: pod.metadata.uid.unwrap_or_default(),
        created: pod.metadata.creation_timestamp.map(|time| time.0),
        started: pod.status.and_then(|status| status.start_time).map(|time| time.0),
        active_seconds: pod.spec.and_then(|spec| spec.active_deadline_seconds),
    }
}
