//! Fleet files: a host and its members, each with what a join is to make of it. Text is read and nothing else is touched.

pub mod fleet;
pub mod problem;
pub mod reading;
pub mod schema;

mod confirm;
mod node_reader;
mod values;
