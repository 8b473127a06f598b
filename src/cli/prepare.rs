//! `kubectl mc prepare`.

use clap::{Args, Subcommand};

use super::change::{ChangeOptions, ManifestOptions, SkipOptions};

/// Prepare one cluster at a time: the host, or a member
///
/// These are the first parts of `kubectl mc join`: `prepare host` once, `prepare member` for each member, and
/// then `kubectl mc import` for each member. KubeSphere 4 needs no such step: there each of them says so, and changes
/// nothing.
///
/// Needs what the help of `prepare host` and of `prepare member` says.
#[derive(Clone, Debug, Subcommand)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  # Make the cluster of context prod a host
  kubectl mc prepare host --context prod

  # Give the cluster of context edge-1 the role member and the host's jwtSecret
  kubectl mc prepare member edge-1 --context prod"
)]
#[expect(missing_docs, reason = "a comment here would take the place of the command's own help")]
pub enum Prepare {
    Host(Box<PrepareHost>),
    Member(Box<PrepareMember>),
}

/// Make the cluster of --context the host, and wait until it works as one
///
/// Sets spec.multicluster.clusterRole in its ClusterConfiguration, waits for the installer, and waits until
/// the host's own Cluster is there. It cannot be undone. KubeSphere 4 is installed as a host: there is nothing to do.
///
/// Needs "get" on the namespace kube-system, and in kubesphere-system "get" on the ConfigMap kubesphere-config
/// and "get" and "patch" on the ClusterConfiguration; "patch" on the Deployment ks-installer if it
/// has to be restarted; and "list" on clusters.cluster.kubesphere.io.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Show what would be done
  kubectl mc prepare host --context prod --dry-run=client

  # Make the cluster a host whose own Cluster is named frankfurt
  kubectl mc prepare host --context prod --host-cluster-name frankfurt")]
pub struct PrepareHost {
    /// Name of the host's own Cluster; takes effect only while the cluster becomes a host (KubeSphere 3.2+)
    #[arg(long, value_name = "NAME")]
    pub host_cluster_name: Option<String>,
    /// Which checks do not stop it
    #[command(flatten)]
    pub skip: SkipOptions,
    /// How to go about it
    #[command(flatten)]
    pub change: ChangeOptions,
    /// Who applies it
    #[command(flatten)]
    pub manifests: ManifestOptions,
}

/// Give a cluster the role member and the host's jwtSecret
///
/// Sets both in one patch, and waits until they are in effect. The host is only read. If you may not read the
/// host, somebody who may can pipe the secret to you without showing it: with --jwt-secret-stdin the host is not
/// asked at all. `kubectl mc import` registers the member afterwards. A host with KubeSphere 4 prepares its members itself:
/// there is nothing to do.
///
/// Needs, on both sides, "get" on the namespace kube-system, and in kubesphere-system "get" on the ConfigMap
/// kubesphere-config and on the ClusterConfiguration; on the host "list" on clusters.cluster.kubesphere.io;
/// on the member "patch" on the ClusterConfiguration, and "patch" on the Deployment ks-installer if it has to be
/// restarted.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Prepare the cluster of context edge-1 for the host of context prod
  kubectl mc prepare member edge-1 --context prod

  # The same, where one user reads the host and another one prepares the member
  (umask 077 && kubectl mc jwt-secret --reveal --context prod > secret)
  kubectl mc prepare member edge-1 --yes --jwt-secret-stdin < secret
  rm secret

  # Take a member over from another host
  kubectl mc prepare member edge-1 --context prod --from-other-host")]
pub struct PrepareMember {
    /// Context of the cluster to prepare
    #[arg(value_name = "MEMBER")]
    pub member: String,
    /// Read the host's jwtSecret from stdin instead of from the host
    #[arg(long)]
    pub jwt_secret_stdin: bool,
    /// Take the member over, though another host has joined it
    #[arg(long)]
    pub from_other_host: bool,
    /// Which checks do not stop it
    #[command(flatten)]
    pub skip: SkipOptions,
    /// How to go about it
    #[command(flatten)]
    pub change: ChangeOptions,
    /// Who applies it
    #[command(flatten)]
    pub manifests: ManifestOptions,
}
