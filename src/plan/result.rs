//! What a step came to.

use kubesphere::{object::ObjectRef, side::Side};

/// What became of an object, in kubectl's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Created,
    Patched,
    Restarted,
    Deleted,
    Unchanged,
}

impl Effect {
    /// As results name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Patched => "patched",
            Self::Restarted => "restarted",
            Self::Deleted => "deleted",
            Self::Unchanged => "unchanged",
        }
    }
}

/// One thing that was done, or found done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    pub cluster: Side,
    pub object: ObjectRef,
    pub effect: Effect,
}

impl StepResult {
    pub fn new(cluster: &Side, object: ObjectRef, effect: Effect) -> Self {
        Self { cluster: cluster.clone(), object, effect }
    }
}
