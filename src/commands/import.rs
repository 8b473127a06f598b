//! `kubectl mc import`.

use std::{future::ready, slice};

use super::{
    core_values::values,
    joining,
    request::{ClusterRequest, MemberRequest, Request},
};
use crate::{
    cli::{Global, Import},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
};

/// Registers the prepared member.
pub async fn run(import: &Import, global: &Global, ui: &Ui) -> Result<(), Error> {
    joining::run(Operation::Import, ready(request(import, global)), &import.change, ui).await
}

fn request<'a>(import: &'a Import, global: &Global) -> Result<Request<'a>, Error> {
    let values = import.config.as_deref().map(values).transpose()?;
    let cluster = ClusterRequest { values, ..(&import.cluster).into() };
    Ok(Request {
        reachability: import.reachability.into(),
        skipped: &import.skip.checks,
        manifests_to: import.manifests.manifests_to.as_deref(),
        is_confirmed: import.change.yes,
        ..Request::new(
            Operation::Import,
            MemberRequest::of_each(slice::from_ref(&import.member), &cluster, global),
            global,
        )
    })
}
