//! `kubectl mc version`.

use crate::{error::Error, output::ui::Ui};

/// Prints the program's version.
pub fn run(ui: &Ui) -> Result<(), Error> {
    ui.result(&format!("kubectl-mc v{}", env!("CARGO_PKG_VERSION")))
}
