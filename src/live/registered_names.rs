//! The names of the clusters that a host knows, for somebody who is typing: told at once or not at all.

use std::time::Duration;

use kube::{
    api::ListParams,
    config::{ExecConfig, ExecInteractiveMode},
};

use super::{
    connection::Connection, environment::Environment, observe::clusters, selected_context::SelectedContext,
};

/// Together with what kubectl and the shell take it stays below a second.
const TOLD_WITHIN: Duration = Duration::from_millis(700);

/// The names of the registered clusters. Nothing where the host does not tell them in time, for whatever reason, and
/// where asking it might ask a person.
pub async fn registered_names(host: SelectedContext, environment: &Environment) -> Vec<String> {
    if host.user.exec.as_ref().is_some_and(may_talk) {
        return Vec::new();
    }
    tokio::time::timeout(TOLD_WITHIN, names(host, environment)).await.ok().flatten().unwrap_or_default()
}

/// Only names cross the network, not the kubeconfigs beside them.
async fn names(host: SelectedContext, environment: &Environment) -> Option<Vec<String>> {
    let connection = Connection::open(host, environment, Some(TOLD_WITHIN)).await.ok()?;
    let parameters = ListParams::default().match_any();
    let list = clusters(&connection).list_metadata(&parameters).await.ok()?;
    Some(list.into_iter().filter_map(|cluster| cluster.name).collect())
}

/// A plugin that is not said to be silent may open a browser or ask for a password, terminal or not.
fn may_talk(plugin: &ExecConfig) -> bool {
    plugin.interactive_mode != Some(ExecInteractiveMode::Never)
}

#[cfg(test)]
#[path = "registered_names_tests.rs"]
mod tests;
