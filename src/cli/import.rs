//! `kubectl mc import`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{
    change::{ChangeOptions, ManifestOptions, SkipOptions},
    cluster::ClusterOptions,
    reachability::Reachability,
};

/// Register a prepared member on the host
///
/// The last part of `kubectl mc join`: creates the member's Cluster with a self-contained kubeconfig, and waits
/// until it is ready. Before that the host's nodes probe the member as in a join. Host and member must be prepared:
/// no ClusterConfiguration is changed.
///
/// For a host with KubeSphere 4 nothing has to be prepared: it installs KubeSphere on what is registered, as in a join.
///
/// Needs what `kubectl mc join` needs, but not "patch" on the ClusterConfigurations.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Register the cluster of context edge-1 on the host of context prod
  kubectl mc import edge-1 --context prod

  # Register another under a different name, with an alias and region for the console
  kubectl mc import edge-2 --context prod --name paris --alias Paris --region eu-west")]
pub struct Import {
    /// Context of the cluster to register
    #[arg(value_name = "MEMBER")]
    pub member: String,
    /// Its Cluster
    #[command(flatten)]
    pub cluster: ClusterOptions,
    /// File with values for the chart ks-core, with which the host installs a new member (KubeSphere 4)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// From where to probe the new member before anything is changed
    #[arg(long, value_name = "FROM", value_enum, default_value = "nodes")]
    pub reachability: Reachability,
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
