//! What a command takes back at its end, however that comes.

use super::interrupt::before_ending;
use crate::{
    live::undo::Undo,
    output::{leftovers, ui::Ui},
};

/// Takes away what this command has put up for a moment, whatever ended it. What stays is said, with what takes it away.
pub(super) async fn undo_before_ending(undo: &Undo, ui: &Ui) {
    let problems = before_ending(undo.pods.delete()).await;
    if let Some(left) = undo.pods.left() {
        leftovers::probe_pods(ui, &left, &problems.unwrap_or_default());
    }
    let Some(before) = undo.webhook.left() else { return };
    let problem = match before_ending(undo.webhook.restore()).await {
        Some(Ok(remark)) => return leftovers::restored(ui, &before.host, remark.as_ref()),
        Some(Err(problem)) => Some(problem),
        None => None,
    };
    if let Some(left) = undo.webhook.left() {
        leftovers::narrowed(ui, &left, problem.as_deref());
    }
}
