//! Real nodes: kubelet, containerd and runc, each in namespaces of its own on this machine.
//!
//! Linux and root only; [`can_run`] says whether this machine has what they need. A node is one process tree in a
//! network, a mount and a PID namespace of its own, so that with its first process everything goes: containers, shims,
//! mounts, links and addresses. Outside it leaves cgroups and a folder, which are removed with it.

mod address;
mod cgroups;
mod forwarder;
mod image;
mod machine;
mod node;
mod real_nodes;
mod requirements;

pub(crate) use address::of_plane;
pub use image::PAUSE;
pub use machine::{Machine, Reach};
pub use node::Node;
pub use real_nodes::RealNodes;
pub use requirements::{Lack, REQUIRE, can_run, lacking};
