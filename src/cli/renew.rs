//! `kubectl mc renew`.

use clap::Args;

use super::{
    change::{ChangeOptions, SkipOptions},
    cluster::Credentials,
    reachability::Reachability,
};

/// Give the host a new kubeconfig of a member
///
/// Makes a credential as `kubectl mc join` does, a new one beside that of the host, and verifies it: it leads to the very
/// member that the Cluster stands for, it is a cluster-admin's, and the nodes of the host reach the server. Then the
/// Cluster gets it in one patch, with the server's address where that is another one now. Once the host's controller has
/// taken it, the member gets rid of what was made for this host before, and so the old credential ends. An operator's
/// own certificate that was stored earlier does not: it holds as long as it says. Whatever goes
/// wrong earlier, the old one stays as good as it was. Each run makes a new credential, also where the old one still
/// holds; interrupted at any point, the same command makes another and removes what was left.
///
/// With --all, every context of the kubeconfig (or of --member-kubeconfig) is asked which cluster it leads to, and every
/// Cluster with a direct connection is renewed by the context that leads to it: one that is called like the Cluster
/// first, then one with the address that the host uses, then the first by name. Clusters that no context leads to are
/// left out with a warning, and every Cluster keeps its address.
///
/// Needs on both sides what `kubectl mc import` needs to look, on the host "list", "get" and "patch" on
/// clusters.cluster.kubesphere.io, and on the member what `kubectl mc join` needs for the credential, with "delete" on
/// secrets in kubesphere-system, or "patch" or "delete" on clusterrolebindings, to remove an earlier one. No
/// ClusterConfiguration is changed.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Renew what the host of context prod stores of its member edge-1
  kubectl mc renew edge-1 --context prod --member-context edge-1-admin

  # The member has a new address
  kubectl mc renew edge-1 --context prod --member-context edge-1-admin --member-server https://203.0.113.7:6443

  # Renew all members that the kubeconfig has contexts of, without a question
  kubectl mc renew --all --context prod --yes")]
pub struct Renew {
    /// The Cluster to renew
    #[arg(
        value_name = "NAME",
        required_unless_present = "all",
        conflicts_with = "all",
        requires = "member_context"
    )]
    pub name: Option<String>,
    /// Context of the member
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub member_context: Option<String>,
    /// Renew every Cluster that a context leads to
    #[arg(long)]
    pub all: bool,
    /// The credential that is stored on the host
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
        for words in [
            "",
            " a",
            " --member-context b",
            " a --all",
            " --all --member-context b",
            " a c --member-context b",
        ] {
            assert_eq!(code(&format!("kubectl-mc renew{words}")), 2, "{words}");
        }
    }
}
