//! `kubectl mc version`.

use clap::{ArgAction, Args};

use super::change::OutputFormat;

/// Show the version of this program
///
/// One line, the program's name and its version, as `kubectl mc --version` prints it; with -o one object, where
/// .clientVersion.gitVersion is the version, as in kubectl's.
///
/// Needs no cluster, and asks none. This program has no part on a server, so that --client, which kubectl's scripts
/// say, changes nothing.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Show the version
  kubectl mc version

  # The number alone, for a script
  kubectl mc version --client -o json | jq -r .clientVersion.gitVersion")]
pub struct ShowVersion {
    /// Show the version of this program only, as is done in any case
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub client: bool,
    /// Print one object instead of a line
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<OutputFormat>,
}
