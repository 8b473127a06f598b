//! `--config`: the values with which a host of KubeSphere 4 installs a member.

use std::{fs, path::Path};

use config_file::{
    core_values,
    problem::{Fault, Position, Problem, text_of},
};
use kubesphere::core_values::CoreValues;

use crate::error::Error;

/// Reads them, and refuses what the controller fails with or overwrites.
pub(super) fn values(path: &Path) -> Result<CoreValues, Error> {
    let name = path.display().to_string();
    let bytes =
        fs::read(path).map_err(|error| Error::usage(format!("cannot read `--config` {name}: {error}")))?;
    text_of(&bytes).and_then(core_values::read).map_err(|problem| refused(&name, &problem))
}

/// As compilers say it, so that editors find the place.
fn refused(name: &str, problem: &Problem) -> Error {
    let place = match problem.at {
        Some(Position { line, column }) => format!("{name}:{line}:{column}"),
        None => name.to_owned(),
    };
    Error::usage(format!("{place}: {}", problem.fault)).hint(hint(problem, name))
}

/// The other hints are about a ClusterConfiguration.
fn hint(problem: &Problem, name: &str) -> String {
    match problem.fault {
        Fault::NotAMapping { .. } => "write a mapping there, or leave it out".to_owned(),
        _ => problem.hint(Some(name)),
    }
}
