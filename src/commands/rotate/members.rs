//! The members of a host, and how each is reached: by a context that leads there, else by what the host stores of it.

use std::collections::BTreeSet;

use kubesphere::{cluster::RegisteredCluster, side::Side, versions::Generation::Four};

use crate::{
    cli::{Global, ParallelOptions},
    commands::{
        candidates::{self, candidates},
        contexts::{member_options, of_one_member, open_in, select_members},
    },
    error::Error,
    live::{connection::Connection, environment::Environment, identify::stored_connection, places::Places},
    output::{context_mapping, rotation, ui::Ui},
    plan::{
        context_mapping::{LeftOut, Why, map_at_any_address},
        observed::Observed,
        rotation::Unreached,
    },
};

/// The members that can be reached, and the others.
#[derive(Default)]
pub(super) struct Members {
    pub(super) connections: Vec<Connection>,
    pub(super) unreached: Vec<Unreached>,
}

/// Asks every context where it leads to, and then those members that none leads to. A host of KubeSphere 4 is refused, whatever
/// its members are.
pub(super) async fn members(
    host: &Observed,
    parallel: ParallelOptions,
    global: &Global,
    ui: &Ui,
) -> Result<Members, Error> {
    if let Some(option) = of_one_member(global) {
        return Err(Error::usage(format!("{option} is for one member, and a rotation is for all of a host"))
            .hint("leave it out, or let `--member-kubeconfig` name a file with a context for each member"));
    }
    let clusters: Vec<_> = candidates::members(host)?.collect();
    if clusters.is_empty() || host.generation() == Some(Four) {
        return Ok(Members::default());
    }
    let environment = Environment::of_process();
    let (candidates, silent) = candidates(&clusters, host, parallel, global, &environment, ui).await?;
    let (mapped, left_out) = map_at_any_address(candidates);
    context_mapping::show(ui, &mapped);
    let names: Vec<String> = mapped.iter().map(|mapped| mapped.context.clone()).collect();
    let contexts = select_members(&names, &member_options(global, &global.member), &environment)?;
    let places = Places::new(parallel.parallel, clusters.len());
    let connections = open_in(&places, contexts, global, &environment, ui).await?;
    let reached =
        clusters.iter().filter(|cluster| mapped.iter().any(|mapped| mapped.cluster == cluster.name()));
    let known = reached.filter_map(|cluster| cluster.member_uid().map(str::to_owned)).collect();
    let others: Vec<&RegisteredCluster> =
        clusters.into_iter().filter(|cluster| lacks_context(&left_out, cluster.name())).collect();
    if !others.is_empty() {
        context_mapping::show_unanswered(ui, &silent);
    }
    let members = Members { connections, unreached: Vec::new() };
    Ok(with_stored(members, (&places, &host.side), (&others, known), global, ui).await)
}

/// A Cluster of a member that has its turn under another name needs none.
fn lacks_context(left_out: &[LeftOut], name: &str) -> bool {
    left_out.iter().any(|one| one.name == name && one.why == Why::NoContext)
}

async fn with_stored(
    mut members: Members,
    (places, host): (&Places, &Side),
    (others, mut known): (&[&RegisteredCluster], BTreeSet<String>),
    global: &Global,
    ui: &Ui,
) -> Members {
    let answers = places.each(others, async |cluster: &&RegisteredCluster| {
        let answer = by_stored(cluster, global).await;
        answer.inspect(|(connection, _)| drop(places.stay(connection)))
    });
    for (cluster, answer) in others.iter().zip(answers.await) {
        let name = cluster.name();
        match answer {
            Ok((connection, uid)) => {
                if known.insert(uid) {
                    rotation::by_stored_kubeconfig(ui, host, name);
                    members.connections.push(connection);
                }
            }
            Err(why) => members.unreached.push(Unreached { cluster: name.to_owned(), why }),
        }
    }
    members
}

/// The host's own credential is no one that another user could be impersonated by.
async fn by_stored(cluster: &RegisteredCluster, global: &Global) -> Result<(Connection, String), String> {
    if !cluster.is_direct() {
        return Err("its agent connects it, so that the host stores no kubeconfig of it".to_owned());
    }
    if global.impersonate.is_some() {
        return Err("the kubeconfig that the host stores of it is not used with `--as`".to_owned());
    }
    stored_connection(cluster, global.request_timeout).await
}
