//! Makes a namespace the member's own that belongs to a workspace of the host.

use kubesphere::{
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_kind},
    result::{Effect, StepResult},
    step::Planned,
    unjoin::namespaces,
};

#[derive(Clone, Debug)]
pub struct Release {
    pub cluster: Side,
    pub release: namespaces::Release,
}

impl Release {
    pub fn namespace(&self) -> ObjectRef {
        ObjectKind::NAMESPACE.named(&self.release.namespace)
    }
}

impl Planned for Release {
    fn cluster(&self) -> &Side {
        &self.cluster
    }

    fn verb(&self) -> &'static str {
        "patch"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![self.namespace()]
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        vec![(self.cluster.clone(), of_kind("patch", ObjectKind::NAMESPACE, None))]
    }

    fn foreseen(&self) -> Vec<StepResult> {
        vec![StepResult::new(&self.cluster, self.namespace(), Effect::Patched)]
    }
}
