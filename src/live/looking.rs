//! What the controller of a host makes of a Cluster that has a new kubeconfig, look by look.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::SignedDuration;
use kubesphere::cluster::{ConditionType, RegisteredCluster};
use tokio::time::{sleep, timeout_at};

use super::{
    apply::patch_cluster,
    failure::{Failure, LookAt},
    objects::Persistence,
    observation::State,
    observe::cluster_named,
    patience::{Patience, in_time, retry_until},
    registering::Registering,
    report::{Activity, Event},
    request_error::{Cause, RequestError},
};
use crate::plan::renewal::{Before, another_look_at};

/// The controller writes the object now and then, never so often in a row.
pub(super) const ATTEMPTS: u32 = 20;
/// Between two tries where somebody else was faster.
pub(super) const TRIES_EVERY: Duration = Duration::from_millis(50);
/// The times of conditions are whole seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl Registering<'_> {
    pub(super) async fn as_it_stands(&self) -> Result<Option<RegisteredCluster>, Failure> {
        let ask = async || cluster_named(self.host, self.name).await;
        retry_until(&self.host.side, self.deadline, ask).await
    }

    /// What the controller writes after a patch must not look like what it wrote before.
    pub(super) async fn until_distinct(&self, before: &Before) {
        let Some(written) = before.last_written() else { return };
        let ago = self.host.clock.now().duration_since(written);
        if (-SECOND..SECOND).contains(&ago) {
            sleep((SECOND - ago).unsigned_abs()).await;
        }
    }

    /// Has a controller of KubeSphere 4 look at the Cluster; returns that, and what its conditions said before.
    pub(super) async fn ask_for_a_look(&self) -> Result<(RegisteredCluster, Before), Failure> {
        let (mut attempts, mut patience) = (0, Patience::until(&self.host.side, self.deadline));
        loop {
            let found = self.as_it_stands().await?;
            let found = self.unless_overtaken(found)?;
            let before = Before::new(&found);
            self.until_distinct(&before).await;
            attempts += 1;
            let patch = another_look_at(&found, self.host.clock.now());
            let sent = patch_cluster(self.host, self.name, &patch, Persistence::Stored);
            match in_time(&self.host.side, self.deadline, sent).await? {
                Ok(cluster) => return Ok((cluster, before)),
                Err(RequestError { cause: Cause::Conflict, .. }) if attempts < ATTEMPTS => {
                    sleep(TRIES_EVERY).await;
                }
                Err(error) if error.cause.may_pass() => patience.bear(error).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until the controller has looked at the Cluster, whatever it has found.
    pub(super) async fn until_looked(&self, before: &Before) -> Result<(), Failure> {
        let missing = "the controller has not looked at the new kubeconfig yet";
        self.until_so(missing, |cluster| before.is_past(cluster)).await.map(drop)
    }

    /// Waits until nobody installs the member any more: what is written to its Cluster meanwhile has all of it done again
    /// (kubesphere `cluster_controller.go@v4.1.3:391-410`).
    pub(super) async fn until_core_ready(&self) -> Result<RegisteredCluster, Failure> {
        let is_ready = |cluster: &RegisteredCluster| {
            cluster.condition(ConditionType::CoreReady).is_some_and(|core| core.is_true)
        };
        self.until_so("its host has not installed KubeSphere on it yet", is_ready).await
    }

    /// The Cluster, once this holds of it.
    async fn until_so(
        &self,
        missing: &str,
        holds: impl Fn(&RegisteredCluster) -> bool,
    ) -> Result<RegisteredCluster, Failure> {
        let mut states = self.states();
        let (mut interrupted, mut is_told) = (None, false);
        loop {
            match timeout_at(self.deadline, states.next()).await {
                Ok(Some(State::Seen(cluster))) => {
                    interrupted = None;
                    let cluster = self.unless_overtaken(cluster)?;
                    if holds(&cluster) {
                        return Ok(cluster);
                    }
                    if !is_told {
                        self.tell(Event::Begins(Activity::ClusterLook(self.name.to_owned())));
                        is_told = true;
                    }
                }
                Ok(Some(State::Interrupted(why))) => interrupted = Some(why),
                Ok(None) | Err(_) => return Err(self.not_looked(missing, interrupted)),
            }
        }
    }

    fn unless_overtaken(&self, cluster: Option<RegisteredCluster>) -> Result<RegisteredCluster, Failure> {
        let cluster = cluster.filter(|cluster| !cluster.is_being_deleted());
        let cluster = cluster.ok_or_else(|| self.overtaken("deleted"))?;
        if self.is_given_another(Some(&cluster)) {
            return Err(self.overtaken("changed the kubeconfig of"));
        }
        Ok(cluster)
    }

    fn not_looked(&self, missing: &str, interrupted: Option<String>) -> Failure {
        let missing = match interrupted {
            Some(why) => format!("{missing}, as far as was seen before this: {why}"),
            None => missing.to_owned(),
        };
        Failure::TimedOut {
            side: self.side(),
            waiting: "waiting until the host's controller has looked at its Cluster",
            look_at: LookAt::Controller(self.host.side.clone()),
            missing,
            known: Vec::new(),
        }
    }
}
