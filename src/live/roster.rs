//! All Clusters of the host as they change, watched once for all lanes that wait for some of them.

use std::{future::pending, sync::OnceLock, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use kubesphere::cluster::RegisteredCluster;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    connection::Connection,
    identify::identified,
    observation::State,
    registrations::{self, Roll},
    request_error::Cause,
    stuck_pods::LastLook,
};
use crate::plan::race::{Arrivals, earlier_twin, twins};

/// A watch shows within moments what was created.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// What lanes share of the host, which is watched from when it is first asked until this is dropped.
#[derive(Default)]
pub(super) struct Roster {
    watching: OnceLock<Watching>,
    pub(super) stuck_pods: LastLook,
}

struct Watching {
    news: watch::Receiver<Present>,
    /// Ends with it.
    _watcher: JoinSet<()>,
}

impl Roster {
    /// The host's Clusters, as one lane sees them.
    pub(super) fn on<'a>(&self, host: &'a Connection) -> Standing<'a> {
        let watching = self.watching.get_or_init(|| {
            let (sender, news) = watch::channel(Present::default());
            let mut watcher = JoinSet::new();
            watcher.spawn(tell(host.clone(), sender));
            Watching { news, _watcher: watcher }
        });
        Standing { host, news: watching.news.clone() }
    }
}

async fn tell(host: Connection, sender: watch::Sender<Present>) {
    let mut rolls = registrations::watch(&host, None);
    while let Some(roll) = rolls.next().await {
        sender.send_modify(|present| present.take(roll));
    }
}

/// The Clusters as they were last seen.
#[derive(Default)]
struct Present {
    clusters: Vec<RegisteredCluster>,
    arrivals: Arrivals,
    /// Whether they were seen at all: who may not list them gets by without.
    are_seen: bool,
    /// Why they cannot be seen at present.
    interrupted: Option<Cause>,
}

impl Present {
    fn take(&mut self, roll: Roll) {
        match roll {
            Roll::Seen(clusters) => {
                self.arrivals.see(&clusters);
                (self.clusters, self.are_seen, self.interrupted) = (clusters, true, None);
            }
            Roll::Interrupted(cause) => self.interrupted = Some(cause),
        }
    }

    fn named(&self, name: &str) -> Option<&RegisteredCluster> {
        let found = self.clusters.binary_search_by(|cluster| cluster.name().cmp(name)).ok()?;
        self.clusters.get(found)
    }

    fn state(&self, name: &str) -> State<RegisteredCluster> {
        match &self.interrupted {
            Some(why) => State::Interrupted(why.to_string()),
            None => State::Seen(self.named(name).cloned()),
        }
    }
}

/// The Clusters, as one lane sees them.
pub(super) struct Standing<'a> {
    host: &'a Connection,
    news: watch::Receiver<Present>,
}

impl Standing<'_> {
    pub(super) fn are_seen(&self) -> bool {
        self.news.borrow().are_seen
    }

    /// Waits until they are seen as they are now.
    pub(super) async fn until_first_look(&mut self, deadline: Instant) {
        self.until(deadline, |present| present.are_seen && present.interrupted.is_none()).await;
    }

    /// Waits until this object is among them, and so all that was there before it.
    pub(super) async fn until_seen(&mut self, ours: &RegisteredCluster, deadline: Instant) {
        let is_ours = |one: &RegisteredCluster| one.object_uid() == ours.object_uid();
        self.until(deadline, |present| present.named(ours.name()).is_some_and(is_ours)).await;
    }

    /// Waits until this holds, unless they may not be seen.
    async fn until(&mut self, deadline: Instant, holds: impl Fn(&Present) -> bool) {
        let deadline = deadline.min(Instant::now() + SEEN_WITHIN);
        let is_forbidden = |present: &Present| matches!(present.interrupted, Some(Cause::Forbidden { .. }));
        let seen = self.news.wait_for(|present| holds(present) || is_forbidden(present));
        // Without it, it goes on with what was seen.
        drop(timeout_at(deadline, seen).await);
    }

    /// Waits until something else is seen.
    pub(super) async fn changed(&mut self) {
        if self.news.changed().await.is_err() {
            pending::<()>().await;
        }
    }

    /// What is seen of the one with this name, at first as it is now.
    pub(super) fn states<'s>(
        &'s mut self,
        name: &'s str,
    ) -> impl Stream<Item = State<RegisteredCluster>> + Send + 's {
        let now = self.news.borrow_and_update().state(name);
        let later = stream::unfold(self, move |standing| async move {
            standing.changed().await;
            let state = standing.news.borrow_and_update().state(name);
            Some((state, standing))
        });
        stream::iter([now]).chain(later)
    }

    /// The Clusters of this member with another name. Those whose identity no status tells are asked themselves.
    pub(super) async fn twins(&self, name: &str, uid: &str) -> Vec<RegisteredCluster> {
        let may_be =
            |one: &&RegisteredCluster| one.name() != name && one.member_uid().is_none_or(|told| told == uid);
        let others: Vec<RegisteredCluster> =
            self.news.borrow().clusters.iter().filter(may_be).cloned().collect();
        let others: Vec<_> = stream::iter(others).then(|one| identified(self.host, one)).collect().await;
        twins(name, &others, uid).cloned().collect()
    }

    /// The Cluster of the same member before which `ours` has to give way.
    pub(super) async fn earlier_twin(
        &self,
        ours: &RegisteredCluster,
        uid: &str,
    ) -> Option<RegisteredCluster> {
        let twins = self.twins(ours.name(), uid).await;
        earlier_twin(ours, &twins, uid, &self.news.borrow().arrivals).cloned()
    }
}
