//! What is said while binaries are brought.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

/// How often elapsed time is said where lines stay, as in a CI's log.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// Who is told what goes on.
pub(super) trait Progress {
    /// A line of its own.
    fn say(&mut self, line: &str);

    /// That something still goes on, called several times a second.
    fn still(&mut self, what: &str, since: Instant);
}

/// Tells the person at stderr: on a terminal one line that counts, elsewhere a line now and then.
pub(super) struct Stderr {
    terminal: bool,
    counting: bool,
    last: Instant,
}

impl Default for Stderr {
    fn default() -> Self {
        Self { terminal: stderr().is_terminal(), counting: false, last: Instant::now() }
    }
}

impl Progress for Stderr {
    fn say(&mut self, line: &str) {
        let begin = if self.counting { "\n" } else { "" };
        self.counting = false;
        self.last = Instant::now();
        let _ = writeln!(stderr(), "{begin}{line}");
    }

    fn still(&mut self, what: &str, since: Instant) {
        let wait = if self.terminal { Duration::from_secs(1) } else { BETWEEN_LINES };
        if self.last.elapsed() < wait {
            return;
        }
        self.last = Instant::now();
        let seconds = since.elapsed().as_secs();
        let line = format!("{what} ({}:{:02})", seconds / 60, seconds % 60);
        let _ = if self.terminal { write!(stderr(), "\r{line}") } else { writeln!(stderr(), "{line}") };
        let _ = stderr().flush();
        self.counting = self.terminal;
    }
}
