//! `unjoin -f`: all are looked at before the first is changed, then one follows the other.

use std::path::Path;

use futures::future::{join_all, try_join_all};
use tokio::time::Instant;

use super::{Look, Removing};
use crate::{
    checks::Finding,
    cli::{ChangeOptions, Global, MemberConnection, OutputFormat, Unjoin},
    commands::{
        contexts::{Kubeconfigs, member_options},
        continuation::continuation_with,
        fleet::file::FleetFile,
        interrupt::interrupted,
        pipeline::{self, Looked as _, Task as _, in_time},
        request::MemberRequest,
    },
    error::{Error, ErrorKind},
    live::{
        environment::{Environment, command_line},
        kubeconfig::ConnectionOptions,
    },
    output::{
        document::Document,
        ending::{NEXT_DOCUMENT, conclude},
        findings,
        ui::Ui,
    },
    plan::operation::Operation,
};

/// Takes the file's members out, or those that were named.
pub(super) async fn run(path: &Path, unjoin: &Unjoin, global: &Global, ui: &Ui) -> Result<(), Error> {
    let deadline = Instant::now() + unjoin.change.timeout;
    let mut document = Document::new(Operation::Unjoin, unjoin.change.dry_run);
    let looked = async {
        let removals = connected(path, unjoin, global, ui).await?;
        let looks =
            in_time(deadline, join_all(removals.iter().map(|removal| Box::pin(removal.look())))).await?;
        confirm(&looks, &mut document, ui)?;
        Ok(removals)
    };
    let removals = tokio::select! {
        removals = looked => removals,
        error = interrupted() => Err(error),
    };
    match removals {
        Ok(removals) => one_by_one(removals, deadline, unjoin, ui).await,
        Err(error) => conclude(ui, unjoin.change.object(), &mut document, Err(error)),
    }
}

async fn connected<'a>(
    path: &Path,
    unjoin: &'a Unjoin,
    global: &Global,
    ui: &Ui,
) -> Result<Vec<Removing<'a>>, Error> {
    let file = FleetFile::open(path, global, ui)?;
    let environment = Environment::of_process();
    let mut kubeconfigs = Kubeconfigs::new(&environment);
    let members = file.members(&unjoin.names)?.into_iter().map(|member| {
        // The address that is stored says nothing of how this machine connects.
        let connection = MemberConnection {
            member_server: None,
            member_certificate_authority: None,
            ..member.connection.clone()
        };
        let options = ConnectionOptions {
            context: member.context.clone(),
            ..member_options(&file.global, &connection)
        };
        let context = kubeconfigs.select_member(&options)?.name;
        Ok((name(&member), context, Global { member: connection, ..file.global.clone() }))
    });
    let members = members.collect::<Result<Vec<_>, Error>>()?;
    let removals = members
        .iter()
        .map(|(name, context, global)| Removing::connected(unjoin, name, Some(context), global, ui));
    try_join_all(removals).await
}

fn name(member: &MemberRequest) -> String {
    member.cluster.as_ref().and_then(|cluster| cluster.name.clone()).unwrap_or_default()
}

/// A check that stops one stops all.
fn confirm(looks: &[Look], document: &mut Document, ui: &Ui) -> Result<(), Error> {
    let stopped = looks.iter().filter(|look| look.ready().is_none());
    let found: Vec<Finding> = stopped.flat_map(|look| look.findings().to_vec()).collect();
    if found.is_empty() {
        return Ok(());
    }
    findings::show(ui, &found);
    document.found(&found);
    let error = Error { findings: found.clone(), ..Error::nothing_changed(&found) };
    if looks.iter().all(|look| look.ready().is_none()) {
        return Err(error);
    }
    Err(error.hint("take the others out alone: the same command with their names after the file's"))
}

async fn one_by_one(
    removals: Vec<Removing<'_>>,
    deadline: Instant,
    unjoin: &Unjoin,
    ui: &Ui,
) -> Result<(), Error> {
    let count = removals.len();
    let mut failed = Vec::new();
    for (place, removal) in removals.into_iter().enumerate() {
        if place > 0 && unjoin.change.object() == Some(OutputFormat::Yaml) {
            ui.result(NEXT_DOCUMENT)?;
        }
        let name = removal.name.clone();
        let document = Document::new(Operation::Unjoin, unjoin.change.dry_run).of_removal(&name);
        let timeout = deadline.saturating_duration_since(Instant::now());
        let change = ChangeOptions { timeout, ..unjoin.change.clone() };
        match Box::pin(pipeline::run(document, &change, ui, async { Ok(removal) })).await {
            Ok(()) => {}
            Err(error) if count == 1 || ends_all(error.kind) => return Err(error),
            Err(error) => {
                ui.error(&error);
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("{} of {count} members failed: {}", failed.len(), failed.join(", "));
    let rest = continuation_with(&command_line(), &failed);
    Err(Error::new(ErrorKind::Partial, message).hint(format!("to go on with the rest alone: `{rest}`")))
}

/// Whether the ones after it are not begun either.
fn ends_all(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Usage
        | ErrorKind::TimedOut
        | ErrorKind::Declined
        | ErrorKind::Interrupted
        | ErrorKind::ClosedPipe => true,
        ErrorKind::Error | ErrorKind::Obstacle | ErrorKind::Partial | ErrorKind::Differs => false,
    }
}
