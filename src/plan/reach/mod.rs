//! Whether every node of the host reaches the members: the nodes' own kubelets find out.
//!
//! A pod on each node, on the node's network and of an image that the node already has, gets readiness probes that ask
//! the members' API servers. The kubelet sends them itself, from the node.
//!
//! What that tells: whether a connection from the node to the address comes about, and whether something speaks HTTP
//! over TLS there. A pod that becomes ready has been answered `/readyz` with success; an answer 401 or 403 comes from an
//! API server that takes no anonymous requests.
//!
//! What it cannot tell: whose certificate it is (the kubelet verifies none; Kubernetes `pkg/probe/http/http.go@v1.34`),
//! whether pods resolve a name that the node resolves (its `/etc/hosts` may know what the cluster's DNS does not), and
//! whether pods on a network of their own get as far as their node does. It goes through no proxy.

pub mod image;
pub mod leftovers;
pub mod limits;
pub mod node;
pub mod pod;
pub mod probing;
pub mod target;
pub mod verdict;
