//! Pods of KubeSphere and its kubefed that cannot start, looked at now and then during a wait: images that are not to be had any
//! more are how many waits end (kubesphere issue 6550).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::future::join_all;
use kube::{Api, ResourceExt as _, api::ListParams};
use kubesphere::cluster_configuration::NAMESPACE;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    connection::Connection,
    follow::{Stuck, why_stuck},
    observe::FEDERATION_NAMESPACE,
    workloads::Pod,
};

/// Pods that start at all have mostly done so.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// A minute of waiting shall cost few requests.
const PAUSE: Duration = Duration::from_secs(30);
/// What was seen for one wait is good enough for the others.
const FRESH: Duration = Duration::from_secs(10);
/// What helps a wait must not hold it up.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A pod that cannot start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("Pod {name} in {namespace} cannot start: {why}")]
pub struct StuckPod {
    pub namespace: &'static str,
    pub name: String,
    /// The reason with its message, and the image that it is about, in the cluster's words.
    pub why: String,
    /// Whether it is an image that is not to be had.
    pub lacks_image: bool,
}

/// What was found on a cluster last, for all who wait there.
#[derive(Clone, Default)]
pub(super) struct LastLook(Arc<Mutex<Option<Found>>>);

struct Found {
    at: Instant,
    pods: Vec<StuckPod>,
}

impl LastLook {
    /// What may not be listed is not told.
    async fn on(&self, connection: &Connection) -> Option<Vec<StuckPod>> {
        let mut last = self.0.lock().await;
        if let Some(found) = last.as_ref().filter(|found| found.at.elapsed() < FRESH) {
            return Some(found.pods.clone());
        }
        let namespaces = [NAMESPACE, FEDERATION_NAMESPACE].map(|namespace| stuck(connection, namespace));
        let pods = timeout(ANSWERS_WITHIN, join_all(namespaces)).await.ok()?.concat();
        *last = Some(Found { at: Instant::now(), pods: pods.clone() });
        Some(pods)
    }
}

/// The looks of one wait on a cluster.
pub(super) struct StuckPods<'a> {
    connection: &'a Connection,
    looks: LastLook,
    next: Instant,
    known: BTreeSet<StuckPod>,
    last: Vec<StuckPod>,
}

impl<'a> StuckPods<'a> {
    pub(super) fn on(connection: &'a Connection, looks: LastLook) -> Self {
        let next = Instant::now() + FIRST_LOOK;
        Self { connection, looks, next, known: BTreeSet::new(), last: Vec::new() }
    }

    /// Those that were not told before, where it is time for a look.
    pub(super) async fn look(&mut self) -> Vec<StuckPod> {
        if Instant::now() < self.next {
            return Vec::new();
        }
        self.next = Instant::now() + PAUSE;
        let Some(found) = self.looks.on(self.connection).await else { return Vec::new() };
        self.last = found;
        self.last.iter().filter(|pod| self.known.insert((*pod).clone())).cloned().collect()
    }

    /// When the next look is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Those of the last look.
    pub(super) fn last(&self) -> Vec<StuckPod> {
        self.last.clone()
    }
}

pub async fn stuck(connection: &Connection, namespace: &'static str) -> Vec<StuckPod> {
    let pods: Api<Pod> = Api::namespaced(connection.client.clone(), namespace);
    let pods = pods.list(&ListParams::default().match_any()).await.map(|list| list.items);
    let stuck = pods.unwrap_or_default().into_iter().filter_map(|pod| {
        let Stuck { why, lacks_image } = why_stuck(&pod)?;
        Some(StuckPod { namespace, name: pod.name_any(), why, lacks_image })
    });
    stuck.collect()
}
