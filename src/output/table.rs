//! Columns, as kubectl prints them.

use console::measure_text_width;
use owo_colors::{OwoColorize as _, Style};

/// Between two columns.
const GAP: usize = 3;

/// The rows as lines; each column is as wide as its widest cell, and nothing trails after the last one.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().cloned().map(Cell::from).collect()).collect();
    let mut columns = Columns::default();
    for row in &rows {
        columns.widen(row);
    }
    rows.iter().map(|row| columns.line(row)).collect()
}

/// A text with its colour.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// In this colour.
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::default())
    }
}

/// How wide the columns are. They never get narrower, so that rows which come later stand below the earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// Makes room for a row.
    pub fn widen(&mut self, row: &[Cell]) {
        self.widths.resize(self.widths.len().max(row.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(row) {
            *width = (*width).max(measure_text_width(&cell.text));
        }
    }

    /// A row as a line. Colours take no room.
    pub fn line(&self, row: &[Cell]) -> String {
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        let cells = row.iter().zip(&self.widths).take(last.map_or(0, |last| last + 1)).enumerate();
        let shown = cells.map(|(column, (cell, width))| {
            let gap = if Some(column) == last { 0 } else { width + GAP - measure_text_width(&cell.text) };
            format!("{}{:gap$}", cell.text.style(cell.style), "")
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use owo_colors::Style;

    use super::{Cell, Columns, aligned};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["NAME", "ROLE"], ["a", "host"], ["edge-1", "none"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["NAME     ROLE", "a        host", "edge-1   none"]);
    }

    #[test]
    fn colours_take_no_room_and_nothing_trails() {
        let row = |name, ready: Cell, reason| [Cell::from(name), ready, Cell::from(reason)];
        let red = row("a", Cell::styled("False", Style::new().red()), "refused");
        let plain = row("edge-1", Cell::from("True"), "");
        let mut columns = Columns::default();
        columns.widen(&red);
        columns.widen(&plain);
        assert_eq!(columns.line(&red), "a        \u{1b}[31mFalse\u{1b}[0m   refused");
        assert_eq!(columns.line(&plain), "edge-1   True");
        assert_eq!(columns.line(&[]), "");
    }
}
