//! How much is tried.

use std::env;

use testbed::{MOST_ALIVE, kubesphere::Clusters};

use super::disturbance::MANY;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// In memory: every request meets every fault.
    Complete,
    /// On control planes: every write, and one request of each kind.
    ControlPlanes,
}

impl Extent {
    pub fn wanted() -> Self {
        match env::var("FAULT_MATRIX").as_deref() {
            Err(_) => Self::Complete,
            Ok("control-planes") => Self::ControlPlanes,
            Ok(other) => panic!("FAULT_MATRIX is control-planes, not {other:?}"),
        }
    }

    pub fn clusters(self) -> Clusters {
        if self == Self::ControlPlanes { Clusters::Real } else { Clusters::InMemory }
    }

    /// One of so many is tried: of requests, and of groups of many.
    pub fn one_of(self, together: usize) -> usize {
        if self == Self::Complete || together == MANY { 1 } else { 6 }
    }

    /// Of an operation with so many requests, so many trials have a bed at once. Beds go back to who begins the next trial, and
    /// not to the pool: who waited there for more than it has would wait for ever.
    pub fn beds(self, requests: usize) -> usize {
        if self == Self::ControlPlanes { MOST_ALIVE / 2 } else { requests.div_ceil(4) }
    }

    /// So many operations are tried at once.
    pub fn operations_at_once(self) -> usize {
        if self == Self::ControlPlanes { 1 } else { usize::MAX }
    }
}
