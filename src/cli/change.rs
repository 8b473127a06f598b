//! Options of every command that changes clusters.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, ValueEnum};

use kubesphere::kubesphere_config::go_duration;

/// Which checks do not stop it.
#[derive(Clone, Debug, Default, Args)]
pub struct SkipOptions {
    /// Checks whose failures become warnings
    #[arg(long = "skip-check", value_name = "ID,…", value_delimiter = ',')]
    pub checks: Vec<String>,
}

/// Who applies it.
#[derive(Clone, Debug, Default, Args)]
pub struct ManifestOptions {
    /// Change nothing; write what would be sent into this directory, for those who apply it by other means
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dry_run", "wait"])]
    pub manifests_to: Option<PathBuf>,
}

/// How to go about a change.
#[derive(Clone, Debug, Args)]
pub struct ChangeOptions {
    /// Show the plan and write nothing (client), or nothing that is stored (server)
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub dry_run: DryRun,
    /// Print the names of the objects that were changed, or one object that says everything, instead of lines
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<ResultFormat>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// Wait until everything is in effect; with false, send what can take effect now
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub wait: bool,
    /// How long the whole command may take, without the time for your answer
    #[arg(long, value_name = "DURATION", default_value = "60m", value_parser = timeout)]
    pub timeout: Duration,
    /// How to tell on stderr what happens
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub progress: ProgressForm,
}

/// How it is told what happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressForm {
    /// Live on a terminal, plain elsewhere
    #[default]
    Auto,
    /// One line for each step that is done
    Plain,
    /// One JSON object a line for each event
    Json,
    /// Errors alone
    None,
}

/// Whether requests are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Do it
    #[default]
    None,
    /// Show the plan, write nothing
    Client,
    /// Send every write with dryRun=All
    Server,
}

/// The form of a change's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// RESOURCE/NAME of each object
    Name,
    /// One JSON object
    Json,
    /// One YAML document
    Yaml,
}

impl ChangeOptions {
    /// The form of the one object, where one is asked for.
    pub fn object(&self) -> Option<OutputFormat> {
        match self.output? {
            ResultFormat::Json => Some(OutputFormat::Json),
            ResultFormat::Yaml => Some(OutputFormat::Yaml),
            ResultFormat::Name => None,
        }
    }
}

/// The form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// One JSON object
    Json,
    /// One YAML document
    Yaml,
}

/// Reads `--timeout`.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    go_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "must be a duration such as 90s, 10m or 1h30m".to_owned())
}
