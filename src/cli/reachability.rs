//! From where reachability is found out.

use clap::ValueEnum;

use crate::plan::intent;

/// Whether the host's nodes probe the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reachability {
    /// From every ready Linux node of the host, with pods that live for seconds
    Nodes,
    /// Not at all
    Off,
}

impl From<Reachability> for intent::Reachability {
    fn from(typed: Reachability) -> Self {
        match typed {
            Reachability::Nodes => Self::Nodes,
            Reachability::Off => Self::Off,
        }
    }
}
