//! The commands: one file each, with what it takes from argv to its result.

pub mod check;
pub mod complete;
pub mod completion;
pub mod configure;
pub mod fleet;
pub mod get;
pub mod import;
pub mod interrupt;
pub mod join;
pub mod jwt_secret;
pub mod logs;
pub mod options;
pub mod prepare;
pub mod renew;
pub mod rotate;
pub mod suspend;
pub mod unjoin;
pub mod version;

mod candidates;
mod changing;
mod connect;
mod contexts;
mod continuation;
mod core_values;
mod failures;
mod get_watch;
mod given_secret;
mod host_secret;
mod joining;
mod look;
mod manifests;
mod narrowing;
mod pipeline;
mod reachability;
mod renew_all;
mod request;
