//! `--config`: the values with which a host of KubeSphere 4 installs a member.

use std::path::Path;

use config_file::{
    core_values,
    problem::{Problem, place, text_of},
};
use kubesphere::core_values::CoreValues;

use crate::{error::Error, live::local_file};

/// Reads them, and refuses what the controller fails with or overwrites.
pub(super) fn values(path: &Path) -> Result<CoreValues, Error> {
    let name = path.display().to_string();
    let bytes = local_file::read(path)
        .map_err(|error| Error::usage(format!("cannot read `--config` {name}: {error}")))?;
    text_of(&bytes).and_then(core_values::read).map_err(|problem| refused(&name, &problem))
}

fn refused(name: &str, problem: &Problem) -> Error {
    let place = place(name, problem.at);
    Error::usage(format!("{place}: {}", problem.fault)).hint(problem.hint(Some(name)))
}
