//! Taking a member out: what is seen for it, and what is sent.

pub mod admission;
pub mod core_traces;
pub mod host_remains;
pub mod traces;

pub(super) mod federation_namespace;
pub(super) mod installed;
pub(super) mod namespaces;
pub(super) mod reading;

mod record;
