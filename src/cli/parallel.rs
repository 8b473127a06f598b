//! How many members are dealt with at a time.

use std::num::NonZeroUsize;

use clap::Args;

/// The bound on what is done side by side.
#[derive(Clone, Copy, Debug, Args)]
pub struct ParallelOptions {
    /// How many members to deal with at a time, which bounds connections and open files
    #[arg(long, value_name = "N", default_value_t = ParallelOptions::default().parallel)]
    pub parallel: NonZeroUsize,
}

impl Default for ParallelOptions {
    fn default() -> Self {
        Self { parallel: const { NonZeroUsize::new(8).expect("eight is not zero") } }
    }
}
