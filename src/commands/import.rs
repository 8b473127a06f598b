//! `kubectl mc import`.

use std::slice;

use super::{joining, request::Request};
use crate::{
    cli::{Global, Import},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
};

/// Registers the prepared member.
pub async fn run(import: &Import, global: &Global, ui: &Ui) -> Result<(), Error> {
    let members = slice::from_ref(&import.member);
    let request = Request {
        cluster: Some((&import.cluster).into()),
        reachability: import.reachability.into(),
        skipped: &import.skip.checks,
        manifests_to: import.manifests.manifests_to.as_deref(),
        is_confirmed: import.change.yes,
        ..Request::new(Operation::Import, members)
    };
    joining::run(&request, &import.change, global, ui).await
}
