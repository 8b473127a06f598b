//! Which contexts of the kubeconfig lead to which of a host's members.

use kubesphere::{cluster::RegisteredCluster, readiness::is_ignored};

use super::{
    contexts::every_member,
    look::silent,
    time_limit::{confirm_in_time, confirm_told},
};
use crate::{
    checks::api_reachable,
    cli::{Global, ParallelOptions},
    error::{Error, ErrorKind},
    live::{
        connection::Connection,
        environment::Environment,
        observe::observe,
        places::Places,
        whereabouts::{Unanswered, Whereabouts, whereabouts},
    },
    output::{context_mapping, ui::Ui},
    plan::{
        context_mapping::Candidate,
        identity::{Identity, identity},
        observed::Observed,
    },
};

/// The host whose members are looked for. What keeps it from being looked at stops the command as a check does.
pub(super) async fn observed_host(host: &Connection) -> Result<Observed, Error> {
    observe(host).await.map_err(|error| {
        let silent = silent(host, &error);
        let findings = api_reachable::found(&silent);
        let ended = confirm_in_time([&silent]).err().unwrap_or_else(|| Error::nothing_changed(&findings));
        Error { findings, ..ended }
    })
}

/// A host's members, except for those that are on their way out, and those that its controller leaves alone.
pub(super) fn members(host: &Observed) -> Result<impl Iterator<Item = &RegisteredCluster>, Error> {
    let Some(clusters) = host.clusters.present() else {
        let why = host.clusters.unreadable().unwrap_or("it has none, and so it is no host");
        return Err(Error::new(ErrorKind::Obstacle, format!("{}: list clusters: {why}", host.side)));
    };
    let differences = host.differences();
    Ok(clusters.iter().filter(move |cluster| {
        !cluster.is_host() && !cluster.is_being_deleted() && !is_ignored(cluster, &differences)
    }))
}

/// Asks every context where it leads to; also those that have not answered.
pub(super) async fn candidates<'a>(
    clusters: &[&'a RegisteredCluster],
    host: &Observed,
    parallel: ParallelOptions,
    global: &Global,
    environment: &Environment,
    ui: &Ui,
) -> Result<(Vec<(&'a RegisteredCluster, Vec<Candidate>)>, Vec<Unanswered>), Error> {
    let (contexts, broken) = every_member(global, environment)?;
    context_mapping::asking(ui, contexts.len());
    let places = Places::new(parallel.parallel, contexts.len());
    let (found, silent) = whereabouts(contexts, &places, environment, global.request_timeout).await;
    confirm_told(&silent)?;
    let found = looked_at(found, &places, clusters, host).await;
    let each = clusters.iter().map(|cluster| (*cluster, leading_to(cluster, host, &found)));
    Ok((each.collect(), silent.into_iter().chain(broken).collect()))
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
fn leading_to(cluster: &RegisteredCluster, host: &Observed, found: &[Found]) -> Vec<Candidate> {
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
