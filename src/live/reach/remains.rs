//! The probe pods that have to be deleted before the command ends, however it ends.

use std::{cell::RefCell, time::Duration};

use futures::{StreamExt as _, stream};
use kube::api::ListParams;
use kubesphere::{cluster_configuration::NAMESPACE, command::Kubectl, side::Side};
use tokio::time::{sleep, timeout};

use super::probe_plan::pods;
use crate::{
    live::{connection::Connection, objects::Deletion, request_error::RequestError},
    plan::reach::{
        limits::{AT_ONCE, deleted_within},
        pod::RUN_LABEL,
    },
};

/// A creation whose answer was lost, or not waited for, has arrived by then.
const ARRIVES_WITHIN: Duration = Duration::from_millis(500);

/// Pods that were, or may have been, created and are not deleted yet.
///
/// It is kept outside of the future that probes: an interruption drops that future, wherever it stands, and what it
/// would have done at its end is done with this, by whoever awaits [`Remains::delete`] after it.
#[derive(Default)]
pub struct Remains {
    pods: RefCell<Vec<Remaining>>,
}

#[derive(Clone)]
struct Remaining {
    host: Connection,
    /// Which command's it is.
    run: String,
    name: String,
    /// Whether the API server has confirmed the creation.
    confirmed: bool,
}

/// What is left of a probing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// How many pods may be there.
    pub count: usize,
    pub host: Side,
    run: String,
}

impl Left {
    /// The command that deletes them.
    pub fn deletion(&self) -> String {
        let kubectl = Kubectl::on(&self.host).namespace(NAMESPACE).words("delete pods -l");
        kubectl.word(&format!("{RUN_LABEL}={}", self.run)).to_string()
    }
}

impl Remains {
    /// What may be there still: all pods of a command are on one host.
    pub fn left(&self) -> Option<Left> {
        let pods = self.pods.borrow();
        let pod = pods.first()?;
        Some(Left { count: pods.len(), host: pod.host.side.clone(), run: pod.run.clone() })
    }

    /// Notes a pod before its creation is sent.
    pub(super) fn expect(&self, host: &Connection, run: &str, name: &str) {
        let (run, name) = (run.to_owned(), name.to_owned());
        let remaining = Remaining { host: host.clone(), run, name, confirmed: false };
        self.pods.borrow_mut().push(remaining);
    }

    /// Notes that it is there.
    pub(super) fn confirm(&self, name: &str) {
        for pod in self.pods.borrow_mut().iter_mut().filter(|pod| pod.name == name) {
            pod.confirmed = true;
        }
    }

    /// Forgets one that certainly is not there.
    pub(super) fn forget(&self, name: &str) {
        self.pods.borrow_mut().retain(|pod| pod.name != name);
    }

    /// Deletes all that is left, no longer than [`deleted_within`] allows. Returns what could not be deleted, and why.
    pub async fn delete(&self) -> Vec<String> {
        let limit = deleted_within(self.pods.borrow().len());
        let delete = async {
            self.delete_together().await;
            self.delete_singly().await
        };
        match timeout(limit, Box::pin(delete)).await {
            Ok(failed) => failed,
            Err(_) => vec![format!("no answer within {} s", limit.as_secs())],
        }
    }

    /// Deletes those that are certainly there with one request. Whoever may not do that may delete them singly, and so
    /// may whoever got no answer.
    async fn delete_together(&self) {
        let confirmed = |pod: &&Remaining| pod.confirmed;
        let several = self.pods.borrow().iter().filter(confirmed).nth(1).cloned();
        let Some(Remaining { host, run, .. }) = several else { return };
        let ours = ListParams::default().labels(&format!("{RUN_LABEL}={run}"));
        let deletion = Deletion::by_name().without_grace();
        if pods(&host).delete_collection(&ours, &deletion).await.is_ok() {
            self.pods.borrow_mut().retain(|pod| !pod.confirmed || pod.run != run);
        }
    }

    async fn delete_singly(&self) -> Vec<String> {
        let left = self.pods.borrow().clone();
        let mut answers =
            stream::iter(left).map(|pod| async { (delete(&pod).await, pod) }).buffer_unordered(AT_ONCE);
        let mut failed = Vec::new();
        while let Some((answer, pod)) = answers.next().await {
            match answer {
                Ok(()) => self.forget(&pod.name),
                Err(error) => failed.push(format!("{error}: {}", error.cause)),
            }
        }
        failed
    }
}

/// What is gone already is as good as deleted.
async fn delete(pod: &Remaining) -> Result<(), RequestError> {
    if try_to_delete(pod).await? || pod.confirmed {
        return Ok(());
    }
    sleep(ARRIVES_WITHIN).await;
    try_to_delete(pod).await.map(drop)
}

/// Whether it was there.
async fn try_to_delete(pod: &Remaining) -> Result<bool, RequestError> {
    pods(&pod.host).remove(&pod.name, &Deletion::by_name().without_grace()).await
}
