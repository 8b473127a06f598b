//! Columns, as kubectl prints them.

use super::line::Line;

/// Between two columns.
const GAP: usize = 3;

/// The rows as lines; each column is as wide as its widest cell, and nothing trails after the last one.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<Line> {
    let rows: Vec<Vec<Line>> = rows.iter().map(|row| row.iter().map(Line::from).collect()).collect();
    let mut columns = Columns::default();
    for row in &rows {
        columns.widen(row);
    }
    rows.iter().map(|row| columns.line(row)).collect()
}

/// How wide the columns are. They never get narrower, so that rows which come later stand below the earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// Makes room for a row.
    pub fn widen(&mut self, row: &[Line]) {
        self.widths.resize(self.widths.len().max(row.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }

    /// A row as a line. Colours take no room.
    pub fn line(&self, row: &[Line]) -> Line {
        let last = row.iter().rposition(|cell| !cell.is_empty());
        let cells = row.iter().zip(&self.widths).take(last.map_or(0, |last| last + 1)).enumerate();
        cells.fold(Line::default(), |line, (column, (cell, width))| {
            let gap = if Some(column) == last { 0 } else { width + GAP - cell.width() };
            line.and(cell.clone()).and(" ".repeat(gap))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Columns, Line, aligned};
    use crate::output::style::{Styles, Tone};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["NAME", "ROLE"], ["a", "host"], ["edge-1", "none"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            aligned(&rows).iter().map(Line::to_string).collect::<Vec<_>>(),
            ["NAME     ROLE", "a        host", "edge-1   none"]
        );
    }

    #[test]
    fn colours_take_no_room_and_nothing_trails() {
        let row = |name, ready: Line, reason| [Line::from(name), ready, Line::from(reason)];
        let red = row("a", Line::toned(Tone::Bad, "False"), "refused");
        let plain = row("edge-1", Line::from("True"), "");
        let mut columns = Columns::default();
        columns.widen(&red);
        columns.widen(&plain);
        let shown = columns.line(&red).rendered(Styles { are_colourful: true });
        assert_eq!(shown, "a        \u{1b}[31mFalse\u{1b}[0m   refused");
        assert_eq!(columns.line(&plain).to_string(), "edge-1   True");
        assert_eq!(columns.line(&[]).to_string(), "");
    }
}
