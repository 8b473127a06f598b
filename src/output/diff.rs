//! What would change in a file, as `kubectl diff` shows it.

use std::io;

use owo_colors::{OwoColorize as _, Style};
use similar::{ChangeTag, TextDiff, udiff::UnifiedDiffHunk};

use super::{style::Styles, ui::Ui};
use crate::{cli::ColorChoice, error::Error};

/// A text and the same text as it may be shown, line by line.
#[derive(Clone, Copy)]
pub struct Version<'a> {
    /// What is compared.
    pub text: &'a str,
    pub shown: &'a str,
}

/// Shows the difference between two versions of a file on stdout.
pub fn show(
    ui: &Ui,
    color: ColorChoice,
    name: &str,
    old: Version<'_>,
    new: Version<'_>,
) -> Result<(), Error> {
    ui.text(&unified(Styles::of(color, &io::stdout()), name, old, new))
}

/// The values decide what differs, also where what is shown of them is the same.
fn unified(styles: Styles, name: &str, old: Version<'_>, new: Version<'_>) -> String {
    let diff = TextDiff::from_slices(&lines(old.text), &lines(new.text));
    let lines = [lines(old.shown), lines(new.shown)];
    let heading = |sign: &str| format!("{}\n", format!("{sign} {name}").style(styles.strong));
    let hunks: Vec<String> =
        diff.unified_diff().iter_hunks().map(|hunk| shown_hunk(styles, &hunk, &lines)).collect();
    if hunks.is_empty() { String::new() } else { heading("---") + &heading("+++") + &hunks.concat() }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn shown_hunk(
    styles: Styles,
    hunk: &UnifiedDiffHunk<'_, '_, '_, str>,
    [old, new]: &[Vec<&str>; 2],
) -> String {
    let changes = hunk.iter_changes().map(|change| {
        let (style, line) = match change.tag() {
            ChangeTag::Delete => (styles.bad, line_of(old, change.old_index())),
            ChangeTag::Insert => (styles.good, line_of(new, change.new_index())),
            ChangeTag::Equal => (Style::new(), line_of(old, change.old_index())),
        };
        let content = format!("{}{}", change.tag(), line.trim_end_matches('\n'));
        let note = if line.ends_with('\n') { "" } else { "\\ No newline at end of file\n" };
        format!("{}\n{note}", content.style(style))
    });
    format!("{}\n{}", hunk.header().style(styles.name), changes.collect::<String>())
}

fn line_of<'a>(lines: &[&'a str], index: Option<usize>) -> &'a str {
    index.and_then(|index| lines.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Version, unified};
    use crate::output::style::Styles;

    fn plain(old: &str, new: &str) -> String {
        let shown = |text: &str| text.replace("secret", "***");
        let (old_shown, new_shown) = (shown(old), shown(new));
        let old = Version { text: old, shown: &old_shown };
        unified(Styles::default(), "a.yaml", old, Version { text: new, shown: &new_shown })
    }

    #[test]
    fn values_are_compared_and_others_shown() {
        let shown = plain("a\nb\nc\nd\nsecret\nf\n", "a\nb\nc\nd\nsecret2\nf\n");
        assert_eq!(shown, "--- a.yaml\n+++ a.yaml\n@@ -2,5 +2,5 @@\n b\n c\n d\n-***\n+***2\n f\n");
    }

    #[test]
    fn nothing_is_shown_of_no_difference() {
        assert_eq!(plain("a\n", "a\n"), "");
    }

    #[test]
    fn a_missing_newline_is_said_and_a_carriage_return_kept() {
        assert_eq!(
            plain("a\r\nb", "a\r\nc"),
            "--- a.yaml\n+++ a.yaml\n@@ -1,2 +1,2 @@\n a\r\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
        );
    }
}
