//! Files that hold a ClusterConfiguration, edited so that every byte stays that nobody asked to change.
//!
//! `store` touches the disk, with `new_file` and `permissions`; everything else turns text into text.

pub mod advice;
pub mod configuration_file;
pub mod core_values;
pub mod problem;
pub mod scalar;
pub mod store;
pub mod tree;

mod edit;
mod encryption;
mod invisible;
mod misplaced;
mod new_file;
mod permissions;
mod shown;
mod splice;
mod verify;
