//! What is in an archive beside the program.

use clap::CommandFactory as _;
use kubectl_mc::cli::Cli;

use crate::{
    Failure,
    archive::Entry,
    completion, manual, read,
    release::{Release, workspace},
};

/// The files of the repository that go into an archive, and what is made of the command line.
pub fn of(release: &Release) -> Result<Vec<Entry>, Failure> {
    let workspace = workspace();
    let mut entries = Vec::new();
    for file in ["LICENSE", "README.md"] {
        entries.push(Entry::file(file, read(&workspace.join(file))?));
    }
    let pages = manual::pages(Cli::command(), &release.version)?;
    entries.extend(pages.into_iter().map(|(name, page)| Entry::file(format!("man/{name}"), page)));
    let scripts = completion::scripts();
    entries.extend(scripts.into_iter().map(|(name, text)| Entry::file(format!("completions/{name}"), text)));
    let shim = read(&workspace.join("plugin-manifest").join(completion::SHIM))?;
    entries.push(Entry::program(format!("completions/{}", completion::SHIM), shim));
    Ok(entries)
}
