//! Lines as they are shown: no terminal obeys what stands in them, whoever wrote it.
//!
//! What is not made into a [`Line`], or into a text by [`document`], cannot be printed: [`Ui`](super::ui::Ui) takes nothing
//! else, and the colours that it adds come from a [`Tone`], never from a text.

use std::{fmt, iter};

use console::{measure_text_width, truncate_str};
use kubesphere::{confidential::MASK, known_secrets, unseen::is_unseen};
use owo_colors::OwoColorize as _;

use super::style::{Styles, Tone};

/// A line without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Vec<Span>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    /// Nothing in it steers a terminal.
    text: String,
    look: Look,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Tone(Tone),
    /// A log's own.
    Colour(Colour),
}

/// What a log switches on: sequences that do nothing but colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Colour(String);

impl Line {
    /// A text in this tone.
    pub fn toned(tone: Tone, text: impl AsRef<str>) -> Self {
        Self::of(harmless(text.as_ref(), Blanks::One), Look::Tone(tone))
    }

    /// A line of a file: its tabs stay, and the carriage return at its end.
    pub fn of_file(tone: Tone, text: &str) -> Self {
        Self::of(harmless(text, Blanks::AsTheyAre), Look::Tone(tone))
    }

    /// A piece of a log's line: its tabs stay.
    pub fn of_log(colour: &Colour, text: &str) -> Self {
        Self::of(harmless(text, Blanks::AsTheyAre), Look::Colour(colour.clone()))
    }

    fn of(text: String, look: Look) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![Span { text, look }] })
    }

    /// The same with more after it.
    #[must_use]
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.extend(more.into().0);
        self
    }

    /// Lines as one.
    pub fn joined(lines: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let lines = lines.into_iter();
        lines.reduce(|all, line| all.and(between).and(line)).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many columns of a terminal it takes.
    pub fn width(&self) -> usize {
        self.0.iter().map(|span| measure_text_width(&span.text)).sum()
    }

    /// With the colours that these styles have, and without secrets.
    pub(super) fn rendered(&self, styles: Styles) -> String {
        self.masked().0.iter().map(|Span { text, look }| look.on(text, styles)).collect()
    }

    /// At most so many columns of it. A secret is hidden before: what is left of it could not be told from other text.
    #[must_use]
    pub(super) fn cut(&self, columns: usize) -> Self {
        let Self(spans) = self.masked();
        let width: usize = spans.iter().map(|span| measure_text_width(&span.text)).sum();
        if width <= columns {
            return Self(spans);
        }
        let mut room = columns.saturating_sub(1);
        let mut cut = Vec::new();
        for Span { text, look } in spans {
            let kept = truncate_str(&text, room, "");
            room -= measure_text_width(&kept);
            let is_whole = kept.len() == text.len();
            let end = if is_whole || columns == 0 { "" } else { "…" };
            cut.push(Span { text: format!("{kept}{end}"), look });
            if !is_whole {
                break;
            }
        }
        Self(cut)
    }

    /// With blanks up to so many columns.
    #[must_use]
    pub(super) fn padded(self, columns: usize) -> Self {
        let blanks = columns.saturating_sub(self.width());
        self.and(" ".repeat(blanks))
    }

    fn masked(&self) -> Self {
        let text = self.to_string();
        let mut secrets = known_secrets::found(&text).into_iter().peekable();
        let (mut end, mut hidden) = (0, 0);
        let masked = self.0.iter().map(|span| {
            let mut at = hidden.max(end);
            end += span.text.len();
            let mut shown = String::new();
            while let Some(secret) = secrets.next_if(|secret| secret.start < end) {
                shown.extend([&text[at..secret.start], MASK]);
                // It may go on in the next span.
                hidden = secret.end;
                at = hidden;
            }
            shown.push_str(text.get(at..end).unwrap_or_default());
            Span { text: shown, look: span.look.clone() }
        });
        Self(masked.collect())
    }
}

impl Look {
    fn on(&self, text: &str, styles: Styles) -> String {
        match self {
            _ if text.is_empty() => String::new(),
            Self::Tone(tone) => text.style(styles.of(*tone)).to_string(),
            Self::Colour(Colour(colour)) if colour.is_empty() => text.to_owned(),
            Self::Colour(Colour(colour)) => format!("{colour}{text}{RESET}"),
        }
    }
}

impl fmt::Display for Line {
    /// Without colours.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| formatter.write_str(&span.text))
    }
}

impl<T: AsRef<str>> From<T> for Line {
    fn from(text: T) -> Self {
        Self::toned(Tone::Plain, text)
    }
}

const RESET: &str = "\u{1b}[0m";

/// A colour that a damaged log never ends must not grow.
const LONGEST_COLOUR: usize = 64;

impl Colour {
    /// The text in pieces, each with the sequence before it that does nothing but colour.
    pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = Some(text);
        iter::from_fn(move || {
            let (sequence, after) = rest?.split_at(Self::length(rest?).unwrap_or_default());
            let next = after.match_indices('\u{1b}').find(|(at, _)| Self::length(&after[*at..]).is_some());
            let end = next.map_or(after.len(), |(at, _)| at);
            rest = next.map(|_| &after[end..]);
            Some((sequence, &after[..end]))
        })
    }

    /// The length of the sequence that the text begins with: `ESC [ numbers m`.
    fn length(text: &str) -> Option<usize> {
        let numbers = text.strip_prefix("\u{1b}[")?;
        let end = numbers.find(|character: char| !(character.is_ascii_digit() || character == ';'))?;
        numbers[end..].starts_with('m').then_some("\u{1b}[".len() + end + "m".len())
    }

    /// The colour after this sequence.
    pub(super) fn take(&mut self, sequence: &str) {
        if Self::length(sequence) != Some(sequence.len()) {
            return;
        }
        let numbers = &sequence["\u{1b}[".len()..sequence.len() - "m".len()];
        let only_resets = numbers.trim_start_matches(['0', ';']).is_empty();
        if only_resets || numbers.starts_with("0;") || self.0.len() + sequence.len() > LONGEST_COLOUR {
            self.0.clear();
        }
        if !only_resets && sequence.len() <= LONGEST_COLOUR {
            self.0.push_str(sequence);
        }
    }
}

/// What becomes of tabs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blanks {
    One,
    AsTheyAre,
}

/// On one line, with everything to be seen that would steer a terminal; ESC as kubectl shows it.
fn harmless(text: &str, blanks: Blanks) -> String {
    let ends_in_return = blanks == Blanks::AsTheyAre && text.ends_with('\r');
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{1b}' => shown.push_str("^["),
            '\t' if blanks == Blanks::AsTheyAre => shown.push('\t'),
            '\n' | '\t' => shown.push(' '),
            '\r' => {}
            letter if is_unseen(letter) => shown.push_str(&escape(letter)),
            letter => shown.push(letter),
        }
    }
    if ends_in_return {
        shown.push('\r');
    }
    shown
}

/// A text of JSON or YAML, or one of our own lines, without secrets and with everything escaped that would steer a terminal:
/// both languages read `\u202e` as the letter it stands for. They have no escape in common for what comes after U+FFFF, where
/// nothing steers.
pub(super) fn document(text: &str) -> String {
    let text = known_secrets::hide(text);
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if !matches!(letter, '\n' | '\t' | '\u{1_0000}'..) && is_unseen(letter) {
            shown.push_str(&escape(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Whether nothing of this text would be shown otherwise than it is.
pub(super) fn is_harmless(text: &str) -> bool {
    !text.chars().any(is_unseen)
}

fn escape(letter: char) -> String {
    format!("\\u{:04x}", u32::from(letter))
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
