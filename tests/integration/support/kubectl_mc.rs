//! The program, run as a user runs it, in an environment of its own; every output is searched for secrets.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::{Seek as _, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{LazyLock, mpsc},
    time::{Duration, Instant},
};

use regex::Regex;
use tempfile::{NamedTempFile, TempDir};

use super::{kubeconfig::secrets_in, secrets::shown_in};

/// Longer than any command in a test takes; one that hangs fails with what it said so far.
pub(super) const HANGS_AFTER: Duration = Duration::from_secs(120);

/// A command line under construction.
#[must_use]
pub struct KubectlMc {
    pub(super) command: Command,
    pub(super) words: Vec<String>,
    pub(super) secrets: Vec<String>,
    revealed: Option<String>,
    pub(super) made: Option<Box<dyn Fn() -> Vec<String>>>,
    home: TempDir,
}

/// What a command said and how it ended.
pub struct Run {
    words: Vec<String>,
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl KubectlMc {
    /// The program with this text as its kubeconfig, where no output may hold any of the secrets, nor what is
    /// confidential in the kubeconfig.
    pub fn new(kubeconfig: &str, mut secrets: Vec<String>) -> Self {
        let home = tempfile::tempdir().unwrap();
        secrets.extend(secrets_in(kubeconfig));
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-mc"));
        command.env_clear().env("HOME", home.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self { command, words: Vec::new(), secrets, revealed: None, made: None, home }
            .file(".kube/config", kubeconfig)
    }

    /// With what tells the secrets that stand on the clusters once it has ended: it may have made some itself.
    pub fn making(mut self, secrets: impl Fn() -> Vec<String> + 'static) -> Self {
        self.made = Some(Box::new(secrets));
        self
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// With a file below its home directory.
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Under another name, as which it stands on the `PATH` from then on.
    pub fn called(self, name: &str) -> Self {
        let folder = self.home.path().join("bin");
        fs::create_dir_all(&folder).unwrap();
        let link = folder.join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-mc"), &link).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).unwrap();
        let mut this = self.instead(link.as_os_str());
        this.command.env("PATH", path);
        this
    }

    /// With the test bed's kubectl before the machine's own: it asks plugins for completions, as those before 1.26 do not.
    pub fn with_kubectl(self) -> Self {
        let folder = self.home.path().join("bin");
        fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(testbed::kubectl().unwrap(), folder.join("kubectl")).unwrap();
        self
    }

    /// Another program in its place and its environment, which is to start it.
    pub fn instead(mut self, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::null());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// In its home directory.
    pub fn at_home(mut self) -> Self {
        self.command.current_dir(self.home.path());
        self
    }

    pub fn folder(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    pub fn stdin(mut self, text: &str) -> Self {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        self.command.stdin(file);
        self
    }

    /// `join` with what a bed on one machine needs, and without a question.
    pub fn join(self, words: &str) -> Self {
        self.words("join").words(words).words("--context host --yes --skip-check member-server-loopback")
    }

    /// Adds words, separated by blanks.
    pub fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    /// Adds arguments that may have blanks in them.
    pub fn args(mut self, words: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.words.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// stdout may be this secret on a line of its own, and nothing else; stderr may not have it.
    pub fn revealing(mut self, secret: &str) -> Self {
        self.revealed = Some(format!("{secret}\n"));
        self
    }

    /// Adds a variable to the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(self) -> Run {
        self.start().end()
    }

    /// Runs it with a stdout that nobody reads.
    #[must_use]
    pub fn run_unread(mut self) -> Run {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.command.stdout(writer);
        let child = self.spawn();
        Started { child: Some(child), program: self, shown: None }.end()
    }

    /// Starts it with a stdout that is read while it goes on: see [`Started::until_shown`].
    pub fn start_shown(mut self) -> Started {
        let file = NamedTempFile::new().unwrap();
        self.command.stdout(file.reopen().unwrap());
        let child = self.spawn();
        Started { child: Some(child), program: self, shown: Some(file) }
    }

    /// Starts it, to be ended by a signal.
    pub fn start(mut self) -> Started {
        self.command.stdout(Stdio::piped());
        let child = self.spawn();
        Started { child: Some(child), program: self, shown: None }
    }

    fn spawn(&mut self) -> Child {
        self.command.args(&self.words).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// A command that is under way.
pub struct Started {
    child: Option<Child>,
    program: KubectlMc,
    /// Its stdout, where that is read before it ends.
    shown: Option<NamedTempFile>,
}

impl Started {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map(Child::id).unwrap()
    }

    /// Sends a signal, such as `INT` or `KILL`, and waits for the end.
    #[must_use]
    pub fn signal(self, name: &str) -> Run {
        self.send(name);
        self.end()
    }

    /// Sends a signal that does not end it yet.
    pub fn send(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until this holds, or it has ended; whether it holds.
    pub fn until(&mut self, holds: impl Fn() -> bool) -> bool {
        while !holds() && self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        holds()
    }

    /// Waits until it has shown this on stdout.
    #[track_caller]
    pub fn until_shown(&self, text: &str) {
        self.until_it_shows(text, |shown| shown.contains(text));
    }

    /// Waits until what it has shown on stdout is such.
    #[track_caller]
    pub fn until_it_shows(&self, what: &str, is_shown: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        loop {
            let shown = fs::read_to_string(self.shown.as_ref().unwrap().path()).unwrap();
            if is_shown(&shown) {
                return;
            }
            assert!(begun.elapsed() < HANGS_AFTER, "does not show {what:?}\n{shown}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end.
    #[must_use]
    pub fn end(mut self) -> Run {
        let mut output = wait(self.child.take().unwrap());
        if let Some(shown) = &self.shown {
            output.stdout = fs::read(shown.path()).unwrap();
        }
        let Self { program, .. } = &mut self;
        let run = Run::of(std::mem::take(&mut program.words), output);
        program.secrets.extend(program.made.iter().flat_map(|made| made()));
        run.assert_no_secret(&program.secrets, program.revealed.as_deref());
        run.assert_harmless();
        run
    }
}

impl Drop for Started {
    /// A test that has failed must not leave its command behind: it would go on to change clusters that another
    /// test has got meanwhile.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Both pipes are read while waiting, so that a full pipe stops nobody.
fn wait(child: Child) -> Output {
    kill_if_it_hangs(child.id(), || child.wait_with_output().unwrap())
}

/// Does something with a process, which is killed when that takes too long.
pub(super) fn kill_if_it_hangs<T>(id: u32, work: impl FnOnce() -> T) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        if receiver.recv_timeout(HANGS_AFTER) == Err(mpsc::RecvTimeoutError::Timeout) {
            drop(Command::new("kill").args(["-s", "KILL", &id.to_string()]).status());
        }
    });
    let result = work();
    sender.send(()).ok();
    result
}

impl Run {
    fn of(words: Vec<String>, output: Output) -> Self {
        Self {
            words,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// What a terminal has shown, as one stream.
    pub(super) fn shown(words: Vec<String>, shown: String, code: Option<i32>, secrets: &[String]) -> Self {
        let run = Self { words, stdout: shown, stderr: String::new(), code };
        run.assert_no_secret(secrets, None);
        run
    }

    fn assert_no_secret(&self, secrets: &[String], revealed: Option<&str>) {
        let stdout = if revealed == Some(self.stdout.as_str()) { "" } else { &self.stdout };
        for (stream, text) in [("stdout", stdout), ("stderr", &self.stderr)] {
            let is_shown = shown_in(text, secrets).is_some();
            assert!(!is_shown, "`{}` shows a secret on {stream}", self.words.join(" "));
        }
    }

    /// There is nothing in it that a terminal does more with than to show it, but our line ends, tabs and colours.
    fn assert_harmless(&self) {
        static COLOURS: LazyLock<Regex> = LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;]*m").unwrap());
        for (stream, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let text = COLOURS.replace_all(text, "").replace("\r\n", "\n");
            let steers = |c: char| {
                c.is_control() && c != '\n' && c != '\t'
                    || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}".contains(c)
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            let found = text.chars().find(|c| steers(*c));
            assert_eq!(found, None, "`{}` steers the terminal on {stream}", self.words.join(" "));
        }
    }

    /// It ended with this code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self}");
        self
    }

    /// stdout is exactly this.
    #[track_caller]
    pub fn stdout(self, expected: &str) -> Self {
        assert_eq!(self.stdout, expected, "{self}");
        self
    }

    /// stderr has this in it.
    #[track_caller]
    pub fn says(self, expected: &str) -> Self {
        assert!(self.stderr.contains(expected), "does not say {expected:?}\n{self}");
        self
    }

    /// stderr has nothing of this in it.
    #[track_caller]
    pub fn does_not_say(self, unexpected: &str) -> Self {
        assert!(!self.stderr.contains(unexpected), "says {unexpected:?}\n{self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { words, stdout, stderr, code } = self;
        let code = code.map_or_else(|| "none: a signal ended it".to_owned(), |code| code.to_string());
        write!(formatter, "$ kubectl mc {}\n{stdout}--- stderr\n{stderr}--- code {code}", words.join(" "))
    }
}
