//! Control planes and KubeSphere stand-ins.

mod assets;
pub mod audit;
pub mod bed;
mod client_certificate;
mod control_plane;
mod definitions;
mod error;
mod etcd;
pub mod front;
mod keys;
pub mod kubeconfig;
pub mod kubesphere;
mod memory;
pub mod nodes;
mod peers;
pub mod pki;
mod pool;
pub mod process;
mod processes;
mod program;
mod registration;
mod runtime;
pub mod serve;
mod upstream;

pub use assets::{Assets, Kubernetes, krew, kubectl, kubelet};
pub use audit::{Access, AuditEvent, AuditLog, Mark};
pub use bed::Bed;
pub use control_plane::{ADMIN, ControlPlane};
pub use error::Error;
pub use front::{Fault, Front, Gate, Rule};
pub use peers::Peers;
pub use pool::{Lease, lease, lease_in_memory, lease_of};
pub use program::{Profile, built};
pub use registration::ClusterObject;
pub use runtime::{block_on, runtime};
