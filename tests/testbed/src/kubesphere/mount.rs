//! The kubelet's and the processes' part in a changed kubesphere-config: it arrives late.

use std::sync::Arc;

use futures::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};

use super::{objects, pace, site::Site};

/// Loads each change of kubesphere-config after the delay of a mounted ConfigMap, from 3.3 on. Older versions load it
/// only when their pods start.
///
/// Source: kubesphere `cmd/controller-manager/app/server.go@v3.3.0` (`WatchConfigChange`).
pub(super) async fn follow(site: Arc<Site>) {
    if site.version().installer_restarts_the_core() {
        return;
    }
    let config = watcher::Config::default().fields("metadata.name=kubesphere-config");
    let changes = watcher(objects::config_maps(&site.client()), config).default_backoff();
    let mut changes = changes.applied_objects().boxed();
    while changes.next().await.is_some() {
        site.pass(pace::CONFIGURATION_ARRIVES).await;
        let _ = site.load_configuration().await;
    }
}
