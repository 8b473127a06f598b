//! `kubectl mc join`.

use std::future::ready;

use super::{
    core_values::values,
    fleet::file::FleetFile,
    joining,
    request::{ClusterRequest, MemberRequest, Request},
};
use crate::{
    cli::{Global, Join},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
};

/// Joins the members.
pub async fn run(join: &Join, global: &Global, ui: &Ui) -> Result<(), Error> {
    joining::run(Operation::Join, ready(request(join, global, ui)), &join.change, ui).await
}

fn request<'a>(join: &'a Join, global: &Global, ui: &Ui) -> Result<Request<'a>, Error> {
    let named = match &join.fleet.filename {
        Some(path) => FleetFile::open(path, global, ui)?.request(Operation::Join, &join.members)?,
        None => in_words(join, global)?,
    };
    Ok(Request {
        continues_on_obstacle: join.continue_on_obstacle,
        reachability: join.reachability.into(),
        skipped: &join.skip.checks,
        manifests_to: join.manifests.manifests_to.as_deref(),
        is_confirmed: join.change.yes,
        parallel: join.parallel,
        ..named
    })
}

fn in_words(join: &Join, global: &Global) -> Result<Request<'static>, Error> {
    let values = join.config.as_deref().map(values).transpose()?;
    let cluster = ClusterRequest { values, ..(&join.cluster).into() };
    let members = MemberRequest::of_each(&join.members, &cluster, global);
    Ok(Request {
        host_cluster_name: join.host_cluster_name.clone(),
        ..Request::new(Operation::Join, members, global)
    })
}
