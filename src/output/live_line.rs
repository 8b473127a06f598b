//! A line that moves while something is under way.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{line::Line, style::Styles};

/// How often it moves.
const TICK: Duration = Duration::from_millis(120);

pub(super) struct LiveLine(ProgressBar);

impl LiveLine {
    /// Below those that are drawn already.
    pub(super) fn below(others: &MultiProgress) -> Self {
        let line = others.add(ProgressBar::new_spinner());
        line.set_style(
            ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:.dim}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        line.enable_steady_tick(TICK);
        Self(line)
    }

    pub(super) fn show(&self, line: impl Into<Line>) {
        self.0.set_message(line.into().rendered(Styles::default()));
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
