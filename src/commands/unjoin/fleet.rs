//! `unjoin -f`: all are looked at before the first is changed, then one follows the other.

use std::path::Path;

use kubesphere::side::Side;
use tokio::time::Instant;

use super::{Removing, connect::Clusters, outcome::Outcome};
use crate::{
    checks::{Finding, Silent},
    cli::{Global, OutputFormat, Unjoin},
    commands::{
        contexts::{Kubeconfigs, open, open_in, select_host},
        continuation::continuation_with,
        fleet::file::FleetFile,
        interrupt::interrupted,
        pipeline,
        request::MemberRequest,
        task::{Looked as _, Task as _},
        time_limit::{confirm_in_time, in_time},
    },
    error::{Error, ErrorKind},
    live::{
        connection::Connection,
        environment::{Environment, command_line},
        places::Places,
    },
    output::{
        document::Document,
        ending::{NEXT_DOCUMENT, conclude},
        findings,
        ui::Ui,
        unjoin::show_declined,
    },
    plan::operation::Operation,
};

/// Takes the file's members out, or those that were named.
pub(super) async fn run(path: &Path, unjoin: &Unjoin, global: &Global, ui: &Ui) -> Result<(), Error> {
    let mut deadline = Instant::now() + unjoin.change.timeout;
    let mut document = Document::new(Operation::Unjoin, unjoin.change.dry_run);
    let looked = async {
        let (removals, places) = connected(path, unjoin, global, ui).await?;
        let looks = places.each(&removals, async |removal: &Removing<'_>| seen(removal, &places).await);
        let seen = in_time(deadline, looks).await?;
        confirm(&removals, &seen, &mut document, ui)?;
        Ok(removals.into_iter().zip(seen).collect())
    };
    let removals = tokio::select! {
        removals = looked => removals,
        error = interrupted() => Err(error),
    };
    match removals {
        Ok(removals) => one_by_one(removals, &mut deadline, unjoin, ui).await,
        Err(error) => conclude(ui, unjoin.change.object(), &mut document, Err(error)),
    }
}

/// The members, with one connection to their host.
async fn connected<'a>(
    path: &Path,
    unjoin: &'a Unjoin,
    global: &Global,
    ui: &Ui,
) -> Result<(Vec<Removing<'a>>, Places), Error> {
    let file = FleetFile::open(path, global, ui)?;
    let (global, environment) = (&file.global, Environment::of_process());
    let mut kubeconfigs = Kubeconfigs::new(&environment);
    let (mut names, mut contexts) = (Vec::new(), Vec::new());
    for member in file.members(&unjoin.names)? {
        contexts.push(kubeconfigs.select_member(&member.connecting(global))?);
        names.push(name(&member));
    }
    let host = select_host(global, &environment)?;
    let places = Places::new(unjoin.parallel.parallel, contexts.len());
    let host = open(vec![host], global, &environment, ui).await?.remove(0);
    let members = open_in(&places, contexts, global, &environment, ui).await?;
    let removal = |(name, member): (String, Connection)| {
        let clusters = Clusters::new(unjoin, &name, host.clone(), Some(member));
        Removing { unjoin, name, clusters }
    };
    Ok((names.into_iter().zip(members).map(removal).collect(), places))
}

fn name(member: &MemberRequest) -> String {
    member.cluster.as_ref().and_then(|cluster| cluster.name.clone()).unwrap_or_default()
}

/// What a look at one member has shown.
struct Seen {
    /// What was found, where that stops it.
    stopped: Option<Vec<Finding>>,
    silent: Vec<Silent>,
    /// Whether nothing of it is left to take out.
    is_out: bool,
}

async fn seen(removal: &Removing<'_>, places: &Places) -> Seen {
    let _stay = removal.clusters.member.as_ref().map(|member| places.stay(member));
    // Boxed, because many requests are more state than a stack should carry around.
    let look = Box::pin(removal.look()).await;
    let stopped = look.ready().is_none().then(|| look.findings().to_vec());
    Seen {
        stopped,
        silent: look.silent().to_vec(),
        is_out: look.ready().is_some_and(|ready| ready.plan.is_empty()),
    }
}

/// A check that stops one stops all.
fn confirm(removals: &[Removing<'_>], seen: &[Seen], document: &mut Document, ui: &Ui) -> Result<(), Error> {
    let mut found: Vec<Finding> = Vec::new();
    for finding in seen.iter().flat_map(|seen| &seen.stopped).flatten() {
        // What is the host's is found with each member.
        if !found.contains(finding) {
            found.push(finding.clone());
        }
    }
    findings::show(ui, &found);
    document.found(&found);
    confirm_in_time(seen.iter().flat_map(|seen| &seen.silent))?;
    if found.is_empty() {
        return Ok(());
    }
    let others = removals.iter().zip(seen).filter(|(_, seen)| seen.stopped.is_none());
    let others: Vec<String> = others.map(|(removal, _)| removal.name.clone()).collect();
    let error = Error { findings: found.clone(), ..Error::nothing_changed(&found) };
    let is_hosts =
        |finding: &Finding| finding.is_obstacle() && matches!(finding.report.side, Some(Side::Host { .. }));
    if others.is_empty() || found.iter().any(is_hosts) {
        return Err(error);
    }
    let command = continuation_with(&command_line(), &others);
    Err(error.hint(format!("take the others out alone: `{command}`")))
}

async fn one_by_one(
    removals: Vec<(Removing<'_>, Seen)>,
    deadline: &mut Instant,
    unjoin: &Unjoin,
    ui: &Ui,
) -> Result<(), Error> {
    let mut outcome = Outcome::of(removals.iter().map(|(removal, _)| removal.name.clone()), &unjoin.change);
    let is_one = removals.len() == 1;
    let mut unasked = None;
    for (place, (removal, seen)) in removals.into_iter().enumerate() {
        if place > 0 && unjoin.change.object() == Some(OutputFormat::Yaml) {
            ui.result(NEXT_DOCUMENT)?;
        }
        let document = Document::new(Operation::Unjoin, unjoin.change.dry_run).of_removal(&removal.name);
        let connected = async { Ok(removal) };
        match Box::pin(pipeline::run_until(document, &unjoin.change, deadline, ui, connected)).await {
            Ok(()) if seen.is_out => outcome.unchanged(),
            Ok(()) => outcome.taken_out(),
            Err(error) if is_one => return Err(error),
            // Where nobody can be asked, the plans of all are shown before somebody says yes to them.
            Err(error) if error.kind == ErrorKind::Usage => unasked = Some(error),
            Err(error) if ends_all(error.kind) => return Err(outcome.ended(error)),
            Err(error) if error.kind == ErrorKind::Declined => {
                show_declined(ui, error.message);
                outcome.declined();
            }
            Err(error) => {
                ui.error(&error);
                outcome.failed();
            }
        }
    }
    unasked.map_or_else(|| outcome.sum(), Err)
}

/// Whether the ones after it are not begun either.
fn ends_all(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::TimedOut | ErrorKind::Interrupted | ErrorKind::ClosedPipe => true,
        ErrorKind::Declined
        | ErrorKind::Error
        | ErrorKind::Usage
        | ErrorKind::Obstacle
        | ErrorKind::Partial
        | ErrorKind::Differs => false,
    }
}
