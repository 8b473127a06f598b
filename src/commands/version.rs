//! `kubectl mc version`.

use crate::{
    error::Error,
    output::{ui::Ui, words::VERSION},
};

/// Prints the program's version, on a line that scripts read: it has the project's name, whatever the file's is.
pub fn run(ui: &Ui) -> Result<(), Error> {
    ui.result(VERSION)
}
