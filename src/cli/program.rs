//! The program and its commands.

use clap::{Parser, Subcommand};

use super::{
    check::Check, configure::Configure, get::Get, global::Global, import::Import, join::Join,
    jwt_secret::ShowJwtSecret, logs::Logs, prepare::Prepare, renew::Renew, unjoin::Unjoin,
};

/// Joins KubeSphere clusters by direct connection
///
/// The host is the cluster one steers from: the context of --context, or the current-context.
/// MEMBER is always the name of a kubeconfig context of a member cluster.
///
/// Exit codes:
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
    max_term_width = 100
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a comment here would take the place of the command's own help")]
pub enum Command {
    Join(Box<Join>),
    #[command(subcommand)]
    Prepare(Prepare),
    Import(Box<Import>),
    Unjoin(Box<Unjoin>),
    Configure(Configure),
    Logs(Logs),
    JwtSecret(ShowJwtSecret),
    Check(Check),
    Get(Get),
    Renew(Box<Renew>),
    /// Show the version of kubectl-mc
    #[command(after_help = "\
Examples:
  # Show the version
  kubectl mc version")]
    Version,
}
