//! The webhook before Clusters: what an earlier command left narrowed goes with the next change, and what this one has
//! narrowed is restored before it ends.

use std::time::Duration;

use tokio::time::timeout;

use super::interrupt::before_ending;
use crate::{
    checks::{Finding, cluster_webhook},
    error::{Error, Kind},
    kubesphere::command::Mc,
    live::{
        apply::Persistence,
        connection::Connection,
        narrowing::{
            failure::NarrowingFailure,
            narrowed::Narrowed,
            webhook::{look, restore, restore_left},
        },
        report::{Deed, Event, Note, Report},
    },
    output::{leftovers, ui::Ui},
    plan::narrowing::{Restoration, Standing},
};

/// So long a command tries to restore what another one has narrowed.
const RESTORED_WITHIN: Duration = Duration::from_secs(30);

/// What it takes to restore the webhook, where an earlier command has left it narrowed. Nothing is written; what cannot
/// be read keeps nobody from a join.
pub(super) async fn left_narrowed(host: &Connection) -> Option<Restoration> {
    look(host).await.present().cloned().and_then(Standing::into_restoration)
}

/// Restores it. That it cannot is worth a note, not an end. Returns whether it is restored.
pub(super) async fn tidy(host: &Connection, left: Option<&Restoration>, report: &dyn Report) -> bool {
    let Some(restoration) = left else { return false };
    let restored = timeout(RESTORED_WITHIN, restore_left(host, restoration)).await;
    let restored =
        restored.unwrap_or_else(|_| Err(format!("not restored within {} s", RESTORED_WITHIN.as_secs())));
    let is_restored = restored.is_ok();
    let event = match restored {
        Ok(remark) => Event::Done(Deed::OthersRestored(remark)),
        Err(problem) => Event::Note(Note::StaysNarrowed(problem)),
    };
    report.tell(&host.side, event);
    is_restored
}

/// Lets admission on the host have its say about that.
pub(super) async fn rehearse(host: &Connection, left: Option<&Restoration>) {
    if let Some(restoration) = left {
        drop(restore(host, restoration, Persistence::DryRun).await);
    }
}

/// For a command that only looks: how the webhook stands.
pub(super) async fn found(host: &Connection) -> Vec<Finding> {
    cluster_webhook::found(&host.side, &look(host).await)
}

/// Restores what this command has narrowed, whatever ended it. What could not be restored is said, with what does it.
pub(super) async fn restore_before_ending(narrowed: &Narrowed, ui: &Ui) {
    let Some(before) = narrowed.left() else { return };
    let problem = match before_ending(narrowed.restore()).await {
        Some(Ok(remark)) => return leftovers::restored(ui, &before.host, remark.as_ref()),
        Some(Err(problem)) => Some(problem),
        None => None,
    };
    if let Some(left) = narrowed.left() {
        leftovers::narrowed(ui, &left, problem.as_deref());
    }
}

impl From<NarrowingFailure> for Error {
    fn from(failure: NarrowingFailure) -> Self {
        let message = failure.to_string();
        match failure {
            NarrowingFailure::Failure(failure) => failure.into(),
            NarrowingFailure::NotSettled { .. } => Self::new(Kind::Error, message)
                .hint("see who else changes it (another `kubectl mc unjoin --force`?), then run the same command again"),
            NarrowingFailure::Malformed { side, .. } => Self::new(Kind::Obstacle, message)
                .hint(format!("`{}` says what to do about it", Mc::new("check").host(&side))),
            NarrowingFailure::DeniedByOther { .. } => Self::new(Kind::Obstacle, message)
                .hint("have the policy behind that other webhook let this Cluster pass, then run the same command again"),
            NarrowingFailure::NotEffective { .. } => Self::new(Kind::TimedOut, message)
                .hint("run the same command again when the host's API server has less to do"),
            NarrowingFailure::Stays { .. } => Self::new(Kind::TimedOut, message)
                .hint("see who is to take the finalizer off; run the same command again: it continues where this one stopped"),
        }
    }
}
