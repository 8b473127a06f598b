//! The agreement to what was shown, before the first change.

use super::{interrupt::interrupted, task::Task};
use crate::{
    cli::{ChangeOptions, ProgressForm},
    error::{Error, ErrorKind},
    output::ui::Ui,
};

/// Asks for it, unless it was given beforehand. `is_begun`: whether an earlier plan was agreed to, and carried out as far as it
/// held.
pub(super) async fn agreed<T: Task>(
    task: &T,
    look: &T::Look,
    (change, is_begun): (&ChangeOptions, bool),
    ui: &Ui,
) -> Result<(), Error> {
    if change.yes {
        return Ok(());
    }
    if let Some(why) = ui.unasked_because() {
        let (what, options) = task.unasked(look);
        let read = if change.progress == ProgressForm::None {
            "read the plan of a run without `--progress none`"
        } else {
            "read the plan above"
        };
        return Err(Error::usage(format!("{what}, and {why}"))
            .hint(format!("{read}, then run the same command with `{options}`")));
    }
    let untouched = || if is_begun { "nothing else was changed".to_owned() } else { task.untouched() };
    let agreed = tokio::select! {
        agreed = task.agrees(look, ui) => agreed?,
        _ = interrupted() => {
            ui.end_line();
            return Err(Error::new(ErrorKind::Interrupted, format!("cancelled; {}", untouched())));
        }
    };
    if agreed {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Declined, format!("declined; {}", untouched())))
}
