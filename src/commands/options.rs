//! `kubectl mc options`.

use crate::{cli::Cli, error::Error, output::ui::Ui};

/// Prints the options of every command.
pub fn run(ui: &Ui) -> Result<(), Error> {
    ui.document(&(Cli::options().trim_end().to_owned() + "\n"))
}
