//! The webhook before Clusters: what an earlier command left narrowed goes with the next change, and what this one has
//! narrowed is restored before it ends.

use std::time::Duration;

use tokio::time::timeout;

use super::interrupt::before_ending;
use crate::{
    checks::{Finding, cluster_webhook},
    error::{Error, Kind},
    live::{
        apply::Persistence,
        connection::Connection,
        narrowing::{
            failure::NarrowingFailure,
            narrowed::Narrowed,
            webhook::{look, restore, restore_left},
        },
        report::{Event, Report},
    },
    output::{ui::Ui, words::harmless},
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
        Ok(remark) => Event::Done(with_remark("webhook restored that another command had narrowed", remark)),
        Err(problem) => Event::Note(format!("the webhook stays narrowed: {problem}")),
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
        Some(Ok(remark)) => {
            let done = with_remark("webhook restored", remark);
            ui.message(&format!("{}: {}", before.host, harmless(&done)));
            return;
        }
        Some(Err(problem)) => problem,
        None => "interrupted".to_owned(),
    };
    let Some(left) = narrowed.left() else { return };
    let state = left.record().map_or_else(
        || format!("the webhook may be narrowed for Cluster {}", left.cluster),
        |record| format!("the webhook may stay narrowed: {}", record.sentence()),
    );
    ui.warning(&harmless(&format!("{}: {state} ({problem})", left.host)));
    ui.hint("the next `kubectl mc` command that changes this host restores it, such as the same one again");
    if let Some(command) = left.command() {
        ui.hint(&format!("to restore it by hand: `{}`", harmless(&command)));
    }
}

fn with_remark(done: &str, remark: Option<String>) -> String {
    remark.map_or_else(|| done.to_owned(), |remark| format!("{done}: {remark}"))
}

impl From<NarrowingFailure> for Error {
    fn from(failure: NarrowingFailure) -> Self {
        let message = failure.to_string();
        match failure {
            NarrowingFailure::Failure(failure) => failure.into(),
            NarrowingFailure::NotSettled { .. } => Self::new(Kind::Error, message)
                .hint("see who else changes it (another `kubectl mc unjoin --force`?), then run the same command again"),
            NarrowingFailure::Malformed { .. } => Self::new(Kind::Obstacle, message)
                .hint("`kubectl mc check` says what to do about it"),
            NarrowingFailure::DeniedByOther { .. } => Self::new(Kind::Obstacle, message)
                .hint("have the policy behind that other webhook let this Cluster pass, then run the same command again"),
            NarrowingFailure::NotEffective { .. } => Self::new(Kind::TimedOut, message)
                .hint("run the same command again when the host's API server has less to do"),
            NarrowingFailure::Stays { .. } => Self::new(Kind::TimedOut, message)
                .hint("see who is to take the finalizer off; run the same command again: it continues where this one stopped"),
        }
    }
}
