//! How many members are dealt with at a time.

use std::num::NonZeroUsize;

use clap::Args;

/// The bound on what is done side by side.
#[derive(Clone, Copy, Debug, Args)]
pub struct ParallelOptions {
    /// How many members to deal with at a time, which bounds connections and open files
    #[arg(long, value_name = "N", value_parser = number, default_value_t = ParallelOptions::default().parallel)]
    pub parallel: NonZeroUsize,
}

fn number(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "it must be a whole number from 1 on")
}

impl Default for ParallelOptions {
    fn default() -> Self {
        Self { parallel: const { NonZeroUsize::new(8).expect("eight is not zero") } }
    }
}
