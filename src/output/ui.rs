//! The two streams, and the question to the person before them.

use std::io::{self, IsTerminal as _, Write as _};

use console::Term;
use indicatif::MultiProgress;
use owo_colors::OwoColorize as _;

use super::{
    style::{Marks, Styles},
    wrap::wrapped,
};
use crate::{
    cli::{Called, ColorChoice},
    error::{Error, ErrorKind},
};

/// Where a command's words go.
#[derive(Clone, Debug)]
pub struct Ui {
    /// stderr's styles.
    pub styles: Styles,
    /// stdout's styles.
    pub result_styles: Styles,
    /// How verdicts are marked on stdout.
    pub result_marks: Marks,
    /// What the program was called by: commands are shown as they have to be typed.
    called: Called,
    /// What is drawn on a terminal while something is under way; lines are written above it.
    pub(super) live: Option<MultiProgress>,
}

impl Ui {
    /// The streams of this process.
    pub fn of_process(choice: ColorChoice, called: Called) -> Self {
        let terminal = io::stderr().is_terminal() && std::env::var("TERM").as_deref() != Ok("dumb");
        Self {
            styles: Styles::of(choice, &io::stderr()),
            result_styles: Styles::of(choice, &io::stdout()),
            result_marks: Marks::on(&io::stdout()),
            called,
            live: terminal.then(MultiProgress::new),
        }
    }

    /// Whether a person can answer a question.
    pub fn can_ask() -> bool {
        io::stdin().is_terminal()
    }

    /// A line of the result, on stdout. A closed pipe ends the command with success.
    pub fn result(&self, line: &str) -> Result<(), Error> {
        self.above_progress(|| {
            let mut stdout = io::stdout().lock();
            writeln!(stdout, "{}", self.called.spoken(line))?;
            stdout.flush()
        })
        .map_err(Error::from)
    }

    /// A line of prose as a result.
    pub(super) fn sentence(&self, line: &str) -> Result<(), Error> {
        self.result(&fitted(line, &Term::stdout()))
    }

    /// A text of its own lines as the result, on stdout, byte for byte.
    pub fn text(&self, text: &str) -> Result<(), Error> {
        self.above_progress(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        })
        .map_err(Error::from)
    }

    /// Whether what was told while it happened stands above the results.
    pub(super) fn told_on_the_same_terminal(&self) -> bool {
        self.live.is_some() && io::stdout().is_terminal()
    }

    /// Whether results would appear on a screen.
    pub fn shows_results() -> bool {
        io::stdout().is_terminal()
    }

    /// Whether results go to a file that everybody may read.
    #[cfg(unix)]
    pub fn everybody_reads_results() -> bool {
        use std::{fs::File, os::fd::AsFd as _, os::unix::fs::MetadataExt as _};
        let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        let metadata = file.and_then(|file| file.metadata());
        metadata.is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o004 != 0)
    }

    /// There are no such bits.
    #[cfg(not(unix))]
    pub fn everybody_reads_results() -> bool {
        false
    }

    /// A line for the person, on stderr. That nobody reads it changes nothing.
    pub(super) fn message(&self, line: &str) {
        let line = fitted(&self.called.spoken(line), &Term::stderr());
        let written = self.above_progress(|| writeln!(io::stderr().lock(), "{line}"));
        drop(written);
    }

    pub(super) fn warning(&self, text: &str) {
        self.message(&format!("{} {text}", "warning:".style(self.styles.attention)));
    }

    /// Ends the line of a question that nobody has answered.
    pub fn end_line(&self) {
        self.message("");
    }

    /// Something to do.
    pub(super) fn hint(&self, text: &str) {
        self.message(&format!("{} {text}", "hint:".style(self.styles.name)));
    }

    /// What ended the command: the message with its causes, then what to do.
    pub fn error(&self, error: &Error) {
        if matches!(error.kind, ErrorKind::ClosedPipe) {
            return;
        }
        if !error.message.is_empty() {
            let text =
                [&error.message].into_iter().chain(&error.causes).map(String::as_str).collect::<Vec<_>>();
            self.message(&format!("{} {}", "error:".style(self.styles.bad), text.join(": ")));
        }
        error.all_hints().for_each(|hint| self.hint(hint));
    }

    /// Asks a question that only `y` or `yes` affirms.
    pub(super) async fn ask(&self, question: &str) -> Result<bool, Error> {
        let line = line(&format!("{question} {}", "[y/N]".style(self.styles.strong))).await?;
        Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a name to be typed, which only that name affirms.
    pub(super) async fn ask_for_name(&self, question: &str, name: &str) -> Result<bool, Error> {
        Ok(line(&question.style(self.styles.strong).to_string()).await?.trim() == name)
    }

    fn above_progress<T>(&self, write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match &self.live {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }
}

/// A line of prose as it fits on this terminal; anywhere else as it is.
fn fitted(line: &str, terminal: &Term) -> String {
    let columns =
        terminal.size_checked().filter(|_| terminal.is_term()).map(|(_, columns)| usize::from(columns));
    columns.filter(|columns| *columns > 0).map_or_else(|| line.to_owned(), |columns| wrapped(line, columns))
}

/// Asks for a line, without blocking the program's other work.
async fn line(question: &str) -> Result<String, Error> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} ").and_then(|()| stderr.flush())?;
    drop(stderr);
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    Ok(answer.await.map_err(|_| Error::new(ErrorKind::Error, "the answer could not be read"))??)
}
