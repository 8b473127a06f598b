//! What would change in a file, as `kubectl diff` shows it.

use similar::{ChangeTag, TextDiff, udiff::UnifiedDiffHunk};

use super::{line::Line, style::Tone, ui::Ui};
use crate::error::Error;

/// A text and the same text as it may be shown, line by line.
#[derive(Clone, Copy)]
pub struct Version<'a> {
    /// What is compared.
    pub text: &'a str,
    pub shown: &'a str,
}

/// Shows the difference between two versions of a file on stdout.
pub fn show(ui: &Ui, name: &str, old: Version<'_>, new: Version<'_>) -> Result<(), Error> {
    ui.results(unified(name, old, new))
}

/// The values decide what differs, also where what is shown of them is the same.
fn unified(name: &str, old: Version<'_>, new: Version<'_>) -> Vec<Line> {
    let diff = TextDiff::from_slices(&lines(old.text), &lines(new.text));
    let lines = [lines(old.shown), lines(new.shown)];
    let heading = |sign: &str| Line::toned(Tone::Strong, format!("{sign} {name}"));
    let hunks: Vec<Line> =
        diff.unified_diff().iter_hunks().flat_map(|hunk| shown_hunk(&hunk, &lines)).collect();
    if hunks.is_empty() {
        Vec::new()
    } else {
        [heading("---"), heading("+++")].into_iter().chain(hunks).collect()
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn shown_hunk(hunk: &UnifiedDiffHunk<'_, '_, '_, str>, [old, new]: &[Vec<&str>; 2]) -> Vec<Line> {
    let changes = hunk.iter_changes().flat_map(|change| {
        let (tone, line) = match change.tag() {
            ChangeTag::Delete => (Tone::Bad, line_of(old, change.old_index())),
            ChangeTag::Insert => (Tone::Good, line_of(new, change.new_index())),
            ChangeTag::Equal => (Tone::Plain, line_of(old, change.old_index())),
        };
        let content = format!("{}{}", change.tag(), line.trim_end_matches('\n'));
        let note = (!line.ends_with('\n')).then(|| Line::from("\\ No newline at end of file"));
        std::iter::once(Line::of_file(tone, &content)).chain(note)
    });
    std::iter::once(Line::toned(Tone::Name, hunk.header().to_string())).chain(changes).collect()
}

fn line_of<'a>(lines: &[&'a str], index: Option<usize>) -> &'a str {
    index.and_then(|index| lines.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Version, unified};

    fn plain(old: &str, new: &str) -> String {
        let shown = |text: &str| text.replace("secret", "***");
        let (old_shown, new_shown) = (shown(old), shown(new));
        let old = Version { text: old, shown: &old_shown };
        let lines = unified("a.yaml", old, Version { text: new, shown: &new_shown });
        lines.iter().map(|line| line.to_string() + "\n").collect()
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
