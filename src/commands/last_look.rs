//! The look after everything that was planned is done.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    task::{Looked as _, Task},
    time_limit::{confirm_in_time, in_time},
};
use crate::{
    checks::{self, Finding},
    error::{Error, ErrorKind, Resume},
    live::installer_run,
    output::{document::Document, findings, ui::Ui},
    plan::observed::Observed,
};

/// One API server's cache may be so far behind another's.
const LAGS_BEHIND: Duration = Duration::from_secs(2);
/// Between two looks at a server that is away.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

/// What it is looked at with.
pub(super) struct LastLook<'a, T> {
    pub(super) task: &'a T,
    pub(super) deadline: Instant,
    pub(super) ui: &'a Ui,
}

impl<T: Task> LastLook<'_, T> {
    /// Looks and decides again: it is done when nothing is left to do.
    pub(super) async fn verify(&self, before: &T::Look, document: &mut Document) -> Result<(), Error> {
        let verified = self.verified(before, document).await;
        verified.map_err(|error| match self.task.resume() {
            Resume::GoesOnUnskipped => {
                Error { hints: Vec::new(), resume: Some(Resume::GoesOnUnskipped), ..error }
            }
            Resume::GoesOn | Resume::StartsAnew => error,
        })
    }

    async fn verified(&self, before: &T::Look, document: &mut Document) -> Result<(), Error> {
        let task = self.task;
        if task.resume() == Resume::StartsAnew {
            return Ok(());
        }
        let mut again = in_time(self.deadline, Box::pin(task.look_again(before))).await?;
        if !again.is_clean() {
            again = self.look_after(LAGS_BEHIND).await?;
        }
        while again.is_away() && Instant::now() + LOOKS_EVERY < self.deadline {
            again = self.look_after(LOOKS_EVERY).await?;
        }
        confirm_in_time(again.silent())?;
        let noun = task.operation().noun();
        let Some(view) = again.ready() else {
            findings::show(self.ui, again.findings());
            return Err(Error::new(
                ErrorKind::Error,
                format!("the {noun} is done, but a last look found obstacles"),
            ));
        };
        task.concluded(&again, document, self.ui)?;
        if view.plan.is_empty() {
            return Ok(());
        }
        let left: Vec<String> =
            view.plan.shown().map(|step| format!("{} {}", step.verb(), step.object())).collect();
        let left = left.join(", ");
        let message = format!("the {noun} is done, but a last look found something left to do: {left}");
        Err(Error::new(ErrorKind::Error, message)
            .hint("somebody else changes these clusters; run the same command again"))
    }

    /// What is left of the installer's runs: a configuration is in effect before its run is over.
    pub(super) async fn left_runs(&self, clusters: Vec<Observed>) -> Vec<Finding> {
        let (connections, places) = (self.task.connections(), self.task.places());
        let looked_at = clusters.into_iter().filter_map(|observed| {
            let of = connections.iter().find(|connection| connection.side == observed.side)?;
            Some((*of, observed))
        });
        let clusters = places.each(looked_at, async |(of, observed)| {
            let _stay = places.stay(of);
            installer_run::left(of, observed).await
        });
        let clusters = clusters.await;
        checks::installer_run::left(clusters.iter())
    }

    async fn look_after(&self, pause: Duration) -> Result<T::Look, Error> {
        sleep(pause).await;
        in_time(self.deadline, Box::pin(self.task.look())).await
    }
}
