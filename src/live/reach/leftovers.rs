//! Probe pods of commands that were killed.

use kube::api::ListParams;

use super::probe_plan::pods;
use crate::{
    live::{
        connection::Connection,
        objects::{Deletion, Persistence},
        observe::seen_if_possible,
        workloads::Pod,
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
    let list = pods(host).list(&parameters).await;
    seen_if_possible(list, |list| leftovers(list.into_iter().map(aging).collect(), host.clock.now()))
}

/// Deletes these very pods and no later ones of the same names. Returns what could not be deleted, and why.
pub async fn sweep(host: &Connection, left: &[LeftoverPod], persistence: Persistence) -> Vec<String> {
    let mut failed = Vec::new();
    for pod in left {
        let deletion = Deletion::of(&pod.uid).without_grace().with(persistence);
        if let Err(error) = pods(host).remove(&pod.name, &deletion).await {
            failed.push(format!("{error}: {}", error.cause));
        }
    }
    failed
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
