//! A host's controller: since when it runs, as what was under way in an earlier process is nobody's any more; and its log.

use jiff::Timestamp;
use kube::{Api, api::ListParams};
use kubesphere::{cluster_configuration::NAMESPACE, core_log, installer_log::mask};

use super::{connection::Connection, follow::Polled, workloads::Pod};

const CONTROLLER: &str = "ks-controller-manager";

/// When the oldest process began that may still be at work, by its node's clock; nothing where that cannot be told.
pub(super) async fn oldest(host: &Connection) -> Option<Timestamp> {
    let pods: Api<Pod> = Api::namespaced(host.client.clone(), NAMESPACE);
    let parameters = ListParams::default().labels(&selector()).match_any();
    let pods = pods.list(&parameters).await.ok()?;
    let statuses = pods.items.into_iter().filter_map(|pod| pod.status?.container_statuses).flatten();
    let running =
        statuses.filter(|status| status.name == CONTROLLER).filter_map(|status| status.state?.running);
    // Of one that does not say since when it runs nothing is known.
    let began = running.map(|running| Some(running.started_at?.0)).collect::<Option<Vec<_>>>()?;
    began.into_iter().min()
}

/// The log of all its processes.
pub fn controller_log(host: &Connection) -> Polled {
    Polled::of(host.client.clone(), selector(), CONTROLLER)
}

/// How the last of its looks at a Cluster that failed has failed; nothing where its log tells of none, or may not be read.
pub(super) async fn last_failure(host: &Connection, cluster: &str, since: Timestamp) -> Option<String> {
    let lines = controller_log(host).read().await.ok()?;
    let failures =
        lines.iter().rev().filter(|line| line.at >= since).filter_map(|line| core_log::failure(&line.text));
    let (_, why) = failures.into_iter().find(|(name, _)| name == cluster)?;
    Some(mask(&why).into_owned())
}

fn selector() -> String {
    format!("app={CONTROLLER}")
}
