//! What one or two clusters are at: a moving line for each.

use std::time::{Duration, Instant};

use super::board::Board;
use crate::output::{line::Line, screen::Size, style::Tone, words::elapsed};

/// One after the other.
const SIGNS: [&str; 8] = ["⠁", "⠂", "⠄", "⡀", "⢀", "⠠", "⠐", "⠈"];
/// How long each of them stands.
const TURNS_EVERY: Duration = Duration::from_millis(120);

pub(super) fn lines(board: &Board, size: Size, now: Instant) -> Vec<Line> {
    let waits = board.rows.iter().filter_map(|row| Some((&row.side, row.wait.as_ref()?)));
    let lines = waits.map(|(side, wait)| {
        let took = wait.took(now);
        let turns = took.as_millis() / TURNS_EVERY.as_millis();
        let sign = SIGNS[usize::try_from(turns).unwrap_or_default() % SIGNS.len()];
        let took = elapsed(took);
        // The time stays to be seen where the rest does not fit.
        let text = Line::from(format!("{sign} {side}: {}", wait.in_full()));
        let text = text.cut(size.columns.saturating_sub(took.len() + 1));
        text.and(" ").and(Line::toned(Tone::Faint, took)).cut(size.columns)
    });
    lines.take(size.rows).collect()
}
