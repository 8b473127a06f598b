//! `kubectl mc import`.

use std::slice;

use super::{pipeline, request::Request};
use crate::{
    cli::{Global, Import},
    error::Error,
    output::ui::Ui,
    plan::intent::Part,
};

/// Registers the prepared member.
pub async fn run(import: &Import, global: &Global, ui: &Ui) -> Result<(), Error> {
    let members = slice::from_ref(&import.member);
    let request = Request {
        cluster: Some(&import.cluster),
        reachability: import.reachability.into(),
        skipped: &import.skip.checks,
        ..Request::new(Part::Import, members, &import.change)
    };
    pipeline::run(&request, global, ui).await
}
