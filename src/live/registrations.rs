//! The Clusters of a host: one list of them, or all of them as they change.

use std::collections::BTreeMap;

use futures::{
    Stream, StreamExt as _, future,
    stream::{self, BoxStream},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::{
    api::{DynamicObject, ListParams},
    core::request::Request,
    runtime::watcher::{Config, Error, Event},
};
use kubesphere::cluster::{GROUP, PLURAL, RegisteredCluster, VERSION};
use serde::Deserialize;
use serde_json::Value;

use super::{
    connection::Connection,
    observation::{POLL_EVERY, is_forbidden, patient_watch, why_interrupted},
    observe::{as_value, clusters, clusters_object},
    request_error::{Cause, MOST_OBJECTS, RequestError, TooLong, Verb, request},
};

/// How many Clusters are read at once: each may have 10 kB, most of it the kubeconfig.
const PAGE: u32 = 200;

/// Lists the Clusters that a label selector takes, or all of them. No member is asked.
pub async fn list(
    connection: &Connection,
    selector: Option<&str>,
) -> Result<Vec<RegisteredCluster>, RequestError> {
    list_as(connection, selector, future::ready).await
}

/// As [`list`], and keeps of each Cluster only what `keep` makes of it: no more than a page of them is ever held.
pub async fn list_as<T, K: Future<Output = T>>(
    connection: &Connection,
    selector: Option<&str>,
    keep: impl Fn(RegisteredCluster) -> K,
) -> Result<Vec<T>, RequestError> {
    let all = selector.map_or_else(ListParams::default, |selector| ListParams::default().labels(selector));
    match pages(connection, all.clone().limit(PAGE), &keep).await {
        // The server has forgotten the state that the first pages were of. Then client-go asks for all at once, too
        // (`tools/pager/pager.go@v0.34.0`).
        Err(RequestError { cause: Cause::Gone, .. }) => pages(connection, all, &keep).await,
        listed => listed,
    }
}

async fn pages<T, K: Future<Output = T>>(
    connection: &Connection,
    mut parameters: ListParams,
    keep: &impl Fn(RegisteredCluster) -> K,
) -> Result<Vec<T>, RequestError> {
    let mut kept = Vec::new();
    loop {
        let Page { metadata, items } = page(connection, &parameters).await?;
        let is_empty = items.is_empty();
        for item in items {
            kept.push(keep(RegisteredCluster::new(item)).await);
        }
        parameters.continue_token = metadata.continue_.filter(|token| !token.is_empty());
        let too_long = match parameters.continue_token {
            None => return Ok(kept),
            Some(_) if is_empty => TooLong::EmptyPage,
            Some(_) if kept.len() > MOST_OBJECTS => TooLong::Objects,
            Some(_) => continue,
        };
        return Err(RequestError {
            side: connection.side.clone(),
            verb: Verb::List,
            object: clusters_object(),
            cause: Cause::TooLong(too_long),
        });
    }
}

/// Part of a list, and where the next one begins.
#[derive(Deserialize)]
struct Page {
    metadata: ListMeta,
    items: Vec<Value>,
}

async fn page(connection: &Connection, parameters: &ListParams) -> Result<Page, RequestError> {
    let ask = Request::new(format!("/apis/{GROUP}/{VERSION}/{PLURAL}")).list(parameters);
    let answer = async { connection.client.request(ask.map_err(kube::Error::BuildRequest)?).await };
    request(&connection.side, Verb::List, &clusters_object(), answer).await
}

/// What a look at a host's Clusters gave.
#[derive(Debug)]
pub enum Roll {
    /// All of them, as they are now, in the order of their names.
    Seen(Vec<RegisteredCluster>),
    /// They cannot be seen at present, and why; they are looked at again.
    Interrupted(Cause),
}

/// The Clusters that a label selector takes, as they change, the present ones first. Survives cuts, compaction and
/// restarts; where watching is forbidden, they are listed again and again. Never ends.
pub fn watch<'a>(connection: &'a Connection, selector: Option<&'a str>) -> BoxStream<'a, Roll> {
    let watching =
        Watching { events: events(connection, selector), seen: BTreeMap::new(), listed: BTreeMap::new() };
    let watched = stream::unfold(Some(watching), |watching| async move {
        let mut watching = watching?;
        let roll = watching.next().await?;
        Some((roll, Some(watching)))
    });
    watched.chain(polled(connection, selector)).boxed()
}

struct Watching {
    events: BoxStream<'static, Result<Event<DynamicObject>, Error>>,
    seen: BTreeMap<String, RegisteredCluster>,
    /// What a list that is under way has brought so far.
    listed: BTreeMap<String, RegisteredCluster>,
}

impl Watching {
    /// Ends where watching is forbidden.
    async fn next(&mut self) -> Option<Roll> {
        loop {
            match self.events.next().await? {
                Ok(event) => {
                    if self.take(event) {
                        return Some(Roll::Seen(self.seen.values().cloned().collect()));
                    }
                }
                Err(error) if is_forbidden(&error) => return None,
                Err(error) => {
                    if let Some(cause) = why_interrupted(&error) {
                        return Some(Roll::Interrupted(cause));
                    }
                }
            }
        }
    }

    /// Whether it is known now how all of them are.
    fn take(&mut self, event: Event<DynamicObject>) -> bool {
        let named = |object: &DynamicObject| {
            let cluster = registered(object);
            (cluster.name().to_owned(), cluster)
        };
        match event {
            Event::Init => {
                self.listed.clear();
                return false;
            }
            Event::InitApply(object) => {
                self.listed.extend([named(&object)]);
                return false;
            }
            Event::InitDone => self.seen = std::mem::take(&mut self.listed),
            Event::Apply(object) => self.seen.extend([named(&object)]),
            Event::Delete(object) => drop(self.seen.remove(&named(&object).0)),
        }
        true
    }
}

fn events(
    connection: &Connection,
    selector: Option<&str>,
) -> BoxStream<'static, Result<Event<DynamicObject>, Error>> {
    patient_watch(clusters(connection).into(), selector.into_iter().fold(Config::default(), Config::labels))
}

fn polled<'a>(connection: &'a Connection, selector: Option<&'a str>) -> impl Stream<Item = Roll> + 'a {
    let interval = tokio::time::interval(POLL_EVERY);
    stream::unfold(interval, move |mut interval| async move {
        interval.tick().await;
        let roll = match list(connection, selector).await {
            Ok(mut clusters) => {
                clusters.sort_by(|one, other| one.name().cmp(other.name()));
                Roll::Seen(clusters)
            }
            Err(error) => Roll::Interrupted(error.cause),
        };
        Some((roll, interval))
    })
}

fn registered(object: &DynamicObject) -> RegisteredCluster {
    RegisteredCluster::new(as_value(object))
}
