//! What is released of kubectl-mc, and how it is made: the same on every machine, so that everybody can make it again
//! and compare.

pub mod archive;
pub mod cargo;
pub mod checksums;
pub mod completion;
pub mod components;
pub mod contents;
pub mod dependencies;
pub mod dist;
pub mod environment;
pub mod krew;
pub mod linked;
pub mod manual;
pub mod notices;
pub mod picture;
pub mod platform;
pub mod program;
pub mod reference;
pub mod release;
pub mod tools;

use std::{error::Error, fs, path::Path};

/// Why something could not be made, for a person.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Says of a failure what was tried, and with which file.
pub fn with_path<E: Error>(verb: &'static str, path: &Path) -> impl FnOnce(E) -> Failure {
    let path = path.display().to_string();
    move |error| format!("{verb} {path}: {error}").into()
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(with_path("read", path))
}

/// The text of a file.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(with_path("read", path))
}

/// Writes a file, and the folders above it.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(with_path("create the folder", folder))?;
    }
    fs::write(path, bytes).map_err(with_path("write", path))
}
