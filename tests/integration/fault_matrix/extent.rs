//! How much is tried.

use std::env;

use testbed::kubesphere::Clusters;

use super::disturbance::{FEW, MANY};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// As much as fits into `cargo test`.
    Part,
    /// Every request meets every fault.
    Complete,
    /// On control planes: every write, and one request of each kind.
    ControlPlanes,
}

impl Extent {
    pub fn wanted() -> Self {
        match env::var("FAULT_MATRIX").as_deref() {
            Err(_) => Self::Part,
            Ok("complete") => Self::Complete,
            Ok("control-planes") => Self::ControlPlanes,
            Ok(other) => panic!("FAULT_MATRIX is complete or control-planes, not {other:?}"),
        }
    }

    pub fn clusters(self) -> Clusters {
        if self == Self::ControlPlanes { Clusters::Real } else { Clusters::InMemory }
    }

    /// One of so many is tried: of requests, and of groups of many.
    pub fn one_of(self, in_look: bool, together: usize) -> usize {
        match (self, in_look, together) {
            (Self::Complete, ..) | (_, true, MANY) | (Self::ControlPlanes, _, MANY) => 1,
            (Self::Part, _, MANY) => 3,
            (Self::Part, _, FEW) => 8,
            (Self::Part, true, _) => 23,
            (Self::Part, false, _) => 41,
            (Self::ControlPlanes, ..) => 6,
        }
    }

    /// So many runs at once of those that keep the processor busy, and of those that wait.
    pub fn at_once(self) -> [usize; 2] {
        match self {
            Self::Part => [5, 5],
            Self::Complete => [8, 40],
            Self::ControlPlanes => [2, 1],
        }
    }
}
