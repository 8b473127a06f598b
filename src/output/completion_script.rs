//! The scripts that make shells ask this program.

use crate::cli::{Called, Shell};

const BASH: &str = include_str!("completion/kubectl-mc.bash");
const ZSH: &str = include_str!("completion/kubectl-mc.zsh");
const FISH: &str = include_str!("completion/kubectl-mc.fish");
const POWERSHELL: &str = include_str!("completion/kubectl-mc.ps1");

/// The shell's script, for a program of this name.
pub fn script(shell: Shell, called: &Called) -> String {
    let script = match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        Shell::Powershell => POWERSHELL,
    };
    let function: String =
        called.executable().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    called.renamed(script).replace("kubectl_mc", &function)
}

#[cfg(test)]
mod tests {
    use super::script;
    use crate::cli::{Called, Shell};

    #[test]
    fn another_name_is_completed_by_another_function() {
        let called = Called::by(Some("kubectl-foo_bar"));
        let bash = script(Shell::Bash, &called);
        assert!(bash.contains("complete -F __kubectl_foo_bar_complete kubectl-foo_bar\n"), "{bash}");
        assert!(bash.contains("`kubectl foo-bar completion --help`"), "{bash}");
        assert!(!bash.contains("mc"), "{bash}");
    }

    #[test]
    fn nothing_is_said_of_kubectl_itself() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Powershell] {
            let script = script(shell, &Called::default());
            let registrations = script.lines().filter(|line| {
                ["complete -", "compdef ", "#compdef", "Register-"].iter().any(|word| line.starts_with(word))
            });
            let mut count = 0;
            for line in registrations {
                count += 1;
                let words: Vec<&str> = line.split([' ', '\'']).collect();
                assert!(words.contains(&"kubectl-mc") && !words.contains(&"kubectl"), "{line}");
            }
            assert!(count > 0, "{script}");
        }
    }
}
