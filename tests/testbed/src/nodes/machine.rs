//! What a node is to be.

use std::net::Ipv4Addr;

use super::image::PAUSE;

/// A next hop that nobody answers for; its neighbour entry leads to a machine that does not exist.
pub(super) const NOWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// How far a node's connections to the member's address come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// They arrive.
    Open,
    /// Nobody listens: `connect: connection refused`.
    Refused,
    /// Packets are lost: `context deadline exceeded`, `Client.Timeout exceeded` or `i/o timeout`, as it comes.
    Dropped,
    /// A route says that there is no way: `connect: no route to host`.
    Unreachable,
    /// A route throws them away: `connect: invalid argument`.
    Blackhole,
}

impl Reach {
    /// The route, as `ip route replace` takes it.
    pub(super) fn route(self, to: Ipv4Addr, gateway: Ipv4Addr) -> String {
        match self {
            Self::Open => format!("{to} via {gateway} dev eth0"),
            Self::Refused => format!("local {to} dev lo table main"),
            Self::Dropped => format!("{to} via {NOWHERE} dev eth0 onlink"),
            Self::Unreachable => format!("unreachable {to}"),
            Self::Blackhole => format!("blackhole {to}"),
        }
    }
}

/// A node to be started.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) name: String,
    pub(super) reach: Reach,
    pub(super) images: Vec<String>,
}

impl Machine {
    /// A node that reaches the member and has the image [`PAUSE`].
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), reach: Reach::Open, images: vec![PAUSE.to_owned()] }
    }

    /// With this way to the member.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// With images of these names instead, all of them the program that waits. Pods run only where [`PAUSE`] is among
    /// them, since the container runtime makes each pod's sandbox from it.
    #[must_use]
    pub fn images(mut self, names: &[&str]) -> Self {
        self.images = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }
}
