//! The commands: one file each, with what it takes from argv to its result.

pub mod interrupt;
pub mod join;
pub mod version;

mod carry_out;
mod connect;
mod continuation;
mod look;
