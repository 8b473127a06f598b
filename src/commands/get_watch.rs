//! `kubectl mc get --watch`.

use std::time::Duration;

use futures::StreamExt as _;
use kubesphere::cluster::RegisteredCluster;
use tokio::time::{Instant, timeout_at};

use super::get::{HostSeen, Shown, unlisted};
use crate::{
    cli::{GetFormat, OutputFormat},
    error::Error,
    live::{
        observe::clusters_object,
        registrations::{self, Roll, list},
        request_error::{Cause, RequestError, Verb},
    },
    output::{
        self,
        ending::{NEXT_DOCUMENT, conclude},
        registrations::name,
        registrations_document::ClustersDocument,
    },
    plan::{registration::Registration, registration_changes::changes},
};

/// While nothing changes, a row may still become stale, or its credential end.
const JUDGED_EVERY: Duration = Duration::from_secs(10);

/// Shows the Clusters, then each of them whenever something else is to be said of it. Ends with an error only; `began`
/// tells whether the first ones were shown.
pub(super) async fn watch(shown: Shown<'_>, began: &mut bool) -> Result<(), Error> {
    let HostSeen { config, warnings, .. } = shown.host().await;
    let mut rolls = registrations::watch(shown.host, shown.get.selector.as_deref());
    let mut watch = Watch { shown, said: Vec::new(), has_heading: false, is_lost: false };
    let mut clusters = first(&watch.shown, rolls.next().await)?;
    *began = true;
    watch.say(watch.shown.judge(&clusters, config.as_ref()))?;
    output::registrations::warn(watch.shown.ui, &warnings);
    watch.shown.missing(&watch.said, &mut ClustersDocument::new())?;
    let mut judged_by = Instant::now() + JUDGED_EVERY;
    loop {
        match timeout_at(judged_by, rolls.next()).await {
            Ok(Some(Roll::Seen(seen))) => clusters = seen,
            // The next look stays due: where only watching fails, interruptions come more often than that.
            Ok(Some(Roll::Interrupted(cause))) => {
                watch.lose(&cause);
                continue;
            }
            Ok(None) => return Ok(()),
            Err(_) if watch.is_lost => {
                judged_by = Instant::now() + JUDGED_EVERY;
                let Some(seen) = watch.look_again().await else { continue };
                clusters = seen;
            }
            Err(_) => {}
        }
        judged_by = Instant::now() + JUDGED_EVERY;
        watch.is_lost = false;
        watch.say(watch.shown.judge(&clusters, config.as_ref()))?;
    }
}

/// What cannot be listed at first is an error, as with a list alone.
fn first(shown: &Shown<'_>, roll: Option<Roll>) -> Result<Vec<RegisteredCluster>, Error> {
    let cause = match roll {
        Some(Roll::Seen(clusters)) => return Ok(clusters),
        Some(Roll::Interrupted(cause)) => cause,
        None => Cause::NotFound,
    };
    let side = shown.host.side.clone();
    Err(unlisted(RequestError { side, verb: Verb::List, object: clusters_object(), cause }))
}

struct Watch<'a> {
    shown: Shown<'a>,
    /// What was last said of each.
    said: Vec<Registration>,
    has_heading: bool,
    /// Whether nothing was heard of the host since the watch broke off. Then nothing is said to be stale: it is this
    /// watch that is.
    is_lost: bool,
}

impl Watch<'_> {
    fn say(&mut self, now: Vec<Registration>) -> Result<(), Error> {
        let changes = changes(&self.said, &now);
        self.said = now;
        if changes.is_empty() {
            return Ok(());
        }
        let is_first = !std::mem::replace(&mut self.has_heading, true);
        if let Some(format) = self.shown.get.object() {
            return self.say_object(format, &changes, is_first);
        }
        let time = self.shown.host.clock.now();
        let lines = match self.shown.get.output {
            Some(GetFormat::Name) => changes.iter().map(name).collect(),
            _ if is_first => self.shown.table.first(&changes, time),
            _ => self.shown.table.further(&changes, time),
        };
        self.shown.ui.results(lines)
    }

    /// One object for each change, as kubectl does it.
    fn say_object(
        &self,
        format: OutputFormat,
        changes: &[Registration],
        is_first: bool,
    ) -> Result<(), Error> {
        let mut document = ClustersDocument::new();
        document.registered(changes, self.shown.host.clock.now());
        if format == OutputFormat::Yaml && !is_first {
            self.shown.ui.result(NEXT_DOCUMENT)?;
        }
        conclude(self.shown.ui, Some(format), &mut document, Ok(()))
    }

    /// Told once, until the host is heard of again.
    fn lose(&mut self, cause: &Cause) {
        if !std::mem::replace(&mut self.is_lost, true) {
            output::registrations::warn_of_interruption(self.shown.ui, &self.shown.host.side, cause);
        }
    }

    /// A watch that goes on where it broke off says nothing while nothing changes.
    async fn look_again(&self) -> Option<Vec<RegisteredCluster>> {
        list(self.shown.host, self.shown.get.selector.as_deref()).await.ok()
    }
}
