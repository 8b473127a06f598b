//! argv → runtime → command → exit code.

use std::process::ExitCode;

use clap::error::ErrorKind as Mistyped;
use kubectl_mc::{
    cli::{Called, Cli, ColorChoice, Command, ProgressForm},
    commands::{self, complete, interrupt::interrupted, suspend},
    error::{Error, ErrorKind},
    live::{core_dump, environment::command_line},
    output::{log, ui::Ui, words},
};
use tokio::runtime;

fn main() -> ExitCode {
    core_dump::disable();
    let words = command_line();
    let called = Called::by(words.first().map(String::as_str));
    if let Some(words) = complete::asked(&words) {
        return completed(words, called);
    }
    let cli = match Cli::read(std::env::args_os(), &called) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &words, &called),
    };
    let ui = Ui::of_process(cli.global.color, cli.command.progress(), called.clone());
    let result = logged(&cli, &called, &ui).inspect_err(|error| ui.error(error));
    let exit_code = result.map_or_else(|error| error.kind.exit_code(), |()| 0);
    ui.finished(exit_code);
    ExitCode::from(exit_code)
}

/// What a shell asks has no failures.
fn completed(words: &[String], called: Called) -> ExitCode {
    if let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() {
        runtime
            .block_on(complete::run(words, &Ui::of_process(ColorChoice::Never, ProgressForm::None, called)));
        runtime.shutdown_background();
    }
    ExitCode::SUCCESS
}

/// Help and version are results; that nobody reads them is no failure. Without any words, help is what was
/// asked for, as with kubectl.
fn usage(error: &clap::Error, words: &[String], called: &Called) -> ExitCode {
    if error.kind() == Mistyped::DisplayHelpOnMissingArgumentOrSubcommand {
        drop(named_command(words, called).print_help());
        return ExitCode::SUCCESS;
    }
    drop(error.print());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// The command that the words lead to: the program itself, or one with commands of its own.
fn named_command(words: &[String], called: &Called) -> clap::Command {
    let mut program = Cli::called(called);
    program.build();
    let words = words.iter().skip(1);
    words.fold(program, |command, word| command.find_subcommand(word).cloned().unwrap_or(command))
}

/// Runs the command, and counts what servers warned of where that is a failure, as with kubectl.
fn logged(cli: &Cli, called: &Called, ui: &Ui) -> Result<(), Error> {
    let warnings = log::start(ui, cli.global.verbosity)?;
    run(cli, called, ui)?;
    match warnings.count() {
        count @ 1.. if cli.global.warnings_as_errors => {
            Err(Error::new(ErrorKind::Error, format!("{} received", words::count(count, "warning"))))
        }
        _ => Ok(()),
    }
}

fn run(cli: &Cli, called: &Called, ui: &Ui) -> Result<(), Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        suspend::prepare(ui);
        dispatch(cli, called, ui).await
    });
    // A question that nobody answered must not keep the program.
    runtime.shutdown_background();
    result
}

async fn dispatch(cli: &Cli, called: &Called, ui: &Ui) -> Result<(), Error> {
    match &cli.command {
        // Interrupted, these have something to say, and something to tidy up before they end.
        Command::Join(join) => commands::join::run(join, &cli.global, ui).await,
        Command::Prepare(prepare) => commands::prepare::run(prepare, &cli.global, ui).await,
        Command::Import(import) => commands::import::run(import, &cli.global, ui).await,
        Command::Unjoin(unjoin) => commands::unjoin::run(unjoin, &cli.global, ui).await,
        Command::Renew(renew) => commands::renew::run(renew, &cli.global, ui).await,
        Command::Rotate(rotate) => commands::rotate::run(rotate, &cli.global, ui).await,
        Command::Check(check) => commands::check::run(check, &cli.global, ui).await,
        Command::Get(get) => Box::pin(commands::get::run(get, &cli.global, ui)).await,
        Command::Configure(configure) => {
            until_interrupted(commands::configure::run(configure, &cli.global, ui)).await
        }
        Command::Logs(logs) => until_interrupted(Box::pin(commands::logs::run(logs, &cli.global, ui))).await,
        Command::JwtSecret(show) => until_interrupted(commands::jwt_secret::run(show, &cli.global, ui)).await,
        Command::Fleet(fleet) => {
            until_interrupted(Box::pin(commands::fleet::run(fleet, &cli.global, ui))).await
        }
        Command::Completion(completion) => commands::completion::run(completion, called, ui),
        Command::Options => commands::options::run(ui),
        Command::Version(version) => commands::version::run(version, ui),
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
