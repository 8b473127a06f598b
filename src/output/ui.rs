//! The two streams, and the question to the person before them.

use std::io::{self, IsTerminal as _, Write as _};

use console::Term;
use indicatif::MultiProgress;
use kubesphere::jwt_secret::JwtSecret;

use super::{
    line::{Line, document},
    live_line::LiveLine,
    style::{Marks, Styles, Tone},
    wrap::wrapped,
};
use crate::{
    cli::{Called, ColorChoice},
    error::{Error, ErrorKind},
};

/// Where a command's words go. Nothing else writes to the streams, and all that it writes is a [`Line`] or a [`document`], but
/// for the two texts that a person has asked for as they are.
#[derive(Clone, Debug)]
pub struct Ui {
    /// stderr's.
    styles: Styles,
    /// stdout's.
    result_styles: Styles,
    /// How verdicts are marked on stdout.
    pub result_marks: Marks,
    /// What the program was called by: commands are shown as they have to be typed.
    called: Called,
    /// What is drawn on a terminal while something is under way; lines are written above it.
    live: Option<MultiProgress>,
}

impl Ui {
    /// The streams of this process.
    pub fn of_process(choice: ColorChoice, called: Called) -> Self {
        let terminal = io::stderr().is_terminal() && std::env::var("TERM").as_deref() != Ok("dumb");
        Self {
            styles: Styles::on(choice, &io::stderr()),
            result_styles: Styles::on(choice, &io::stdout()),
            result_marks: Marks::on(&io::stdout()),
            called,
            live: terminal.then(MultiProgress::new),
        }
    }

    /// Whether a person can answer a question.
    pub fn can_ask() -> bool {
        io::stdin().is_terminal()
    }

    /// Whether results have colours.
    pub(super) fn colours_results(&self) -> bool {
        self.result_styles.are_colourful
    }

    /// A line of the result, on stdout. A closed pipe ends the command with success.
    pub fn result(&self, line: impl Into<Line>) -> Result<(), Error> {
        self.results([line.into()])
    }

    /// Lines of the result, in one piece.
    pub fn results(&self, lines: impl IntoIterator<Item = Line>) -> Result<(), Error> {
        let rendered = lines.into_iter().map(|line| line.rendered(self.result_styles) + "\n");
        self.write(&self.called.spoken(&rendered.collect::<String>()))
    }

    /// A line of prose as a result.
    pub(super) fn sentence(&self, line: &Line) -> Result<(), Error> {
        let line = fitted(&line.rendered(self.result_styles), &Term::stdout());
        self.write(&(self.called.spoken(&line).into_owned() + "\n"))
    }

    /// A text of its own lines as the result.
    pub fn document(&self, text: &str) -> Result<(), Error> {
        self.write(&self.called.spoken(&document(text)))
    }

    /// The secret that a person has asked for, on a line of its own.
    pub fn reveal(&self, secret: &JwtSecret) -> Result<(), Error> {
        self.write(&format!("{}\n", secret.expose()))
    }

    /// The content of a file of this machine, byte for byte.
    pub fn file(&self, content: &str) -> Result<(), Error> {
        self.write(content)
    }

    fn write(&self, text: &str) -> Result<(), Error> {
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        };
        self.above_progress(write).map_err(Error::from)
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
    pub(super) fn message(&self, line: impl Into<Line>) {
        let line = line.into().rendered(self.styles);
        let line = fitted(&self.called.spoken(&line), &Term::stderr());
        drop(self.above_progress(|| writeln!(io::stderr().lock(), "{line}")));
    }

    pub(super) fn warning(&self, text: impl Into<Line>) {
        self.message(Line::toned(Tone::Attention, "warning:").and(" ").and(text));
    }

    /// Ends the line of a question that nobody has answered.
    pub fn end_line(&self) {
        self.message("");
    }

    /// Something to do.
    pub(super) fn hint(&self, text: impl Into<Line>) {
        self.message(Line::toned(Tone::Name, "hint:").and(" ").and(text));
    }

    /// What ended the command: the message with its causes, then what to do.
    pub fn error(&self, error: &Error) {
        if matches!(error.kind, ErrorKind::ClosedPipe) {
            return;
        }
        if !error.message.is_empty() {
            let text =
                [&error.message].into_iter().chain(&error.causes).map(String::as_str).collect::<Vec<_>>();
            self.message(Line::toned(Tone::Bad, "error:").and(" ").and(text.join(": ")));
        }
        error.all_hints().for_each(|hint| self.hint(hint));
    }

    /// Asks a question that only `y` or `yes` affirms.
    pub(super) async fn ask(&self, question: &str) -> Result<bool, Error> {
        let question = Line::from(question).and(" ").and(Line::toned(Tone::Strong, "[y/N]"));
        Ok(matches!(self.answer(&question).await?.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a name to be typed, which only that name affirms.
    pub(super) async fn ask_for_name(&self, question: &str, name: &str) -> Result<bool, Error> {
        Ok(self.answer(&Line::toned(Tone::Strong, question)).await?.trim() == name)
    }

    /// Asks for a line, without blocking the program's other work.
    async fn answer(&self, question: &Line) -> Result<String, Error> {
        let question = question.rendered(self.styles);
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question} ").and_then(|()| stderr.flush())?;
        drop(stderr);
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        Ok(answer.await.map_err(|_| Error::new(ErrorKind::Error, "the answer could not be read"))??)
    }

    /// A line that is drawn for as long as something is under way, on a terminal.
    pub(super) fn live_line(&self) -> Option<LiveLine> {
        self.live.as_ref().map(LiveLine::below)
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
