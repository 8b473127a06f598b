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
        cluster: Some(&import.cluster),
        reachability: import.reachability.into(),
        skipped: &import.skip.checks,
        manifests_to: import.manifests.manifests_to.as_deref(),
        ..Request::new(Operation::Import, members, &import.change)
    };
    joining::run(&request, global, ui).await
}
