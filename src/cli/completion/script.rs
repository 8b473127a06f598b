//! `kubectl mc completion`.

use clap::{Args, ValueEnum};

/// Print a script that completes commands, options and names in a shell
///
/// `kubectl mc` is completed by kubectl's own completion (1.26 or newer), once that is loaded: it asks a program called
/// kubectl_complete-mc, and a link of that name to this program, in a folder of the PATH, is all that it takes. The
/// script is for `kubectl-mc`, and leaves kubectl's completion alone.
///
/// Completed are commands, options and their values; contexts, clusters and users of the kubeconfig that the options
/// before them say; ids of checks; names of registered clusters; and files. Only for the names of registered clusters is
/// the host asked: it has less than a second to answer, and it is not asked if its user has a credential plugin that may
/// talk to a person. What cannot be found out is not completed, in silence.
///
/// Needs no cluster; for the names of registered clusters "list" on clusters.cluster.kubesphere.io.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # Complete `kubectl mc` in every shell that has kubectl's completion
  ln -s \"$(command -v kubectl-mc)\" \"${KREW_ROOT:-$HOME/.krew}/bin/kubectl_complete-mc\"

  # Load the completion of kubectl-mc into this bash, or by ~/.bashrc into every new one
  source <(kubectl mc completion bash)

  # zsh, after compinit
  source <(kubectl mc completion zsh)

  # fish
  kubectl mc completion fish | source

  # PowerShell
  kubectl mc completion powershell | Out-String | Invoke-Expression")]
pub struct Completion {
    /// The shell to print the script for
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash 3.2 or newer
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}
