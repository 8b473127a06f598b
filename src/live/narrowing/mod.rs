//! KubeSphere's webhook before updates of Clusters: looked at, narrowed for a member that is gone, and restored.

pub mod admission;
pub mod failure;
mod finalization;
pub mod narrowed;
pub mod removal;
pub mod webhook;

#[cfg(test)]
mod fake_host;
