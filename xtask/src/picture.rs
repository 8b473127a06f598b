//! The picture of a terminal, of what a real run has shown.

use anstyle_svg::Term;

use crate::Failure;

/// Where the pictures lie in the repository.
pub const JOIN: &str = "docs/join.svg";
pub const TABLE: &str = "docs/members.svg";
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

/// What a table is drawn between, and what each of its lines begins behind: as `src/output/screen.rs` writes them.
const DRAWN: (&str, &str) = ("\u{1b}[?7l", "\u{1b}[J");
const NEXT: &str = "\u{1b}[K";

/// The picture of the table in what `cargo demo --members NUMBER` has shown on a terminal, as it was as soon as a quarter of
/// the members were ready.
pub fn of_table(terminal: &str) -> Result<String, Failure> {
    let begin = terminal.find(FROM).ok_or("stdin shows no join")?;
    let typed = terminal[begin..].lines().next().unwrap_or_default();
    let drawn = terminal[begin..].split(DRAWN.0).skip(1).filter_map(|frame| frame.split(DRAWN.1).next());
    let tables =
        drawn.map(|frame| frame.split(NEXT).skip(1).map(|line| line.trim_start_matches(['\r', '\n'])));
    let mut tables = tables.map(Iterator::collect::<Vec<_>>);
    let table = tables
        .find(|table| table.last().is_some_and(|sum| is_quarter_done(sum)))
        .ok_or("stdin shows no table in which a quarter of the members is ready")?;
    let lines: Vec<String> = [typed, ""].into_iter().chain(table).map(wrapped).collect();
    Ok(Term::new().render_svg(&lines.join("\n")))
}

/// `2 of 8 ready, 6 waiting`, in colours.
fn is_quarter_done(sum: &str) -> bool {
    let Some((ready, rest)) = sum.split_once(" of ") else { return false };
    let ready = ready.rsplit('m').next().and_then(|number| number.parse::<usize>().ok());
    let all = rest.split(' ').next().and_then(|number| number.parse::<usize>().ok());
    ready.zip(all).is_some_and(|(ready, all)| 4 * ready >= all)
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, of_join, of_table, wrapped};

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

    #[test]
    fn the_table_is_drawn_as_it_was_when_a_quarter_was_ready() {
        let frame = |ready| {
            let sum = format!("\u{1b}[32m{ready} of 8 ready\u{1b}[0m, {} waiting", 8 - ready);
            format!(
                "\r\u{1b}[?7l\u{1b}[K\r\r\nrow-of-{ready}\u{1b}[K\r\r\n{sum}\u{1b}[J\u{1b}[2A\r\u{1b}[?7h"
            )
        };
        let terminal = format!("$ kubectl mc join a\r\nplan\r\n{}{}{}", frame(1), frame(2), frame(3));
        let picture = of_table(&terminal).unwrap();
        assert!(picture.contains("join a") && picture.contains("row-of-2"), "{picture}");
        assert!(!picture.contains("plan") && !picture.contains("row-of-3"), "{picture}");
        assert!(of_table("$ kubectl mc join a\n").is_err());
    }
}
