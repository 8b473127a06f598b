//! `kubectl mc completion`.

use crate::{
    cli::{Called, Completion},
    error::Error,
    output::{completion_script::script, ui::Ui},
};

/// Prints a shell's script for the program of this name.
pub fn run(completion: &Completion, called: &Called, ui: &Ui) -> Result<(), Error> {
    ui.document(&script(completion.shell, called))
}
