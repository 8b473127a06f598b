//! Which context leads to which Cluster, where all are to be renewed.

use super::{
    candidates::{candidates, members, observed_host},
    contexts::{of_one_member, open, select_host},
    request::Renewed,
};
use crate::{
    cli::{Global, ParallelOptions},
    error::Error,
    live::environment::Environment,
    output::{context_mapping, ui::Ui},
    plan::context_mapping::{LeftOut, Why, map},
};

pub(super) struct All {
    /// The contexts, each with the Cluster that it leads to.
    pub(super) found: Vec<(String, Renewed)>,
    /// The other Clusters with a direct connection.
    pub(super) left_out: Vec<LeftOut>,
}

/// Asks the host for its members, and every context where it leads to.
pub(super) async fn find(parallel: ParallelOptions, global: &Global, ui: &Ui) -> Result<All, Error> {
    if let Some(option) = of_one_member(global) {
        return Err(Error::usage(format!("{option} is for one member, and --all means every one"))
            .hint("renew that member by its name, with `--member-context`"));
    }
    let environment = Environment::of_process();
    let host = open(vec![select_host(global, &environment)?], global, &environment, ui).await?.remove(0);
    let observed = observed_host(&host).await?;
    let clusters: Vec<_> = members(&observed)?.filter(|cluster| cluster.is_direct()).collect();
    let (candidates, silent) = candidates(&clusters, &observed, parallel, global, &environment, ui).await?;
    let (mapped, left_out) = map(candidates);
    context_mapping::show(ui, &mapped);
    if left_out.iter().any(|one| one.why == Why::NoContext) {
        // One of these may well lead there.
        context_mapping::show_unanswered(ui, &silent);
    }
    if mapped.is_empty() && left_out.is_empty() {
        context_mapping::show_none(ui, &host.side);
    }
    let found = mapped
        .into_iter()
        .map(|mapped| (mapped.context, Renewed { name: mapped.cluster, server: mapped.kept_server }));
    Ok(All { found: found.collect(), left_out })
}
