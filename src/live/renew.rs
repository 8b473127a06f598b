//! Giving a Cluster a new kubeconfig: one guarded patch, and what is of no more use afterwards.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DeleteParams, Preconditions},
};
use tokio::time::{Instant, sleep};

use super::{
    apply::{Persistence, patch_cluster},
    connection::Connection,
    failure::Failure,
    observe::{as_value, clusters, clusters_object, seen},
    patience::{in_time, may_pass, patiently},
    register::{Registered, Registering},
    registrations::list,
    report::{Deed, Event, Note, Report},
    request_error::{Cause, Object, RequestError, Verb, request},
    user_binding::remove_users,
    waiting::Waiting,
};
use crate::{
    kubesphere::{cluster::RegisteredCluster, cluster_configuration::NAMESPACE},
    plan::{
        cluster_manifest::stored,
        credential::Piece,
        member_kubeconfig::StoredKubeconfig,
        renewal::{Before, Replacement, replacement},
        superseded::{EarlierToken, Superseded},
    },
};

/// The controller writes the object now and then, never so often in a row.
const ATTEMPTS: u32 = 20;
/// Before an answer that was lost is looked for.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two tries where somebody else was faster.
const TRIES_EVERY: Duration = Duration::from_millis(50);
/// The times of conditions are whole seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// What the Cluster's kubeconfig is replaced by.
#[derive(Clone, Copy)]
pub struct New<'a> {
    /// The Cluster as it was when everything was planned.
    pub planned: &'a RegisteredCluster,
    /// What it stores from then on.
    pub kubeconfig: &'a StoredKubeconfig,
}

impl Registering<'_> {
    /// Replaces the kubeconfig of the Cluster, and waits until the controller has taken the new one.
    pub(super) async fn renew(&self, done: &mut Registered) -> Result<(), Failure> {
        let Some(new) = &self.renewed else {
            return Err(self.overtaken("deleted"));
        };
        let (cluster, before) = self.replace(new).await?;
        done.renewed = before.is_some();
        done.unchanged = before.is_none();
        if self.wait {
            // It stands: who finds it no more knows that it was deleted.
            let waiting = Waiting { before, seen: true, ..Waiting::new(Some(&cluster)) };
            done.without_version = self.until_joined(waiting).await?;
        }
        Ok(())
    }

    /// Whether somebody has replaced the kubeconfig that a renewal has stored.
    pub(super) fn is_given_another(&self, cluster: Option<&RegisteredCluster>) -> bool {
        let stores = |new: &New<'_>| cluster.is_none_or(|cluster| cluster.stores(&stored(new.kubeconfig)));
        self.renewed.as_ref().is_some_and(|new| !stores(new))
    }

    /// Replaces the kubeconfig; returns the Cluster after it, and what its conditions said before, unless there was
    /// nothing to change.
    async fn replace(&self, new: &New<'_>) -> Result<(RegisteredCluster, Option<Before>), Failure> {
        let kubeconfig = stored(new.kubeconfig);
        let mut before = Before::new(new.planned);
        let mut attempts = 0;
        loop {
            let found = self.as_it_stands().await?;
            let patch = match replacement(new.planned, found.as_ref(), &kubeconfig, &self.cluster.server) {
                Replacement::Overtaken(how) => return Err(self.overtaken(how)),
                Replacement::Arrived => {
                    let before = (attempts > 0).then_some(before);
                    if before.is_some() {
                        self.tell_replaced();
                    }
                    return Ok((found.unwrap_or_else(|| new.planned.clone()), before));
                }
                Replacement::Send(patch) => patch,
            };
            before = found.map_or(before, |found| Before::new(&found));
            self.until_distinct(&before).await;
            attempts += 1;
            let sent = patch_cluster(self.host, &self.cluster.name, &patch, Persistence::Stored);
            match in_time(&self.host.side, self.deadline, sent).await? {
                Ok(cluster) => {
                    self.tell_replaced();
                    return Ok((cluster, Some(before)));
                }
                Err(RequestError { cause: Cause::Conflict, .. }) if attempts < ATTEMPTS => {
                    sleep(TRIES_EVERY).await;
                }
                Err(error) if may_pass(&error.cause) && Instant::now() + PAUSE < self.deadline => {
                    self.tell(Event::Note(Note::PatchUnanswered(error.cause.to_string())));
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn tell_replaced(&self) {
        self.tell(Event::Done(Deed::ClusterRenewed(self.cluster.name.clone())));
    }

    /// What the controller writes after the patch must not look like what it wrote before.
    async fn until_distinct(&self, before: &Before) {
        let Some(written) = before.last_written() else { return };
        let ago = self.host.clock.now().duration_since(written);
        if (-SECOND..SECOND).contains(&ago) {
            sleep((SECOND - ago).unsigned_abs()).await;
        }
    }

    async fn as_it_stands(&self) -> Result<Option<RegisteredCluster>, Failure> {
        let api = clusters(self.host);
        let name = &self.cluster.name;
        let named = clusters_object().named(name);
        let ask = async || match request(&self.host.side, Verb::Get, &named, api.get(name)).await {
            Ok(found) => Ok(Some(RegisteredCluster::new(as_value(&found)))),
            Err(RequestError { cause: Cause::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        };
        patiently(&self.host.side, self.deadline, ask).await
    }

    pub(super) fn overtaken(&self, how: &'static str) -> Failure {
        Failure::Overtaken { side: self.side(), name: self.cluster.name.clone(), how }
    }
}

/// What is removed from a member.
pub struct Removing<'a> {
    /// The host, whose Clusters keep what they store.
    pub host: &'a Connection,
    /// The member.
    pub member: &'a Connection,
    /// What the plan removes.
    pub superseded: &'a Superseded,
    /// When to give up.
    pub deadline: Instant,
    /// Who shows what happens.
    pub report: &'a dyn Report,
}

/// Something that was removed, or changed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// What, as `kind.group/name`.
    pub object: String,
    /// `deleted` or `patched`.
    pub outcome: &'static str,
}

impl Removing<'_> {
    /// Removes it, except for what a Cluster stores by now; `removed` tells what was done, however it ends.
    pub async fn remove(&self, removed: &mut Vec<Removed>) -> Result<(), Failure> {
        if self.superseded.is_empty() {
            return Ok(());
        }
        // Only what they store matters, so no member is asked who it is.
        let ask = async || seen(list(self.host, None).await);
        let listed = patiently(&self.host.side, self.deadline, ask).await?;
        let Some(listed) = listed.present() else {
            let why = listed.unreadable().unwrap_or("there are none").to_owned();
            self.report.tell(&self.member.side, Event::Note(Note::EarlierStay(why)));
            return Ok(());
        };
        let superseded = self.superseded.without(listed.iter());
        for token in &superseded.tokens {
            let ask = async || self.delete_token(token).await;
            if patiently(&self.member.side, self.deadline, ask).await? {
                self.done("secret", &token.name, "deleted", removed);
            }
        }
        if superseded.users.is_empty() {
            return Ok(());
        }
        let ask = async || remove_users(self.member, &superseded.users).await;
        if let Some(outcome) = patiently(&self.member.side, self.deadline, ask).await? {
            let piece = Piece::UserBinding;
            self.done(piece.kind(), &piece.name(), outcome, removed);
        }
        Ok(())
    }

    /// This very Secret, and whether it was there.
    async fn delete_token(&self, token: &EarlierToken) -> Result<bool, RequestError> {
        let api: Api<Secret> = Api::namespaced(self.member.client.clone(), NAMESPACE);
        let preconditions = Preconditions { uid: Some(token.uid.clone()), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let named = Object::all("", "secrets").named(&token.name).in_namespace(NAMESPACE);
        let answer = api.delete(&token.name, &parameters);
        match request(&self.member.side, Verb::Delete, &named, answer).await {
            Ok(_) => Ok(true),
            Err(RequestError { cause: Cause::NotFound | Cause::Conflict, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn done(&self, kind: &str, name: &str, outcome: &'static str, removed: &mut Vec<Removed>) {
        removed.push(Removed { object: format!("{kind}/{name}"), outcome });
        let what = if outcome == "deleted" { Deed::EarlierDeleted } else { Deed::EarlierUsersRemoved };
        self.report.tell(&self.member.side, Event::Done(what(name.to_owned())));
    }
}
