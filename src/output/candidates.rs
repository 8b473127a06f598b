//! Candidates of a completion, in cobra's form: `value<TAB>description` on lines of their own, then a directive.

use std::fmt;

use super::{
    line::{Line, is_harmless},
    ui::Ui,
};
use crate::cli::completion::Candidate;

/// What the shell may complete besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Nothing,
    /// Paths of files.
    Files,
    /// Paths of folders.
    Folders,
}

impl fmt::Display for Rest {
    /// cobra's bits (source: cobra `completions.go`, `ShellCompDirective`).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nothing => ":4",
            Self::Files => ":0",
            Self::Folders => ":16",
        })
    }
}

/// Prints them. That nobody reads them is no matter.
pub fn show(ui: &Ui, candidates: &[Candidate], rest: Rest) {
    drop(ui.document(&lines(candidates, rest)));
}

/// A name that would break a line, or that a terminal would obey, is none that can be typed.
fn lines(candidates: &[Candidate], rest: Rest) -> String {
    let typable = candidates.iter().filter(|candidate| is_harmless(&candidate.value));
    let lines = typable.map(|Candidate { value, description }| match first_line(description) {
        "" => format!("{value}\n"),
        description => format!("{value}\t{}\n", Line::from(description)),
    });
    lines.chain([format!("{rest}\n")]).collect()
}

fn first_line(description: &str) -> &str {
    description.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Rest, lines};
    use crate::cli::completion::Candidate;

    fn candidate(value: &str, description: &str) -> Candidate {
        Candidate { value: value.to_owned(), description: description.to_owned() }
    }

    #[test]
    fn each_stands_on_a_line_before_the_directive() {
        let candidates = [candidate("join", "Join\n\nlong"), candidate("prod", ""), candidate("a\nb", "x")];
        assert_eq!(lines(&candidates, Rest::Nothing), "join\tJoin\nprod\n:4\n");
        assert_eq!(lines(&[], Rest::Files), ":0\n");
        assert_eq!(lines(&[], Rest::Folders), ":16\n");
    }
}
