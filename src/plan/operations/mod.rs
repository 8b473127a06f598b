//! What was observed and what is wanted become a plan: one file for each operation.

mod decision;
mod four;
mod import;
mod join;
mod prepare_host;
mod prepare_member;
mod renew;
mod rotate;
pub mod unjoin;

mod members;
mod tidying;

pub use decision::{Decision, decide, decide_removal};
pub use tidying::tidying;
