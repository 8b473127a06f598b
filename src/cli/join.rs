//! `kubectl mc join`.

use clap::Args;

use super::{
    change::{ChangeOptions, SkipOptions},
    cluster::ClusterOptions,
    reachability::Reachability,
};

/// Join members to the host, from any state
///
/// Sets the roles and the host's jwtSecret in the ClusterConfigurations, waits for the installers, creates the
/// Clusters on the host and waits until they are ready. Before the first change every check of every member has
/// run, and the plan has been shown and confirmed. Interrupted at any point, the same command continues.
///
/// After the confirmation and before the first change, the kubelet of every ready Linux node of the host probes the new
/// members' servers, by pods in kubesphere-system that live for seconds: on the node's network, of an image that is
/// there already, without a token. Where one gets no connection, nothing is changed.
///
/// Needs, on both sides, "get" on the namespace kube-system, and in kubesphere-system "get" on the ConfigMap
/// kubesphere-config and on the ClusterConfiguration, "patch" on a ClusterConfiguration that changes, and "patch" on
/// the Deployment ks-installer where it is restarted; on the host "list", "get" and "create" on
/// clusters.cluster.kubesphere.io, and "delete" to withdraw one of two registrations at once. The rights to read the
/// installer's Deployment, pods and log, nodes and Secret kubesphere-secret, and what else `kubectl mc check --help`
/// names, are useful and not needed, nor are those to probe: on the host "list" on nodes, and in kubesphere-system
/// "create", "list" and "delete" on pods and "list" on events.
///
/// For the credential that is stored on the host it needs on the member, in kubesphere-system, "get" and "create" on
/// serviceaccounts and "get", "list" and "create" on secrets, and "get" and "create" on clusterrolebindings with "bind"
/// on the role cluster-admin; for a host with KubeSphere 3.3 instead of the former "create", "get" and "delete"
/// on certificatesigningrequests, "patch" on their approval, and "approve" on the signer
/// kubernetes.io/kube-apiserver-client, and "patch" on the binding of an earlier certificate; with
/// --credentials=context MEMBER's user must be a cluster-admin.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Show what joining the cluster of context edge-1 would do
  kubectl mc join edge-1 --context prod --dry-run=client

  # Join it, under the name of its context
  kubectl mc join edge-1 --context prod

  # Join two clusters, without a question
  kubectl mc join edge-1 edge-2 --context prod --yes

  # Join one that only some nodes of the host can reach, which is fine
  kubectl mc join edge-1 --context prod --reachability=off

  # Join a cluster whose context has a name that KubeSphere does not take
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
    /// From where to probe new members before anything is changed
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
