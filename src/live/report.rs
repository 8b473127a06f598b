//! What is told while clusters change, to whoever shows it.

use crate::kubesphere::side::Side;

/// Something that happens on a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step begins: a fragment such as `waiting for the installer`.
    Begins(String),
    /// Where the step stands: the installer's task, a condition's reason.
    Stands(String),
    /// The step is done: a sentence for the record.
    Done(String),
    /// Something to know that is no step of its own.
    Note(String),
}

/// Whoever shows it.
pub trait Report {
    /// Takes what happens on `side`.
    fn tell(&self, side: &Side, event: Event);
}
