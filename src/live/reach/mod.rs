//! Reachability from every node of the host, by pods that live for seconds.

pub mod leftovers;
pub mod outlook;
pub mod probe;
pub mod remains;

mod sight;
