//! The commands that are printed for a person to paste.
//!
//! They are built here and nowhere else, so that each is quoted, and leads to the cluster that is meant: a context's
//! name alone may stand for another cluster in another file.

use std::fmt;

pub use self::mc::Mc;
use super::{
    given_options::{Choice, GivenOption},
    shell_word::shell_word,
    side::Side,
};

mod mc;

/// A `kubectl` command on one cluster.
#[derive(Clone, Debug)]
#[must_use]
pub struct Kubectl(String);

impl Kubectl {
    /// The beginning of a command on this cluster.
    pub fn on(side: &Side) -> Self {
        let mut line = "kubectl".to_owned();
        push_way(&mut line, side, "--context", |option| Some(option.choice.name()));
        Self(line)
    }

    /// The beginning of a `kubectl config`, which edits or shows the file that has this cluster's context.
    pub fn config(side: &Side) -> Self {
        let mut line = "kubectl".to_owned();
        for option in side.given().iter().filter(|option| option.choice == Choice::Kubeconfig) {
            push_option(&mut line, option.choice.name(), option);
        }
        Self(line).words("config")
    }

    pub fn namespace<'a>(self, namespace: impl Into<Option<&'a str>>) -> Self {
        match namespace.into() {
            Some(namespace) => self.words("-n").word(namespace),
            None => self,
        }
    }

    /// Goes on with these words as they are.
    pub fn words(self, words: &str) -> Self {
        Self(format!("{} {words}", self.0))
    }

    /// Goes on with one word that is not ours, and so may have to be quoted.
    pub fn word(self, word: &str) -> Self {
        Self(format!("{} {}", self.0, shell_word(word)))
    }
}

impl fmt::Display for Kubectl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The beginning of a `helm` command on this cluster. helm knows no `--cluster` and no `--user`.
pub fn helm(side: &Side) -> String {
    let mut line = "helm".to_owned();
    push_way(&mut line, side, "--kube-context", |option| match option.choice {
        Choice::Kubeconfig => Some("kubeconfig"),
        Choice::Server => Some("kube-apiserver"),
        Choice::CertificateAuthority => Some("kube-ca-file"),
        Choice::TlsServerName => Some("kube-tls-server-name"),
        Choice::InsecureSkipTlsVerify => Some("kube-insecure-skip-tls-verify"),
        Choice::As => Some("kube-as-user"),
        Choice::AsGroup => Some("kube-as-group"),
        Choice::Cluster | Choice::User | Choice::ClientCertificate | Choice::ClientKey | Choice::AsUid => {
            None
        }
    });
    line
}

/// The option that names the host, for a command that is typed again with it.
pub fn context_option(host: &Side) -> String {
    format!("--context {}", shell_word(host.context()))
}

/// The option that names a cluster's file, for a command that is typed again with it.
pub fn kubeconfig_option(side: &Side, file: &str) -> String {
    let option = match side {
        Side::Host { .. } => "--kubeconfig",
        Side::Member { .. } => "--member-kubeconfig",
    };
    format!("{option} {}", shell_word(file))
}

/// The options that lead to this cluster: the kubeconfig, the context, and the others that have a name here.
fn push_way(
    line: &mut String,
    side: &Side,
    context: &str,
    name: impl Fn(&GivenOption) -> Option<&'static str>,
) {
    let (first, others): (Vec<_>, Vec<_>) =
        side.given().iter().partition(|option| option.choice == Choice::Kubeconfig);
    let push = |line: &mut String, options: Vec<&GivenOption>| {
        for option in options {
            if let Some(name) = name(option) {
                push_option(line, name, option);
            }
        }
    };
    push(line, first);
    if side.given().has_context() {
        *line = format!("{line} {context} {}", shell_word(side.context()));
    }
    push(line, others);
}

/// A switch takes its value behind `=` alone.
fn push_option(line: &mut String, name: &str, option: &GivenOption) {
    let between = if option.choice == Choice::InsecureSkipTlsVerify { '=' } else { ' ' };
    *line = format!("{line} --{name}{between}{}", shell_word(&option.value));
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
