//! `kubectl mc jwt-secret`.

use clap::Args;

use super::{change::OutputFormat, parallel::ParallelOptions};

/// Show where the jwtSecret stands and whether host and members share it
///
/// Four places of each cluster are read: the ConfigMap kubesphere-config, which is in effect; the Secret
/// kubesphere-secret, from which the installer renders it; the ClusterConfiguration ks-installer, which may ask for
/// another one; and the ConfigMap devops-config, which DevOps has from KubeSphere 3.2 on. AGREES tells whether a place
/// has the host's secret in effect. Secrets are shown as fingerprints; equality is decided on the secrets themselves.
/// KubeSphere 4 has one place: authentication.issuer.jwtSecret in kubesphere-config.
///
/// Secrets that differ are no error: `-o json` says so in `agree`. Only a place that cannot be read is one.
///
/// --reveal prints the host's secret in effect, alone on stdout, for `kubectl mc prepare member --jwt-secret-stdin` and
/// `kubectl mc configure`.
///
/// Needs, in kubesphere-system, "get" on the ConfigMap kubesphere-config. "get" on the namespace kube-system, on the
/// Secret kubesphere-secret and on the ClusterConfiguration, and on the ConfigMap devops-config in
/// kubesphere-devops-system, is useful and not needed. Nothing is ever written.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Whether the host and two members share their secret
  kubectl mc jwt-secret edge-1 edge-2 --context prod

  # Hand the host's secret to another command
  kubectl mc jwt-secret --reveal --context prod |
      kubectl mc prepare member edge-1 --yes --jwt-secret-stdin")]
pub struct ShowJwtSecret {
    /// Contexts of members to compare
    #[arg(value_name = "MEMBER")]
    pub members: Vec<String>,
    /// Print the host's secret in effect, and nothing else
    #[arg(long, conflicts_with_all = ["members", "output"])]
    pub reveal: bool,
    /// Print one object instead of a table
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<OutputFormat>,
    /// How many are asked at a time
    #[command(flatten)]
    pub parallel: ParallelOptions,
}
