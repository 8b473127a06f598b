//! Taking a member out: what is seen for it, and what is sent.

pub mod admission;
pub mod fresh_secret;
pub mod host_remains;
pub mod release;
pub mod removal;
pub mod traces;

mod federation_namespace;
mod namespaces;
mod reading;
