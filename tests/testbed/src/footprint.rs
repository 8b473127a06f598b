//! What one process holds of the machine at most, by what Linux tells of it in `/proc` while it runs.

use std::{
    ffi::OsStr,
    fs,
    ops::RangeInclusive,
    process::Command,
    thread::{self, JoinHandle},
    time::Duration,
};

/// Open files are told only as they are, so they are counted over and over.
const LOOKS_EVERY: Duration = Duration::from_millis(2);

/// In what `/proc/PID/stat` counts processor time: `USER_HZ` of all architectures.
const TICK: Duration = Duration::from_millis(10);

/// The places of the time in user mode and in the kernel in `/proc/PID/stat`, after the name in parentheses.
const TIMES: RangeInclusive<usize> = 11..=12;

/// What a process has held at most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Footprint {
    /// Bytes of memory (`VmHWM`).
    pub memory: u64,
    pub open_files: usize,
    /// In user mode and in the kernel, until the last look.
    pub processor: Duration,
}

/// A process that is looked at as long as it runs.
pub struct Followed(JoinHandle<Footprint>);

impl Followed {
    /// Waits until it has ended.
    ///
    /// # Panics
    /// When the looks have.
    pub fn held(self) -> Footprint {
        self.0.join().expect("looking at a process does not panic")
    }
}

impl Footprint {
    /// Follows a process, which somebody else waits for.
    pub fn of(process: u32) -> Followed {
        Followed(thread::spawn(move || {
            let mut held = Self::default();
            while let Some(now) = Self::now(process) {
                held = held.most(now);
                thread::sleep(LOOKS_EVERY);
            }
            held
        }))
    }

    /// Nothing of one that has ended.
    fn now(process: u32) -> Option<Self> {
        let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).ok();
        let (status, stat) = (read("status")?, read("stat")?);
        let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let memory: u64 = memory.trim().trim_end_matches(" kB").parse().ok()?;
        let (_, after_name) = stat.rsplit_once(") ")?;
        let times = after_name.split(' ').enumerate().filter(|(place, _)| TIMES.contains(place));
        let ticks: u32 = times.filter_map(|(_, ticks)| ticks.parse::<u32>().ok()).sum();
        let open_files = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
        Some(Self { memory: memory * 1024, open_files, processor: TICK * ticks })
    }

    fn most(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            open_files: self.open_files.max(other.open_files),
            processor: self.processor.max(other.processor),
        }
    }
}

/// A command for the program that may have so many files open at most; its arguments are to be added.
pub fn with_open_files(most: usize, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n "$0" && exec "$@""#, &most.to_string()]).arg(program);
    command
}
