//! What is wrong with a fleet file, and where.

use config_file::problem::{self as file, Position};
use kubesphere::names::{HOST_CLUSTER_NAME_HINT, LABEL_HINT, propose_cluster_name};

use super::fleet::{API_VERSION, KIND};

/// A file that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, unless it concerns the whole file.
    pub at: Option<Position>,
    pub fault: Fault,
}

/// None quotes a value that may be a secret: what stands in a wrong place can be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no YAML, or holds what is not seen.
    #[error("{0}")]
    Text(file::Fault),
    #[error("the file is encrypted by SOPS")]
    Encrypted,
    #[error("a fleet file is one YAML document, a mapping")]
    NotOneDocument,
    #[error("there is no field `{field}` here")]
    UnknownField { field: String, known: &'static [&'static str] },
    #[error("`{field}` is missing")]
    Missing { field: &'static str },
    #[error("`{field}` is {found}, where {wanted} belongs")]
    Type { field: String, found: Found, wanted: Wanted },
    #[error("`{field}` must be {}", listed(known))]
    Choice { field: String, known: &'static [&'static str] },
    /// Its meaning would stand elsewhere, or depend on who reads it.
    #[error("`{field}` {mark}")]
    Marked { field: String, mark: file::Mark },
    #[error("there is no member in it")]
    NoMember,
    #[error("a member needs a `context`, or a `kubeconfig` of its own and a `name`")]
    Unreachable,
    #[error(
        "\"{name}\" cannot be a Cluster's name: a name has lower case letters, digits and `-`, at most 63"
    )]
    Name { name: String },
    #[error("\"{name}\" cannot be the name of the host's Cluster")]
    HostName { name: String },
    #[error("\"{text}\" cannot be {what}")]
    Label { text: String, what: &'static str },
    #[error("a second member has the {what} \"{text}\" (the first in line {first})")]
    Twice { what: &'static str, text: String, first: usize },
    #[error("{0}")]
    Values(file::Fault),
    #[error("`config` is written in a way that cannot be taken out of the file")]
    Config,
    /// What no fault above names.
    #[error("{0}")]
    Other(String),
}

/// What stands where something else belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Found {
    #[error("a mapping")]
    Mapping,
    #[error("a list")]
    List,
    #[error("a text")]
    Text,
    #[error("a number")]
    Number,
    /// Also `yes` and `off`, which are some to YAML 1.1.
    #[error("a boolean")]
    Boolean,
    #[error("nothing")]
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wanted {
    #[error("a mapping")]
    Mapping,
    #[error("a list")]
    List,
    #[error("a text")]
    Text,
}

impl Problem {
    pub(super) fn at(at: Position, fault: Fault) -> Self {
        Self { at: Some(at), fault }
    }

    pub(super) fn of_file(fault: Fault) -> Self {
        Self { at: None, fault }
    }

    /// What to do about it in this file, or in what came from stdin.
    pub fn hint(&self, file: Option<&str>) -> String {
        let hint = match &self.fault {
            Fault::Text(fault) | Fault::Values(fault) => {
                return file::Problem { at: self.at, fault: fault.clone() }.hint(file);
            }
            Fault::Encrypted => "pass on what `sops --decrypt FILE` prints: `-f -` reads it",
            Fault::NotOneDocument => {
                return format!("it begins with `apiVersion: {API_VERSION}` and `kind: {KIND}`");
            }
            Fault::UnknownField { known, .. } => {
                return format!("these are known here: {}", known.join(", "));
            }
            Fault::Missing { field } => return format!("add `{field}`"),
            Fault::Type { found: Found::Number | Found::Boolean, wanted: Wanted::Text, .. } => {
                "put it in quotes"
            }
            Fault::Type { .. } => "`kubectl mc fleet schema` tells what stands where",
            Fault::Choice { known: [_], .. } => "write that: this version of kubectl-mc knows no other",
            Fault::Choice { .. } => "write one of these",
            Fault::Marked { .. } => {
                "write the value out; what all members have in common can stand in `defaults`"
            }
            Fault::NoMember => "`kubectl mc fleet init` writes one for each context of a kubeconfig",
            Fault::Unreachable => "`kubectl config get-contexts` lists the contexts",
            Fault::Name { name } => return name_hint(name),
            Fault::HostName { .. } => HOST_CLUSTER_NAME_HINT,
            Fault::Label { .. } => LABEL_HINT,
            Fault::Twice { .. } => "remove one of the two, or give it another one",
            Fault::Config => "write it as an indented block of its own",
            Fault::Other(_) => "compare with `kubectl mc fleet schema`",
        };
        hint.to_owned()
    }
}

impl From<file::Problem> for Problem {
    fn from(problem: file::Problem) -> Self {
        let fault = match problem.fault {
            file::Fault::Encrypted => Fault::Encrypted,
            fault => Fault::Text(fault),
        };
        Self { at: problem.at, fault }
    }
}

fn name_hint(name: &str) -> String {
    match propose_cluster_name(name) {
        Some(proposal) => format!("give the member another one: `name: {proposal}`"),
        None => "give the member another one with `name`".to_owned(),
    }
}

fn listed(known: &[&str]) -> String {
    match known {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [others @ .., last] => format!("`{}` or `{last}`", others.join("`, `")),
    }
}
