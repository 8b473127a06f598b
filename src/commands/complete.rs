//! What a shell asks while somebody types, in the protocol that kubectl speaks with its plugins, which is cobra's
//! (source: kubectl `pkg/cmd/plugin_completion.go`). Every failure is silence.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::CommandFactory as _;
use tokio::{runtime::Handle, task::spawn_blocking, time::timeout};

use super::{
    contexts::{kubeconfig, select_host},
    fleet::file::FleetFile,
};
use crate::{
    checks::every_check,
    cli::{
        Called, Cli, Global,
        completion::{Candidate, Source, Typed, Values, Wanted, wanted},
    },
    live::{environment::Environment, registered_names::registered_names},
    output::{
        candidates::{Rest, show},
        ui::Ui,
    },
};

/// The word before those that are to be completed.
const COMPLETE: &str = "__complete";
/// Nobody waits longer for names, whatever keeps them: a server, or a file that does not let itself be read. A little
/// more than the host gets, so that what was started to ask it is ended first.
const ANSWERED_WITHIN: Duration = Duration::from_millis(800);

/// The words to complete, the last of them up to the cursor, where a shell or kubectl asks for that.
pub fn asked(command_line: &[String]) -> Option<&[String]> {
    let (program, words) = command_line.split_first()?;
    if Called::by(Some(program)).is_completer() {
        return Some(words);
    }
    words.split_first().filter(|(word, _)| *word == COMPLETE).map(|(_, words)| words)
}

/// Prints what the last word may become.
pub async fn run(words: &[String], ui: &Ui) {
    let mut program = Cli::command();
    program.build();
    let (word, before) = words.split_last().map_or(("", words), |(word, before)| (word.as_str(), before));
    let typed = Typed::read(&program, before);
    let (candidates, rest) = match wanted(&typed, word) {
        Wanted::Candidates(candidates) => (candidates, Rest::Nothing),
        Wanted::Values(values) => {
            (candidates(values, typed.global(), typed.file().map(PathBuf::from)).await, Rest::Nothing)
        }
        Wanted::File => (Vec::new(), Rest::Files),
        Wanted::Folder => (Vec::new(), Rest::Folders),
    };
    show(ui, &candidates, rest);
}

async fn candidates(values: Values, global: Option<Global>, file: Option<PathBuf>) -> Vec<Candidate> {
    let names = match global {
        Some(global) => names_in_time(values.source, global, file).await,
        None => Vec::new(),
    };
    let names = names.into_iter().filter(|(name, _)| name.starts_with(&values.start));
    names
        .filter(|(name, _)| !(values.taken.contains(name) || values.is_bare && name.starts_with('-')))
        .map(|(name, description)| Candidate { value: format!("{}{name}", values.before), description })
        .collect()
}

/// Files are read meanwhile, so the work is done beside this task, which leaves it where it takes too long.
async fn names_in_time(source: Source, global: Global, file: Option<PathBuf>) -> Vec<(String, String)> {
    let runtime = Handle::current();
    let work = spawn_blocking(move || runtime.block_on(names(source, &global, file.as_deref())));
    timeout(ANSWERED_WITHIN, work).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// Names with what they are.
async fn names(source: Source, global: &Global, file: Option<&Path>) -> Vec<(String, String)> {
    let environment = Environment::in_passing();
    let names: Vec<String> = match source {
        Source::Contexts(of) => kubeconfig(of, global, &environment).contexts().map(str::to_owned).collect(),
        Source::KubeconfigClusters(of) => {
            kubeconfig(of, global, &environment).clusters().map(str::to_owned).collect()
        }
        Source::Users(of) => kubeconfig(of, global, &environment).users().map(str::to_owned).collect(),
        Source::RegisteredClusters => match select_host(global, &environment) {
            Ok(host) => registered_names(host, &environment).await,
            Err(_) => Vec::new(),
        },
        Source::FleetMembers => members(file, global),
        Source::SkippableChecks => {
            let checks = every_check().filter(|check| check.skippable);
            return checks.map(|check| (check.id.to_owned(), check.title.to_owned())).collect();
        }
    };
    names.into_iter().map(|name| (name, String::new())).collect()
}

/// What is typed on stdin is not there yet.
fn members(file: Option<&Path>, global: &Global) -> Vec<String> {
    let file = file.filter(|path| *path != Path::new("-"));
    let file = file.and_then(|path| FleetFile::read(path, global).ok());
    file.map(|file| file.names().into_iter().map(str::to_owned).collect()).unwrap_or_default()
}
