//! Which context leads to which Cluster, where all are to be renewed.

use kubesphere::{cluster::RegisteredCluster, readiness::is_ignored};

use super::{
    contexts::{every_member, of_one_member, open, select_host},
    request::Renewed,
};
use crate::{
    cli::{Global, ParallelOptions},
    error::{Error, ErrorKind},
    live::{
        environment::Environment,
        observe::observe,
        places::Places,
        whereabouts::{Whereabouts, whereabouts},
    },
    output::{context_mapping, ui::Ui},
    plan::{
        context_mapping::{Candidate, LeftOut, Why, map},
        identity::{Identity, identity},
        observed::Observed,
    },
};

pub(super) struct All {
    /// The contexts, one for each Cluster.
    pub(super) contexts: Vec<String>,
    /// The Clusters, in the same order.
    pub(super) renewed: Vec<Renewed>,
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
    let observed = observe(&host).await?;
    let clusters = members(&observed)?;
    let contexts = every_member(global, &environment)?;
    context_mapping::asking(ui, contexts.len());
    let places = Places::new(parallel.parallel, contexts.len());
    let (found, silent) = whereabouts(contexts, &places, &environment, global.request_timeout).await;
    let found = looked_at(found, &places, &clusters, &observed).await;
    let candidates =
        clusters.iter().map(|cluster| candidates(cluster, &observed, &found)).collect::<Vec<_>>();
    let (mapped, left_out) = map(clusters.into_iter().zip(candidates).collect());
    context_mapping::show(ui, &mapped);
    if left_out.iter().any(|one| one.why == Why::NoContext) {
        // One of these may well lead there.
        context_mapping::show_unanswered(ui, &silent);
    }
    if mapped.is_empty() && left_out.is_empty() {
        context_mapping::show_none(ui, &host.side);
    }
    let contexts = mapped.iter().map(|mapped| mapped.context.clone()).collect();
    let renewed =
        mapped.into_iter().map(|mapped| Renewed { name: mapped.cluster, server: mapped.kept_server });
    Ok(All { contexts, renewed: renewed.collect(), left_out })
}

/// The Clusters that a kubeconfig is stored in, except for those that are on their way out.
fn members(host: &Observed) -> Result<Vec<&RegisteredCluster>, Error> {
    let Some(clusters) = host.clusters.present() else {
        let why = host.clusters.unreadable().unwrap_or("it has none, and so it is no host");
        return Err(Error::new(ErrorKind::Obstacle, format!("{}: list clusters: {why}", host.side)));
    };
    let differences = host.differences();
    let renewable = |cluster: &&RegisteredCluster| {
        let is_member = cluster.is_direct() && !cluster.is_host();
        is_member && !cluster.is_being_deleted() && !is_ignored(cluster, &differences)
    };
    Ok(clusters.iter().filter(renewable).collect())
}

/// A context whose cluster has answered, with what was seen of it where its UID alone does not tell which one it is.
struct Found {
    place: Whereabouts,
    seen: Option<Observed>,
}

/// Each cluster is looked at once, and none where the host knows the UIDs of all its members.
async fn looked_at(
    found: Vec<Whereabouts>,
    turns: &Places,
    members: &[&RegisteredCluster],
    host: &Observed,
) -> Vec<Found> {
    let are_known = members.iter().all(|cluster| cluster.member_uid().is_some());
    let places = found.into_iter().filter(|place| place.uid != host.uid);
    let looks = turns.each(places, async |place: Whereabouts| {
        let is_known = are_known || host.clusters_with_uid(&place.uid).next().is_some();
        let seen = if is_known { None } else { place.look(turns).await };
        Found { place, seen }
    });
    looks.await
}

/// The contexts that lead to this member: by its UID, or where the host knows none, by the traces of the join.
fn candidates(cluster: &RegisteredCluster, host: &Observed, found: &[Found]) -> Vec<Candidate> {
    let leads_there = |found: &&Found| match cluster.member_uid() {
        Some(uid) => uid == found.place.uid,
        None => found.seen.as_ref().is_some_and(|seen| identity(cluster, host, seen) == Identity::Same),
    };
    let candidate = |Found { place, .. }: &Found| Candidate {
        context: place.context.clone(),
        server: place.server.clone(),
    };
    found.iter().filter(leads_there).map(candidate).collect()
}
