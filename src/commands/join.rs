//! `kubectl mc join`.

use super::{
    core_values::values,
    joining,
    request::{ClusterRequest, Request},
};
use crate::{
    cli::{Global, Join},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
};

/// Joins the members.
pub async fn run(join: &Join, global: &Global, ui: &Ui) -> Result<(), Error> {
    let values = join.config.as_deref().map(values).transpose()?;
    let request = Request {
        host_cluster_name: join.host_cluster_name.as_deref(),
        cluster: Some(ClusterRequest { values, ..(&join.cluster).into() }),
        reachability: join.reachability.into(),
        skipped: &join.skip.checks,
        manifests_to: join.manifests.manifests_to.as_deref(),
        is_confirmed: join.change.yes,
        parallel: join.parallel,
        ..Request::new(Operation::Join, &join.members)
    };
    joining::run(&request, &join.change, global, ui).await
}
