use std::cmp::Reverse;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::core::Selector;
use kube::{Api, Client, ResourceExt as _};

use super::unavailable::{LogUnavailable, answered};

pub(super) const NAMESPACE: &str = "kubesphere-system";
const DEPLOYMENT: &str = "ks-installer";

/// The container's name in every version. `ks-installer deploy/kubesphere-installer.yaml@v3.0.0…v3.4.1`.
pub(super) const CONTAINER: &str = "installer";

/// One life of the installer's container: a restart begins a new log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContainerLife {
    pub(super) pod: String,
    uid: String,
    restarts: i32,
}

impl ContainerLife {
    /// Whether this is a later life in the same pod, so that the other's log is its "previous" one.
    pub(super) fn follows_in_pod(&self, other: &Self) -> bool {
        self.uid == other.uid && self.restarts > other.restarts
    }
}

/// The installer's container that has a log to read now.
///
/// The pod is found through the Deployment's own selector, since the label is `app=ks-install` or `app=ks-installer`
/// depending on who installed it (`ks-installer deploy/kubesphere-installer.yaml@v3.2.1, v3.3.0`, KubeKey
/// `templates/installer.go@v2.1.1`). While one pod replaces another both match: the newest one that runs is taken,
/// which is the newest `ReplicaSet`'s.
pub(super) async fn find(client: &Client) -> Result<ContainerLife, LogUnavailable> {
    let selector = selector(client).await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let parameters = ListParams::default().labels_from(&selector);
    let listed = answered("list pods in kubesphere-system", pods.list(&parameters)).await?;
    newest(&listed.items).ok_or(LogUnavailable::NoPod)
}

async fn selector(client: &Client) -> Result<Selector, LogUnavailable> {
    let action = "get deployments.apps/ks-installer in kubesphere-system";
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let deployment = answered(action, deployments.get(DEPLOYMENT))
        .await
        .map_err(|reason| if reason.is_not_found() { LogUnavailable::NoInstaller } else { reason })?;
    // A selector that cannot be read selects nothing that we know of.
    deployment.spec.selector.try_into().map_err(|_| LogUnavailable::NoInstaller)
}

fn newest(pods: &[Pod]) -> Option<ContainerLife> {
    let mut lives: Vec<_> = pods.iter().filter_map(|pod| Some((pod, life(pod)?))).collect();
    lives.sort_by_key(|(pod, _)| Reverse((is_running(pod), pod.creation_timestamp())));
    lives.into_iter().next().map(|(_, life)| life)
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// The life of the pod's container, if it has started.
fn life(pod: &Pod) -> Option<ContainerLife> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let container = statuses.iter().find(|status| status.name == CONTAINER)?;
    has_log(container).then(|| ContainerLife {
        pod: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        restarts: container.restart_count,
    })
}

fn has_log(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}
