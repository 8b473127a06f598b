//! What the tests share.

mod downloads;
mod machine;

pub use downloads::Downloads;
pub use machine::{Machine, dist};
