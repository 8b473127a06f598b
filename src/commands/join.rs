//! `kubectl mc join`.

use super::{pipeline, request::Request};
use crate::{
    cli::{Global, Join},
    error::Error,
    output::ui::Ui,
    plan::intent::Part,
};

/// Joins the members.
pub async fn run(join: &Join, global: &Global, ui: &Ui) -> Result<(), Error> {
    let request = Request {
        host_cluster_name: join.host_cluster_name.as_deref(),
        cluster: Some(&join.cluster),
        reachability: join.reachability.into(),
        skipped: &join.skip.checks,
        ..Request::new(Part::Join, &join.members, &join.change)
    };
    pipeline::run(&request, global, ui).await
}
