//! What is drawn at the end of a terminal's text while something is under way.
//!
//! The cursor rests in an empty line, and what is drawn stands below it. A terminal that is resized keeps the cursor on its line,
//! whether it breaks long lines anew or cuts them off: what stands below is found without counting rows. There also appears what
//! is typed meanwhile, such as `^C`.

use std::{
    io::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use console::Term;

/// What a terminal that does not tell its size is taken for.
const USUAL: Size = Size { rows: 24, columns: 80 };

/// The room for what is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Size {
    /// Without the line of the cursor, and the last column: whoever writes there is at the end of this line or at the
    /// begin of the next one, as the terminal will.
    fn within(rows: u16, columns: u16) -> Self {
        let whole = Self { rows: usize::from(rows), columns: usize::from(columns) };
        let whole = if whole.rows == 0 || whole.columns == 0 { USUAL } else { whole };
        Self { rows: whole.rows - 1, columns: whole.columns - 1 }
    }
}

/// stderr's terminal.
#[derive(Clone, Debug, Default)]
pub(super) struct Screen(Arc<Mutex<Drawing>>);

#[derive(Debug, Default)]
struct Drawing {
    lines: Vec<String>,
    /// For what it was drawn.
    size: Size,
}

impl Screen {
    /// As it is now: it may have been resized.
    pub(super) fn size() -> Size {
        let (rows, columns) = Term::stderr().size_checked().unwrap_or_default();
        Size::within(rows, columns)
    }

    /// Draws these lines, each of which fits, in place of those before; without lines nothing is left of them.
    pub(super) fn draw(&self, lines: Vec<String>, size: Size) {
        let mut drawing = self.drawing();
        if drawing.lines == lines && (lines.is_empty() || drawing.size == size) {
            return;
        }
        let erasure = drawing.erasure();
        *drawing = Drawing { lines, size };
        // What is written over does not flicker as what is erased before.
        let frame = drawing.frame();
        write(if frame.is_empty() { erasure } else { &frame });
    }

    /// Writes a text that stays above what is drawn.
    pub(super) fn print(&self, text: &str) {
        let drawing = self.drawing();
        write(&format!("{}{text}{}", drawing.erasure(), drawing.frame()));
    }

    /// Has something written there by somebody else.
    pub(super) fn above<T>(&self, written: impl FnOnce() -> T) -> T {
        let drawing = self.drawing();
        write(drawing.erasure());
        let result = written();
        write(&drawing.frame());
        result
    }

    fn drawing(&self) -> MutexGuard<'_, Drawing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// To the begin of the line, of which nothing is left, nor of those below.
const ERASED: &str = "\r\u{1b}[J";
/// Ends a line of which nothing is left behind this.
const NEXT: &str = "\u{1b}[K\r\n";
/// Whether a line that is too long goes on in the next row: not where the terminal has become narrower a moment ago.
const CUT: &str = "\u{1b}[?7l";
const WRAPPED: &str = "\u{1b}[?7h";

impl Drawing {
    fn erasure(&self) -> &'static str {
        if self.lines.is_empty() { "" } else { ERASED }
    }

    fn frame(&self) -> String {
        let rows = self.lines.len();
        if rows == 0 {
            return String::new();
        }
        let lines = self.lines.join(NEXT);
        format!("\r{CUT}{NEXT}{lines}\u{1b}[J\u{1b}[{rows}A\r{WRAPPED}")
    }
}

/// In one piece; that nobody reads it changes nothing.
fn write(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}
