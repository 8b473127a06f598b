//! Colours, decided for each stream by itself.

use std::{env, io::IsTerminal};

use owo_colors::Style;

use crate::{checks::Verdict, cli::ColorChoice};

/// What a text is, which a stream that takes colours has a colour for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    /// Done.
    Good,
    Attention,
    /// Errors.
    Bad,
    /// Names and hints.
    Name,
    /// What matters less.
    Faint,
    /// Headings.
    Strong,
}

impl Tone {
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Skipped => Self::Faint,
            Verdict::Ok => Self::Good,
            Verdict::Unknown | Verdict::Warning => Self::Attention,
            Verdict::Failure => Self::Bad,
        }
    }
}

/// The colours of one stream; none where it takes none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Styles {
    pub(super) are_colourful: bool,
}

impl Styles {
    pub(super) fn on(choice: ColorChoice, stream: &impl IsTerminal) -> Self {
        let are_colourful = takes_colour(choice, stream.is_terminal(), |name| env::var(name).ok());
        Self { are_colourful }
    }

    pub(super) fn of(self, tone: Tone) -> Style {
        match tone {
            _ if !self.are_colourful => Style::new(),
            Tone::Plain => Style::new(),
            Tone::Good => Style::new().green(),
            Tone::Attention => Style::new().yellow(),
            Tone::Bad => Style::new().red(),
            Tone::Name => Style::new().cyan(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        }
    }
}

/// How verdicts are marked on one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// On a terminal that shows Unicode.
    Symbols,
    /// For everything that reads them.
    Words,
}

impl Marks {
    pub fn on(stream: &impl IsTerminal) -> Self {
        let shows_unicode = stream.is_terminal() && is_unicode(|name| env::var(name).ok());
        if shows_unicode { Self::Symbols } else { Self::Words }
    }

    pub fn of(self, verdict: Verdict) -> &'static str {
        self.symbol(verdict).unwrap_or(verdict.as_str())
    }

    /// Nothing where words say it.
    pub fn symbol(self, verdict: Verdict) -> Option<&'static str> {
        let symbol = match verdict {
            Verdict::Skipped => "–",
            Verdict::Ok => "✓",
            Verdict::Unknown => "?",
            Verdict::Warning => "!",
            Verdict::Failure => "✗",
        };
        (self == Self::Symbols).then_some(symbol)
    }
}

/// By the variable that decides about characters (POSIX, 8.2).
fn is_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    let decisive = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(|name| set(name));
    let locale = decisive.and_then(variable).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Whether a stream takes colours.
fn takes_colour(choice: ColorChoice, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is_set("NO_COLOR") => false,
        ColorChoice::Auto
            if variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0") =>
        {
            true
        }
        ColorChoice::Auto => is_terminal && variable("TERM").as_deref() != Some("dumb"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Marks, Verdict, is_unicode, takes_colour};
    use crate::cli::ColorChoice::{Always, Auto, Never};

    fn decide(choice: crate::cli::ColorChoice, terminal: bool, variables: &[(&str, &str)]) -> bool {
        let find =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        takes_colour(choice, terminal, find)
    }

    #[test]
    fn the_option_wins_then_no_color_then_force_then_the_terminal() {
        assert!(decide(Always, false, &[("NO_COLOR", "1")]));
        assert!(!decide(Never, true, &[("CLICOLOR_FORCE", "1")]));
        assert!(!decide(Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(decide(Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(decide(Auto, true, &[("TERM", "xterm")]));
        assert!(!decide(Auto, true, &[("TERM", "dumb")]));
        assert!(!decide(Auto, false, &[]));
    }

    #[test]
    fn symbols_are_for_terminals_whose_locale_has_them() {
        let unicode = |variables: &[(&str, &str)]| {
            let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
            is_unicode(|name| find(name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(unicode(&[("LANG", "de_DE.UTF-8")]) && unicode(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!unicode(&[]) && !unicode(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert_eq!([Marks::Symbols, Marks::Words].map(|marks| marks.of(Verdict::Failure)), ["✗", "failure"]);
    }
}
