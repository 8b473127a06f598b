//! Since when a host's controller runs: what was under way in an earlier process is nobody's any more.

use jiff::Timestamp;
use kube::{Api, api::ListParams};
use kubesphere::cluster_configuration::NAMESPACE;

use super::{connection::Connection, workloads::Pod};

const CONTROLLER: &str = "ks-controller-manager";

/// When the oldest process began that may still be at work, by its node's clock; nothing where that cannot be told.
pub(super) async fn oldest(host: &Connection) -> Option<Timestamp> {
    let pods: Api<Pod> = Api::namespaced(host.client.clone(), NAMESPACE);
    let parameters = ListParams::default().labels(&format!("app={CONTROLLER}")).match_any();
    let pods = pods.list(&parameters).await.ok()?;
    let statuses = pods.items.into_iter().filter_map(|pod| pod.status?.container_statuses).flatten();
    let running =
        statuses.filter(|status| status.name == CONTROLLER).filter_map(|status| status.state?.running);
    // Of one that does not say since when it runs nothing is known.
    let began = running.map(|running| Some(running.started_at?.0)).collect::<Option<Vec<_>>>()?;
    began.into_iter().min()
}
