//! Waiting until a host has taken its member's Cluster, new or renewed.

use std::time::Duration;

use futures::{Stream, StreamExt as _, stream::BoxStream};
use http::Request;
use kube::api::DynamicObject;
use kubesphere::{
    cluster::RegisteredCluster,
    readiness::{Membership, membership},
    side::Side,
    versions::Differences,
};
use tokio::time::{Instant, timeout_at};

use super::{
    connection::Connection,
    execute::Turn,
    failure::{Failure, LookAt},
    observation::{Selection, State, latest},
    observe::{as_value, clusters},
    report::{Activity, Completed, Event, Notice, Reporter},
    request_error::{Object, Verb, request},
    roster::{Roster, Standing},
    stuck_pods::StuckPods,
    waiting::Waiting,
};
use crate::plan::{cluster_manifest::stored, member_kubeconfig::StoredKubeconfig, observed::Observed};

/// After so many resyncs the controller has asked the member's KubeSphere often enough.
const RESYNCS_FOR_KUBESPHERE: u32 = 2;
/// Through which the controller asks for the member's KubeSphere version
/// (kubesphere `cluster_controller.go@v3.4.1`).
const KUBESPHERE_VERSION: &str =
    "/api/v1/namespaces/kubesphere-system/services/:ks-apiserver:80/proxy/kapis/version";

/// Why the version of a member's KubeSphere stays unknown to its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithoutVersion {
    /// The member was not asked.
    Unasked,
    /// Its ks-apiserver answers here, and the host has not recorded it.
    Unrecorded,
    /// Its ks-apiserver does not answer, and why.
    Silent(String),
}

/// A member that its host shall know.
pub(super) struct Registering<'a> {
    pub(super) host: &'a Connection,
    pub(super) member: &'a Connection,
    pub(super) name: &'a str,
    /// The UID of the member's kube-system.
    pub(super) uid: &'a str,
    pub(super) differences: Differences,
    /// The host's resync period.
    pub(super) resync: Duration,
    /// What the Cluster stores from now on, where it stood before.
    pub(super) renewed: Option<&'a StoredKubeconfig>,
    pub(super) deadline: Instant,
    pub(super) report: &'a dyn Reporter,
    pub(super) roster: &'a Roster,
}

impl<'a> Registering<'a> {
    /// A host that has just come into effect may be of another version, and look more often, than was seen before.
    pub(super) fn new(
        turn: &Turn<'a>,
        (host, member): (&Side, &Side),
        (name, uid): (&'a str, &'a str),
        (differences, resync): (Differences, Duration),
    ) -> Result<Self, Failure> {
        let fresh = turn.ledger.observed(host);
        let fresh_resync = fresh.and_then(|host| host.config.present()).map(|config| config.resync);
        Ok(Self {
            host: turn.connection(host)?,
            member: turn.connection(member)?,
            name,
            uid,
            differences: fresh.map_or(differences, Observed::differences),
            resync: fresh_resync.unwrap_or(resync),
            renewed: None,
            deadline: turn.run.deadline,
            report: turn.run.report,
            roster: turn.roster,
        })
    }

    /// All Clusters of the host, as they change.
    pub(super) fn standing(&self) -> Standing<'a> {
        self.roster.on(self.host)
    }

    /// Whether somebody has replaced the kubeconfig that a renewal has stored.
    pub(super) fn is_given_another(&self, cluster: Option<&RegisteredCluster>) -> bool {
        let stores = |new| cluster.is_none_or(|cluster| cluster.stores(&stored(new)));
        self.renewed.is_some_and(|new| !stores(new))
    }

    pub(super) fn overtaken(&self, how: &'static str) -> Failure {
        Failure::Overtaken { side: self.side(), name: self.name.to_owned(), how }
    }

    /// Waits until the Cluster is joined; says why its KubeSphere version stays unknown, if it does.
    pub(super) async fn until_joined(
        &self,
        mut states: impl Stream<Item = State<RegisteredCluster>> + Unpin,
        mut waiting: Waiting,
    ) -> Result<Option<WithoutVersion>, Failure> {
        self.begins();
        let mut stuck = StuckPods::on(self.host, self.roster.stuck_pods.clone());
        loop {
            for pod in stuck.look().await {
                self.report.tell(&self.host.side, Event::Notice(Notice::PodStuck(pod)));
            }
            let end = waiting.version_by.map_or(self.deadline, |by| by.min(self.deadline));
            match timeout_at(end.min(stuck.next()), states.next()).await {
                Err(_) if Instant::now() < end => {}
                Ok(Some(State::Interrupted(why))) => waiting.interrupted = Some(why),
                Ok(Some(State::Seen(cluster))) => {
                    let cluster = waiting.identified(self.host, cluster).await;
                    if self.judge(cluster.as_ref(), &mut waiting)? {
                        self.tell_joined();
                        return Ok(None);
                    }
                }
                Ok(None) | Err(_) if waiting.version_by.is_some_and(|by| Instant::now() >= by) => {
                    self.tell_joined();
                    return Ok(Some(self.why_without_version().await));
                }
                Ok(None) | Err(_) => return Err(self.timed_out(&waiting, &stuck)),
            }
        }
    }

    pub(super) fn begins(&self) {
        self.tell(Event::Begins(Activity::ClusterReady(self.name.to_owned())));
    }

    /// The Cluster alone, as it changes.
    pub(super) fn states(&self) -> BoxStream<'static, State<RegisteredCluster>> {
        let selection = Selection::Name(self.name.to_owned());
        let states = latest::<DynamicObject>(clusters(self.host).into(), selection, None);
        states
            .map(|state| match state {
                State::Seen(found) => State::Seen(found.as_ref().map(as_value).map(RegisteredCluster::new)),
                State::Interrupted(why) => State::Interrupted(why),
            })
            .boxed()
    }

    pub(super) fn tell_joined(&self) {
        self.tell(Event::Done(Completed::ClusterReady(self.name.to_owned())));
    }

    /// Whether the Cluster is joined.
    pub(super) fn judge(
        &self,
        cluster: Option<&RegisteredCluster>,
        waiting: &mut Waiting,
    ) -> Result<bool, Failure> {
        let name = self.name.to_owned();
        if cluster.is_none() && waiting.seen {
            let deleted = Failure::Deleted { side: self.side(), name: name.clone() };
            return Err(if self.renewed.is_some() { self.overtaken("deleted") } else { deleted });
        }
        waiting.seen |= cluster.is_some();
        waiting.interrupted = None;
        if self.is_given_another(cluster) {
            return Err(self.overtaken("changed the kubeconfig of"));
        }
        let membership = membership(cluster, self.uid, &self.differences);
        let membership = match (&waiting.before, cluster) {
            (Some(before), Some(cluster)) => before.progress(cluster, membership),
            _ => membership,
        };
        let missing = match membership {
            Membership::Joined => return Ok(true),
            Membership::OtherCluster(uid) => {
                let is_renewed = self.renewed.is_some();
                let (side, host) = (self.side(), self.host.side.clone());
                return Err(Failure::OtherCluster { side, host, name: name.clone(), uid, is_renewed });
            }
            Membership::WithoutKubesphereVersion => {
                let patience = self.resync * RESYNCS_FOR_KUBESPHERE;
                waiting.version_by.get_or_insert_with(|| Instant::now() + patience);
                "it is ready, but its KubeSphere version is not known yet".to_owned()
            }
            Membership::Failing(reason) => {
                waiting.version_by = None;
                if waiting.noted.insert(reason.clone()) {
                    let (cluster, reason) = (name.clone(), reason.clone());
                    self.tell(Event::Notice(Notice::Failing { cluster, reason }));
                }
                reason
            }
            Membership::Pending(reason) => {
                waiting.version_by = None;
                reason
            }
        };
        self.stands(waiting, missing);
        Ok(false)
    }

    pub(super) fn stands(&self, waiting: &mut Waiting, missing: String) {
        if missing != waiting.missing {
            self.tell(Event::Stands(missing.clone()));
            waiting.missing = missing;
        }
    }

    /// Asks the member's KubeSphere as the controller does, whose failure stands only in its own log.
    async fn why_without_version(&self) -> WithoutVersion {
        let ask = Request::get(KUBESPHERE_VERSION).body(Vec::new()).expect("a path makes a request");
        let object =
            Object::all("", "services").named(":ks-apiserver:80/proxy").in_namespace("kubesphere-system");
        let answer = self.member.client.request_text(ask);
        match request(&self.member.side, Verb::Get, &object, answer).await {
            Ok(_) => WithoutVersion::Unrecorded,
            Err(error) => WithoutVersion::Silent(error.cause.to_string()),
        }
    }

    fn timed_out(&self, waiting: &Waiting, stuck: &StuckPods<'_>) -> Failure {
        Failure::TimedOut {
            side: self.side(),
            waiting: "waiting until its Cluster is ready",
            look_at: LookAt::Controller(self.host.side.clone()),
            missing: waiting.still_missing(),
            known: stuck.last().iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn side(&self) -> Side {
        self.member.side.clone()
    }

    pub(super) fn tell(&self, event: Event) {
        self.report.tell(&self.member.side, event);
    }
}
