use std::time::Duration;

use jiff::Timestamp;

use super::history::InstallerLog;
use super::run::{Phase, Run};

/// Whether the installer works, as far as its log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// No run is under way and none is due.
    Idle,
    /// A run is under way, or due.
    Running {
        /// How long it has printed nothing.
        quiet: Duration,
    },
    /// The log does not tell: it is empty, has no times, or has been quiet for longer than a run can be.
    Unknown,
}

/// From a run's begin to Ansible's first task. The run reads the ClusterConfiguration and the nodes and starts Ansible: a
/// matter of seconds. Where there is no ClusterConfiguration it ends with code 0 and without a word
/// (`ks-installer controller/installRunner.py@v3.4.1`, `generate_new_cluster_configuration`).
pub const STARTING_IS_QUIET_FOR: Duration = Duration::from_secs(5 * 60);

/// kubefed: helm with `--wait --timeout 1800s`, up to 10 tries with 60 s between, then up to 1800 s for the admission
/// webhook (`ks-installer roles/ks-multicluster@v3.4.1`). A component prints nothing before it is finished. A run
/// cannot end in this phase, nor in an earlier one, without a line.
pub const INSTALLING_IS_QUIET_FOR: Duration = Duration::from_secs(10 * (1800 + 60) + 1800);

/// result-info waits for ks-console and for ks-apiserver, up to 30 × 30 s each (`ks-installer
/// roles/check-result@v3.4.1`), and both playbooks before it render the configuration; 10 minutes for that.
pub const CONFIGURING_IS_QUIET_FOR: Duration = Duration::from_secs((2 * 15 + 10) * 60);

/// A due run begins as soon as the queue is free: 5 s after a crash, at once otherwise.
const NEXT_RUN_FOLLOWS_WITHIN: Duration = Duration::from_secs(2 * 60);

impl InstallerLog {
    /// Whether the installer works at `now`.
    ///
    /// The one end that cannot be seen is the one after a component's failure: the configuration is still written, and
    /// then nothing is printed. That run counts as running until it has been quiet for
    /// [`CONFIGURING_IS_QUIET_FOR`], and as idle then.
    pub fn activity(&self, now: Timestamp) -> Activity {
        let Some(last_line) = self.last_line else { return Activity::Unknown };
        let quiet = Duration::try_from(now.duration_since(last_line)).unwrap_or_default();
        let within = |limit, otherwise| if quiet <= limit { Activity::Running { quiet } } else { otherwise };
        match &self.last {
            Some(run) if run.ending.is_none() => {
                let (limit, otherwise) = quiet_limit(run);
                within(limit, otherwise)
            }
            _ if self.another_run_is_due() => within(NEXT_RUN_FOLLOWS_WITHIN, Activity::Unknown),
            Some(_) => Activity::Idle,
            // Right after its start the installer finds the ClusterConfiguration and runs for it.
            None if self.installer_started => within(NEXT_RUN_FOLLOWS_WITHIN, Activity::Idle),
            None => Activity::Unknown,
        }
    }
}

/// How long the run may print nothing, and what it means if it does for longer.
fn quiet_limit(run: &Run) -> (Duration, Activity) {
    match run.phase {
        Phase::Starting => (STARTING_IS_QUIET_FOR, Activity::Idle),
        Phase::Migrating => (STARTING_IS_QUIET_FOR, Activity::Unknown),
        Phase::Preparing { .. } | Phase::Installing(_) => (INSTALLING_IS_QUIET_FOR, Activity::Unknown),
        Phase::Configuring if run.has_failed_component() => (CONFIGURING_IS_QUIET_FOR, Activity::Idle),
        Phase::Configuring => (CONFIGURING_IS_QUIET_FOR, Activity::Unknown),
    }
}
