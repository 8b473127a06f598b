//! Scripts that complete `kubectl-mc` in a shell.

use kubectl_mc::{
    cli::{Called, Shell},
    output::completion_script::script,
};

/// The program that kubectl asks when it completes `kubectl mc`.
pub const SHIM: &str = "kubectl_complete-mc";

/// The scripts, by the names that package managers give them.
pub fn scripts() -> [(&'static str, String); 4] {
    let shells = [
        (Shell::Bash, "kubectl-mc.bash"),
        (Shell::Zsh, "_kubectl-mc"),
        (Shell::Fish, "kubectl-mc.fish"),
        (Shell::Powershell, "_kubectl-mc.ps1"),
    ];
    shells.map(|(shell, name)| (name, script(shell, &Called::default())))
}
