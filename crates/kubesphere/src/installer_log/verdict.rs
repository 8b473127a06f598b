use std::time::Duration;

use super::run::{Ending, Failure, Run};

/// How a run ended, or stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The log shows no run.
    NeverRan,
    /// No end is to be seen, and no failure.
    Running(&'a Run),
    /// The banner was printed.
    Succeeded(&'a Run),
    /// Something failed. Never empty.
    Failed {
        /// What failed, the first first.
        failures: &'a [Failure],
        /// Whether the run is over for sure. After the failure of a component it goes on to write the configuration,
        /// and its end leaves no trace: ask [`InstallerLog::activity`](super::InstallerLog::activity).
        over: bool,
    },
    /// It ended, and the log does not say how: its pod was replaced, or it found no ClusterConfiguration.
    EndedWithoutVerdict(&'a Run),
}

impl Run {
    /// How it ended, or stands.
    pub fn verdict(&self) -> Verdict<'_> {
        match self.ending {
            Some(Ending::Succeeded) => Verdict::Succeeded(self),
            _ if !self.failures.is_empty() => {
                Verdict::Failed { failures: &self.failures, over: self.ending.is_some() }
            }
            None | Some(Ending::Migrated) => Verdict::Running(self),
            Some(Ending::Stopped | Ending::Crashed | Ending::Superseded) => {
                Verdict::EndedWithoutVerdict(self)
            }
        }
    }

    /// From its first line to its last; `None` where the log does not have both.
    pub fn took(&self) -> Option<Duration> {
        Duration::try_from(self.last_line?.duration_since(self.began?)).ok()
    }
}
