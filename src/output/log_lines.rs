//! A log's lines as they may be shown: without secrets, and with nothing in them that a terminal obeys but colours.

use kubesphere::installer_log::mask;

use super::{
    line::{Colour, Line},
    ui::Ui,
};
use crate::error::Error;

/// Lines of a log on their way to stdout.
#[derive(Debug, Default)]
pub struct LogLines {
    /// The colour that the last line has left on: Ansible colours several lines as one.
    colour: Colour,
}

impl LogLines {
    /// Shows these lines, in one piece.
    pub fn show<'a>(&mut self, ui: &Ui, texts: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let lines: Vec<Line> = texts.into_iter().map(|text| self.shown(ui.colours_results(), text)).collect();
        if lines.is_empty() { Ok(()) } else { ui.results(lines) }
    }

    /// Each line begins in the colour that the one before has left, and leaves none to what is printed after it.
    fn shown(&mut self, keeps_colours: bool, text: &str) -> Line {
        let masked = mask(text);
        let mut colour = self.colour.clone();
        Colour::pieces(text).for_each(|(sequence, _)| self.colour.take(sequence));
        let none = Colour::default();
        Colour::pieces(&masked).fold(Line::default(), |line, (sequence, text)| {
            colour.take(sequence);
            let shown = if keeps_colours { &colour } else { &none };
            line.and(Line::of_log(shown, text.trim_end_matches('\r')))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LogLines;
    use crate::output::style::Styles;

    fn shown(keeps_colours: bool, texts: &[&str]) -> Vec<String> {
        let mut lines = LogLines::default();
        let lines = texts.iter().map(|text| lines.shown(keeps_colours, text));
        lines.map(|line| line.rendered(Styles::default())).collect()
    }

    #[test]
    fn colours_are_kept_or_taken_off_and_everything_else_is_harmless() {
        let line = "\u{1b}[0;33mchanged\u{1b}[0m\ta\u{1b}[2Kb\u{1b}]0;title\u{7}\u{9b}1Ac\r";
        assert_eq!(shown(false, &[line]), ["changed\ta^[[2Kb^[]0;title\\u0007\\u009b1Ac"]);
        let kept = "\u{1b}[0;33mchanged\u{1b}[0m\ta^[[2Kb^[]0;title\\u0007\\u009b1Ac";
        assert_eq!(shown(true, &[line]), [kept]);
    }

    #[test]
    fn a_colour_over_several_lines_never_reaches_what_is_printed_between_them() {
        let lines = ["\u{1b}[0;32mok: {", "\"msg\": 1", "}\u{1b}[0m", "plain"];
        let expected = [
            "\u{1b}[0;32mok: {\u{1b}[0m",
            "\u{1b}[0;32m\"msg\": 1\u{1b}[0m",
            "\u{1b}[0;32m}\u{1b}[0m",
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
