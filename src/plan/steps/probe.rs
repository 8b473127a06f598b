//! Probes the new members from the host's nodes; nothing follows where one cannot be reached.

use kubesphere::side::Side;

use crate::plan::{reach::probing::Probing, step::Planned};

#[derive(Clone, Debug)]
pub struct Probe {
    pub probing: Probing,
}

impl Planned for Probe {
    fn cluster(&self) -> &Side {
        &self.probing.host
    }

    fn verb(&self) -> &'static str {
        "probe"
    }

    /// The addresses.
    fn object(&self) -> String {
        let servers = self.probing.targets().into_iter().map(|target| target.server.as_str());
        servers.collect::<Vec<_>>().join(", ")
    }
}
