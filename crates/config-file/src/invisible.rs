//! Characters that nobody sees, where they make a file mean something else than it seems to.
//!
//! YAML takes only blanks and tabs for white space (YAML 1.2.2, production 33), so what looks like an indentation or like
//! the end of a value is a part of a key or of a value.

use std::ops::RangeInclusive;

use granit_parser::ScalarStyle;

use super::{
    problem::{Fault, Position, Problem},
    tree::{Content, Node, Tree},
};

/// How a character is seen, or not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Like a blank.
    Blank,
    /// Not at all, or by the order of what stands around it.
    Nothing,
}

/// With the names that Unicode gives them (`UnicodeData.txt`, 15.0), and where these say little the usual ones.
const CHARACTERS: [(char, &str, Look); 53] = [
    ('\u{a0}', "NO-BREAK SPACE", Look::Blank),
    ('\u{ad}', "SOFT HYPHEN", Look::Nothing),
    ('\u{34f}', "COMBINING GRAPHEME JOINER", Look::Nothing),
    ('\u{61c}', "ARABIC LETTER MARK", Look::Nothing),
    ('\u{115f}', "HANGUL CHOSEONG FILLER", Look::Blank),
    ('\u{1160}', "HANGUL JUNGSEONG FILLER", Look::Nothing),
    ('\u{1680}', "OGHAM SPACE MARK", Look::Blank),
    ('\u{180e}', "MONGOLIAN VOWEL SEPARATOR", Look::Nothing),
    ('\u{2000}', "EN QUAD", Look::Blank),
    ('\u{2001}', "EM QUAD", Look::Blank),
    ('\u{2002}', "EN SPACE", Look::Blank),
    ('\u{2003}', "EM SPACE", Look::Blank),
    ('\u{2004}', "THREE-PER-EM SPACE", Look::Blank),
    ('\u{2005}', "FOUR-PER-EM SPACE", Look::Blank),
    ('\u{2006}', "SIX-PER-EM SPACE", Look::Blank),
    ('\u{2007}', "FIGURE SPACE", Look::Blank),
    ('\u{2008}', "PUNCTUATION SPACE", Look::Blank),
    ('\u{2009}', "THIN SPACE", Look::Blank),
    ('\u{200a}', "HAIR SPACE", Look::Blank),
    ('\u{200b}', "ZERO WIDTH SPACE", Look::Nothing),
    ('\u{200c}', "ZERO WIDTH NON-JOINER", Look::Nothing),
    ('\u{200d}', "ZERO WIDTH JOINER", Look::Nothing),
    ('\u{200e}', "LEFT-TO-RIGHT MARK", Look::Nothing),
    ('\u{200f}', "RIGHT-TO-LEFT MARK", Look::Nothing),
    ('\u{2028}', "LINE SEPARATOR", Look::Nothing),
    ('\u{2029}', "PARAGRAPH SEPARATOR", Look::Nothing),
    ('\u{202a}', "LEFT-TO-RIGHT EMBEDDING", Look::Nothing),
    ('\u{202b}', "RIGHT-TO-LEFT EMBEDDING", Look::Nothing),
    ('\u{202c}', "POP DIRECTIONAL FORMATTING", Look::Nothing),
    ('\u{202d}', "LEFT-TO-RIGHT OVERRIDE", Look::Nothing),
    ('\u{202e}', "RIGHT-TO-LEFT OVERRIDE", Look::Nothing),
    ('\u{202f}', "NARROW NO-BREAK SPACE", Look::Blank),
    ('\u{205f}', "MEDIUM MATHEMATICAL SPACE", Look::Blank),
    ('\u{2060}', "WORD JOINER", Look::Nothing),
    ('\u{2061}', "FUNCTION APPLICATION", Look::Nothing),
    ('\u{2062}', "INVISIBLE TIMES", Look::Nothing),
    ('\u{2063}', "INVISIBLE SEPARATOR", Look::Nothing),
    ('\u{2064}', "INVISIBLE PLUS", Look::Nothing),
    ('\u{2066}', "LEFT-TO-RIGHT ISOLATE", Look::Nothing),
    ('\u{2067}', "RIGHT-TO-LEFT ISOLATE", Look::Nothing),
    ('\u{2068}', "FIRST STRONG ISOLATE", Look::Nothing),
    ('\u{2069}', "POP DIRECTIONAL ISOLATE", Look::Nothing),
    ('\u{206a}', "INHIBIT SYMMETRIC SWAPPING", Look::Nothing),
    ('\u{206b}', "ACTIVATE SYMMETRIC SWAPPING", Look::Nothing),
    ('\u{206c}', "INHIBIT ARABIC FORM SHAPING", Look::Nothing),
    ('\u{206d}', "ACTIVATE ARABIC FORM SHAPING", Look::Nothing),
    ('\u{206e}', "NATIONAL DIGIT SHAPES", Look::Nothing),
    ('\u{206f}', "NOMINAL DIGIT SHAPES", Look::Nothing),
    ('\u{2800}', "BRAILLE PATTERN BLANK", Look::Blank),
    ('\u{3000}', "IDEOGRAPHIC SPACE", Look::Blank),
    ('\u{3164}', "HANGUL FILLER", Look::Blank),
    ('\u{feff}', "ZERO WIDTH NO-BREAK SPACE (BYTE ORDER MARK)", Look::Nothing),
    ('\u{ffa0}', "HALFWIDTH HANGUL FILLER", Look::Blank),
];

/// The first one that changes what a text means. In documents that are not `ours` a blank-like one between two words is
/// a part of a text, and so is any in quotes; a block of lines (`|`) and a comment keep what they have everywhere.
pub(super) fn first(text: &str, tree: &Tree, ours: impl Fn(&Node) -> bool) -> Option<Problem> {
    if !text.chars().any(|c| look(c).is_some()) {
        return None;
    }
    let found = tree.documents.iter().filter_map(|document| {
        let search = Search { text, is_ours: ours(document) };
        search.value(document)
    });
    found.min().map(|at| problem(text, at))
}

/// The first one in the lines around those in which a parser stopped: mostly it is what is wrong there.
pub(super) fn near(text: &str, stopped: &RangeInclusive<usize>) -> Option<Problem> {
    let around = stopped.start().saturating_sub(1)..=stopped.end().saturating_add(1);
    let mut start = 0;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        if let Some((at, _)) =
            content.char_indices().find(|(_, c)| around.contains(&line) && look(*c).is_some())
        {
            return Some(problem(text, start + at));
        }
        start += content.len();
    }
    None
}

fn problem(text: &str, at: usize) -> Problem {
    let character = text[at..].chars().next().unwrap_or_default();
    let name = CHARACTERS.iter().find(|(known, ..)| *known == character).map_or("", |(_, name, _)| name);
    Problem::at(Position::after(&text[..at]), Fault::Invisible { character, name })
}

fn look(character: char) -> Option<Look> {
    if character.is_ascii() {
        return None;
    }
    CHARACTERS.iter().find(|(known, ..)| *known == character).map(|(.., look)| *look)
}

/// Whether it is a blank in a line's text, and not where YAML's own signs want one.
fn is_between_words(before: &str, after: &str) -> bool {
    let is_blank = |c: char| matches!(c, ' ' | '\t') || look(c) == Some(Look::Blank);
    let beside = [
        before.trim_end_matches(is_blank).chars().next_back(),
        after.trim_start_matches(is_blank).chars().next(),
    ];
    let is_word = |c: Option<char>| c.is_some_and(|c| !matches!(c, '\r' | '\n' | ':' | '-' | '#'));
    after.starts_with(is_blank) && beside.into_iter().all(is_word)
}

struct Search<'text> {
    text: &'text str,
    is_ours: bool,
}

impl Search<'_> {
    /// The offset of the first one in this node.
    fn value(&self, node: &Node) -> Option<usize> {
        match &node.content {
            Content::Mapping { entries, .. } => {
                entries.iter().find_map(|entry| self.key(&entry.key).or_else(|| self.value(&entry.value)))
            }
            Content::Sequence { items, .. } => items.iter().find_map(|item| self.value(item)),
            Content::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } | Content::Alias => {
                None
            }
            Content::Scalar { .. } if self.is_ours => self.anywhere(node),
            Content::Scalar { style: ScalarStyle::Plain, .. } => self.beside_words(node),
            Content::Scalar { .. } => None,
        }
    }

    fn key(&self, node: &Node) -> Option<usize> {
        if node.text().is_some() { self.anywhere(node) } else { self.value(node) }
    }

    fn anywhere(&self, node: &Node) -> Option<usize> {
        self.find(node, |_, _| true)
    }

    /// One between two words looks like the blank that it is.
    fn beside_words(&self, node: &Node) -> Option<usize> {
        self.find(node, |before, after| !is_between_words(before, after))
    }

    /// The offset of the first one of which this holds of what stands before it and from it on.
    fn find(&self, node: &Node, holds: impl Fn(&str, &str) -> bool) -> Option<usize> {
        let slice = self.text.get(node.span.clone())?;
        let mut invisible = slice.char_indices().filter(|(_, c)| look(*c).is_some());
        let found = invisible.find(|(at, _)| holds(&slice[..*at], &slice[*at..]))?;
        Some(node.span.start + found.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::{configuration_file::ConfigurationFile, problem::Position};

    const HEAD: &str = "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\n";

    /// Where one is refused, and by which name.
    fn refused(text: &str) -> Option<(usize, usize, String)> {
        let problem = ConfigurationFile::parse(text).err()?;
        let Some(Position { line, column }) = problem.at else { panic!("{problem:?}") };
        Some((line, column, problem.fault.to_string()))
    }

    #[track_caller]
    fn assert_refused(text: &str, line: usize, column: usize, name: &str) {
        let (found_line, found_column, said) = refused(text).expect("it is refused");
        assert!(said.contains(name), "{said}");
        assert_eq!((found_line, found_column), (line, column), "{text:?}: {said}");
    }

    #[test]
    fn what_looks_like_an_indentation_or_an_end_is_refused() {
        let nbsp = "U+00A0 NO-BREAK SPACE";
        for (spec, line, column, name) in [
            (
                "spec:\n  multicluster:\n    clusterRole: none\n\u{a0}\u{a0}\u{a0}\u{a0}hostClusterName: eu\n",
                6,
                1,
                nbsp,
            ),
            ("spec:\n\u{a0} multicluster:\n    clusterRole: none\n", 4, 1, nbsp),
            ("spec:\n  multicluster:\n    clusterRole: none\u{3000}\n", 5, 22, "U+3000 IDEOGRAPHIC SPACE"),
            ("spec:\n  multicluster:\n    clusterRole:\u{a0}none\n", 5, 17, nbsp),
            ("spec:\n  multicluster: {clusterRole: none,\u{a0}hostClusterName: eu}\n", 4, 36, nbsp),
            ("spec:\n  multi\u{200b}cluster: {}\n", 4, 8, "U+200B ZERO WIDTH SPACE"),
            ("spec:\n  \"multicluster\u{feff}\": {}\n", 4, 16, "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
            ("spec:\n  multicluster:\n    clusterRole: \"ho\u{202e}st\"\n", 5, 21, "RIGHT-TO-LEFT OVERRIDE"),
            ("spec:\n  multicluster:\n    clusterRole: none\n     \u{a0}hostClusterName: eu\n", 6, 6, nbsp),
            ("spec:\n  a: b\n\u{a0}\u{a0}\n  c: d\n", 5, 1, nbsp),
        ] {
            assert_refused(&format!("{HEAD}{spec}"), line, column, name);
        }
        let kind = "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\u{200b}\n";
        assert_refused(kind, 2, 27, "ZERO WIDTH SPACE");
    }

    #[test]
    fn other_documents_are_refused_where_it_makes_another_structure_of_them() {
        let before = |document: &str| format!("{document}---\n{HEAD}");
        assert_refused(&before("a:\n\u{a0} b: 1\n"), 2, 1, "NO-BREAK SPACE");
        assert_refused(&before("a:\u{a0}\n  - x\u{a0}# y\n"), 1, 3, "NO-BREAK SPACE");
        assert_refused(&before("a: x\u{a0}# y\n"), 1, 5, "NO-BREAK SPACE");
        for text in ["a: 10\u{a0}km\n", "a: \"x\u{200b}\"\n", "a: |\n  \u{3000}x\n"] {
            assert_eq!(refused(&before(text)), None, "{text:?}");
        }
    }

    #[test]
    fn what_changes_no_meaning_stays() {
        for text in [
            format!("\u{feff}{HEAD}"),
            format!("{HEAD}# a\u{a0}comment\u{200b}\n"),
            format!("{HEAD}spec: {{a: \"\\u00a0x\"}}  # \u{3000}\n"),
            format!("{HEAD}spec:\n  a: |\n    x\u{a0}\n"),
            format!("{HEAD}spec: {{a: 你好}}\n"),
        ] {
            assert_eq!(refused(&text), None, "{text:?}");
        }
    }
}
