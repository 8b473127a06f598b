//! A log's lines as they may be shown: without secrets, and with nothing in them that a terminal obeys but colours.

use std::io;

use kubesphere::installer_log::mask;

use super::{style::takes_colours, ui::Ui};
use crate::{cli::ColorChoice, error::Error};

const RESET: &str = "\u{1b}[0m";

/// A colour that a damaged log never ends must not grow.
const LONGEST_COLOUR: usize = 64;

/// Lines of a log on their way to stdout.
#[derive(Debug, Default)]
pub struct LogLines {
    keeps_colours: bool,
    /// The colour that the last line has left on: Ansible colours several lines as one.
    colour: String,
}

impl LogLines {
    /// For this process's stdout.
    pub fn of_process(choice: ColorChoice) -> Self {
        Self { keeps_colours: takes_colours(choice, &io::stdout()), colour: String::new() }
    }

    /// Shows these lines, in one piece.
    pub fn show<'a>(&mut self, ui: &Ui, texts: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let lines: Vec<String> = texts.into_iter().map(|text| self.shown(text)).collect();
        if lines.is_empty() { Ok(()) } else { ui.result(&lines.join("\n")) }
    }

    /// Each line begins in the colour that the one before has left, and leaves none to what is printed after it.
    fn shown(&mut self, text: &str) -> String {
        let masked = mask(text);
        let mut shown = if self.keeps_colours { self.colour.clone() } else { String::new() };
        let begins_coloured = !shown.is_empty();
        self.take_colours(text);
        for piece in Pieces(&masked) {
            match piece {
                CredentialObject::Colour(_) if !self.keeps_colours => {}
                CredentialObject::Colour(colour) => shown.push_str(colour),
                CredentialObject::Text(character) => push_harmless(&mut shown, character),
            }
        }
        if self.keeps_colours && (begins_coloured || !self.colour.is_empty()) {
            shown.push_str(RESET);
        }
        shown
    }

    fn take_colours(&mut self, text: &str) {
        for piece in Pieces(text) {
            let CredentialObject::Colour(colour) = piece else { continue };
            let numbers = &colour["\u{1b}[".len()..colour.len() - "m".len()];
            let only_resets = numbers.trim_start_matches(['0', ';']).is_empty();
            if only_resets || numbers.starts_with("0;") || self.colour.len() + colour.len() > LONGEST_COLOUR {
                self.colour.clear();
            }
            if !only_resets && colour.len() <= LONGEST_COLOUR {
                self.colour.push_str(colour);
            }
        }
    }
}

enum CredentialObject<'a> {
    /// A whole sequence that only colours: `ESC [ numbers m`.
    Colour(&'a str),
    Text(char),
}

struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = CredentialObject<'a>;

    fn next(&mut self) -> Option<CredentialObject<'a>> {
        let length = colour_length(self.0);
        if let Some(length) = length {
            let (colour, rest) = self.0.split_at(length);
            self.0 = rest;
            return Some(CredentialObject::Colour(colour));
        }
        let character = self.0.chars().next()?;
        self.0 = &self.0[character.len_utf8()..];
        Some(CredentialObject::Text(character))
    }
}

fn colour_length(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|character: char| !(character.is_ascii_digit() || character == ';'))?;
    numbers[end..].starts_with('m').then_some("\u{1b}[".len() + end + "m".len())
}

/// As kubectl shows it.
fn push_harmless(shown: &mut String, character: char) {
    match character {
        '\u{1b}' => shown.push_str("^["),
        '\t' => shown.push('\t'),
        character if character.is_control() => {}
        character => shown.push(character),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LogLines;

    fn shown(keeps_colours: bool, texts: &[&str]) -> Vec<String> {
        let mut lines = LogLines { keeps_colours, ..LogLines::default() };
        texts.iter().map(|text| lines.shown(text)).collect()
    }

    #[test]
    fn colours_are_kept_or_taken_off_and_everything_else_is_harmless() {
        let line = "\u{1b}[0;33mchanged\u{1b}[0m\ta\u{1b}[2Kb\u{1b}]0;title\u{7}\u{9b}1Ac\r";
        assert_eq!(shown(false, &[line]), ["changed\ta^[[2Kb^[]0;title1Ac"]);
        let kept = "\u{1b}[0;33mchanged\u{1b}[0m\ta^[[2Kb^[]0;title1Ac";
        assert_eq!(shown(true, &[line]), [kept]);
    }

    #[test]
    fn a_colour_over_several_lines_never_reaches_what_is_printed_between_them() {
        let lines = ["\u{1b}[0;32mok: {", "\"msg\": 1", "}\u{1b}[0m", "plain"];
        let expected = [
            "\u{1b}[0;32mok: {\u{1b}[0m",
            "\u{1b}[0;32m\"msg\": 1\u{1b}[0m",
            "\u{1b}[0;32m}\u{1b}[0m\u{1b}[0m",
            "plain",
        ];
        assert_eq!(shown(true, &lines), expected);
    }

    #[test]
    fn secrets_are_masked_and_the_colour_that_ends_behind_them_ends() {
        let lines = ["\u{1b}[0;31mfatal: {", "\"token\": \"abc\"}\u{1b}[0m", "next"];
        let expected = ["\u{1b}[0;31mfatal: {\u{1b}[0m", "\u{1b}[0;31m\"token\": \"***\"}\u{1b}[0m", "next"];
        assert_eq!(shown(true, &lines), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_line_steers_a_terminal(texts in proptest::collection::vec("[\u{1b}\\[\\]0-9;mKHa\\x00-\\x1f\u{80}-\u{9f}]{0,30}", 0..8)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for line in shown(false, &texts) {
                prop_assert!(!line.chars().any(|c| c.is_control() && c != '\t'), "{line:?}");
            }
            for line in shown(true, &texts) {
                let mut rest = line.as_str();
                let mut is_reset = true;
                while let Some((_, after)) = rest.split_once('\u{1b}') {
                    let colour = after.strip_prefix('[').and_then(|it| it.split_once('m'));
                    let Some((numbers, after)) = colour else { panic!("{line:?}") };
                    prop_assert!(numbers.chars().all(|c| c.is_ascii_digit() || c == ';'), "{line:?}");
                    is_reset = numbers.trim_start_matches(['0', ';']).is_empty();
                    rest = after;
                }
                prop_assert!(is_reset, "{line:?}");
            }
        }
    }
}
