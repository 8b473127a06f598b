//! Words that are the same in several sentences.

use std::time::Duration;

use crate::cli::DryRun;
pub use crate::plan::count::count;

/// What `version` prints.
pub const VERSION: &str = concat!("kubectl-mc v", env!("CARGO_PKG_VERSION"));

/// What stands behind a result that a dry run foresees, as kubectl has it.
pub fn dry_run_suffix(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}

/// `8s`, `2m05s`, `1h02m`: how long something took.
pub fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{count, elapsed};

    #[test]
    fn numbers_decide_about_words() {
        assert_eq!([count(0, "node"), count(1, "node"), count(2, "node")], ["0 nodes", "1 node", "2 nodes"]);
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(
            [8, 125, 3725].map(|seconds| elapsed(Duration::from_secs(seconds))),
            ["8s", "2m05s", "1h02m"]
        );
    }
}
