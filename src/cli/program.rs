//! The program and its commands.

use std::ffi::OsString;

use clap::{
    Command as Definition, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

use super::{
    called::Called, change::ProgressForm, check::Check, completion::Completion, configure::Configure,
    fleet::Fleet, get::Get, global::Global, help, import::Import, join::Join, jwt_secret::ShowJwtSecret,
    logs::Logs, prepare::Prepare, renew::Renew, rotate::Rotate, unjoin::Unjoin, version::ShowVersion,
};

/// Joins KubeSphere clusters by direct connection
///
/// The host is the cluster you manage the others from: the context of --context, or the
/// current-context. MEMBER is always the name of a kubeconfig context of a member cluster, and NAME the
/// name of its Cluster on the host, as `kubectl mc get` lists it.
///
/// What changes clusters shows its plan and asks first. With --dry-run=client it shows the plan and
/// changes nothing; `kubectl mc check` reports what blocks it, and changes nothing either.
///
/// Exit codes, where a command's own help says nothing else:
///   0  done, or nothing to do        4    timed out; re-running continues
///   1  error                         5    declined at the prompt
///   2  usage                         6    several members, some failed
///   3  an obstacle stopped it        130  interrupted; re-running continues
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-mc",
    bin_name = "kubectl mc",
    version = concat!("v", env!("CARGO_PKG_VERSION")),
    verbatim_doc_comment,
    disable_help_subcommand = false,
    arg_required_else_help = true,
    max_term_width = help::MAXIMAL_WIDTH,
    after_help = "\
Examples:
  # Show what joining the cluster of context edge-1 to the host of context prod would do
  kubectl mc join edge-1 --context prod --dry-run=client

  # Join it
  kubectl mc join edge-1 --context prod

  # The clusters of a host and their status
  kubectl mc get --context prod

  # Find out whether a member is still what the join made of it
  kubectl mc check edge-1 --context prod

  # Take it out again, on both sides
  kubectl mc unjoin edge-1 --context prod --member-context edge-1"
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

impl Cli {
    /// The definition, for a program of this name.
    pub fn called(called: &Called) -> Definition {
        let definition = Self::command();
        let is_renamed = *called != Called::default();
        let definition =
            if is_renamed { renamed(definition.bin_name(called.name()), called) } else { definition };
        help::laid_out(definition, &called.name())
    }

    /// The options of every command, as their page shows them.
    pub fn options() -> String {
        help::options(&Self::command())
    }

    /// Reads a command line, the program's own name first.
    pub fn read(words: impl IntoIterator<Item = OsString>, called: &Called) -> Result<Self, clap::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        // Laying help out takes longer than reading the words, and is seldom needed.
        if let Ok(cli) = Self::try_parse_from(&words) {
            return Ok(cli);
        }
        let mut definition = Self::called(called);
        let matches = definition.try_get_matches_from_mut(&words);
        let matches = matches.map_err(|error| pointed(error, &words, &definition))?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut definition))
    }
}

/// What other tools call our commands, for a hint to who types it.
const ELSEWHERE_CALLED: [(&str, &str); 16] = [
    ("add", "join"),
    ("attach", "join"),
    ("register", "join"),
    ("delete", "unjoin"),
    ("deregister", "unjoin"),
    ("detach", "unjoin"),
    ("disconnect", "unjoin"),
    ("leave", "unjoin"),
    ("remove", "unjoin"),
    ("rm", "unjoin"),
    ("unregister", "unjoin"),
    ("list", "get"),
    ("ls", "get"),
    ("status", "get"),
    ("doctor", "check"),
    ("verify", "check"),
];

/// Forms of `kubectl get -o` that no command has here (kubectl `pkg/cmd/get/get_flags.go@v1.34.0`): one of ours that has a
/// part of such a name does something else.
const KUBECTLS_FORMS: [&str; 8] = [
    "custom-columns",
    "custom-columns-file",
    "go-template",
    "go-template-file",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "template",
];

/// What was typed wrongly, with a hint only where that helps.
fn pointed(error: clap::Error, words: &[OsString], definition: &Definition) -> clap::Error {
    without_another_form(pointed_at_command(error, words, definition))
}

fn without_another_form(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else { return error };
    let form = value.split('=').next().unwrap_or_default();
    if KUBECTLS_FORMS.contains(&form) {
        let _ = error.remove(ContextKind::SuggestedValue);
    }
    error
}

/// An unknown command with a hint at ours where another tool has one of that name: its letters may be another's. Below a
/// command that has some of its own, ours are none.
fn pointed_at_command(mut error: clap::Error, words: &[OsString], definition: &Definition) -> clap::Error {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let mut before = words.iter().skip(1).take_while(|word| *word != unknown.as_str());
    let is_below =
        before.any(|word| definition.find_subcommand(word).is_some_and(Definition::has_subcommands));
    let known = ELSEWHERE_CALLED.iter().find(|(elsewhere, _)| !is_below && elsewhere == unknown);
    if let Some((_, ours)) = known {
        let ours = ContextValue::Strings(vec![(*ours).to_owned()]);
        let _ = error.insert(ContextKind::SuggestedSubcommand, ours);
    }
    error
}

/// The help of a command and of those below it under another name.
fn renamed(mut command: Definition, called: &Called) -> Definition {
    let text = |text: &StyledStr| called.renamed(&text.to_string());
    if let Some(about) = command.get_about().map(text) {
        command = command.about(about);
    }
    if let Some(about) = command.get_long_about().map(text) {
        command = command.long_about(about);
    }
    if let Some(after) = command.get_after_help().map(text) {
        command = command.after_help(after);
    }
    command.mut_subcommands(|command| renamed(command, called))
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a comment here would take the place of the command's own help")]
pub enum Command {
    Join(Box<Join>),
    #[command(subcommand)]
    Prepare(Prepare),
    Import(Box<Import>),
    Configure(Configure),
    Logs(Logs),
    JwtSecret(ShowJwtSecret),
    Check(Check),
    Get(Get),
    Renew(Box<Renew>),
    #[command(subcommand)]
    Rotate(Rotate),
    Unjoin(Box<Unjoin>),
    #[command(subcommand)]
    Fleet(Fleet),
    Completion(Completion),
    /// List the options of every command
    ///
    /// They say how the clusters are reached, as whom, how long a request may take, and what is shown of
    /// it. Most are kubectl's, and mean for the host what they mean there; those of a member begin with
    /// --member-.
    ///
    /// Needs no cluster, and asks none.
    #[command(after_help = "\
Examples:
  # List them
  kubectl mc options

  # Those that say how a member is reached
  kubectl mc options | grep -A 1 -e --member-")]
    Options,
    Version(ShowVersion),
}

impl Command {
    /// How it tells what happens.
    pub fn progress(&self) -> ProgressForm {
        match self {
            Self::Join(join) => join.change.progress,
            Self::Prepare(Prepare::Host(prepare)) => prepare.change.progress,
            Self::Prepare(Prepare::Member(prepare)) => prepare.change.progress,
            Self::Import(import) => import.change.progress,
            Self::Renew(renew) => renew.change.progress,
            Self::Rotate(Rotate::JwtSecret(rotate)) => rotate.change.progress,
            Self::Unjoin(unjoin) => unjoin.change.progress,
            _ => ProgressForm::default(),
        }
    }
}
