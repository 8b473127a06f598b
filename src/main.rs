//! argv → runtime → command → exit code.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use kubectl_mc::{
    cli::{Cli, Command},
    commands::{self, interrupt::interrupted},
    error::Error,
    output::{log, ui::Ui},
};
use tokio::runtime;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let ui = Ui::of_process(cli.global.color);
    let result = log::start(&ui, cli.global.verbosity).map_err(Error::from).and_then(|()| run(&cli, &ui));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Help and version are results; that nobody reads them is no failure. Without any words, help is what was
/// asked for, as with kubectl.
fn usage(error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        drop(named_command().print_help());
        return ExitCode::SUCCESS;
    }
    drop(error.print());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// The command that the words lead to: the program itself, or one with commands of its own.
fn named_command() -> clap::Command {
    let mut program = Cli::command();
    program.build();
    let words = std::env::args().skip(1);
    words.fold(program, |command, word| command.find_subcommand(&word).cloned().unwrap_or(command))
}

fn run(cli: &Cli, ui: &Ui) -> Result<(), Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(dispatch(cli, ui));
    // A question that nobody answered must not keep the program.
    runtime.shutdown_background();
    result
}

async fn dispatch(cli: &Cli, ui: &Ui) -> Result<(), Error> {
    match &cli.command {
        // Interrupted, these have something to say, and something to tidy up before they end.
        Command::Join(join) => commands::join::run(join, &cli.global, ui).await,
        Command::Prepare(prepare) => commands::prepare::run(prepare, &cli.global, ui).await,
        Command::Import(import) => commands::import::run(import, &cli.global, ui).await,
        Command::Unjoin(unjoin) => commands::unjoin::run(unjoin, &cli.global, ui).await,
        Command::Renew(renew) => commands::renew::run(renew, &cli.global, ui).await,
        Command::Check(check) => commands::check::run(check, &cli.global, ui).await,
        Command::Get(get) => Box::pin(commands::get::run(get, &cli.global, ui)).await,
        Command::Configure(configure) => {
            until_interrupted(commands::configure::run(configure, &cli.global, ui)).await
        }
        Command::Logs(logs) => until_interrupted(Box::pin(commands::logs::run(logs, &cli.global, ui))).await,
        Command::JwtSecret(show) => until_interrupted(commands::jwt_secret::run(show, &cli.global, ui)).await,
        Command::Version => commands::version::run(ui),
    }
}

async fn until_interrupted(command: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::select! {
        // First, because a command may have something to say about its interruption.
        biased;
        result = command => result,
        error = interrupted() => Err(error),
    }
}
