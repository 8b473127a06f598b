use std::cmp::Reverse;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use super::unavailable::{Asked, LogUnavailable, answered};
use super::waiting::why_waiting;
use crate::live::{
    observe::installer_of,
    workloads::{Deployment, Pod},
};
use crate::plan::observed::{Installer, InstallerContainer};

pub(super) const NAMESPACE: &str = "kubesphere-system";
pub(super) const DEPLOYMENT: &str = "ks-installer";

/// The container's name in every version. `ks-installer deploy/kubesphere-installer.yaml@v3.0.0…v3.4.1`.
pub(super) const CONTAINER: &str = "installer";

/// The installer's container that has a log to read now.
///
/// The pod is found through the Deployment's own selector, since the label is `app=ks-install` or `app=ks-installer`
/// depending on who installed it (`ks-installer deploy/kubesphere-installer.yaml@v3.2.1, v3.3.0`, KubeKey
/// `templates/installer.go@v2.1.1`). While one pod replaces another both match: the newest one that runs is taken,
/// which is the newest `ReplicaSet`'s.
pub(super) async fn find(client: &Client) -> Result<InstallerContainer, LogUnavailable> {
    find_of(client, &installer(client).await?).await
}

/// The same, where the Deployment was read a moment ago.
pub async fn find_of(client: &Client, installer: &Installer) -> Result<InstallerContainer, LogUnavailable> {
    // A selector that cannot be read selects nothing that we know of.
    let selector = installer.selector.as_deref().ok_or(LogUnavailable::NoInstaller)?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let parameters = ListParams::default().labels(selector);
    let pods = answered(Asked::Pods, pods.list(&parameters)).await?.items;
    let restarted = installer.restarted_at;
    let life = newest(&pods).map(|life| InstallerContainer { started: life.started.max(restarted), ..life });
    life.ok_or_else(|| match (installer.replicas, why_waiting(&pods)) {
        (0, _) => LogUnavailable::ScaledDown,
        (_, Some(why)) => LogUnavailable::NoPod { why, is_for_good: installer.has_given_up },
        (_, None) => LogUnavailable::NoPod { why: installer.without_pods.clone(), is_for_good: true },
    })
}

async fn installer(client: &Client) -> Result<Installer, LogUnavailable> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let found = answered(Asked::Deployment, deployments.get(DEPLOYMENT)).await;
    let found =
        found.map_err(|reason| if reason.is_not_found() { LogUnavailable::NoInstaller } else { reason })?;
    Ok(installer_of(&found))
}

fn newest(pods: &[Pod]) -> Option<InstallerContainer> {
    let mut lives: Vec<_> = pods.iter().filter_map(|pod| Some((pod, life(pod)?))).collect();
    lives.sort_by_key(|(pod, _)| Reverse((is_running(pod), pod.creation_timestamp())));
    lives.into_iter().next().map(|(_, life)| life)
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// The life of the pod's container, if it has started.
fn life(pod: &Pod) -> Option<InstallerContainer> {
    let container = container(pod)?;
    let now = container.state.as_ref().filter(|state| has_begun(state));
    let before = container.last_state.as_ref().filter(|state| has_begun(state));
    // Between two lives (CrashLoopBackOff) the kubelet serves the one before.
    let state = now.or(before)?;
    Some(InstallerContainer {
        pod: pod.name_any(),
        started: started_at(state),
        has_previous: now.is_some() && before.is_some(),
        trouble: if now.is_none() { why_waiting(std::slice::from_ref(pod)) } else { None },
        uid: pod.uid().unwrap_or_default(),
        restarts: container.restart_count,
    })
}

/// What the kubelet says of the installer's container.
pub(super) fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

/// Whether the state is about a container that has written something, or could have.
fn has_begun(state: &ContainerState) -> bool {
    state.running.is_some() || state.terminated.is_some()
}

fn started_at(state: &ContainerState) -> Option<Timestamp> {
    let running = state.running.as_ref().and_then(|running| running.started_at.as_ref());
    let terminated = || state.terminated.as_ref().and_then(|terminated| terminated.started_at.as_ref());
    running.or_else(terminated).map(|at| at.0)
}
