//! The program on a terminal of a size, and what its user sees there at the end of each moment.

use std::{
    fs,
    io::{Read as _, Write as _},
    num::NonZeroU16,
    process::{Child, ChildStdin, Command},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use vt100::{Parser, Screen};

use super::kubectl_mc::{HANGS_AFTER, KubectlMc, Run, kill_if_it_hangs};

/// So many lines that have left the screen are kept.
const KEPT: usize = 10_000;
/// Where the terminal's shell writes which device it is.
const DEVICE: &str = "device";

/// What a shell says whose program is suspended.
pub const SUSPENDED: &str = "it is suspended";

/// A command whose screen is watched.
pub struct Watching {
    program: KubectlMc,
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<Parser>>,
    reader: JoinHandle<String>,
}

impl KubectlMc {
    /// Starts it on a terminal of this size.
    pub fn on_screen(self, rows: u16, columns: u16) -> Watching {
        self.watched(("exec ", ""), rows, columns)
    }

    /// As [`Self::on_screen`], under a shell that says [`SUSPENDED`] when it is, and goes on with it at the next line.
    pub fn under_shell(self, rows: u16, columns: u16) -> Watching {
        let after = format!("; echo '{SUSPENDED}'; read line; fg");
        self.watched(("set -m; ", &after), rows, columns)
    }

    fn watched(self, (before, after): (&str, &str), rows: u16, columns: u16) -> Watching {
        let device = self.home().join(DEVICE);
        let before = format!("stty rows {rows} cols {columns}; tty > '{}'; {before}", device.display());
        let mut child = self.on_terminal_amid(&before, after).spawn().unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(of(rows), of(columns), KEPT)));
        let (drawn, mut output) = (Arc::clone(&screen), child.stdout.take().unwrap());
        let reader = thread::spawn(move || {
            let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                all.extend_from_slice(&buffer[..count]);
                drawn.lock().unwrap().process(&buffer[..count]);
            }
            String::from_utf8_lossy(&all).into_owned()
        });
        let keyboard = child.stdin.take().unwrap();
        Watching { program: self, child, keyboard, screen, reader }
    }
}

impl Watching {
    /// The rows that are to be seen, without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        rows_of(self.screen.lock().unwrap().screen())
    }

    /// Waits until the screen is such.
    #[track_caller]
    pub fn until(&self, what: &str, is_such: impl Fn(&[String]) -> bool) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let rows = self.rows();
            if is_such(&rows) {
                return rows;
            }
            assert!(begun.elapsed() < HANGS_AFTER, "does not show {what}\n{}", rows.join("\n"));
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Gives the terminal another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        // What is drawn for the old size after this is drawn anew.
        let device = fs::read_to_string(self.program.home().join(DEVICE)).unwrap();
        self.screen.lock().unwrap().screen_mut().set_size(of(rows), of(columns));
        let [rows, columns] = [rows, columns].map(|number| number.to_string());
        let stty = Command::new("stty").args(["-F", device.trim(), "rows", &rows, "cols", &columns]).status();
        assert!(stty.unwrap().success());
    }

    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end: all that was sent to the terminal as [`Run::stdout`], and the rows that are to be seen then.
    #[must_use]
    pub fn end(self) -> (Run, Vec<String>) {
        let Self { program, mut child, keyboard, screen, reader } = self;
        let sent = kill_if_it_hangs(child.id(), || reader.join().unwrap());
        let code = child.wait().unwrap().code();
        drop(keyboard);
        let rows = rows_of(screen.lock().unwrap().screen());
        let secrets: Vec<String> =
            program.secrets.iter().cloned().chain(program.made.iter().flat_map(|made| made())).collect();
        (Run::shown(program.words, sent, code, &secrets), rows)
    }
}

fn of(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn rows_of(screen: &Screen) -> Vec<String> {
    screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned()).collect()
}
