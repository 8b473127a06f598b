//! Deletes pods that an earlier probing has left behind.

use kubesphere::{
    cluster_configuration::NAMESPACE,
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{reach::leftovers::LeftoverPod, step::Planned};

#[derive(Clone, Debug)]
pub struct SweepPods {
    pub host: Side,
    pub pods: Vec<LeftoverPod>,
}

impl Planned for SweepPods {
    fn cluster(&self) -> &Side {
        &self.host
    }

    fn verb(&self) -> &'static str {
        "delete"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        let named = |pod: &LeftoverPod| ObjectKind::POD.named(&pod.name).in_namespace(NAMESPACE);
        self.pods.iter().map(named).collect()
    }
}
