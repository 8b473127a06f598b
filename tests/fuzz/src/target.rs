//! The targets, and what is common to their runs.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::mutator::Mutator;
use super::{configure, fleet, installer_log, kubeconfig, kubesphere_config, server_text};

/// Something that reads a text and must not panic, whatever is in it.
pub struct Target {
    pub name: &'static str,
    /// Folders with real texts.
    corpus: &'static [&'static str],
    /// Words that mean something to it.
    words: &'static [&'static str],
    run: fn(&[u8]),
}

pub const TARGETS: [Target; 6] = [
    Target {
        name: "installer-log",
        corpus: &["tests/fixtures/installer-logs", "tests/fuzz/corpus/installer-log"],
        words: installer_log::WORDS,
        run: installer_log::run,
    },
    Target {
        name: "configure",
        corpus: &["tests/fixtures/configurations"],
        words: configure::WORDS,
        run: configure::run,
    },
    Target { name: "fleet", corpus: &["tests/fuzz/corpus/fleet"], words: fleet::WORDS, run: fleet::run },
    Target {
        name: "kubeconfig",
        corpus: &["tests/fuzz/corpus/kubeconfig"],
        words: kubeconfig::WORDS,
        run: kubeconfig::run,
    },
    Target {
        name: "kubesphere-config",
        corpus: &["tests/fuzz/corpus/kubesphere-config"],
        words: kubesphere_config::WORDS,
        run: kubesphere_config::run,
    },
    Target {
        name: "server-text",
        corpus: &["tests/fuzz/corpus/server-text"],
        words: server_text::WORDS,
        run: server_text::run,
    },
];

/// A text that something cannot bear; the panic itself has been told on stderr.
pub struct Failure(pub Vec<u8>);

impl Target {
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Runs the corpus as it is, then so many mutations of it.
    pub fn execute(&self, executions: u64, seed: u64) -> Result<(), Failure> {
        let corpus = self.corpus();
        corpus.iter().try_for_each(|text| self.bear(text))?;
        let mut mutator = Mutator::new(&corpus, self.words, seed);
        (0..executions).try_for_each(|_| self.bear(mutator.mutate()))
    }

    fn bear(&self, text: &[u8]) -> Result<(), Failure> {
        catch_unwind(AssertUnwindSafe(|| (self.run)(text))).map_err(|_| Failure(text.to_vec()))
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folders = self.corpus.iter().map(|folder| fs::read_dir(root.join(folder)).expect("a folder"));
        let mut paths: Vec<_> = folders.flatten().map(|entry| entry.expect("a file").path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).expect("a text")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In all some seconds; many more by hand.
    const EXECUTIONS: u64 = 2000;

    #[track_caller]
    fn bears(name: &str) {
        let result = Target::named(name).unwrap().execute(EXECUTIONS, 1);
        let Err(Failure(text)) = result else { return };
        panic!("{name} does not bear {:?}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn any_installer_log_is_read_and_masked() {
        bears("installer-log");
    }

    #[test]
    fn any_configuration_file_is_edited_or_refused() {
        bears("configure");
    }

    #[test]
    fn any_fleet_file_is_read_or_refused_within_it() {
        bears("fleet");
    }

    #[test]
    fn any_kubeconfig_leads_to_a_connection_or_an_error() {
        bears("kubeconfig");
    }

    #[test]
    fn any_kubesphere_config_is_read_and_redacted() {
        bears("kubesphere-config");
    }

    #[test]
    fn any_answer_of_a_server_is_told_in_one_line() {
        bears("server-text");
    }
}
