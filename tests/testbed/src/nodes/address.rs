//! Addresses on the network between nodes and control planes.
//!
//! All are of 198.18.0.0/15, which is set aside for benchmarks (RFC 2544) and routed nowhere. They follow from the port
//! of a control plane on loopback, which two never share: so runs at the same time do not collide, and a control plane's
//! certificate can name its address before there is any node.

use std::net::Ipv4Addr;

use crate::control_plane::PORTS;

/// The most nodes of one control plane.
pub(super) const MOST_NODES: u16 = 4;

/// Where nodes find the control plane of this port.
pub(crate) fn of_plane(port: u16) -> Ipv4Addr {
    let [high, low] = port.to_be_bytes();
    Ipv4Addr::new(198, 18, high, low)
}

/// The address of a node of the control plane of this port.
pub(super) fn of_node(port: u16, index: u16) -> Ipv4Addr {
    assert!(index < MOST_NODES, "a control plane has {MOST_NODES} nodes at most");
    let [high, low] = ((port - PORTS.start) * MOST_NODES + index).to_be_bytes();
    Ipv4Addr::new(198, 19, high, low)
}

/// The name of that node's link, outside of its namespace.
pub(super) fn link(port: u16, index: u16) -> String {
    format!("kmc-{port}-{index}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_share_an_address() {
        let nodes = PORTS.flat_map(|port| (0..MOST_NODES).map(move |index| of_node(port, index)));
        let all: Vec<_> = PORTS.map(of_plane).chain(nodes).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|address| address.octets()[0] == 198 && address.octets()[1] & 0xfe == 18));
    }

    #[test]
    fn a_link_has_a_name_that_linux_takes() {
        assert!(link(PORTS.end, MOST_NODES).len() <= 15);
    }
}
