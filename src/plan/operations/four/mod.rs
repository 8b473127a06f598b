//! Where the host has KubeSphere 4: its controller installs and prepares a member itself, so that no ClusterConfiguration is
//! changed on either side.

pub(super) mod join;
pub(super) mod prepare;
pub(super) mod renew;
pub(super) mod unjoin;
