//! Logs that are read again and again, of pods that something else tells the end of.

use std::collections::HashMap;

use futures::future::join_all;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use super::news::Line;
use super::pod::NAMESPACE;
use super::position::Position;
use super::tail::{TailBounds, tail};
use super::unavailable::{Asked, LogUnavailable, answered};
use crate::live::workloads::Pod;

/// The log of one container in every pod with a label.
pub struct Polled {
    client: Client,
    selector: String,
    container: &'static str,
    /// How far each pod's was read, by its UID.
    positions: HashMap<String, Position>,
}

impl Polled {
    pub fn of(client: Client, selector: String, container: &'static str) -> Self {
        Self { client, selector, container, positions: HashMap::new() }
    }

    /// What was written since the last look, by its time.
    pub async fn read(&mut self) -> Result<Vec<Line>, LogUnavailable> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let parameters = ListParams::default().labels(&self.selector);
        let pods = answered(Asked::Pods, pods.list(&parameters)).await?.items;
        let reads = pods.iter().map(|pod| self.read_again(pod));
        let mut new = Vec::new();
        for (pod, lines) in pods.iter().zip(join_all(reads).await) {
            let position = self.positions.entry(pod.uid().unwrap_or_default()).or_default();
            position.replay();
            new.extend(lines?.into_iter().filter(|line| position.accept(line.at, &line.text)));
        }
        new.sort_by_key(|line| line.at);
        Ok(new)
    }

    /// A container that has not begun has written nothing, and a pod that is gone writes nothing more.
    async fn read_again(&self, pod: &Pod) -> Result<Vec<Line>, LogUnavailable> {
        let since = self.positions.get(&pod.uid().unwrap_or_default()).and_then(Position::resume_from);
        let name = pod.name_any();
        match tail(&self.client, (&name, self.container), since, TailBounds::default()).await {
            Err(reason) if reason.is_awaited() => Ok(Vec::new()),
            lines => lines,
        }
    }
}
