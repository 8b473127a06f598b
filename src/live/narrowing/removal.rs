//! Taking a Cluster out behind the narrowed webhook.

use std::time::Duration;

use kube::core::ObjectMeta;
use kubesphere::cluster::FINALIZER;
use tokio::time::{Instant, sleep};

use super::{
    admission::{attempt, touch},
    failure::NarrowingFailure,
    narrowed::Narrowed,
};
use crate::{
    live::{
        connection::Connection,
        objects::Deletion,
        observe::clusters,
        patience::{in_time, retry_until},
        report::{Activity, Completed, Event, Notice, Reporter},
    },
    plan::{
        narrowing::{Field, Record},
        unjoin::admission::Admission,
    },
};

/// How long an API server may take to follow a change of its webhooks.
const EFFECTIVE_WITHIN: Duration = Duration::from_secs(60);
/// An update that passes has to pass so often: behind one address there may be several API servers.
const PASSES: u32 = 3;
/// How long one try may take; a webhook that asks a silent member would take all of its time.
pub(super) const TRY: Duration = Duration::from_secs(5);
/// Between two tries, or two looks.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// How often the controller is made to look.
const TOUCHES_EVERY: Duration = Duration::from_secs(3);
/// A controller that has not taken its finalizer off by then is down, or fails at the member that is gone.
pub(super) const CONTROLLER_WITHIN: Duration = Duration::from_secs(30);
/// The webhook is never narrowed for longer: on older hosts it is off for all Clusters meanwhile.
const NARROWED_WITHIN: Duration = Duration::from_secs(180);
/// How often another command may undo the narrowing.
const NARROWED_AT_MOST: u32 = 5;

/// A Cluster that is to be taken out although the webhook denies it.
#[derive(Clone, Copy)]
pub struct Removal<'a> {
    pub host: &'a Connection,
    pub cluster: &'a str,
    /// The UID of the object: a later one of the same name is another.
    pub uid: &'a str,
    /// By which field the webhook is narrowed.
    pub field: Field,
    /// Until when.
    pub deadline: Instant,
    /// What has to be restored after it.
    pub narrowed: &'a Narrowed,
    /// Who shows it.
    pub report: &'a dyn Reporter,
}

/// How the Cluster went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// Its controller took its finalizer off.
    ByController,
    /// We did, because no controller did.
    ByUs,
}

/// Until when a webhook may stay narrowed that is narrowed now.
pub fn narrowed_until(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + NARROWED_WITHIN)
}

impl Removal<'_> {
    /// Narrows the webhook and waits until the API server's admission follows. It has to be restored after it, whatever came
    /// of it.
    pub async fn narrow_webhook(&self) -> Result<(), NarrowingFailure> {
        self.tell(Event::Begins(Activity::Narrowing(self.cluster.to_owned())));
        if let Some(record) = self.narrow().await? {
            self.tell(Event::Done(Completed::Narrowed(record)));
        }
        self.until_effective().await
    }

    /// Deletes the Cluster behind the narrowed webhook, and waits until it is gone.
    pub async fn remove(&self) -> Result<Removed, NarrowingFailure> {
        self.tell(Event::Begins(Activity::ClusterGone(self.cluster.to_owned())));
        let object = self.look().await?;
        match object {
            None => {}
            Some(object) if object.is_being_deleted() => self.touch(&mut 0).await?,
            Some(_) => self.delete().await?,
        }
        self.until_gone().await
    }

    async fn narrow(&self) -> Result<Option<Record>, NarrowingFailure> {
        self.narrowed.narrow(self.host, self.cluster, self.field, self.deadline).await
    }

    /// Waits until the API server's admission follows.
    async fn until_effective(&self) -> Result<(), NarrowingFailure> {
        let within = self.deadline.min(Instant::now() + EFFECTIVE_WITHIN);
        let (mut passed, mut undone) = (0, 0);
        loop {
            let ask = async || attempt(self.host, (self.cluster, self.uid), TRY).await;
            match retry_until(&self.host.side, within + 2 * TRY, ask).await? {
                Admission::DeniedByOther(why) => return Err(self.denied_by_other(why)),
                Admission::Denies(last) | Admission::NotCalled(last) | Admission::Silent(last)
                    if Instant::now() >= within =>
                {
                    let (side, cluster) = (self.host.side.clone(), self.cluster.to_owned());
                    return Err(NarrowingFailure::NotEffective { side, cluster, last });
                }
                Admission::Denies(why) | Admission::NotCalled(why) | Admission::Silent(why) => {
                    passed = 0;
                    self.tell(Event::Stands(why));
                    self.narrow_again(&mut undone).await?;
                }
                Admission::NotAsked => return Ok(()),
                Admission::Passes | Admission::Unguarded | Admission::Unasked(_) => passed += 1,
            }
            if passed == PASSES {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    /// Another command of ours that changes this host restores what it finds narrowed.
    pub(super) async fn narrow_again(&self, undone: &mut u32) -> Result<(), NarrowingFailure> {
        if self.narrowed.still_serves(self.host, self.cluster).await.unwrap_or(true) {
            return Ok(());
        }
        *undone += 1;
        if *undone > NARROWED_AT_MOST {
            let (side, attempts) = (self.host.side.clone(), NARROWED_AT_MOST);
            return Err(NarrowingFailure::NotSettled { side, attempts });
        }
        self.tell(Event::Notice(Notice::RestoredByOthers));
        self.narrow().await.map(drop)
    }

    async fn delete(&self) -> Result<(), NarrowingFailure> {
        let (clusters, deletion) = (clusters(self.host), Deletion::of(self.uid));
        let answer = clusters.remove(self.cluster, &deletion);
        match in_time(&self.host.side, self.deadline, answer).await? {
            // What was perhaps carried out shows when it is looked for.
            Err(error) if !error.cause.may_pass() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn until_gone(&self) -> Result<Removed, NarrowingFailure> {
        let begun = Instant::now();
        let (mut touched, mut undone) = (begun, 0);
        while let Some(object) = self.look().await? {
            if Instant::now() >= self.deadline {
                return Err(self.stays(&object));
            }
            if !object.is_being_deleted() {
                self.delete().await?;
            } else if begun.elapsed() >= CONTROLLER_WITHIN {
                return self.finalize(object).await;
            } else if touched.elapsed() >= TOUCHES_EVERY {
                touched = Instant::now();
                self.touch(&mut undone).await?;
            }
            sleep(PAUSE).await;
        }
        Ok(Removed::ByController)
    }

    async fn touch(&self, undone: &mut u32) -> Result<(), NarrowingFailure> {
        match touch(self.host, (self.cluster, self.uid), TRY).await {
            Ok(Admission::Denies(why) | Admission::NotCalled(why) | Admission::Silent(why)) => {
                self.tell(Event::Stands(why));
                self.narrow_again(undone).await
            }
            Ok(Admission::DeniedByOther(why)) => Err(self.denied_by_other(why)),
            Ok(_) => Ok(()),
            Err(error) if error.cause.may_pass() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn denied_by_other(&self, why: String) -> NarrowingFailure {
        let (side, cluster) = (self.host.side.clone(), self.cluster.to_owned());
        NarrowingFailure::DeniedByOther { side, cluster, why }
    }

    pub(super) fn stays(&self, object: &Deleting) -> NarrowingFailure {
        let (side, cluster) = (self.host.side.clone(), self.cluster.to_owned());
        NarrowingFailure::Stays { side, cluster, last: object.what_is_left() }
    }

    /// The object, as long as it is there; patient with a server that is away.
    pub(super) async fn look(&self) -> Result<Option<Deleting>, NarrowingFailure> {
        let ask = async || clusters(self.host).find_metadata(self.cluster).await;
        let found = retry_until(&self.host.side, self.deadline, ask).await?;
        Ok(found.filter(|found| found.uid.as_deref() == Some(self.uid)).map(Deleting))
    }

    pub(super) fn tell(&self, event: Event) {
        self.report.tell(&self.host.side, event);
    }
}

/// What is left of the Cluster.
pub(super) struct Deleting(ObjectMeta);

impl Deleting {
    fn is_being_deleted(&self) -> bool {
        self.0.deletion_timestamp.is_some()
    }

    fn finalizers(&self) -> &[String] {
        self.0.finalizers.as_deref().unwrap_or_default()
    }

    pub(super) fn position_of_finalizer(&self) -> Option<usize> {
        self.finalizers().iter().position(|finalizer| finalizer == FINALIZER)
    }

    fn what_is_left(&self) -> String {
        match self.finalizers() {
            [] => "it is being deleted".to_owned(),
            finalizers => format!("it waits for {}", finalizers.join(", ")),
        }
    }
}

#[cfg(test)]
#[path = "removal_tests.rs"]
mod tests;
