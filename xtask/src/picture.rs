//! The picture of a terminal, of what a real run has shown.

use anstyle_svg::Term;

use crate::Failure;

/// Where the picture lies in the repository.
pub const FILE: &str = "docs/join.svg";
/// How many signs stand in a line: as on a wide terminal, and not too small to read on a page.
pub const COLUMNS: usize = 132;
/// The line that types the join; what stands before names files of the machine that it ran on.
const FROM: &str = "$ kubectl mc join ";
/// What the demo says after the join.
const TO: &str = "\n\nThe clusters as ";

/// The picture of the join that `cargo demo` has shown with colours.
pub fn of_join(demo: &str) -> Result<String, Failure> {
    let begin = demo.find(FROM).ok_or("stdin is not the output of `cargo demo`: it shows no join")?;
    let join = &demo[begin..];
    let end = join.find(TO).ok_or("the demo did not get as far as the clusters after the join")?;
    let lines: Vec<String> = join[..end].lines().map(wrapped).collect();
    Ok(Term::new().render_svg(&lines.join("\n")))
}

/// The line as a terminal breaks it; escape sequences take no place.
fn wrapped(line: &str) -> String {
    let (mut wrapped, mut column, mut is_escape) = (String::new(), 0, false);
    for sign in line.chars() {
        is_escape |= sign == '\u{1b}';
        if !is_escape && column == COLUMNS {
            wrapped.push('\n');
            column = 0;
        }
        wrapped.push(sign);
        column += usize::from(!is_escape);
        // The letter that ends a sequence of colours.
        is_escape &= sign != 'm';
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, of_join, wrapped};

    #[test]
    fn lines_break_where_the_terminal_ends_and_colours_take_no_place() {
        let full = "a".repeat(COLUMNS);
        assert_eq!(wrapped(&full), full);
        assert_eq!(wrapped(&format!("\u{1b}[1m{full}\u{1b}[0mb")), format!("\u{1b}[1m{full}\u{1b}[0m\nb"));
    }

    #[test]
    fn only_the_join_is_drawn() {
        let demo = "$ export KUBECONFIG=/secret/place\n$ kubectl mc join a\n\u{1b}[32mdone\u{1b}[0m\n\nThe clusters as they are";
        let picture = of_join(demo).unwrap();
        assert!(picture.contains("kubectl mc join a") && picture.contains("done"));
        assert!(!picture.contains("place") && !picture.contains("The clusters"));
        assert!(of_join("nothing").is_err());
    }
}
