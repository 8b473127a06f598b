//! `kubectl mc join`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{
    change::{ChangeOptions, ManifestOptions, SkipOptions},
    cluster::ClusterOptions,
    parallel::ParallelOptions,
    reachability::Reachability,
};

/// Join members to the host, from any state
///
/// Sets the roles and the host's jwtSecret in the ClusterConfigurations, waits for the installers, creates the
/// Clusters on the host and waits until they are ready. Before the first change every check of every member has
/// run, and the plan has been shown and confirmed. Interrupted at any point, the same command continues.
///
/// A host with KubeSphere 4 installs KubeSphere on its members itself: there the Cluster is created, nothing else is
/// changed on the host, and the member needs no KubeSphere before.
///
/// After the confirmation and before the first change, every ready Linux node of the host probes the new members'
/// servers, with pods in kubesphere-system that live for seconds: on the node's network, using an image already on the
/// node, without a service account token. If a node gets no connection, nothing is changed.
///
/// Needs, on both sides, "get" on the namespace kube-system, and in kubesphere-system "get" on the ConfigMap
/// kubesphere-config and on the ClusterConfiguration, "patch" on a ClusterConfiguration that changes, and "patch" on
/// the Deployment ks-installer if it has to be restarted; on the host "list", "get" and "create" on
/// clusters.cluster.kubesphere.io. Useful and not needed: what `kubectl mc check --help` names; to probe, on the host,
/// "list" on nodes, and in kubesphere-system "create", "list" and "delete" on pods and "list" on events; and "delete" on
/// clusters.cluster.kubesphere.io, to withdraw the later one if two people register a member at the same moment.
///
/// For the credential that the host stores it needs on the member: in kubesphere-system "get" and "create" on
/// serviceaccounts and "get", "list" and "create" on secrets; "get" and "create" on clusterrolebindings, and "bind" on
/// the clusterrole cluster-admin. For a host with KubeSphere 3.3, in place of the rights on serviceaccounts and secrets:
/// "create", "get" and "delete" on certificatesigningrequests, "patch" on certificatesigningrequests/approval,
/// "approve" on the signer kubernetes.io/kube-apiserver-client, and "patch" on the clusterrolebinding of an earlier
/// certificate. With --credentials=context MEMBER's user must be a cluster-admin. For a host with KubeSphere 4, where the
/// member has no KubeSphere yet, also "create" on namespaces; useful, to tell how the installation goes, in
/// kubesphere-system "list" on pods and events.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Show what joining the cluster of context edge-1 would do
  kubectl mc join edge-1 --context prod --dry-run=client

  # Join it; its Cluster gets the name of its context
  kubectl mc join edge-1 --context prod

  # Join two clusters without being asked
  kubectl mc join edge-1 edge-2 --context prod --yes

  # Join one that need not be reachable from every node of the host
  kubectl mc join edge-1 --context prod --reachability=off

  # Change nothing; write what kubectl, or a repository, is to apply
  kubectl mc join edge-1 --context prod --manifests-to ./edge-1

  # Join a cluster whose context has a name that no Cluster can have
  kubectl mc join admin@blue --context prod --name blue")]
pub struct Join {
    /// Contexts of the clusters to join
    #[arg(value_name = "MEMBER", required = true)]
    pub members: Vec<String>,
    /// Name of the host's own Cluster; takes effect only while the cluster becomes a host (KubeSphere 3.2+)
    #[arg(long, value_name = "NAME")]
    pub host_cluster_name: Option<String>,
    /// Its Cluster
    #[command(flatten)]
    pub cluster: ClusterOptions,
    /// File with values for the chart ks-core, with which the host installs new members (KubeSphere 4)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// From where to probe new members before anything is changed
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
    /// Who applies it
    #[command(flatten)]
    pub manifests: ManifestOptions,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory as _, Parser as _};

    use super::Join;
    use crate::cli::{Cli, Command, Reachability};

    fn join(words: &[&str]) -> Join {
        let argv = ["kubectl-mc", "join"].iter().chain(words);
        match Cli::try_parse_from(argv).unwrap().command {
            Command::Join(join) => *join,
            _ => unreachable!("join was typed"),
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
        assert_eq!(join(&["a"]).change.timeout, Duration::from_secs(3600));
        assert!(join(&["a"]).change.wait);
        assert!(!join(&["a", "--wait=false"]).change.wait);
        assert!(join(&["a", "--wait"]).change.wait);
    }

    #[test]
    fn nodes_probe_unless_told_otherwise() {
        assert_eq!(join(&["a"]).reachability, Reachability::Nodes);
        assert_eq!(join(&["a", "--reachability=off"]).reachability, Reachability::Off);
    }

    #[test]
    fn lists_of_checks_are_taken_apart() {
        assert_eq!(join(&["a", "--skip-check", "x,y", "--skip-check=z"]).skip.checks, ["x", "y", "z"]);
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
