//! The narrowing that has to be taken back before the command ends, however it ends.

use std::{cell::RefCell, time::Duration};

use kubesphere::{
    cluster_webhook::{CONFIGURATION, ClusterWebhook, GROUP, PLURAL},
    command::{Kubectl, Mc},
    side::Side,
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    failure::NarrowingFailure,
    webhook::{ATTEMPTS, lost_race, malformed, patch, read},
};
use crate::{
    live::{
        connection::Connection,
        objects::Persistence,
        patience::{Patience, in_time, retry_until},
        request_error::{Cause, RequestError},
        retry::Passing,
    },
    plan::narrowing::{
        Field, Narrowing, NotNarrowed, Record, Remark, Restoration, Standing, narrow, standing,
    },
};

/// So long is looked for a patch whose answer was lost, or not waited for.
const ARRIVES_WITHIN: Duration = Duration::from_secs(8);
/// How long it is tried to restore, whatever the command's own time: an API server may restart meanwhile.
const RESTORED_WITHIN: Duration = Duration::from_secs(90);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// The narrowing of this command.
///
/// It is kept outside of the future that narrows: an interruption drops that future, wherever it stands, and what it
/// would have done at its end is done by whoever awaits [`Narrowed::restore`] after it.
#[derive(Default)]
pub struct Narrowed {
    pending: RefCell<Option<Pending>>,
}

#[derive(Clone)]
struct Pending {
    host: Connection,
    cluster: String,
    /// Whether the API server has confirmed it.
    confirmed: bool,
    /// How it is restored, as far as was seen last.
    restoration: Option<Restoration>,
}

/// A narrowing that could not be restored.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    pub host: Side,
    pub cluster: String,
    restoration: Option<Restoration>,
}

impl Left {
    pub fn record(&self) -> Option<&Record> {
        self.restoration.as_ref().map(|restoration| &restoration.record)
    }

    /// The command that restores it.
    pub fn command(&self) -> Option<String> {
        let document = self.restoration.as_ref()?.patch.document().to_string();
        let kubectl = Kubectl::on(&self.host).words(&format!("patch {PLURAL}.{GROUP} {CONFIGURATION}"));
        Some(kubectl.words("--type json -p").word(&document).to_string())
    }
}

impl Narrowed {
    /// What may be narrowed still.
    pub fn left(&self) -> Option<Left> {
        let pending = self.pending.borrow().clone()?;
        Some(Left { host: pending.host.side, cluster: pending.cluster, restoration: pending.restoration })
    }

    /// Narrows the webhook for this Cluster, after restoring what others have left, or takes over what stands. Nothing
    /// where the webhook does not stand (any more).
    pub async fn narrow(
        &self,
        host: &Connection,
        cluster: &str,
        field: Field,
        deadline: Instant,
    ) -> Result<Option<Record>, NarrowingFailure> {
        let (mut patience, mut lost) = (Patience::until(&host.side, deadline), 0);
        while lost < ATTEMPTS {
            let Some(webhook) = retry_until(&host.side, deadline, async || read(host).await).await? else {
                return Ok(None);
            };
            let sent = match narrow(&webhook, cluster, field, host.clock.now()) {
                Err(NotNarrowed::DoesNotStand) => return Ok(None),
                Err(NotNarrowed::Malformed(why)) => return Err(malformed(host, why)),
                Err(NotNarrowed::Already(record)) => {
                    self.expect(host, cluster, standing(&webhook).into_restoration(), true);
                    return Ok(Some(record));
                }
                Err(NotNarrowed::Left(earlier)) => {
                    patch(host, &earlier.patch, Persistence::Stored).await.map(|_| None)
                }
                Ok(narrowing) => {
                    let sent = self.send(host, &webhook, &narrowing);
                    in_time(&host.side, deadline, sent).await?
                }
            };
            match sent {
                Ok(Some(record)) => return Ok(Some(record)),
                Ok(None) => lost += 1,
                Err(error) if lost_race(&error) => {
                    lost += 1;
                    sleep(PAUSE).await;
                }
                Err(error) => patience.bear(error).await?,
            }
        }
        Err(NarrowingFailure::NotSettled { side: host.side.clone(), attempts: ATTEMPTS })
    }

    async fn send(
        &self,
        host: &Connection,
        webhook: &ClusterWebhook,
        narrowing: &Narrowing,
    ) -> Result<Option<Record>, RequestError> {
        let cluster = &narrowing.record.cluster;
        let is_first = self.pending.borrow().is_none();
        self.expect(host, cluster, narrowing.restoration(webhook), false);
        let answer = patch(host, &narrowing.patch, Persistence::Stored).await;
        if is_first && answer.as_ref().is_err_and(was_not_carried_out) {
            self.forget();
        }
        let answer = answer?;
        self.expect(host, cluster, standing(&answer).into_restoration(), true);
        // One of several API servers may be older than the one that was asked whether it keeps the field.
        Ok(narrowing.is_kept_by(&answer).then(|| narrowing.record.clone()))
    }

    fn expect(&self, host: &Connection, cluster: &str, restoration: Option<Restoration>, confirmed: bool) {
        let pending = Pending { host: host.clone(), cluster: cluster.to_owned(), confirmed, restoration };
        *self.pending.borrow_mut() = Some(pending);
    }

    fn forget(&self) {
        *self.pending.borrow_mut() = None;
    }

    /// Whether the narrowing still serves; another command may have restored it meanwhile.
    pub(super) async fn still_serves(&self, host: &Connection, cluster: &str) -> Result<bool, RequestError> {
        let Some(webhook) = read(host).await? else { return Ok(true) };
        let now = host.clock.now();
        let again = narrow(&webhook, cluster, Field::Rules, now);
        Ok(matches!(again, Err(NotNarrowed::Already(_) | NotNarrowed::DoesNotStand)))
    }

    /// Restores what this command has narrowed. Returns what became of it where that is worth a word; after an error it
    /// is still there in [`Self::left`].
    pub async fn restore(&self) -> Result<Option<Remark>, String> {
        match timeout(RESTORED_WITHIN, self.try_to_restore()).await {
            Ok(result) => result,
            Err(_) => Err(format!("not restored within {} s", RESTORED_WITHIN.as_secs())),
        }
    }

    async fn try_to_restore(&self) -> Result<Option<Remark>, String> {
        let begun = Instant::now();
        loop {
            let Some(pending) = self.pending.borrow().clone() else { return Ok(None) };
            match self.restore_once(&pending).await {
                Ok(Some(remark)) => {
                    self.forget();
                    return Ok(remark);
                }
                Ok(None) if self.is_confirmed() => {}
                Ok(None) if begun.elapsed() < ARRIVES_WITHIN => sleep(PAUSE).await,
                Ok(None) => return Err(never_arrived(&pending.host.side)),
                Err(error) if is_final(&error) => return Err(format!("{error}: {}", error.cause)),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Whether it is restored, with what is worth a word.
    async fn restore_once(&self, pending: &Pending) -> Result<Option<Option<Remark>>, RequestError> {
        let Some(webhook) = read(&pending.host).await? else { return Ok(Some(None)) };
        match standing(&webhook) {
            Standing::Narrowed(restoration) if restoration.record.cluster == pending.cluster => {
                let Pending { host, cluster, .. } = pending;
                self.expect(host, cluster, Some((*restoration).clone()), true);
                match patch(host, &restoration.patch, Persistence::Stored).await {
                    Ok(_) => Ok(Some(restoration.remark())),
                    Err(error) if lost_race(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Standing::Malformed(why) => Ok(Some(Some(Remark::AnnotationRewritten(why)))),
            // Restored by another command, which may have narrowed it for a Cluster of its own.
            Standing::Narrowed(_) | Standing::Untouched if pending.confirmed => Ok(Some(None)),
            Standing::Narrowed(_) | Standing::Untouched => Ok(None),
        }
    }

    fn is_confirmed(&self) -> bool {
        self.pending.borrow().as_ref().is_some_and(|pending| pending.confirmed)
    }
}

/// Whether the server has certainly not carried it out.
fn was_not_carried_out(error: &RequestError) -> bool {
    lost_race(error)
        || error.cause.passing() == Some(Passing::Untouched)
        || matches!(error.cause, Cause::Forbidden { .. } | Cause::Unauthorized | Cause::NotLetIn(_))
}

fn never_arrived(host: &Side) -> String {
    format!(
        "the patch was never answered, and has not arrived within {} s; it may still, and `{}` tells",
        ARRIVES_WITHIN.as_secs(),
        Mc::new("check").host(host)
    )
}

/// What no patience helps against; a server error may be one of a moment.
fn is_final(error: &RequestError) -> bool {
    matches!(
        error.cause,
        Cause::Forbidden { .. } | Cause::Unauthorized | Cause::NotLetIn(_) | Cause::Credentials { .. }
    )
}

#[cfg(test)]
#[path = "narrowed_tests.rs"]
mod tests;
