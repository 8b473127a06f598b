//! Deletes an object that a join has left.

use kubesphere::{
    object::{ExistingObject, ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_kind},
    result::{Effect, StepResult},
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct Remove {
    pub cluster: Side,
    pub existing: ExistingObject,
}

impl Planned for Remove {
    fn cluster(&self) -> &Side {
        &self.cluster
    }

    fn verb(&self) -> &'static str {
        "delete"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![self.existing.object.clone()]
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        let object = &self.existing.object;
        let delete = of_kind("delete", object.kind, object.namespace);
        // A namespace is waited for until it is gone.
        let get = (object.kind == ObjectKind::NAMESPACE).then(|| of_kind("get", object.kind, None));
        [delete].into_iter().chain(get).map(|access| (self.cluster.clone(), access)).collect()
    }

    fn foreseen(&self) -> Vec<StepResult> {
        vec![StepResult::new(&self.cluster, self.existing.object.clone(), Effect::Deleted)]
    }
}
