//! Brings a ClusterConfiguration into effect.

use kubesphere::{
    cluster_configuration::{NAME, NAMESPACE},
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_configuration},
    configuration_patch::Change,
    manifest::Manifest,
    member_kubeconfig::StoredKubeconfig,
    needs::ConfigurationNeed,
    observed::Observed,
    reconciler::Goal,
    result::{Effect, StepResult},
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct Configure {
    pub cluster: Side,
    pub goal: Goal,
    /// What it took when the plan was made. It bounds what is done: another kind of change was not confirmed.
    pub expected: ConfigurationNeed,
    /// The cluster as it was then.
    pub observed: Box<Observed>,
}

impl Planned for Configure {
    fn cluster(&self) -> &Side {
        &self.cluster
    }

    fn verb(&self) -> &'static str {
        match self.expected {
            ConfigurationNeed::Patch(_) => "patch",
            ConfigurationNeed::Restart => "restart",
            ConfigurationNeed::InEffect | ConfigurationNeed::Await | ConfigurationNeed::AwaitController => {
                "wait"
            }
        }
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![match self.expected {
            ConfigurationNeed::InEffect | ConfigurationNeed::Patch(_) => configuration(),
            ConfigurationNeed::Await | ConfigurationNeed::Restart => installer(),
            ConfigurationNeed::AwaitController => {
                ObjectKind::DEPLOYMENT.named("ks-controller-manager").in_namespace(NAMESPACE)
            }
        }]
    }

    fn changes(&self) -> &[Change] {
        match &self.expected {
            ConfigurationNeed::Patch(patch) => &patch.changes,
            _ => &[],
        }
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        of_configuration(&self.expected).into_iter().map(|access| (self.cluster.clone(), access)).collect()
    }

    fn foreseen(&self) -> Vec<StepResult> {
        match self.expected {
            ConfigurationNeed::Patch(_) => {
                vec![StepResult::new(&self.cluster, configuration(), Effect::Patched)]
            }
            ConfigurationNeed::Restart => {
                vec![StepResult::new(&self.cluster, installer(), Effect::Restarted)]
            }
            ConfigurationNeed::InEffect | ConfigurationNeed::Await | ConfigurationNeed::AwaitController => {
                Vec::new()
            }
        }
    }

    /// A restart is kubectl's own command.
    fn manifests(&self, _: Option<&StoredKubeconfig>) -> Vec<Manifest> {
        match &self.expected {
            ConfigurationNeed::Patch(patch) => {
                vec![Manifest::of_patch(&self.cluster, configuration(), patch.document())]
            }
            _ => Vec::new(),
        }
    }

    fn is_shown(&self) -> bool {
        self.expected != ConfigurationNeed::InEffect
    }
}

pub fn configuration() -> ObjectRef {
    ObjectKind::CLUSTER_CONFIGURATION.named(NAME).in_namespace(NAMESPACE)
}

/// The Deployment of the installer.
pub fn installer() -> ObjectRef {
    ObjectKind::DEPLOYMENT.named(NAME).in_namespace(NAMESPACE)
}
