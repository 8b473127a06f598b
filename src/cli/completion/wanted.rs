//! What the last word may become, in the manners of kubectl's own completion: options only where the word begins with
//! `-`, and no value repeats the option that it stands behind.

use clap::{Arg, ArgAction, Command, ValueHint};

use super::Typed;

/// A word that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word.
    pub value: String,
    /// What it is, in one line.
    pub description: String,
}

/// On which side a kubeconfig is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// `--kubeconfig`
    Host,
    /// `--member-kubeconfig`, or the host's
    Member,
}

/// Names that the definition of the command line does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Contexts of a kubeconfig.
    Contexts(Of),
    /// Clusters of a kubeconfig.
    KubeconfigClusters(Of),
    /// Users of a kubeconfig.
    Users(Of),
    /// Clusters that the host knows.
    RegisteredClusters,
    /// Members of the fleet file that was named.
    FleetMembers,
    /// Ids of checks that can be skipped.
    SkippableChecks,
}

/// Values of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// Where they are from.
    pub source: Source,
    /// What stands before them in the same word: earlier values of a list, or the letter that they adjoin.
    pub before: String,
    /// How they begin.
    pub start: String,
    /// Those that were typed already.
    pub taken: Vec<String>,
    /// Whether one that begins with `-` would be read as an option.
    pub is_bare: bool,
}

/// What the word may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of these.
    Candidates(Vec<Candidate>),
    /// One of a source's.
    Values(Values),
    /// The path of a file.
    File,
    /// The path of a folder.
    Folder,
}

/// What values an option has, by its long name.
const OPTIONS: [(&str, Source); 8] = [
    ("context", Source::Contexts(Of::Host)),
    ("jwt-secret-from-context", Source::Contexts(Of::Host)),
    ("member-context", Source::Contexts(Of::Member)),
    ("cluster", Source::KubeconfigClusters(Of::Host)),
    ("member-cluster", Source::KubeconfigClusters(Of::Member)),
    ("user", Source::Users(Of::Host)),
    ("member-user", Source::Users(Of::Member)),
    ("skip-check", Source::SkippableChecks),
];

/// What an argument that is no option has for values, by what the help calls it: MEMBER is a context everywhere, and
/// NAME a Cluster's.
const POSITIONALS: [(&str, Source); 2] =
    [("MEMBER", Source::Contexts(Of::Member)), ("NAME", Source::RegisteredClusters)];

/// Commands that take one NAME, and several only of a file.
const ONE_WITHOUT_FILE: [&str; 2] = ["renew", "unjoin"];

/// Finds out what `word`, which comes after what was typed, may become.
pub fn wanted(typed: &Typed<'_>, word: &str) -> Wanted {
    if let Some(argument) = typed.awaiting {
        return value(typed, argument, word, !argument.is_allow_hyphen_values_set());
    }
    if word.starts_with('-') && !typed.options_ended {
        return match word.split_once('=') {
            Some((name, start)) => {
                typed.option(name).map_or_else(nothing, |argument| value(typed, argument, start, false))
            }
            None => option(typed, word),
        };
    }
    if typed.command.has_subcommands() {
        return Wanted::Candidates(starting(word, commands(typed.command)));
    }
    positional(typed).map_or_else(nothing, |argument| value(typed, argument, word, !typed.options_ended))
}

/// An option, or one of a single letter together with its value.
fn option(typed: &Typed<'_>, word: &str) -> Wanted {
    let options = starting(word, options(typed));
    match typed.adjoined(word) {
        Some((argument, start)) if options.is_empty() => {
            value(typed, argument, start, false).behind(&word[..word.len() - start.len()])
        }
        _ => Wanted::Candidates(options),
    }
}

impl Wanted {
    /// The same in a word that begins with this. Of a path, shells would look for the whole word.
    fn behind(self, beginning: &str) -> Self {
        match self {
            Self::Candidates(candidates) => {
                let behind = |Candidate { value, description }| Candidate {
                    value: format!("{beginning}{value}"),
                    description,
                };
                Self::Candidates(candidates.into_iter().map(behind).collect())
            }
            Self::Values(values) => {
                Self::Values(Values { before: format!("{beginning}{}", values.before), ..values })
            }
            Self::File | Self::Folder => nothing(),
        }
    }
}

fn nothing() -> Wanted {
    Wanted::Candidates(Vec::new())
}

fn starting(start: &str, candidates: impl Iterator<Item = Candidate>) -> Vec<Candidate> {
    candidates.filter(|candidate| candidate.value.starts_with(start)).collect()
}

fn commands(command: &Command) -> impl Iterator<Item = Candidate> {
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    commands.map(|command| Candidate {
        value: command.get_name().to_owned(),
        description: command.get_about().map(ToString::to_string).unwrap_or_default(),
    })
}

/// Those that can still be given.
fn options(typed: &Typed<'_>) -> impl Iterator<Item = Candidate> {
    let arguments = typed.command.get_opts().chain(flags(typed.command));
    let arguments = arguments.filter(|argument| !argument.is_hide_set());
    arguments.filter(|argument| is_repeatable(argument) || !typed.has(argument)).flat_map(|argument| {
        let long = argument.get_long().map(|name| format!("--{name}"));
        let short = argument.get_short().map(|letter| format!("-{letter}"));
        let description = argument.get_help().map(ToString::to_string).unwrap_or_default();
        long.into_iter().chain(short).map(move |value| Candidate { value, description: description.clone() })
    })
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|argument| !argument.is_positional() && !argument.get_action().takes_values())
}

fn is_repeatable(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append | ArgAction::Count)
}

/// The argument that the next word is; a list takes all that come.
fn positional<'a>(typed: &Typed<'a>) -> Option<&'a Arg> {
    let mut positionals: Vec<&Arg> = typed.command.get_positionals().collect();
    positionals.sort_by_key(|argument| argument.get_index());
    let number = typed.positionals.len();
    if number > 0 && typed.file().is_none() && ONE_WITHOUT_FILE.contains(&typed.command.get_name()) {
        return None;
    }
    positionals
        .get(number)
        .copied()
        .or_else(|| positionals.last().copied().filter(|argument| is_repeatable(argument)))
}

fn value(typed: &Typed<'_>, argument: &Arg, start: &str, is_bare: bool) -> Wanted {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        let possible = possible.iter().filter(|value| !value.is_hide_set()).map(|value| Candidate {
            value: value.get_name().to_owned(),
            description: value.get_help().map(ToString::to_string).unwrap_or_default(),
        });
        return Wanted::Candidates(starting(start, possible));
    }
    if let Some(source) = source(typed, argument) {
        return Wanted::Values(values(typed, argument, source, start, is_bare));
    }
    match argument.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath => Wanted::File,
        ValueHint::DirPath => Wanted::Folder,
        _ => nothing(),
    }
}

fn source(typed: &Typed<'_>, argument: &Arg) -> Option<Source> {
    if argument.is_positional() && typed.file().is_some() {
        Some(Source::FleetMembers)
    } else if argument.is_positional() {
        let name = argument.get_value_names().and_then(|names| names.first())?;
        POSITIONALS.iter().find(|(known, _)| *known == name.as_str()).map(|(_, source)| *source)
    } else {
        OPTIONS.iter().find(|(long, _)| argument.get_long() == Some(long)).map(|(_, source)| *source)
    }
}

fn values(typed: &Typed<'_>, argument: &Arg, source: Source, word: &str, is_bare: bool) -> Values {
    let delimiter = argument.get_value_delimiter();
    let split = delimiter.and_then(|delimiter| Some(word.rfind(delimiter)? + delimiter.len_utf8()));
    let (before, start) = word.split_at(split.unwrap_or_default());
    let earlier: Vec<&str> = if argument.is_positional() {
        typed.positionals.iter().map(String::as_str).collect()
    } else {
        typed.values_of(argument).filter(|_| is_repeatable(argument)).collect()
    };
    let lists = earlier.into_iter().chain([before]);
    let taken = lists.flat_map(|list| list.split(|sign| Some(sign) == delimiter));
    let taken = taken.filter(|value| !value.is_empty()).map(str::to_owned).collect();
    Values { source, before: before.to_owned(), start: start.to_owned(), taken, is_bare }
}

#[cfg(test)]
#[path = "wanted_tests.rs"]
mod tests;
