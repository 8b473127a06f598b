//! What was typed: clap's types and nothing else.

use std::{path::PathBuf, time::Duration};

use clap::{
    ArgAction, Args, Parser, Subcommand, ValueEnum,
    builder::{StringValueParser, TypedValueParser as _},
};
use secrecy::SecretString;

use crate::kubesphere::kubesphere_config::go_duration;

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
pub enum Command {
    /// Join members to the host, from any state
    Join(Box<Join>),
    /// Show the version of kubectl-mc
    #[command(after_help = "\
Examples:
  # Show the version
  kubectl mc version")]
    Version,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// How to reach the host
    #[command(flatten)]
    pub host: HostConnection,
    /// How to reach the members
    #[command(flatten)]
    pub member: MemberConnection,
    /// User to act as, on both clusters
    #[arg(long = "as", value_name = "USER", global = true, help_heading = "Connection")]
    pub impersonate: Option<String>,
    /// Group to act as, on both clusters; can be repeated
    #[arg(long = "as-group", value_name = "GROUP", global = true, help_heading = "Connection")]
    pub impersonate_groups: Vec<String>,
    /// How long to wait for a single request, as 5s or 2m; 0 waits for ever [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = request_timeout, global = true, help_heading = "Connection")]
    pub request_timeout: Option<Duration>,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true, help_heading = "Output")]
    pub color: ColorChoice,
    /// How much to log: 6 shows requests, 8 bodies with secrets replaced by fingerprints
    #[arg(short = 'v', long = "v", value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=9), global = true, help_heading = "Output")]
    pub verbosity: u8,
}

/// How to reach the host: kubectl's options with kubectl's meaning.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection to the host")]
pub struct HostConnection {
    /// Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "PATH", global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The host's context [default: the current-context]
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Option<String>,
    /// The kubeconfig cluster to use
    #[arg(long, value_name = "NAME", global = true)]
    pub cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, value_name = "NAME", global = true)]
    pub user: Option<String>,
    /// The address and port of the API server
    #[arg(short = 's', long, value_name = "URL", global = true)]
    pub server: Option<String>,
    /// Bearer token for the API server
    #[arg(long, value_name = "TOKEN", value_parser = StringValueParser::new().map(SecretString::from), global = true)]
    pub token: Option<SecretString>,
    /// Path of the certificate authority's file
    #[arg(long, value_name = "PATH", global = true)]
    pub certificate_authority: Option<PathBuf>,
    /// Path of the client certificate's file
    #[arg(long, value_name = "PATH", global = true)]
    pub client_certificate: Option<PathBuf>,
    /// Path of the client key's file
    #[arg(long, value_name = "PATH", global = true)]
    pub client_key: Option<PathBuf>,
    /// The name to expect in the server's certificate
    #[arg(long, value_name = "NAME", global = true)]
    pub tls_server_name: Option<String>,
    /// Do not verify the server's certificate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", global = true)]
    pub insecure_skip_tls_verify: Option<bool>,
}

/// How to reach the members; all but the kubeconfig suit one MEMBER only.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection to the member")]
pub struct MemberConnection {
    /// Path of the kubeconfig with the members' contexts [default: the host's]
    #[arg(long, value_name = "PATH", global = true)]
    pub member_kubeconfig: Option<PathBuf>,
    /// The kubeconfig cluster to use
    #[arg(long, value_name = "NAME", global = true)]
    pub member_cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, value_name = "NAME", global = true)]
    pub member_user: Option<String>,
    /// The address and port of the member's API server
    #[arg(long, value_name = "URL", global = true)]
    pub member_server: Option<String>,
    /// Bearer token for the member's API server
    #[arg(long, value_name = "TOKEN", value_parser = StringValueParser::new().map(SecretString::from), global = true)]
    pub member_token: Option<SecretString>,
    /// Path of the certificate authority's file
    #[arg(long, value_name = "PATH", global = true)]
    pub member_certificate_authority: Option<PathBuf>,
    /// Path of the client certificate's file
    #[arg(long, value_name = "PATH", global = true)]
    pub member_client_certificate: Option<PathBuf>,
    /// Path of the client key's file
    #[arg(long, value_name = "PATH", global = true)]
    pub member_client_key: Option<PathBuf>,
    /// The name to expect in the server's certificate
    #[arg(long, value_name = "NAME", global = true)]
    pub member_tls_server_name: Option<String>,
    /// Do not verify the server's certificate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", global = true)]
    pub member_insecure_skip_tls_verify: Option<bool>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// Whether requests are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Do it
    #[default]
    None,
    /// Show the plan, send nothing
    Client,
    /// Send every request with dryRun=All
    Server,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// One JSON object
    Json,
    /// One YAML document
    Yaml,
}

/// Joins members to the host, from any state, and does nothing where nothing is to do
///
/// Sets the roles and the host's jwtSecret in the ClusterConfigurations, waits for the installers, creates the
/// Clusters on the host and waits until they are ready. Before the first change every check of every member has
/// run, and the plan has been shown and confirmed. Interrupted at any point, the same command continues.
///
/// Needs, on both sides, "get" on the namespace kube-system, and in kubesphere-system "get" on the ConfigMap
/// kubesphere-config and on the ClusterConfiguration, "patch" on a ClusterConfiguration that changes, and "patch" on
/// the Deployment ks-installer where it is restarted; on the host "list", "get" and "create" on
/// clusters.cluster.kubesphere.io, and "delete" to withdraw one of two registrations at once. The rights to read the
/// installer's Deployment, pods and log, nodes and Secret kubesphere-secret are useful and not needed. MEMBER's
/// credential is stored on the host and must have cluster-admin rights.
#[derive(Clone, Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  # Show what joining the cluster of context edge-1 would do
  kubectl mc join edge-1 --context prod --dry-run=client

  # Join it, under the name of its context
  kubectl mc join edge-1 --context prod

  # Join two clusters, without a question
  kubectl mc join edge-1 edge-2 --context prod --yes

  # Join a cluster whose context has a name that KubeSphere does not take
  kubectl mc join admin@blue --context prod --name blue"
)]
pub struct Join {
    /// Contexts of the clusters to join
    #[arg(value_name = "MEMBER", required = true)]
    pub members: Vec<String>,
    /// Name of the Cluster on the host [default: the context's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Name of the host's own Cluster; takes effect only while the cluster becomes a host (KubeSphere 3.2+)
    #[arg(long, value_name = "NAME")]
    pub host_cluster_name: Option<String>,
    /// Name for people, in the console
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub alias: Option<String>,
    /// Tag in the console: production, development, testing, demo
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub group: Option<String>,
    /// Who provides the cluster, such as "Amazon EKS"
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub provider: Option<String>,
    /// Description in the console
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub description: Option<String>,
    /// Region label
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub region: Option<String>,
    /// Label of the Cluster; can be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = key_value, help_heading = "The Cluster")]
    pub labels: Vec<(String, String)>,
    /// Annotation of the Cluster; can be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = key_value, help_heading = "The Cluster")]
    pub annotations: Vec<(String, String)>,
    /// Checks whose obstacles become warnings
    #[arg(long = "skip-check", value_name = "ID,…", value_delimiter = ',')]
    pub skip_checks: Vec<String>,
    /// Send nothing (client), or nothing that is stored (server)
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub dry_run: DryRun,
    /// Print one object instead of lines
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<OutputFormat>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// Wait until everything is in effect; with false, send what can take effect now
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub wait: bool,
    /// How long the whole command may take, your answer aside
    #[arg(long, value_name = "DURATION", default_value = "60m", value_parser = timeout)]
    pub timeout: Duration,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    go_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "must be a duration such as 90s, 10m or 1h30m".to_owned())
}

/// kubectl takes a bare number as seconds here, and 0 as no limit.
fn request_timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| go_duration(text)).ok_or_else(|| {
        "must be a single integer in seconds, or an integer followed by a unit (e.g. 1s | 2m | 3h)".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command, Join};

    fn join(words: &[&str]) -> Join {
        let argv = ["kubectl-mc", "join"].iter().chain(words);
        match Cli::try_parse_from(argv).unwrap().command {
            Command::Join(join) => *join,
            Command::Version => unreachable!("join was typed"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_is_kubectls() {
        assert!(Cli::command().render_usage().to_string().contains("kubectl mc"));
    }

    #[test]
    fn join_waits_an_hour_unless_told_otherwise() {
        assert_eq!(join(&["a"]).timeout, Duration::from_secs(3600));
        assert!(join(&["a"]).wait);
        assert!(!join(&["a", "--wait=false"]).wait);
        assert!(join(&["a", "--wait"]).wait);
    }

    #[test]
    fn lists_of_checks_are_taken_apart() {
        assert_eq!(join(&["a", "--skip-check", "x,y", "--skip-check=z"]).skip_checks, ["x", "y", "z"]);
    }

    #[test]
    fn bad_values_are_refused() {
        for words in [&["a", "--timeout", "5"][..], &["a", "--label", "x"], &["a", "--dry-run", "bogus"], &[]]
        {
            let argv = ["kubectl-mc", "join"].iter().chain(words);
            assert_eq!(Cli::try_parse_from(argv).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }
}
