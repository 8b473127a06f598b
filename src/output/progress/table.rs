//! The clusters of a plan as rows that fit on a terminal.

use std::{cmp::max, time::Instant};

use super::board::{Board, End, Row, Sum};
use crate::output::{line::Line, screen::Size, style::Tone, words::elapsed};

/// Between two columns.
const GAP: &str = "   ";
/// A terminal that is lower shows no headings.
const LOWEST_WITH_HEADINGS: usize = 6;
/// Names have a third of the width, and at least this.
const NARROWEST_NAME: usize = 8;
const HEADINGS: [&str; 4] = ["CLUSTER", "PHASE", "ELAPSED", "STATUS"];

/// How a table's rows are ordered: what fails is to be seen first, what is done last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Failed,
    UnderWay,
    Waiting,
    Achieved,
}

/// The table of as many rows as fit, with a sum below them.
pub(super) fn table(board: &Board, achieved: &str, size: Size, now: Instant) -> Vec<Line> {
    let Some(below_sum) = size.rows.checked_sub(1) else { return Vec::new() };
    let has_headings = size.rows >= LOWEST_WITH_HEADINGS;
    let mut rows: Vec<(Rank, &Row)> = board.rows.iter().filter_map(|row| Some((rank(row)?, row))).collect();
    // A stable sort: within a rank they stand in the order of the plan.
    rows.sort_by_key(|(rank, _)| *rank);
    let room = below_sum - usize::from(has_headings);
    let hidden = rows.len().saturating_sub(room);
    let shown = rows.iter().take(room);
    let cells = shown.map(|(rank, row)| cells(*rank, row, achieved, now));
    let headings = has_headings.then(|| HEADINGS.map(|heading| Line::toned(Tone::Strong, heading)));
    let cells: Vec<[Line; 4]> = headings.into_iter().chain(cells).collect();
    let sum = sum(board.sum(now), achieved, "waiting", hidden);
    aligned(cells, size.columns).chain([sum]).map(|line| line.cut(size.columns)).collect()
}

/// `8 of 100 ready, 2 failed, 90 waiting (3m05s)`, with how many rows are not shown.
pub(super) fn sum(sum: Sum, achieved: &str, left: &str, hidden: usize) -> Line {
    let ready = format!("{} of {} {achieved}", sum.achieved, sum.members);
    let counts = [
        (true, Tone::Good, ready),
        (sum.failed > 0, Tone::Bad, format!("{} failed", sum.failed)),
        (sum.left_out > 0, Tone::Attention, format!("{} left out", sum.left_out)),
        (sum.left() > 0, Tone::Plain, format!("{} {left}", sum.left())),
    ];
    let told = counts.into_iter().filter(|(is_told, ..)| *is_told);
    let told = Line::joined(told.map(|(_, tone, text)| Line::toned(tone, text)), ", ");
    let hidden = if hidden > 0 { format!("; {hidden} not shown") } else { String::new() };
    told.and(Line::toned(Tone::Faint, format!(" ({}{hidden})", elapsed(sum.took))))
}

/// None where there is nothing to show: a host at rest is no member that is waited for.
fn rank(row: &Row) -> Option<Rank> {
    match (&row.end, row.step.is_some() || row.wait.is_some()) {
        (Some(End::Failed { .. }), _) => Some(Rank::Failed),
        (_, true) => Some(Rank::UnderWay),
        (_, false) if !row.is_member() => None,
        (Some(End::Achieved(_)), false) => Some(Rank::Achieved),
        (None, false) => Some(Rank::Waiting),
    }
}

fn cells(rank: Rank, row: &Row, achieved: &str, now: Instant) -> [Line; 4] {
    let took = match &row.end {
        Some(End::Achieved(took) | End::Failed { after: took, .. }) if rank != Rank::UnderWay => Some(*took),
        _ => row.elapsed(now),
    };
    let (tone, phase) = match rank {
        Rank::Failed => (Tone::Bad, "failed"),
        Rank::UnderWay => (Tone::Plain, row.step.as_ref().map_or("", |step| step.phase)),
        Rank::Waiting => (Tone::Faint, "waiting"),
        Rank::Achieved => (Tone::Good, achieved),
    };
    let status = match &row.end {
        Some(End::Failed { why, .. }) => why.clone(),
        _ => row.wait.as_ref().map(|wait| status(&wait.text, &wait.stands)).unwrap_or_default(),
    };
    let name = if row.is_member() { row.side.context().to_owned() } else { row.side.to_string() };
    [
        Line::toned(Tone::Name, name),
        Line::toned(tone, phase),
        Line::from(took.map(elapsed).unwrap_or_default()),
        Line::from(status),
    ]
}

/// Where it stands is told first: what is waited for follows from the phase, and the line may end before it.
fn status(text: &str, stands: &str) -> String {
    if stands.is_empty() { text.to_owned() } else { format!("{stands}; {text}") }
}

/// In columns, of which the first leaves room for the others.
fn aligned(rows: Vec<[Line; 4]>, columns: usize) -> impl Iterator<Item = Line> {
    let name = max(columns / 3, NARROWEST_NAME);
    let rows: Vec<[Line; 4]> =
        rows.into_iter().map(|[first, phase, took, status]| [first.cut(name), phase, took, status]).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or_default();
    let widths = [0, 1, 2].map(width);
    rows.into_iter().map(move |[first, phase, took, status]| {
        let cells = [first, phase, took].into_iter().zip(widths).map(|(cell, width)| cell.padded(width));
        Line::joined(cells.chain([status]), GAP)
    })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
