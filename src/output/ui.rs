//! The two streams, and the question to the person before them.

use std::io::{self, IsTerminal as _, Write as _};

use console::Term;
use jiff::Timestamp;
use kubesphere::jwt_secret::JwtSecret;

use super::{
    ending::error_view,
    event::Told,
    line::{Line, document},
    screen::Screen,
    style::{Marks, Styles, Tone},
    wrap::wrapped,
};
use crate::{
    cli::{Called, ColorChoice, ProgressForm},
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
    telling: Telling,
    /// Whether stderr is a terminal that knows more than lines.
    is_on_terminal: bool,
    /// What is drawn there while something is under way; lines are written above it.
    screen: Option<Screen>,
}

/// How on stderr is told what is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// In lines for people.
    Lines,
    /// In events for programs, and in nothing else.
    Events,
    /// Not at all, but for errors.
    Errors,
}

impl From<ProgressForm> for Telling {
    fn from(form: ProgressForm) -> Self {
        match form {
            ProgressForm::Auto | ProgressForm::Plain => Self::Lines,
            ProgressForm::Json => Self::Events,
            ProgressForm::None => Self::Errors,
        }
    }
}

impl Ui {
    /// The streams of this process.
    pub fn of_process(choice: ColorChoice, progress: ProgressForm, called: Called) -> Self {
        let is_on_terminal = io::stderr().is_terminal() && std::env::var("TERM").as_deref() != Ok("dumb");
        Self {
            styles: Styles::on(choice, &io::stderr()),
            result_styles: Styles::on(choice, &io::stdout()),
            result_marks: Marks::on(&io::stdout()),
            called,
            telling: progress.into(),
            is_on_terminal,
            screen: (is_on_terminal && progress == ProgressForm::Auto).then(Screen::default),
        }
    }

    /// Whether a person types what is read.
    pub fn has_keyboard() -> bool {
        io::stdin().is_terminal()
    }

    /// Why nobody can be asked, where that is so.
    pub fn unasked_because(&self) -> Option<&'static str> {
        match self.telling {
            Telling::Lines if Self::has_keyboard() => None,
            Telling::Lines => Some("there is no terminal to ask at"),
            Telling::Events => Some("with `--progress json` nobody is asked"),
            Telling::Errors => Some("with `--progress none` nobody is asked"),
        }
    }

    pub(super) fn telling(&self) -> Telling {
        self.telling
    }

    /// Whether something is drawn while it is under way.
    pub fn draws(&self) -> bool {
        self.screen.is_some()
    }

    /// Where it is drawn.
    pub(super) fn screen(&self) -> Option<&Screen> {
        self.screen.as_ref()
    }

    /// Lines as stderr takes them.
    pub(super) fn rendered(&self, lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.rendered(self.styles)).collect()
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
        self.is_on_terminal && self.telling == Telling::Lines && io::stdout().is_terminal()
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

    /// A line for the person, on stderr.
    pub(super) fn message(&self, line: impl Into<Line>) {
        let line = line.into();
        match self.telling {
            Telling::Lines => self.line(&line),
            Telling::Events if line.is_empty() => {}
            Telling::Events => self.tell(&Told::Message { message: line.to_string().trim().to_owned() }),
            Telling::Errors => {}
        }
    }

    pub(super) fn warning(&self, text: impl Into<Line>) {
        let text = text.into();
        match self.telling {
            Telling::Lines => self.line(&Line::toned(Tone::Attention, "warning:").and(" ").and(text)),
            Telling::Events => self.tell(&Told::Warning { message: text.to_string() }),
            Telling::Errors => {}
        }
    }

    /// Ends the line of a question that nobody has answered.
    pub fn end_line(&self) {
        self.message("");
    }

    /// Something to do.
    pub(super) fn hint(&self, text: impl Into<Line>) {
        let text = text.into();
        match self.telling {
            Telling::Lines => self.line(&hint(text)),
            Telling::Events => self.tell(&Told::Hint { message: text.to_string() }),
            Telling::Errors => {}
        }
    }

    /// What `-v` asks for, whatever else is told.
    pub(super) fn log(&self, text: impl Into<Line>) {
        let text = text.into();
        if self.telling == Telling::Events {
            return self.tell(&Told::Log { message: text.to_string() });
        }
        self.line(&text);
    }

    /// What ended the command: the message with its causes, then what to do.
    pub fn error(&self, error: &Error) {
        if matches!(error.kind, ErrorKind::ClosedPipe) {
            return;
        }
        if self.telling == Telling::Events {
            return self.tell(&Told::Error(error_view(error)));
        }
        let text = [&error.message].into_iter().chain(&error.causes).map(String::as_str);
        let text = text.collect::<Vec<_>>().join(": ");
        let heading = Line::toned(Tone::Bad, "error:");
        let heading = (!error.message.is_empty()).then(|| heading.and(" ").and(text));
        let details = error.details.iter().map(|detail| Line::from(format!("  {detail}")));
        self.problem(heading.into_iter().chain(details), error.all_hints());
    }

    /// What is told in any case: what is wrong, and what to do.
    pub(super) fn problem<'a>(
        &self,
        heading: impl IntoIterator<Item = Line>,
        hints: impl IntoIterator<Item = &'a str>,
    ) {
        let hints = hints.into_iter().map(|text| hint(text.into()));
        heading.into_iter().chain(hints).for_each(|line| self.line(&line));
    }

    /// Says how the command has ended, where a program reads that.
    pub fn finished(&self, exit_code: u8) {
        if self.telling == Telling::Events {
            self.tell(&Told::Finished { exit_code });
        }
    }

    /// An event, on stderr.
    pub(super) fn tell(&self, told: &Told) {
        let line = self.called.spoken(&told.line(Timestamp::now())).into_owned();
        self.print(&(line + "\n"));
    }

    fn line(&self, line: &Line) {
        let line = line.rendered(self.styles);
        self.print(&(fitted(&self.called.spoken(&line), &Term::stderr()) + "\n"));
    }

    /// That nobody reads it changes nothing.
    fn print(&self, text: &str) {
        match &self.screen {
            Some(screen) => screen.print(text),
            None => drop(io::stderr().lock().write_all(text.as_bytes())),
        }
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

    /// Does this while nothing is drawn.
    pub fn above_progress<T>(&self, done: impl FnOnce() -> T) -> T {
        match &self.screen {
            Some(screen) => screen.above(done),
            None => done(),
        }
    }
}

fn hint(text: Line) -> Line {
    Line::toned(Tone::Name, "hint:").and(" ").and(text)
}

/// A line of prose as it fits on this terminal; anywhere else as it is.
fn fitted(line: &str, terminal: &Term) -> String {
    let columns =
        terminal.size_checked().filter(|_| terminal.is_term()).map(|(_, columns)| usize::from(columns));
    columns.filter(|columns| *columns > 0).map_or_else(|| line.to_owned(), |columns| wrapped(line, columns))
}
