//! `-f`, and `kubectl mc fleet`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::parallel::ParallelOptions;

/// Which members a file names.
#[derive(Clone, Debug, Default, Args)]
pub struct FleetOptions {
    /// Fleet file that names the host and the members, - for stdin; the words then choose some of its members by name
    #[arg(short = 'f', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub filename: Option<PathBuf>,
}

/// Write and describe fleet files
///
/// A fleet file names a host and its members, each with what a join is to make of it: `kubectl mc join -f FILE` joins them
/// all, and check, get, renew and unjoin take the same file.
///
/// What stands in it: https://github.com/kubesphere-sigs/kubectl-mc/tree/main/docs/fleets.md
///
/// Needs what the help of `fleet init` says; `fleet schema` needs nothing.
#[derive(Clone, Debug, Subcommand)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  # Write one from the contexts of the kubeconfig
  kubectl mc fleet init --context prod

  # The JSON Schema, for editors
  kubectl mc fleet schema"
)]
#[expect(
    missing_docs,
    clippy::doc_markdown,
    reason = "it is the help: no brackets belong around the address"
)]
pub enum Fleet {
    Init(FleetInit),
    Schema(FleetSchema),
}

/// Write a fleet file from a kubeconfig
///
/// Asks every context of the kubeconfig (or of --member-kubeconfig) what it leads to, and prints a fleet file for the host:
/// its members, and the clusters that can become some, each with its KubeSphere, role and registration as a comment, and with
/// what would stop a join. What cannot be a member of this host is a comment as a whole, with the reason: the host
/// itself, a second context of a cluster, another host, another host's member, what gives no answer, and a broken context.
/// Read it, remove what is not meant, and save it. A context that leads to a member is no host's, and refused.
///
/// Needs what `kubectl mc check` needs, on each cluster that is to be told about; at least "get" on the namespace kube-system.
/// Nothing is written to a cluster.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # A fleet file of all clusters of the kubeconfig
  kubectl mc fleet init --context prod > fleet.yaml

  # The same, and what joining them would do
  kubectl mc fleet init --context prod | kubectl mc join -f - --dry-run=client")]
pub struct FleetInit {
    #[command(flatten)]
    pub parallel: ParallelOptions,
}

/// Print the JSON Schema of a fleet file
///
/// Editors with the YAML language server complete and check a file by it that begins with a line such as
/// `# yaml-language-server: $schema=./fleet.schema.json`. Its descriptions say what each field is for.
///
/// Needs no cluster, and asks none.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Look at it
  kubectl mc fleet schema

  # Keep it beside the file, for editors
  kubectl mc fleet schema > fleet.schema.json")]
pub struct FleetSchema {}
