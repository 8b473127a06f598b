//! What it takes to take a member out: on the host its Cluster, on the member what the join and kubefed left there.

pub mod admission;
pub mod core;
pub mod kept;
pub mod member_ownership;
pub mod namespaces;
pub mod plan;
pub mod standalone;
pub mod trace;
