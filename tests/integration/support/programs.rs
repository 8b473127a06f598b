//! Programs of other people that a test starts, where they are installed.

use std::{
    env,
    io::{Write as _, stderr},
    path::Path,
};

/// Set where a missing one is a failure.
const REQUIRE: &str = "KUBECTL_MC_REQUIRE_PROGRAMS";

/// A program, or a file of one.
#[derive(Clone, Copy)]
pub struct Program {
    /// What to install.
    pub name: &'static str,
    /// Its path, or its name on the `PATH`.
    pub file: &'static str,
}

/// What kubectl's completion for bash stands on.
pub const BASH_COMPLETION: Program =
    Program { name: "bash-completion", file: "/usr/share/bash-completion/bash_completion" };
/// The shell.
pub const FISH: Program = Program { name: "fish", file: "fish" };
/// The shell.
pub const ZSH: Program = Program { name: "zsh", file: "zsh" };

/// Kills a program in a system call.
pub const STRACE: Program = Program { name: "strace", file: "strace" };

impl Program {
    /// Whether it is there; says it where it is not, and fails where it has to be.
    pub fn is_there(self) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        let there = env::split_paths(&path).any(|folder| folder.join(self.file).is_file())
            || Path::new(self.file).is_absolute() && Path::new(self.file).is_file();
        let is_required = env::var_os(REQUIRE).is_some_and(|value| !value.is_empty());
        assert!(there || !is_required, "{REQUIRE} is set, but {} is not installed", self.name);
        if !there {
            // Not by a macro, whose lines the test harness keeps to itself.
            let _ = writeln!(stderr(), "\nSKIPPED: a test that needs {}\n", self.name);
        }
        there
    }
}
