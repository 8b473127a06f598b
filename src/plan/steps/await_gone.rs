//! Waits until a namespace is gone: Kubernetes takes its time to delete one.

use kubesphere::{
    object::{ExistingObject, ObjectRef},
    side::Side,
};

use crate::plan::step::Planned;

#[derive(Clone, Debug)]
pub struct AwaitGone {
    pub cluster: Side,
    pub existing: ExistingObject,
    /// Whether an earlier run has deleted it; else this one does, and the step before has said so.
    pub was_deleted_before: bool,
}

impl Planned for AwaitGone {
    fn cluster(&self) -> &Side {
        &self.cluster
    }

    fn verb(&self) -> &'static str {
        "wait"
    }

    fn only_waits(&self) -> bool {
        true
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![self.existing.object.clone()]
    }

    fn is_shown(&self) -> bool {
        self.was_deleted_before
    }
}
