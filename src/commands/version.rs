//! `kubectl mc version`.

use crate::{
    cli::ShowVersion,
    error::Error,
    output::{ending::print, ui::Ui, version_document::VersionDocument, words::VERSION},
};

/// Prints the program's version, on a line that scripts read: it has the project's name, whatever the file's is.
pub fn run(version: &ShowVersion, ui: &Ui) -> Result<(), Error> {
    match version.output {
        None => ui.result(VERSION),
        Some(format) => print(ui, format, &VersionDocument::new()),
    }
}
