//! A machine with kubectl and krew, and nothing else of a user's.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// What a user's machine has beside kubectl and krew: the git that krew fetches an index with, and the sh that git and
/// the plugin's shim are run by.
const BASICS: [&str; 2] = ["git", "sh"];

/// A home that nobody has used yet, and a folder with all programs that there are.
pub struct Machine(TempDir);

/// What a command said and how it ended.
pub struct Run {
    command: String,
    /// Both of its streams.
    pub said: String,
    pub stdout: String,
    success: bool,
}

impl Machine {
    pub fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        let tools = testbed::krew().unwrap();
        fs::create_dir(machine.path("programs")).unwrap();
        let brought = [
            ("kubectl", testbed::kubectl().unwrap()),
            ("kubectl-krew", tools.join("krew")),
            ("validate-krew-manifest", tools.join("validate-krew-manifest")),
        ];
        for (name, program) in brought.into_iter().chain(BASICS.map(|name| (name, of_this_machine(name)))) {
            symlink(program, machine.path("programs").join(name)).unwrap();
        }
        machine
    }

    /// A place in the home.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Puts a file into the home, and says where it is.
    pub fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A folder with kubectl and krew.
    pub fn programs(&self) -> PathBuf {
        self.path("programs")
    }

    /// Runs a command of words that blanks part.
    pub fn run(&self, command: &str) -> Run {
        let mut words = command.split_whitespace();
        let output = self.command(words.next().unwrap()).args(words).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Run {
            command: command.to_owned(),
            said: format!("{stdout}{stderr}"),
            stdout,
            success: output.status.success(),
        }
    }

    fn command(&self, program: &str) -> Command {
        let path = [self.programs(), self.path(".krew/bin")];
        let program = path[0].join(program);
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.0.path())
            .env("PATH", env::join_paths(path).unwrap())
            .current_dir(self.0.path());
        // Otherwise krew now and then asks GitHub for its newest version.
        command.env("KREW_NO_UPGRADE_CHECK", "1");
        command
    }
}

impl Run {
    /// It ended well.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert!(self.success, "`{}` failed:\n{}", self.command, self.said);
        self
    }

    /// It ended badly.
    #[track_caller]
    pub fn fails(self) -> Self {
        assert!(!self.success, "`{}` did not fail:\n{}", self.command, self.said);
        self
    }

    /// It said this.
    #[track_caller]
    pub fn says(self, expected: &str) -> Self {
        assert!(self.said.contains(expected), "`{}` does not say {expected:?}:\n{}", self.command, self.said);
        self
    }
}

/// The archives of `cargo xtask dist`.
pub fn dist() -> PathBuf {
    let folder = xtask::release::workspace().join(xtask::dist::FOLDER);
    assert!(
        folder.join("SHA256SUMS").exists(),
        "there are no archives in {}: cargo xtask dist",
        show(&folder)
    );
    folder
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// Where a program stands on the machine that runs the tests.
fn of_this_machine(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("there is no {name} on the PATH"))
}
