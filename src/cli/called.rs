//! The program's name as it was typed.

use std::{borrow::Cow, path::Path};

/// What kubectl puts before the names of its plugins.
const PLUGIN: &str = "kubectl-";
/// What kubectl puts there instead for the program that it asks for a plugin's completion.
const COMPLETER: &str = "kubectl_complete-";
/// The name that this program has unless somebody gave it another.
const EXECUTABLE: &str = "kubectl-mc";
/// What executables end in where Windows looks for them, in capitals or not.
const WINDOWS: &str = ".exe";
/// Where the project is at home.
const ADDRESS: &str = env!("CARGO_PKG_REPOSITORY");
/// What a user types then. All texts have it.
const NAME: &str = "kubectl mc";

/// What the program was called by. kubectl finds a plugin by its file's name and calls it by that, so a file of
/// another name is another command of kubectl's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    executable: String,
}

impl Called {
    /// By the first word of the command line.
    pub fn by(first_word: Option<&str>) -> Self {
        let name = first_word.and_then(|word| Path::new(word).file_name()).unwrap_or_default();
        let name = name.to_string_lossy();
        let name = match name.len().checked_sub(WINDOWS.len()).and_then(|at| name.split_at_checked(at)) {
            Some((name, ending)) if ending.eq_ignore_ascii_case(WINDOWS) => name,
            _ => &name,
        };
        Self { executable: if name.is_empty() { EXECUTABLE } else { name }.to_owned() }
    }

    /// Whether kubectl, or its completion, calls by this name what completes a plugin.
    pub fn is_completer(&self) -> bool {
        self.executable.starts_with(COMPLETER)
    }

    /// The name by which kubectl calls what completes this plugin: `kubectl_complete-mc`.
    pub fn completer(&self) -> String {
        format!("{COMPLETER}{}", self.executable.strip_prefix(PLUGIN).unwrap_or(&self.executable))
    }

    /// The executable's name: `kubectl-mc`.
    pub fn executable(&self) -> &str {
        &self.executable
    }

    /// What a user types: `kubectl mc`. In a file's name `-` parts words and `_` stands for `-` (source: kubectl
    /// `pkg/cmd/plugin.go`); what is no plugin's name is typed as it is.
    pub fn name(&self) -> String {
        match self.executable.strip_prefix(PLUGIN).filter(|name| !name.is_empty()) {
            Some(name) => format!("kubectl {}", name.replace('-', " ").replace('_', "-")),
            None => self.executable.clone(),
        }
    }

    /// A text of ours as this user has to type it: a help or a script, where each of the names is a command but the one
    /// in the project's address.
    pub fn renamed(&self, text: &str) -> String {
        let between: Vec<String> = text.split(ADDRESS).map(|text| self.renamed_commands(text)).collect();
        between.join(ADDRESS)
    }

    fn renamed_commands(&self, text: &str) -> String {
        text.replace(EXECUTABLE, &self.executable)
            .replace(&Self::default().completer(), &self.completer())
            .replace(NAME, &self.name())
    }

    /// A line with its commands as this user has to type them. A command stands behind a backtick or a pipe; what a
    /// server says of other commands is left alone.
    pub fn spoken<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if self.executable == EXECUTABLE || !line.contains(NAME) {
            return Cow::Borrowed(line);
        }
        let name = self.name();
        let commands = ["`", "| "].iter();
        let spoken = commands.fold(line.to_owned(), |line, before| {
            line.replace(&format!("{before}{NAME} "), &format!("{before}{name} "))
        });
        Cow::Owned(spoken)
    }
}

impl Default for Called {
    fn default() -> Self {
        Self { executable: EXECUTABLE.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::Called;

    #[test]
    fn a_plugin_is_typed_as_a_command_of_kubectls() {
        for (first_word, name) in [
            ("kubectl-mc", "kubectl mc"),
            ("/root/.krew/bin/kubectl-mc", "kubectl mc"),
            ("kubectl-mc.exe", "kubectl mc"),
            ("kubectl-mc.EXE", "kubectl mc"),
            ("é.ex", "é.ex"),
            ("kubectl-foo_bar", "kubectl foo-bar"),
            ("./kubectl-kubesphere-cluster", "kubectl kubesphere cluster"),
            ("/opt/mc", "mc"),
            ("kubectl-", "kubectl-"),
            ("", "kubectl mc"),
        ] {
            assert_eq!(Called::by(Some(first_word)).name(), name, "{first_word}");
        }
        assert_eq!(Called::by(None), Called::default());
    }

    #[test]
    fn commands_are_told_under_the_name_that_was_typed() {
        let line =
            "`kubectl mc logs a`, or `x | kubectl mc y`; they said kubectl mc is fine, as is `kubectl mcx`";
        assert_eq!(
            Called::by(Some("kubectl-foo_bar")).spoken(line),
            "`kubectl foo-bar logs a`, or `x | kubectl foo-bar y`; they said kubectl mc is fine, as is `kubectl mcx`"
        );
        assert_eq!(Called::by(Some("ksmc")).spoken("`kubectl mc get`"), "`ksmc get`");
        assert_eq!(Called::default().spoken(line), line);
    }
}
