//! How a command goes on that was not to wait.

use super::{line::Line, style::Tone, ui::Ui};

/// Says that something is left to do, and the command that does it.
pub fn show(ui: &Ui, command: &str) {
    let heading = Line::toned(Tone::Attention, "not done yet:");
    ui.message(heading.and(" what was sent takes effect later, and the rest of the plan after it"));
    ui.hint(format!("to continue: `{command}`"));
}
