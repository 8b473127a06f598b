//! Making a member known to its host: create the Cluster or renew its kubeconfig, settle a race, wait until it is ready.

use std::time::Duration;

use futures::StreamExt as _;
use http::Request;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    apply::{Persistence, create_cluster, withdraw_cluster},
    connection::Connection,
    failure::{Failure, LookAt},
    observe::{as_value, clusters, registered_clusters},
    patience::{in_time, may_pass, patiently},
    renew::New,
    report::{Activity, Deed, Event, Note, Report},
    request_error::{Cause, Object, RequestError, Verb, request},
    sighting::{Selection, State, latest},
    waiting::Waiting,
};
use crate::{
    kubesphere::{
        cluster::RegisteredCluster,
        readiness::{Membership, membership},
        side::Side,
        versions::Version,
    },
    plan::{
        cluster_manifest::stored,
        intent::ClusterIntent,
        join::Registration,
        member_kubeconfig::StoredKubeconfig,
        race::{earlier_twin, twins},
    },
};

/// After so many resyncs the controller has asked the member's KubeSphere often enough.
const RESYNCS_FOR_KUBESPHERE: u32 = 2;
/// A Cluster that somebody else is just withdrawing is gone by then: its finalizer takes a request or two.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(10);
/// Before an answer that was lost is looked for.
const PAUSE: Duration = Duration::from_secs(1);
/// Through which the controller asks for the member's KubeSphere version
/// (kubesphere `cluster_controller.go@v3.4.1`).
const KUBESPHERE_VERSION: &str =
    "/api/v1/namespaces/kubesphere-system/services/:ks-apiserver:80/proxy/kapis/version";

/// A member that shall be known to its host.
pub struct Registering<'a> {
    /// The host.
    pub host: &'a Connection,
    /// The member.
    pub member: &'a Connection,
    /// Its Cluster.
    pub cluster: &'a ClusterIntent,
    /// What it stores, where it was to be created.
    pub kubeconfig: Option<&'a StoredKubeconfig>,
    /// What it stores from now on, where it is renewed.
    pub renewed: Option<New<'a>>,
    /// The UID of the member's kube-system.
    pub uid: &'a str,
    /// The host's KubeSphere.
    pub version: Option<Version>,
    /// The host's resync period.
    pub resync: Duration,
    /// When to give up.
    pub deadline: Instant,
    /// Whether to wait until it is ready.
    pub wait: bool,
    /// Who shows what happens.
    pub report: &'a dyn Report,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// Whether the Cluster was created.
    pub created: bool,
    /// Whether it was given a new kubeconfig.
    pub renewed: bool,
    /// Whether a Cluster that was to be given a new kubeconfig has had this one already.
    pub unchanged: bool,
    /// Why the member's KubeSphere version stays unknown, where it does.
    pub without_version: Option<WithoutVersion>,
}

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

/// Takes the step that the plan says and waits until the Cluster is ready; `done` tells what was done, however
/// it ends.
pub async fn register(
    registering: &Registering<'_>,
    step: &Registration,
    done: &mut Registered,
) -> Result<(), Failure> {
    let ours = match step {
        Registration::Create => registering.create(done).await?,
        Registration::Renew(_) => return registering.renew(done).await,
        Registration::Await | Registration::Joined => None,
    };
    if !registering.wait {
        return Ok(());
    }
    done.without_version = registering.until_joined(Waiting::new(ours.as_ref())).await?;
    if let Some(ours) = &ours {
        // Again, because of two objects of the same second neither operator may have seen the other's.
        registering.settle_race(ours, done).await?;
        registering.until_alone(ours).await?;
    }
    Ok(())
}

impl Registering<'_> {
    /// Creates the Cluster; nothing if somebody else has, of the same member.
    async fn create(&self, done: &mut Registered) -> Result<Option<RegisteredCluster>, Failure> {
        let name = &self.cluster.name;
        // It stood when everything was planned.
        let Some(kubeconfig) = self.kubeconfig else {
            return Err(Failure::Deleted { side: self.side(), name: name.clone() });
        };
        let mut unanswered = false;
        loop {
            let creation = create_cluster(self.host, self.cluster, kubeconfig, Persistence::Stored);
            match in_time(&self.host.side, self.deadline, creation).await? {
                Ok(created) => return self.created(created, done).await,
                Err(RequestError { cause: Cause::AlreadyExists, .. }) => {
                    let Some(found) = self.existing().await? else { continue };
                    if unanswered && found.stores(&stored(kubeconfig)) {
                        return self.created(found, done).await;
                    }
                    self.tell(Event::Note(Note::CreatedByOthers(name.clone())));
                    return self.is_of_member(&found).map(|()| None);
                }
                Err(error) if may_pass(&error.cause) && Instant::now() + PAUSE < self.deadline => {
                    unanswered = true;
                    self.tell(Event::Note(Note::CreationUnanswered(error.cause.to_string())));
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn created(
        &self,
        ours: RegisteredCluster,
        done: &mut Registered,
    ) -> Result<Option<RegisteredCluster>, Failure> {
        self.tell(Event::Done(Deed::ClusterCreated(self.cluster.name.clone())));
        done.created = true;
        self.settle_race(&ours, done).await?;
        Ok(Some(ours))
    }

    /// The Cluster of this name, identified.
    async fn existing(&self) -> Result<Option<RegisteredCluster>, Failure> {
        let listed = self.listed().await?;
        Ok(listed.into_iter().find(|cluster| cluster.name() == self.cluster.name))
    }

    async fn listed(&self) -> Result<Vec<RegisteredCluster>, Failure> {
        let ask = async || registered_clusters(self.host, true).await;
        let listed = patiently(&self.host.side, self.deadline, ask).await?;
        Ok(listed.present().cloned().unwrap_or_default())
    }

    /// Nobody waits for a Cluster of another member.
    fn is_of_member(&self, found: &RegisteredCluster) -> Result<(), Failure> {
        match found.member_uid() {
            Some(uid) if uid != self.uid => Err(Failure::NameTaken {
                side: self.side(),
                name: self.cluster.name.clone(),
                uid: uid.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// The Kubernetes API takes a member twice; only the console's validation endpoint does not
    /// (kubesphere `pkg/kapis/cluster/v1alpha1/handler.go@v3.4.1`).
    async fn settle_race(&self, ours: &RegisteredCluster, done: &mut Registered) -> Result<(), Failure> {
        let listed = self.listed().await?;
        let Some(twin) = earlier_twin(ours, &listed, self.uid) else { return Ok(()) };
        let ask = async || match withdraw_cluster(self.host, ours).await {
            Err(RequestError { cause: Cause::NotFound | Cause::Conflict, .. }) => Ok(()),
            answer => answer,
        };
        patiently(&self.host.side, self.deadline, ask).await?;
        done.created = false;
        let (name, twin) = (ours.name().to_owned(), twin.name().to_owned());
        Err(Failure::Withdrawn { side: self.side(), name, twin })
    }

    /// The other operator of a race that we have won withdraws the later Cluster; the last look must not find it.
    async fn until_alone(&self, ours: &RegisteredCluster) -> Result<(), Failure> {
        let deadline = self.deadline.min(Instant::now() + WITHDRAWN_WITHIN);
        let mut told = false;
        loop {
            let listed = self.listed().await?;
            let Some(twin) = twins(ours, &listed, self.uid).next() else { return Ok(()) };
            if !told {
                self.tell(Event::Note(Note::Twin(twin.name().to_owned())));
                told = true;
            }
            if Instant::now() + PAUSE >= deadline {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until the Cluster is joined; says why its KubeSphere version stays unknown, if it does.
    pub(super) async fn until_joined(&self, mut waiting: Waiting) -> Result<Option<WithoutVersion>, Failure> {
        let name = &self.cluster.name;
        self.tell(Event::Begins(Activity::ClusterReady(name.clone())));
        let mut states = std::pin::pin!(latest(clusters(self.host), Selection::Name(name.clone())));
        loop {
            let wake = waiting.version_by.map_or(self.deadline, |by| by.min(self.deadline));
            match timeout_at(wake, states.next()).await {
                Ok(Some(State::Interrupted(why))) => waiting.interrupted = Some(why),
                Ok(Some(State::Seen(state))) => {
                    let cluster = state.as_ref().map(as_value).map(RegisteredCluster::new);
                    let cluster = waiting.identified(cluster).await;
                    if self.judge(cluster.as_ref(), &mut waiting)? {
                        self.tell_joined();
                        return Ok(None);
                    }
                }
                Ok(None) | Err(_) if waiting.version_by.is_some_and(|by| Instant::now() >= by) => {
                    self.tell_joined();
                    return Ok(Some(self.why_without_version().await));
                }
                Ok(None) | Err(_) => return Err(self.timed_out(&waiting)),
            }
        }
    }

    fn tell_joined(&self) {
        self.tell(Event::Done(Deed::ClusterReady(self.cluster.name.clone())));
    }

    /// Whether the Cluster is joined.
    fn judge(&self, cluster: Option<&RegisteredCluster>, waiting: &mut Waiting) -> Result<bool, Failure> {
        let name = &self.cluster.name;
        if cluster.is_none() && waiting.seen {
            let deleted = Failure::Deleted { side: self.side(), name: name.clone() };
            return Err(if self.renewed.is_some() { self.overtaken("deleted") } else { deleted });
        }
        waiting.seen |= cluster.is_some();
        waiting.interrupted = None;
        if self.is_given_another(cluster) {
            return Err(self.overtaken("changed the kubeconfig of"));
        }
        let membership = membership(cluster, self.uid, self.version);
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
                    self.tell(Event::Note(Note::Failing { cluster, reason }));
                }
                reason
            }
            Membership::Pending(reason) => {
                waiting.version_by = None;
                reason
            }
        };
        if missing != waiting.missing {
            self.tell(Event::Stands(missing.clone()));
            waiting.missing = missing;
        }
        Ok(false)
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

    fn timed_out(&self, waiting: &Waiting) -> Failure {
        let missing = match &waiting.interrupted {
            Some(why) => format!("{}, as far as was seen before this: {why}", waiting.missing),
            None => waiting.missing.clone(),
        };
        Failure::TimedOut {
            side: self.side(),
            waiting: "waiting until its Cluster is ready",
            look_at: LookAt::Controller(self.host.side.clone()),
            missing,
            installer: None,
        }
    }

    pub(super) fn side(&self) -> Side {
        self.member.side.clone()
    }

    pub(super) fn tell(&self, event: Event) {
        self.report.tell(&self.member.side, event);
    }
}
