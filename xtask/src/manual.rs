//! Pages for `man`, one for each command.

use clap::Command;
use clap_mangen::Man;

use crate::Failure;

/// The pages, by their files' names: `kubectl-mc-join.1`.
pub fn pages(program: Command, version: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    // `kubectl mc help` explains the others.
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    add(&program, version, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, version: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<(), Failure> {
    if command.is_hide_set() {
        return Ok(());
    }
    // Without a date: what is not in the source is not in the page.
    let page =
        Man::new(command.clone()).date("").source(format!("kubectl-mc {version}")).manual("kubectl mc");
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename(), text));
    command.get_subcommands().try_for_each(|command| add(command, version, pages))
}
