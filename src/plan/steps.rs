//! A plan as the list of its steps, in the order in which they are taken.

use super::{
    configuration_patch::Change,
    credential::{ACCOUNT, Kind, Piece},
    credential_step::CredentialStep,
    join::{ConfigurationStep, MemberPlan, Plan, Registration},
    narrowing::Restoration,
    reach::{
        leftovers::LeftoverPod,
        probing::{Outlook, Probing},
    },
    superseded::Superseded,
};
use crate::kubesphere::{
    cluster_webhook::{CONFIGURATION, GROUP, PLURAL},
    side::Side,
};

/// One step, on one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<'a> {
    /// The cluster that it changes, or waits for.
    pub side: Side,
    /// What it does.
    pub action: Action<'a>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<'a> {
    /// Restores the webhook that an earlier command has left narrowed.
    Restore(&'a Restoration),
    /// Deletes pods that an earlier probing left behind.
    Sweep(&'a [LeftoverPod]),
    /// Probes the new members from the host's nodes; nothing follows where one cannot be reached.
    Probe(&'a Probing),
    /// Changes the ClusterConfiguration and waits until that is in effect.
    Patch(&'a [Change]),
    /// Waits for a run that is under way, and restarts the installer where it has no effect.
    Await,
    /// Waits for the host's controller, which acts on what the installer has written.
    AwaitController,
    /// Restarts the installer and waits until the configuration is in effect.
    Restart,
    /// Makes what is missing of the credential that the host will store.
    MakeCredential(&'a CredentialStep),
    /// Creates the Cluster of this member and waits until it is ready.
    Create {
        /// The Cluster's name.
        name: &'a str,
        /// The member's context.
        member: &'a str,
        /// The credential that it stores.
        credential: Kind,
    },
    /// Replaces the kubeconfig in the Cluster of this member and waits until the host's controller has taken it.
    Renew {
        /// The Cluster's name.
        name: &'a str,
        /// The member's context.
        member: &'a str,
        /// The credential that it stores from then on.
        credential: Kind,
        /// What changes beside the kubeconfig.
        changes: &'a [Change],
    },
    /// Removes from the member what the host does not use any more.
    Remove(&'a Superseded),
    /// Waits until the Cluster is ready.
    AwaitCluster {
        /// The Cluster's name.
        name: &'a str,
    },
}

impl Action<'_> {
    /// One word for it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Sweep(_) | Self::Remove(_) => "delete",
            Self::Probe(_) => "probe",
            Self::Patch(_) | Self::Restore(_) | Self::Renew { .. } => "patch",
            Self::Await | Self::AwaitController | Self::AwaitCluster { .. } => "wait",
            Self::Restart => "restart",
            Self::MakeCredential(_) | Self::Create { .. } => "create",
        }
    }

    /// What it is done to, as `resource.group/name`.
    pub fn object(&self) -> String {
        match self {
            Self::Restore(_) => format!("{PLURAL}.{GROUP}/{CONFIGURATION}"),
            Self::Sweep(pods) => {
                pods.iter().map(|pod| format!("pods/{}", pod.name)).collect::<Vec<_>>().join(", ")
            }
            Self::Probe(probing) => {
                let servers = probing.targets().into_iter().map(|target| target.server.as_str());
                servers.collect::<Vec<_>>().join(", ")
            }
            Self::Patch(_) => "clusterconfigurations.installer.kubesphere.io/ks-installer".to_owned(),
            Self::Await | Self::Restart => "deployments.apps/ks-installer".to_owned(),
            Self::AwaitController => "deployments.apps/ks-controller-manager".to_owned(),
            Self::MakeCredential(step) => {
                step.missing.iter().map(|piece| object(*piece)).collect::<Vec<_>>().join(", ")
            }
            Self::Create { name, .. } | Self::Renew { name, .. } | Self::AwaitCluster { name } => {
                format!("clusters.cluster.kubesphere.io/{name}")
            }
            Self::Remove(superseded) => removed(superseded),
        }
    }

    /// The fields that it changes.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Patch(changes) | Self::Renew { changes, .. } => changes,
            _ => &[],
        }
    }
}

/// The token Secrets, and the users in the binding.
fn removed(superseded: &Superseded) -> String {
    let tokens = superseded.tokens.iter().map(|token| format!("secrets/{}", token.name));
    // Their names have a part that nobody shall guess.
    let users = (!superseded.users.is_empty())
        .then(|| format!("users/{ACCOUNT}-* in {}", object(Piece::UserBinding)));
    tokens.chain(users).collect::<Vec<_>>().join(", ")
}

impl Plan {
    /// The steps: what an earlier command has left behind, what is found out first, the members' credentials, the host's,
    /// then every member's configuration, then the Clusters, and what is of no more use then.
    pub fn steps(&self) -> Vec<Step<'_>> {
        let of_host = self.host.iter().filter_map(|host| of_configuration(&host.side, &host.configuration));
        let of_members =
            self.members.iter().filter_map(|member| of_configuration(&member.side, &member.configuration));
        let clusters = self.members.iter().filter_map(of_cluster);
        let credentials = self.members.iter().filter_map(of_credential);
        let steps = self.of_reachability().chain(credentials).chain(of_host).chain(of_members);
        steps.chain(clusters).chain(self.of_removals()).collect()
    }

    fn of_removals(&self) -> impl Iterator<Item = Step<'_>> {
        let removals = self.renewals().filter(|(_, _, renewal)| !renewal.superseded.is_empty());
        removals.map(|(member, _, renewal)| Step {
            side: member.side.clone(),
            action: Action::Remove(&renewal.superseded),
        })
    }

    fn of_reachability(&self) -> impl Iterator<Item = Step<'_>> {
        let probing = self.probing.iter().filter_map(|outlook| match outlook {
            Outlook::Probes(probing) => {
                Some(Step { side: probing.host.clone(), action: Action::Probe(probing) })
            }
            Outlook::Unknown { .. } => None,
        });
        let leftovers = self.leftover_pods.first().zip(self.host_side());
        let sweep = leftovers
            .map(|(_, side)| Step { side: side.clone(), action: Action::Sweep(&self.leftover_pods) });
        let restored = self.narrowed.iter().zip(self.host_side());
        let restored = restored
            .map(|(restoration, side)| Step { side: side.clone(), action: Action::Restore(restoration) });
        restored.chain(sweep).chain(probing)
    }

    /// The host, where the plan knows it.
    fn host_side(&self) -> Option<&Side> {
        let of_members = self.members.iter().find_map(|member| Some(&member.cluster.as_ref()?.host));
        self.host.as_ref().map(|host| &host.side).or(of_members)
    }
}

fn object(piece: Piece) -> String {
    let (group, resource) = piece.resource();
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    format!("{resource}{group}/{}", piece.name())
}

fn of_credential(member: &MemberPlan) -> Option<Step<'_>> {
    let step = member.cluster.as_ref()?.credential.as_ref()?;
    let action = Action::MakeCredential(step);
    (!step.missing.is_empty()).then(|| Step { side: member.side.clone(), action })
}

fn of_configuration<'a>(side: &Side, step: &'a ConfigurationStep) -> Option<Step<'a>> {
    let action = match step {
        ConfigurationStep::InEffect => return None,
        ConfigurationStep::Await => Action::Await,
        ConfigurationStep::AwaitController => Action::AwaitController,
        ConfigurationStep::Patch(patch) => Action::Patch(&patch.changes),
        ConfigurationStep::Restart => Action::Restart,
    };
    Some(Step { side: side.clone(), action })
}

fn of_cluster(member: &MemberPlan) -> Option<Step<'_>> {
    let cluster = member.cluster.as_ref()?;
    let name = cluster.name.as_str();
    let credential = cluster.credential.as_ref().map_or(Kind::Context, |step| step.kind);
    let member = member.side.context();
    let action = match &cluster.registration {
        Registration::Joined => return None,
        Registration::Await => Action::AwaitCluster { name },
        Registration::Create => Action::Create { name, member, credential },
        Registration::Renew(renewal) => Action::Renew { name, member, credential, changes: &renewal.changes },
    };
    Some(Step { side: cluster.host.clone(), action })
}
