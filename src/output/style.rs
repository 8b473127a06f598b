//! Colours, decided for each stream by itself.

use std::{env, io::IsTerminal};

use owo_colors::Style;

use crate::cli::ColorChoice;

/// The styles of one stream; all plain where it takes no colours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Styles {
    /// Done.
    pub good: Style,
    pub attention: Style,
    /// Errors.
    pub bad: Style,
    /// Names and hints.
    pub name: Style,
    /// What matters less.
    pub faint: Style,
    /// Headings.
    pub strong: Style,
}

impl Styles {
    pub fn of(choice: ColorChoice, stream: &impl IsTerminal) -> Self {
        if takes_colours(choice, stream) { Self::colourful() } else { Self::default() }
    }

    fn colourful() -> Self {
        Self {
            good: Style::new().green(),
            attention: Style::new().yellow(),
            bad: Style::new().red(),
            name: Style::new().cyan(),
            faint: Style::new().dimmed(),
            strong: Style::new().bold(),
        }
    }
}

/// Whether a stream takes colours.
pub fn takes_colours(choice: ColorChoice, stream: &impl IsTerminal) -> bool {
    takes_colour(choice, stream.is_terminal(), |name| env::var(name).ok())
}

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
    use super::takes_colour;
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
}
