//! `kubectl mc join`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};

use super::{
    change::{ChangeOptions, ManifestOptions, SkipOptions},
    cluster::ClusterOptions,
    fleet::FleetOptions,
    parallel::ParallelOptions,
    reachability::Reachability,
};

/// What a fleet file says of each member, and the command line says of those that it names itself.
pub(super) const SAID_IN_THE_FILE: [&str; 11] = [
    "name",
    "credentials",
    "alias",
    "group",
    "provider",
    "description",
    "region",
    "labels",
    "annotations",
    "config",
    "host_cluster_name",
];

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
/// With -f a fleet file names the host and the members, each with what its Cluster says and stores; `kubectl mc fleet init`
/// writes one. Options that hold for all members go beside it: --yes, --dry-run, --timeout, --reachability and --skip-check,
/// whose checks are added to those in the file; --context overrides the host in it. What it says of members cannot be given
/// beside it. Paths in it are relative to it.
///
/// A check that stops one member stops all, before anything is changed; with --continue-on-obstacle such members are left
/// out, the plan says so, and the exit code is 6 when the others are joined. What fails later stops that member alone, also
/// with exit code 6: the end says what failed, why, and which command goes on with the rest.
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
#[command(group = ArgGroup::new("said-in-the-file").args(SAID_IN_THE_FILE).multiple(true).conflicts_with("filename"))]
#[command(after_help = "\
Examples:
  # Show what joining the cluster of context edge-1 would do
  kubectl mc join edge-1 --context prod --dry-run=client

  # Join it; its Cluster gets the name of its context
  kubectl mc join edge-1 --context prod

  # Join two clusters without being asked
  kubectl mc join edge-1 edge-2 --context prod --yes

  # Join all members of a fleet file, or one that has been added to it
  kubectl mc join -f fleet.yaml
  kubectl mc join -f fleet.yaml edge-2

  # Join one that need not be reachable from every node of the host
  kubectl mc join edge-1 --context prod --reachability=off

  # Change nothing; write what kubectl, or a repository, is to apply
  kubectl mc join edge-1 --context prod --manifests-to ./edge-1

  # Join a cluster whose context has a name that no Cluster can have
  kubectl mc join admin@blue --context prod --name blue")]
pub struct Join {
    /// Contexts of the clusters to join; with -f, names of members of the file [default with -f: all]
    #[arg(value_name = "MEMBER", required_unless_present = "filename")]
    pub members: Vec<String>,
    /// The file
    #[command(flatten)]
    pub fleet: FleetOptions,
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
    /// Leave members out that a check stops, and join the others; the exit code is 6 then
    #[arg(long)]
    pub continue_on_obstacle: bool,
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
    use std::{path::Path, time::Duration};

    use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

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
    fn a_file_names_the_members_and_says_what_is_theirs() {
        let fleet = join(&["-f", "fleet.yaml", "--yes", "--skip-check", "x"]);
        assert_eq!(fleet.fleet.filename.as_deref(), Some(Path::new("fleet.yaml")));
        assert_eq!(join(&["a", "--filename=-"]).members, ["a"]);
        for option in
            ["--name=a", "--alias=a", "--region=a", "--label=a=b", "--credentials=auto", "--config=a"]
        {
            let argv = ["kubectl-mc", "join", "-f", "fleet.yaml", option];
            let error = Cli::try_parse_from(argv).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{option}");
        }
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
