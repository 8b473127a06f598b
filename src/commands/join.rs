//! `kubectl mc join`.

use std::{fs, path::Path};

use config_file::{
    core_values,
    problem::{Fault, Position, Problem, text_of},
};
use kubesphere::core_values::CoreValues;

use super::{
    joining,
    request::{ClusterRequest, Request},
};
use crate::{
    cli::{Global, Join},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
};

/// Joins the members.
pub async fn run(join: &Join, global: &Global, ui: &Ui) -> Result<(), Error> {
    let values = join.config.as_deref().map(values).transpose()?;
    let request = Request {
        host_cluster_name: join.host_cluster_name.as_deref(),
        cluster: Some(ClusterRequest { values, ..(&join.cluster).into() }),
        reachability: join.reachability.into(),
        skipped: &join.skip.checks,
        manifests_to: join.manifests.manifests_to.as_deref(),
        is_confirmed: join.change.yes,
        ..Request::new(Operation::Join, &join.members)
    };
    joining::run(&request, &join.change, global, ui).await
}

fn values(path: &Path) -> Result<CoreValues, Error> {
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
