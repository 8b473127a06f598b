//! `kubectl mc logs`.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use kubesphere::kubesphere_config::go_duration;

/// Follow the log of ks-installer and say how its last run ended
///
/// Shows the log of the host's installer, or of MEMBER's, whichever pod it runs in and across its replacement; no
/// line is lost or repeated when a connection breaks. Passwords and other secrets in it are masked. It goes on
/// until the run that is under way or due has ended, ends at once where there is none, and says how the last run
/// ended.
///
/// A component that fails is told at once. The run then goes on, and often leaves no sign of its end: it is taken to
/// be over after five minutes of silence. An installer that crashes is given up after its third try.
///
/// KubeSphere 4 has no installer. The log is there what its host tells of the installations on its members, or on MEMBER:
/// lines of ks-controller-manager up to 4.1.3, the log of the Job that runs helm afterwards, without helm's values. It goes on
/// until none is under way; the verdict is what the Cluster says. Up to 4.1.3 a host that fails tries again for ever, and its
/// Cluster does not tell.
///
/// Needs, in kubesphere-system, "get" on the Deployment ks-installer, "list" on pods and "get" on pods/log; and, to
/// know of a change that the installer has not taken up yet, "get" on the ClusterConfiguration ks-installer. With
/// KubeSphere 4, on the host, in kubesphere-system "get" on the ConfigMap kubesphere-config, "list" on pods and "get" on
/// pods/log, and "list" on clusters.cluster.kubesphere.io; for MEMBER, there, also "get" on the namespace kube-system
/// and, to tell what helm waits for, "list" on pods in kubesphere-system.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the last run succeeded; with KubeSphere 4, it is installed
  1  the log cannot be read
  3  the last run failed, or ended without a verdict, or there was none; or there is no
     installer, or with --follow=false no pod of it that has started; with KubeSphere 4,
     an installation failed for good, or there is no member
  4  the last run is under way or due (--follow=false)

Examples:
  # Follow the host's installer
  kubectl mc logs

  # What happened on the cluster of context edge-1, as far as its log goes back
  kubectl mc logs edge-1 --follow=false --run all

  # Only how the last run ended
  kubectl mc logs edge-1 --follow=false > /dev/null

  # Only the last ten minutes, without colours
  kubectl mc logs --color=never --since 10m")]
pub struct Logs {
    /// Context of the member [default: the host]
    #[arg(value_name = "MEMBER")]
    pub member: Option<String>,
    /// Go on until the run that is under way or due has ended
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub follow: bool,
    /// Which runs to show
    #[arg(long, value_name = "RUNS", value_enum, default_value_t)]
    pub run: Runs,
    /// Only lines younger than this by the server's clock, as 5s, 2m or 3h; the verdict is the whole log's
    #[arg(long, value_name = "DURATION", value_parser = since)]
    pub since: Option<Duration>,
}

/// Runs of the installer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Runs {
    /// The last one
    #[default]
    Last,
    /// All that the log still has
    All,
}

fn since(text: &str) -> Result<Duration, String> {
    go_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "must be a duration such as 90s, 10m or 1h30m".to_owned())
}
