//! The plan as the list of its steps, in the order in which they are taken.

use super::{
    namespaces::Release,
    plan::{Deletion, MemberPlan, UnjoinPlan},
};
use crate::{
    kubesphere::{
        cluster_configuration, cluster_webhook,
        object::{ExistingObject, ObjectKind},
        side::Side,
    },
    plan::{
        configuration_patch::Change,
        join::ConfigurationStep,
        narrowing::{Field, Restoration},
    },
};

/// One step, on one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct UnjoinStep<'a> {
    /// The cluster that it changes, or waits for.
    pub side: Side,
    /// What it does.
    pub action: UnjoinAction<'a>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum UnjoinAction<'a> {
    /// Restores the webhook that an earlier command has left narrowed.
    Restore(&'a Restoration),
    /// Narrows the webhook for the Cluster of this name until it is gone.
    Narrow(&'a str, Field),
    /// Deletes the Cluster and waits until it is gone.
    Delete(&'a str),
    /// Waits until the Cluster is gone that somebody has deleted.
    AwaitDeletion(&'a str),
    /// Removes what a join left.
    Remove(&'a ExistingObject),
    /// Waits until a namespace is gone that an earlier run has deleted.
    AwaitRemoval(&'a ExistingObject),
    /// Makes a namespace the member's own.
    Release(&'a Release),
    /// Changes the ClusterConfiguration and waits until that is in effect.
    Patch(&'a [Change]),
    /// Waits for a run that is under way, and restarts the installer where it has no effect.
    Await,
    /// Restarts the installer and waits until the configuration is in effect.
    Restart,
}

impl UnjoinAction<'_> {
    /// One word for it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Delete(_) | Self::Remove(_) => "delete",
            Self::AwaitDeletion(_) | Self::AwaitRemoval(_) | Self::Await => "wait",
            Self::Release(_) | Self::Patch(_) | Self::Restore(_) | Self::Narrow(..) => "patch",
            Self::Restart => "restart",
        }
    }

    /// What it comes to, as results name it; nothing where it only waits.
    pub fn outcome(&self) -> Option<&'static str> {
        match self {
            Self::Delete(_) | Self::Remove(_) => Some("deleted"),
            // What is narrowed is as before in the end.
            Self::AwaitDeletion(_) | Self::AwaitRemoval(_) | Self::Await | Self::Narrow(..) => None,
            Self::Release(_) | Self::Patch(_) | Self::Restore(_) => Some("patched"),
            Self::Restart => Some("restarted"),
        }
    }

    /// What it is done to, as `kind.group/name`.
    pub fn object(&self) -> String {
        match self {
            Self::Delete(name) | Self::AwaitDeletion(name) => {
                format!("{}/{name}", ObjectKind::CLUSTER.singular())
            }
            Self::Restore(_) | Self::Narrow(..) => webhook_configuration(),
            Self::Remove(trace) | Self::AwaitRemoval(trace) => trace.object.to_string(),
            Self::Release(release) => format!("namespace/{}", release.namespace),
            Self::Patch(_) => configuration(),
            Self::Await | Self::Restart => format!("deployment.apps/{}", cluster_configuration::NAME),
        }
    }
}

/// The webhook's configuration, as results name it.
pub fn webhook_configuration() -> String {
    format!("validatingwebhookconfiguration.{}/{}", cluster_webhook::GROUP, cluster_webhook::CONFIGURATION)
}

/// A ClusterConfiguration, likewise.
pub fn configuration() -> String {
    format!("clusterconfiguration.{}/{}", cluster_configuration::GROUP, cluster_configuration::NAME)
}

impl UnjoinPlan {
    /// The steps: the host's, then what goes on the member, its namespaces, and last its configuration, by which an
    /// interrupted command knows what it was about.
    pub fn steps(&self) -> Vec<UnjoinStep<'_>> {
        let action = match &self.deletion {
            Deletion::Delete(_) => Some(UnjoinAction::Delete(&self.name)),
            Deletion::Await(_) => Some(UnjoinAction::AwaitDeletion(&self.name)),
            Deletion::Done => None,
        };
        let restore = self.restored_first().map(UnjoinAction::Restore);
        let narrow = self.forced.map(|field| UnjoinAction::Narrow(&self.name, field));
        let actions = restore.into_iter().chain(narrow).chain(action);
        let host = actions.map(|action| UnjoinStep { side: self.host.clone(), action });
        host.chain(self.member.iter().flat_map(MemberPlan::steps)).collect()
    }
}

impl MemberPlan {
    fn steps(&self) -> impl Iterator<Item = UnjoinStep<'_>> {
        let removals = self.removals.iter().map(UnjoinAction::Remove);
        let releases = self.releases.iter().map(UnjoinAction::Release);
        let configuration = match &self.configuration {
            ConfigurationStep::InEffect | ConfigurationStep::AwaitController => None,
            ConfigurationStep::Await => Some(UnjoinAction::Await),
            ConfigurationStep::Patch(patch) => Some(UnjoinAction::Patch(&patch.changes)),
            ConfigurationStep::Restart => Some(UnjoinAction::Restart),
        };
        let going = self.going.as_ref().map(UnjoinAction::AwaitRemoval);
        let actions = removals.chain(releases).chain(configuration).chain(going);
        actions.map(|action| UnjoinStep { side: self.side.clone(), action })
    }
}
