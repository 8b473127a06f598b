//! `kubectl mc renew`.

use std::slice;

use super::{
    interrupt::interrupted,
    joining,
    renew_all::{All, find},
    request::{ClusterRequest, Renewed, Request},
};
use crate::{
    cli::{Global, Renew},
    error::{Error, Resume},
    output::{document::Document, ending::conclude, ui::Ui},
    plan::{context_mapping::LeftOut, operation::Operation},
};

/// Gives the Cluster, or every Cluster, a new kubeconfig.
pub async fn run(renew: &Renew, global: &Global, ui: &Ui) -> Result<(), Error> {
    match (&renew.name, &renew.member_context) {
        (Some(name), Some(context)) => {
            let renewed = Renewed { name: name.clone(), server: None };
            let (contexts, renewed) = (slice::from_ref(context), slice::from_ref(&renewed));
            renewal(renew, contexts, renewed, &[], global, ui).await
        }
        _ => all(renew, global, ui).await,
    }
}

async fn all(renew: &Renew, global: &Global, ui: &Ui) -> Result<(), Error> {
    let found = tokio::select! {
        found = Box::pin(find(renew.parallel, global, ui)) => found,
        error = interrupted() => Err(error),
    };
    match found {
        Ok(All { contexts, renewed, left_out }) => {
            renewal(renew, &contexts, &renewed, &left_out, global, ui).await
        }
        Err(error) => {
            let mut document = Document::new(Operation::Renew, renew.change.dry_run);
            conclude(ui, renew.change.object(), &mut document, Err(error))
        }
    }
}

async fn renewal(
    renew: &Renew,
    contexts: &[String],
    renewed: &[Renewed],
    left_out: &[LeftOut],
    global: &Global,
    ui: &Ui,
) -> Result<(), Error> {
    let cluster = ClusterRequest { credential: Some(renew.credentials.into()), ..ClusterRequest::default() };
    let request = Request {
        cluster: Some(cluster),
        reachability: renew.reachability.into(),
        skipped: &renew.skip.checks,
        renewed,
        left_out,
        resume: Resume::StartsAnew,
        is_confirmed: renew.change.yes,
        parallel: renew.parallel,
        ..Request::new(Operation::Renew, contexts)
    };
    joining::run(&request, &renew.change, global, ui).await
}
