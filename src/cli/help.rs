//! How help is laid out: as kubectl's, where the examples come first, and options of every command have a page of their
//! own.

use clap::{Arg, Command as Definition, builder::Resettable};

/// Options of every command that each of them shows all the same.
const SHOWN_BY_ALL: [&str; 2] = ["kubeconfig", "context"];
/// Those that say what is stored of a member, and the commands that store it.
const STORED: [&str; 2] = ["member_server", "member_certificate_authority"];
const STORING: [&str; 3] = ["join", "import", "renew"];
/// The command that shows them all.
const OPTIONS: &str = "options";

/// Columns that are read in one go.
pub(super) const MAXIMAL_WIDTH: usize = 100;

const ARGUMENTS_AND_USAGE: &str = "{all-args}\n\n{usage-heading} {usage}\n";

/// Where the rest is to be found, below the program's own help.
const ELSEWHERE: &str = concat!(
    "Documentation: ",
    env!("CARGO_PKG_REPOSITORY"),
    "/tree/main/docs\nQuestions and faults: ",
    env!("CARGO_PKG_REPOSITORY"),
    "/issues\n"
);

/// The definition of a program of this name with the help of each command laid out.
pub(super) fn laid_out(mut program: Definition, name: &str) -> Definition {
    // Only now its options stand with every command, where they can be hidden.
    program.build();
    let more = format!(
        "\nUse \"{name} COMMAND --help\" for more about a command, and \"{name} {OPTIONS}\" for the options of all.\n\n\
         {ELSEWHERE}"
    );
    let one = format!("\nUse \"{name} {OPTIONS}\" for the options of every command.\n");
    command(program, &more).mut_subcommands(|child| below(child, &one))
}

fn below(child: Definition, last: &str) -> Definition {
    command(child, last).mut_subcommands(|child| below(child, last))
}

fn command(command: Definition, last: &str) -> Definition {
    let template = template(&command, last);
    let stores = STORING.contains(&command.get_name());
    command.help_template(template).after_help(Resettable::Reset).mut_args(|argument| {
        let id = argument.get_id().as_str();
        let shown = SHOWN_BY_ALL.contains(&id) || stores && STORED.contains(&id);
        let hidden = argument.is_hide_set() || argument.is_global_set() && !shown;
        argument.hide(hidden)
    })
}

/// The examples stand in the template itself: what is pasted from them must not have been wrapped.
fn template(command: &Definition, last: &str) -> String {
    let examples = command.get_after_help().map(|examples| format!("{examples}\n\n")).unwrap_or_default();
    format!("{{about-with-newline}}\n{examples}{ARGUMENTS_AND_USAGE}{last}")
}

/// The page that [`OPTIONS`] shows, of a program's definition.
pub(super) fn options(program: &Definition) -> String {
    let of_all = program.get_arguments().filter(|argument| argument.is_global_set());
    let mut page = Definition::new(OPTIONS)
        .max_term_width(MAXIMAL_WIDTH)
        .disable_help_flag(true)
        .help_template(
            "These options can be given to every command, before its name or behind it:\n\n{all-args}",
        )
        .args(of_all.cloned().collect::<Vec<Arg>>());
    page.render_help().to_string()
}
