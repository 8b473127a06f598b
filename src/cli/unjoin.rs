//! `kubectl mc unjoin`.

use clap::{ArgGroup, Args};

use super::{change::ChangeOptions, fleet::FleetOptions, parallel::ParallelOptions};

/// Remove a member: from the host, and with --member-context from the member too
///
/// Deletes the member's Cluster on the host and waits until its finalizer is gone. Without --member-context that is all:
/// the member keeps the host's jwtSecret, with which it can sign logins for the host, and its role and accounts; what
/// remains there is printed.
///
/// With --member-context it then cleans the member. It removes kubefed's service account with its rights and token,
/// kubefed's namespace if nothing else is in it, and the credential of the host. In one patch of the member's
/// ClusterConfiguration it sets the role none and a new random jwtSecret, because a former member must not keep the key
/// with which the host signs, and waits until that is in effect. At the end it looks again on both sides; what is left
/// over is listed, with exit code 3. Interrupted at any point, the same command continues.
///
/// KubeSphere 3.4 asks the member before it lets its Cluster go. If the member does not answer, nothing is sent, and
/// exit code 3 says so; --force is for a member that is gone for good. The host's own Cluster is never taken out.
///
/// If the webhook validating-cluster.kubesphere.io blocks the deletion, --force narrows it until the Cluster is gone: for
/// this one Cluster or, before Kubernetes 1.28, which has no match conditions, for all Clusters, for some seconds. It is
/// restored in any case, also after an error or Ctrl-C, and if the command is killed, by the next one that changes the
/// host. On a terminal the Cluster's name has to be typed; without a terminal --yes is needed besides --force. It always
/// waits until the Cluster is gone, and if ks-controller-manager has not let it go within 30 s, does that itself. If
/// nothing blocks the deletion, --force changes nothing.
///
/// A host with KubeSphere 4 lets the Cluster go whether its member answers or not. What it has installed there stays: ks-core
/// with its definitions, users and roles, and the host's jwtSecret; the plan lists it. With --member-context the annotations
/// of the namespace kubesphere-system that name this host are removed if the host has not done so, never another host's, and
/// so is the host's credential. With --uninstall what helm's release ks-core lists is deleted too, in helm's order and only
/// what bears helm's marks, and then helm's records of it. The namespace kubesphere-system and the definitions of KubeSphere,
/// with all that there is of them, stay. On a terminal the Cluster's name has to be typed for it.
///
/// With -f the members of a fleet file are taken out on both sides, or those that are named: all are looked at first, and a
/// check that stops one stops all. Then one follows the other, each with its own plan and question; -o json prints one object
/// for each. A member that fails does not keep the ones after it: the exit code is 6 then. Neither does one of which the answer
/// is no, with exit code 5 where none has failed; what was taken out, and what was not, is said at the end.
///
/// Needs on the host "list", "get" and "delete" on clusters.cluster.kubesphere.io, and "patch" if the webhook of
/// KubeSphere 3.4 is asked; "get" on the validatingwebhookconfiguration cluster.kubesphere.io and, in
/// kube-federation-system, on kubefedclusters.core.kubefed.io and secrets is useful. With --force it needs "get" and
/// "patch" on that validatingwebhookconfiguration and "patch" on clusters.cluster.kubesphere.io; and if it does the
/// controller's part, "delete" on those kubefedclusters and secrets. On both sides "get" on the namespace
/// kube-system, and with --member-context in kubesphere-system "get" on the ConfigMap kubesphere-config and on the
/// ClusterConfiguration.
///
/// With --member-context it needs on the member: in kube-federation-system "get" and "delete" on serviceaccounts and
/// "list" and "delete" on secrets; "get" and "delete" on clusterroles, clusterrolebindings and namespaces; in
/// kubesphere-system "get" and "delete" on serviceaccounts, "list" and "delete" on secrets, and "patch" on the
/// ClusterConfiguration, and on the Deployment ks-installer if it has to be restarted; "list" and "delete" on
/// certificatesigningrequests; and with --release-namespaces "list" and "patch" on namespaces and "list" on
/// workspaces.tenant.kubesphere.io. The namespace kube-federation-system is removed only if the user may list all that
/// can be in it.
///
/// On KubeSphere 4 it needs on the member: "get" on the namespace kubesphere-system, and "patch" if the annotations are left;
/// "get" and "delete" on clusterrolebindings and, in kubesphere-system, on serviceaccounts; there "list" and "delete" on
/// secrets; "list" and "delete" on certificatesigningrequests; and with --uninstall "get" on secrets in kubesphere-system, and
/// "get" and "delete" on all that the release lists.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("with-member").args(["member_context", "filename"]))]
#[command(after_help = "\
Examples:
  # Show what taking edge-1 out would do
  kubectl mc unjoin edge-1 --member-context edge-1 --context prod --dry-run=client

  # Take it out on both sides
  kubectl mc unjoin edge-1 --member-context edge-1 --context prod

  # Take a member of a fleet file out
  kubectl mc unjoin -f fleet.yaml edge-1

  # On the host alone: the member keeps the jwtSecret, and what remains there is printed
  kubectl mc unjoin edge-1 --context prod

  # Take it out of a host with KubeSphere 4, and ks-core from it
  kubectl mc unjoin edge-1 --member-context edge-1 --context prod --uninstall

  # Take out a member that is gone for good, whose deletion KubeSphere 3.4 would block
  kubectl mc unjoin edge-1 --context prod --force

  # Keep the projects of the host's workspaces as the member's own
  kubectl mc unjoin edge-1 --member-context edge-1 --context prod --release-namespaces")]
pub struct Unjoin {
    /// Name of the member's Cluster on the host; with -f, the members of the file to take out [default with -f: all]
    #[arg(value_name = "NAME", required_unless_present = "filename")]
    pub names: Vec<String>,
    /// Context of the member, to clean it too; without it the member keeps the jwtSecret
    #[arg(long, value_name = "CONTEXT")]
    pub member_context: Option<String>,
    /// The file
    #[command(flatten)]
    pub fleet: FleetOptions,
    /// Make projects of the host's workspaces the member's own: remove their workspace label and owner
    #[arg(long, requires = "with-member")]
    pub release_namespaces: bool,
    /// Uninstall ks-core from the member too, as helm does (KubeSphere 4)
    #[arg(long, requires = "with-member")]
    pub uninstall: bool,
    /// How many are looked at at once
    #[command(flatten)]
    pub parallel: ParallelOptions,
    /// Take out a member that is gone for good: briefly narrow the webhook that blocks the deletion
    #[arg(long, conflicts_with = "filename")]
    pub force: bool,
    /// How to go about it
    #[command(flatten)]
    pub change: ChangeOptions,
}
