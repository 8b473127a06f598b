//! The host's nodes, and which of them are probed from.

/// What marks an edge node: it stands far from the host's network, and no controller of the host runs there. Joining an
/// edge node sets it (`KubeEdge`'s `keadm join`).
pub const EDGE_LABEL: &str = "node-role.kubernetes.io/edge";

/// The only system that a Linux pod runs on.
const LINUX: &str = "linux";

/// A node of the host, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNode {
    pub name: String,
    /// Whether it is Ready.
    pub is_ready: bool,
    /// Its operating system.
    pub system: String,
    /// Whether it is an edge node.
    pub is_edge: bool,
    /// The names of the images on it.
    pub images: Vec<String>,
}

/// Why a node is not probed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// It is not ready: nothing runs there.
    NotReady,
    Edge,
    /// It runs another system.
    System(String),
}

impl LeftOut {
    /// The reason, in a word or two.
    pub fn why(&self) -> &str {
        match self {
            Self::NotReady => "not ready",
            Self::Edge => "edge node",
            Self::System(system) => system,
        }
    }
}

impl HostNode {
    /// Why it is not probed from, where it is not. Taints are no reason, nor is being cordoned: the pod is bound to the
    /// node and tolerates everything.
    pub fn left_out(&self) -> Option<LeftOut> {
        if self.system != LINUX {
            Some(LeftOut::System(self.system.clone()))
        } else if self.is_edge {
            Some(LeftOut::Edge)
        } else {
            (!self.is_ready).then_some(LeftOut::NotReady)
        }
    }
}

/// A ready Linux node with a pause image, to fill in what a test is about.
#[cfg(test)]
pub fn fixture(name: &str) -> HostNode {
    HostNode {
        name: name.to_owned(),
        is_ready: true,
        system: LINUX.to_owned(),
        is_edge: false,
        images: vec!["registry.k8s.io/pause:3.9".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::{HostNode, LeftOut, fixture};

    #[test]
    fn only_ready_linux_nodes_of_the_data_centre_are_probed_from() {
        assert_eq!(fixture("a").left_out(), None);
        assert_eq!(HostNode { is_ready: false, ..fixture("a") }.left_out(), Some(LeftOut::NotReady));
        assert_eq!(HostNode { is_edge: true, ..fixture("a") }.left_out(), Some(LeftOut::Edge));
        let windows = HostNode { system: "windows".to_owned(), ..fixture("a") };
        assert_eq!(windows.left_out(), Some(LeftOut::System("windows".to_owned())));
    }
}
