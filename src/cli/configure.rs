//! `kubectl mc configure`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Set the role in a configuration file, before KubeSphere is installed with it
///
/// Edits the ClusterConfiguration in KubeKey's config-sample.yaml or in ks-installer's cluster-configuration.yaml and
/// keeps every other byte: comments, quotes, order, indentation and line ends. A member needs the host's jwtSecret, which
/// comes from the host itself, a file or stdin, and never from the command line.
///
/// A file that gets the secret is closed to all but its owner: of 0644 and of 0660 becomes 0600. Else the new file has the
/// old one's mode, and always its owner and group, but neither its access control lists nor its extended attributes; a file with hard links is refused.
///
/// KubeSphere 4 needs no such step: its host installs it on a cluster that has none, by `kubectl mc join`.
///
/// On a cluster where KubeSphere is installed the file counts no more: use `kubectl mc prepare` there.
///
/// Needs no cluster; with --jwt-secret-from-context "get" in kubesphere-system there, on the ConfigMap kubesphere-config or
/// else on the Secret kubesphere-secret.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exit codes with --diff:
  0  nothing would change
  1  something would change, and was shown
  2  wrong usage
  3  any error, so that 1 says nothing else

Examples:
  # Show what would change, and exit with 1 if anything would
  kubectl mc configure config-sample.yaml --role host --diff

  # Prepare the file for the installation of a host
  kubectl mc configure cluster-configuration.yaml --role host --host-cluster-name paris

  # Prepare the file for the installation of a member of the host of context prod
  kubectl mc configure config-sample.yaml --role member --jwt-secret-from-context prod

  # From stdin to stdout, into a file that nobody else may read
  (umask 077
   kubectl mc configure - --role member --jwt-secret-file secret < in.yaml > out.yaml)")]
pub struct Configure {
    /// The file to edit; - reads stdin and writes stdout
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The role that the cluster will have
    #[arg(long, value_name = "ROLE", value_enum)]
    pub role: ConfiguredRole,
    /// Name of the host's own Cluster (KubeSphere 3.2+)
    #[arg(long, value_name = "NAME")]
    pub host_cluster_name: Option<String>,
    /// Where the host's jwtSecret comes from
    #[command(flatten)]
    pub secret: SecretSource,
    /// Show what would change and change nothing; exits with 1 if anything would
    #[arg(long, conflicts_with = "backup")]
    pub diff: bool,
    /// Keep the old file beside the new one, with .bak at the end of its name; replaces an older one
    #[arg(long)]
    pub backup: bool,
}

/// A role that a file can be prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConfiguredRole {
    /// The cluster from which all are managed
    Host,
    /// A cluster that a host manages
    Member,
}

/// Where a member's jwtSecret comes from.
#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
pub struct SecretSource {
    /// Read the jwtSecret from the host of this context
    #[arg(long, value_name = "CONTEXT", help_heading = "The host's jwtSecret")]
    pub jwt_secret_from_context: Option<String>,
    /// Read the jwtSecret from this file; a newline at its end does not count
    #[arg(long, value_name = "FILE", help_heading = "The host's jwtSecret")]
    pub jwt_secret_file: Option<PathBuf>,
    /// Read the jwtSecret from stdin; a newline at its end does not count
    #[arg(long, help_heading = "The host's jwtSecret")]
    pub jwt_secret_stdin: bool,
}
