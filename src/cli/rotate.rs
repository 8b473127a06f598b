//! `kubectl mc rotate`.

use clap::{Args, Subcommand};

use super::{
    change::{ChangeOptions, ManifestOptions, SkipOptions},
    parallel::ParallelOptions,
};

/// Replace what a host shares with all its members
///
/// Needs what the help of `rotate jwt-secret` says.
#[derive(Clone, Debug, Subcommand)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  # Show what a fresh jwtSecret for the host of context prod and all its members would take
  kubectl mc rotate jwt-secret --context prod --dry-run=client

  # Give it to them
  kubectl mc rotate jwt-secret --context prod"
)]
#[expect(missing_docs, reason = "a comment here would take the place of the command's own help")]
pub enum Rotate {
    JwtSecret(Box<RotateJwtSecret>),
}

/// Give the host and all its members a fresh jwtSecret
///
/// Whoever knows a host's jwtSecret can sign tokens for the host and all its members. A cluster that was a member knows it,
/// and so does everybody who could read its configuration. This makes a random one, sets it in the host's
/// ClusterConfiguration, waits until it is in effect there, and then sets it on all members at once, and waits for them.
/// It is shown nowhere. All sessions of the host and its members end: everybody logs in again, and programs need new tokens.
///
/// The members are the registered Clusters of the host. As with `kubectl mc renew --all`, every context of the kubeconfig
/// (or of --member-kubeconfig) is asked which cluster it leads to. A member that no context leads to is reached by the
/// kubeconfig that the host stores of it. One that is not reached at all stops the command before anything is changed;
/// with --skip-check rotated-members it is left behind. It then answers 401 to all that the host's users ask of it, until
/// `kubectl mc prepare member` gives it the host's jwtSecret.
///
/// Interrupted at any point, the same command continues, and `kubectl mc check` says on which members: if the host's
/// ClusterConfiguration names a jwtSecret that is not in effect everywhere, no other one is made, and the members get that.
/// The plan says so. Once all agree, the command says within a day that the rotation is complete; it makes a fresh one again
/// later, or with --skip-check recent-rotation.
///
/// KubeSphere 4 is refused: its jwtSecret is part of helm's release ks-core.
///
/// Needs, on the host and every member, "get" on the namespace kube-system, and in kubesphere-system "get" on the
/// ConfigMap kubesphere-config, and "get" and "patch" on the ClusterConfiguration; "patch" on the Deployment ks-installer if
/// it has to be restarted; and on the host "list" on clusters.cluster.kubesphere.io.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Show what would be done
  kubectl mc rotate jwt-secret --context prod --dry-run=client

  # Do it
  kubectl mc rotate jwt-secret --context prod

  # Leave behind a member that is down, and complete it when it is up again
  kubectl mc rotate jwt-secret --context prod --skip-check rotated-members
  kubectl mc prepare member edge-2 --context prod")]
pub struct RotateJwtSecret {
    /// Which checks do not stop it
    #[command(flatten)]
    pub skip: SkipOptions,
    /// How to go about it
    #[command(flatten)]
    pub change: ChangeOptions,
    #[command(flatten)]
    pub parallel: ParallelOptions,
    /// Who applies it
    #[command(flatten)]
    pub manifests: ManifestOptions,
}
