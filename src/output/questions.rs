//! What a person is asked before anything is changed.

use super::ui::Ui;
use crate::error::Error;

/// Whether to take the steps that were shown.
pub async fn go_on(ui: &Ui) -> Result<bool, Error> {
    ui.ask("Proceed?").await
}

/// The name of the Cluster, where a mere yes is said too easily.
pub async fn cluster_name(ui: &Ui, name: &str) -> Result<bool, Error> {
    ui.ask_for_name("To continue, type the name of the Cluster:", name).await
}

/// The same, of a member that KubeSphere is uninstalled from.
pub async fn uninstalled_name(ui: &Ui, name: &str) -> Result<bool, Error> {
    ui.ask_for_name("To uninstall KubeSphere from the member, type the name of the Cluster:", name).await
}
