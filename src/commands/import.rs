//! `kubectl mc import`.

use std::slice;

use super::{
    core_values::values,
    joining,
    request::{ClusterRequest, Request},
};
use crate::{
    cli::{Global, Import},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
};

/// Registers the prepared member.
pub async fn run(import: &Import, global: &Global, ui: &Ui) -> Result<(), Error> {
    let members = slice::from_ref(&import.member);
    let values = import.config.as_deref().map(values).transpose()?;
    let request = Request {
        cluster: Some(ClusterRequest { values, ..(&import.cluster).into() }),
        reachability: import.reachability.into(),
        skipped: &import.skip.checks,
        manifests_to: import.manifests.manifests_to.as_deref(),
        is_confirmed: import.change.yes,
        ..Request::new(Operation::Import, members)
    };
    joining::run(&request, &import.change, global, ui).await
}
