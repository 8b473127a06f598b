//! `kubectl mc join`.

use super::{joining, request::Request};
use crate::{
    cli::{Global, Join},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
};

/// Joins the members.
pub async fn run(join: &Join, global: &Global, ui: &Ui) -> Result<(), Error> {
    let request = Request {
        host_cluster_name: join.host_cluster_name.as_deref(),
        cluster: Some(&join.cluster),
        reachability: join.reachability.into(),
        skipped: &join.skip.checks,
        manifests_to: join.manifests.manifests_to.as_deref(),
        ..Request::new(Operation::Join, &join.members, &join.change)
    };
    joining::run(&request, global, ui).await
}
