//! The log of ks-installer: bytes → lines → events → runs and their verdicts.
//!
//! Pure: the times come in with the lines, and "now" as an argument. Four writers share the log (shell-operator, Ansible,
//! Python's logging on stderr, Python's print on stdout), so lines are told apart by their form, and a run is
//! delimited by shell-operator's lines alone.

mod activity;
mod ansible_failure;
mod block;
mod event;
mod history;
mod line;
mod mask;
mod run;
mod verdict;

pub use activity::{Activity, CONFIGURING_IS_QUIET_FOR, INSTALLING_IS_QUIET_FOR, STARTING_IS_QUIET_FOR};
pub use event::{ComponentStatus, Count, Event, Task, parse_line};
pub use history::InstallerLog;
pub use line::{LineAssembler, MAX_LINE_BYTES, clean, split_timestamp};
pub use mask::mask;
pub use run::{Component, Ending, Failure, Origin, Phase, Run};
pub use verdict::Verdict;
