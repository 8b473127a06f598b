//! `kubectl mc unjoin`.

use clap::Args;

use super::change::ChangeOptions;

/// Take a member out, on the host and on the member
///
/// Deletes the member's Cluster on the host and waits until its finalizer is gone. With --member-context it then removes
/// from the member what the join and the host's kubefed left there: kubefed's service account with its rights and token,
/// its namespace if nothing else is in it, and the credential of the host; and it sets the role none and a new random
/// jwtSecret in one patch of the member's ClusterConfiguration, and waits until that is in effect, because a former member
/// must not keep the key with which the host signs. Interrupted at any point, the same command continues. At the end it
/// looks again on both sides; what is left over is listed, with exit code 3.
///
/// KubeSphere 3.4 asks the member before it lets its Cluster go. Where the member does not answer, nothing is sent, and
/// exit code 3 says so; --force is for a member that is gone for good. The host's own Cluster is never taken out.
///
/// Where the webhook validating-cluster.kubesphere.io denies that the Cluster goes, --force narrows it until the Cluster
/// is gone, and restores it in any case, also after an error or Ctrl-C; what a killed command has left is restored by the
/// next one that changes the host. The webhook leaves out this one Cluster, or, before Kubernetes 1.28, which keeps no
/// match conditions, all Clusters, for some seconds. On a terminal the Cluster's name has to be typed; without one it
/// takes --yes together with --force. It always waits until the Cluster is gone, and where ks-controller-manager does not
/// let it go within 30 s, does that itself. Where nothing denies it, --force changes nothing.
///
/// Needs on the host "list", "get" and "delete" on clusters.cluster.kubesphere.io, and "patch" where the webhook of
/// KubeSphere 3.4 is asked; "get" on the validatingwebhookconfiguration cluster.kubesphere.io and, in
/// kube-federation-system, on kubefedclusters.core.kubefed.io and secrets is useful. With --force it needs "get" and
/// "patch" on that validatingwebhookconfiguration and "patch" on clusters.cluster.kubesphere.io; and where it does the
/// controller's part, "delete" on those kubefedclusters and secrets. On both sides "get" on the namespace
/// kube-system, and with --member-context in kubesphere-system "get" on the ConfigMap kubesphere-config and on the
/// ClusterConfiguration.
///
/// With --member-context it needs on the member: in kube-federation-system "get" and "delete" on serviceaccounts and
/// "list" and "delete" on secrets; "get" and "delete" on clusterroles, clusterrolebindings and namespaces; in
/// kubesphere-system "get" and "delete" on serviceaccounts, "list" and "delete" on secrets, and "patch" on the
/// ClusterConfiguration, and on the Deployment ks-installer where it is restarted; "list" and "delete" on
/// certificatesigningrequests; and with --release-namespaces "list" and "patch" on namespaces and "list" on
/// workspaces.tenant.kubesphere.io. The namespace kube-federation-system is removed only by who may list all that can be
/// in it.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Show what taking edge-1 out would do
  kubectl mc unjoin edge-1 --member-context edge-1 --context prod --dry-run=client

  # Take it out on both sides
  kubectl mc unjoin edge-1 --member-context edge-1 --context prod

  # On the host alone; what remains on the member is printed
  kubectl mc unjoin edge-1 --context prod

  # A member that is gone for good, behind the webhook of KubeSphere 3.4
  kubectl mc unjoin edge-1 --context prod --force

  # Keep the projects of the host's workspaces as the member's own
  kubectl mc unjoin edge-1 --member-context edge-1 --context prod --release-namespaces")]
pub struct Unjoin {
    /// Name of the member's Cluster on the host
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Context of the member, to clean it too
    #[arg(long, value_name = "CONTEXT")]
    pub member_context: Option<String>,
    /// Take workspace label and owner reference off the namespaces that the host's workspaces own
    #[arg(long, requires = "member_context")]
    pub release_namespaces: bool,
    /// Narrow the webhook for a moment that does not let the Cluster of a dead member go
    #[arg(long)]
    pub force: bool,
    /// How to go about it
    #[command(flatten)]
    pub change: ChangeOptions,
}
