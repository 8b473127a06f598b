//! The programs of this workspace, built by the cargo that runs this.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Error;

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As for tests.
    Dev,
    /// As it is released.
    Release,
}

/// Builds the program of this name, with cargo's own progress on stderr.
///
/// # Errors
/// When cargo cannot be run, or the program does not build.
pub fn built(program: &str, profile: Profile) -> Result<PathBuf, Error> {
    let failed = |source: io::Error| Error::Io { action: format!("build {program}"), source };
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Crates would be built anew whose build scripts look at what cargo tells this program of its own package.
    for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    // Without a package, so that it takes its crates as the test bed does.
    command
        .args(["build", "--locked", "--bin", program])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            command.arg("--release");
            "release"
        }
    };
    if !command.status().map_err(failed)?.success() {
        return Err(failed(io::Error::other("the reason is above")));
    }
    Ok(target().map_err(failed)?.join(folder).join(program))
}

/// The folder of everything that cargo builds, in which this program lies.
fn target() -> io::Result<PathBuf> {
    let own = env::current_exe()?;
    let marked = own.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked
        .map(Path::to_owned)
        .ok_or_else(|| io::Error::other(format!("no target folder above {}", own.display())))
}
