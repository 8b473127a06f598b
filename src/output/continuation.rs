//! How a command goes on that was not to wait.

use owo_colors::OwoColorize as _;

use super::ui::Ui;

/// Says that something is left to do, and the command that does it.
pub fn show(ui: &Ui, command: &str) {
    let heading = "not done yet:".style(ui.styles.attention).to_string();
    ui.message(&format!("{heading} what was sent takes effect later, and the rest of the plan after it"));
    ui.hint(&format!("to continue: `{command}`"));
}
