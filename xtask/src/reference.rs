//! The reference in Markdown, one page for each command, from what the program's own help is made of.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// Where the pages lie in the repository.
pub const FOLDER: &str = "docs/reference";
/// The page with the options of every command.
const OPTIONS_OF_ALL: &str = "kubectl-mc-options";

/// The pages, by their files' names: `kubectl-mc-join.md`.
pub fn pages(program: Command) -> Vec<(String, String)> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    add(&program, &mut pages);
    pages
}

fn add(command: &Command, pages: &mut Vec<(String, String)>) {
    if command.is_hide_set() {
        return;
    }
    pages.push((file(command), page(command)));
    command.get_subcommands().for_each(|command| add(command, pages));
}

fn file(command: &Command) -> String {
    format!("{}.md", command.get_display_name().unwrap_or_else(|| command.get_name()))
}

/// As a user types it: `kubectl mc join`.
fn name(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command) -> String {
    let mut page = format!("# {}\n", name(command));
    let description = command.get_long_about().or_else(|| command.get_about());
    let description = description.map(ToString::to_string).unwrap_or_default();
    paragraphs(&mut page, &description);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim_end();
    let _ = write!(page, "\n```\n{usage}\n```\n");
    subcommands(&mut page, command);
    arguments(&mut page, command);
    examples(&mut page, command);
    if !shows_options_of_all(command) {
        let _ = writeln!(page, "\nOptions of every command: [{OPTIONS_OF_ALL}]({OPTIONS_OF_ALL}.md).");
    }
    page
}

/// Text as it is, but that what is indented, or lines up, stays as it is.
fn paragraphs(page: &mut String, text: &str) {
    for paragraph in text.split("\n\n") {
        let lined_up = paragraph.lines().any(|line| line.starts_with("  "));
        let fence = if lined_up { "```\n" } else { "" };
        let end = if lined_up { "\n```" } else { "" };
        let paragraph = if lined_up { paragraph.to_owned() } else { escaped(paragraph) };
        let _ = write!(page, "\n{fence}{paragraph}{end}\n");
    }
}

/// What Markdown would take for a tag.
fn escaped(text: &str) -> String {
    text.replace('<', "&lt;")
}

fn subcommands(page: &mut String, command: &Command) {
    let mut commands = command.get_subcommands().filter(|command| !command.is_hide_set()).peekable();
    if commands.peek().is_none() {
        return;
    }
    page.push_str("\n## Commands\n\n| command | does |\n| --- | --- |\n");
    for command in commands {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "| [`{}`]({}) | {} |", name(command), file(command), escaped(&about));
    }
}

fn shows_options_of_all(command: &Command) -> bool {
    command.get_display_name() == Some(OPTIONS_OF_ALL)
}

/// Arguments and options under their headings; those of every command only where that is the subject.
fn arguments(page: &mut String, command: &Command) {
    let all = shows_options_of_all(command);
    let shown = |argument: &&Arg| !argument.is_hide_set() && (all || !argument.is_global_set());
    let is_standard = |argument: &Arg| matches!(argument.get_id().as_str(), "help" | "version");
    let mut headings: Vec<String> = Vec::new();
    for argument in command.get_arguments().filter(shown).filter(|argument| !is_standard(argument)) {
        let heading = heading(argument);
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading_of_all in headings {
        let _ = write!(page, "\n## {heading_of_all}\n\n| | |\n| --- | --- |\n");
        let all = command.get_arguments().filter(shown).filter(|argument| !is_standard(argument));
        for argument in all.filter(|argument| heading(argument) == heading_of_all) {
            row(page, argument);
        }
    }
}

fn heading(argument: &Arg) -> String {
    let standard = if argument.is_positional() { "Arguments" } else { "Options" };
    argument.get_help_heading().unwrap_or(standard).to_owned()
}

fn row(page: &mut String, argument: &Arg) {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = escaped(&help.map(ToString::to_string).unwrap_or_default()).replace('\n', " ");
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && argument.get_action().takes_values())
        .map(|value| {
            let help = value.get_help().map(|help| format!(" ({})", escaped(&help.to_string())));
            format!("`{}`{}", value.get_name(), help.unwrap_or_default())
        })
        .collect();
    if !values.is_empty() {
        let _ = write!(text, "; one of {}", values.join(", "));
    }
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    let defaults = defaults.collect::<Vec<_>>().join(",");
    if !defaults.is_empty() && argument.get_action().takes_values() {
        let _ = write!(text, " [default: {defaults}]");
    }
    let _ = writeln!(page, "| `{}` | {} |", syntax(argument).replace('|', "\\|"), text.replace('|', "\\|"));
}

/// As it is typed: `-o, --output FORMAT`.
fn syntax(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default();
    let values = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    if argument.is_positional() {
        let more = argument.get_num_args().is_some_and(|number| number.max_values() > 1);
        return format!("{values}{}", if more { "…" } else { "" });
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    match argument.get_action().takes_values() {
        true if argument.is_require_equals_set() => format!("{names}[={values}]"),
        true => format!("{names} {values}"),
        false => names,
    }
}

fn examples(page: &mut String, command: &Command) {
    let Some(after) = command.get_after_help().or_else(|| command.get_after_long_help()) else { return };
    let after = after.to_string();
    let Some(examples) = after.strip_prefix("Examples:\n") else {
        paragraphs(page, &after);
        return;
    };
    let lines = examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
    let _ = write!(page, "\n## Examples\n\n```sh\n{}\n```\n", lines.collect::<Vec<_>>().join("\n"));
}
