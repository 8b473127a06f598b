//! `kubectl mc renew`.

use clap::{ArgGroup, Args};

use super::{
    change::{ChangeOptions, SkipOptions},
    cluster::Credentials,
    fleet::FleetOptions,
    parallel::ParallelOptions,
    reachability::Reachability,
};

/// Give the host a new kubeconfig of a member
///
/// Makes a new credential on the member as `kubectl mc join` does, beside the one that the host has, and verifies it: it
/// leads to the same cluster, it is a cluster-admin's, and the nodes of the host reach the server. Then one patch stores
/// it in the Cluster, with the server's address if the context has another one. Once the host's controller uses it, what
/// was made for this host before is removed from the member, which ends the old credential. An operator's own
/// certificate that was stored cannot be ended: it stays valid until it expires.
///
/// If anything fails before that, the old credential is as good as it was. Each run makes a new credential, even if the
/// old one is still valid; interrupted at any point, the same command makes another and removes what was left.
///
/// On KubeSphere 4 the first look of that controller may still use the old credential, so it is asked for another one, by
/// the annotation kubesphere.io/syncAt, before anything is removed.
///
/// With --all, every context of the kubeconfig (or of --member-kubeconfig) is asked which cluster it leads to, and every
/// Cluster with a direct connection is renewed by a context that leads to it: first a context with the Cluster's name,
/// then one with the address that the host uses, then the first by name. Clusters that no context leads to are left out
/// with a warning, and every Cluster keeps its address.
///
/// With -f every member of a fleet file is renewed, or those that are named, with the server and the credential that the file
/// says, else with the context's.
///
/// Needs on both sides what `kubectl mc import` needs to look, on the host "list", "get" and "patch" on
/// clusters.cluster.kubesphere.io, and on the member what `kubectl mc join` needs for the credential, with "delete" on
/// secrets in kubesphere-system, or "patch" or "delete" on clusterrolebindings, to remove an earlier one. No
/// ClusterConfiguration is changed.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("way").args(["member_context", "filename"]))]
#[command(after_help = "\
Examples:
  # Show what renewing edge-1 would do
  kubectl mc renew edge-1 --context prod --member-context edge-1-admin --dry-run=client

  # Renew it, with the address that the context has now
  kubectl mc renew edge-1 --context prod --member-context edge-1-admin

  # Renew two members of a fleet file
  kubectl mc renew -f fleet.yaml edge-1 edge-2

  # Renew every member that the kubeconfig has a context for, without being asked
  kubectl mc renew --all --context prod --yes")]
pub struct Renew {
    /// The Cluster to renew; with -f, the members of the file to renew [default with -f: all]
    #[arg(
        value_name = "NAME",
        required_unless_present_any = ["all", "filename"],
        conflicts_with = "all",
        requires = "way"
    )]
    pub names: Vec<String>,
    /// Context of the member; required unless --all or -f is given
    #[arg(long, value_name = "CONTEXT", conflicts_with = "all")]
    pub member_context: Option<String>,
    /// The file
    #[command(flatten)]
    pub fleet: FleetOptions,
    /// Renew every Cluster that a context leads to
    #[arg(long, conflicts_with = "filename")]
    pub all: bool,
    /// The credential that is stored on the host; with -f, of members of which the file says nothing
    #[arg(long, value_name = "KIND", value_enum, default_value_t)]
    pub credentials: Credentials,
    /// From where to probe the member before anything is changed
    #[arg(long, value_name = "FROM", value_enum, default_value = "nodes")]
    pub reachability: Reachability,
    /// Which checks do not stop it
    #[command(flatten)]
    pub skip: SkipOptions,
    /// How to go about it
    #[command(flatten)]
    pub change: ChangeOptions,
    /// How much of it at a time
    #[command(flatten)]
    pub parallel: ParallelOptions,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn one_cluster_with_its_context_or_all_of_them() {
        let code = |words: &str| match Cli::try_parse_from(words.split(' ')) {
            Ok(_) => 0,
            Err(error) => error.exit_code(),
        };
        assert_eq!(code("kubectl-mc renew a --member-context b"), 0);
        assert_eq!(code("kubectl-mc renew --all --skip-check managed-elsewhere"), 0);
        assert_eq!(code("kubectl-mc renew -f fleet.yaml"), 0);
        assert_eq!(code("kubectl-mc renew -f fleet.yaml a b"), 0);
        for words in [
            "",
            " a",
            " --member-context b",
            " a --all",
            " --all --member-context b",
            " a -f c --member-context b",
            " -f c --all",
        ] {
            assert_eq!(code(&format!("kubectl-mc renew{words}")), 2, "{words}");
        }
    }
}
