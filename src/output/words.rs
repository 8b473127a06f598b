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

/// Text from a server without what a terminal would obey, as kubectl shows it.
pub fn sanitize(text: &str) -> String {
    let shown = text.chars().map(|c| match c {
        '\u{1b}' => "^[".to_owned(),
        '\n' | '\t' => " ".to_owned(),
        c if c.is_control() || reorders_text(c) => String::new(),
        c => c.to_string(),
    });
    shown.collect()
}

/// Marks by which a text is shown in another order than it is written.
fn reorders_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{count, elapsed, sanitize};

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

    #[test]
    fn a_terminal_obeys_nothing_that_a_server_says() {
        assert_eq!(sanitize("a\u{1b}[31mb\r\nc"), "a^[[31mb c");
        assert_eq!(sanitize("a\u{202e}b\u{2066}c\u{9b}d"), "abcd");
    }
}
