//! Reachability from every node of the host, by pods that live for seconds.

pub mod leftovers;
pub mod probe;
pub mod probe_plan;
pub mod remains;

mod sight;
