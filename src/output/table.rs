//! Columns, as kubectl prints them.

/// Between two columns.
const GAP: usize = 3;

/// The rows as lines; each column is as wide as its widest cell, and nothing trails after the last one.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(|column| width(column) + GAP);
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line<const N: usize>(row: &[String; N], widths: &[usize; N]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    cells.collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["NAME", "ROLE"], ["a", "host"], ["edge-1", "none"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["NAME     ROLE", "a        host", "edge-1   none"]);
    }
}
