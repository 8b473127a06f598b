//! What processes take of the machine.

use std::time::Duration;

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::{TimeVal, TimeValLike as _},
};

use crate::Error;

/// What the children of this process have taken that it has waited for, theirs included.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// In user mode and in the kernel, all of them together.
    pub processor: Duration,
    /// The most that any one of them has held of memory, in bytes.
    pub memory: u64,
}

impl Usage {
    pub fn of_children() -> Result<Self, Error> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
            .map_err(|error| Error::io("ask for the usage of processes")(error.into()))?;
        Ok(Self {
            processor: duration(usage.user_time()) + duration(usage.system_time()),
            memory: u64::try_from(usage.max_rss()).unwrap_or_default() * UNIT,
        })
    }
}

/// In what the kernel counts memory.
const UNIT: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };

fn duration(time: TimeVal) -> Duration {
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or_default())
}
