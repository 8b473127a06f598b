//! `kubectl mc check`.

use tokio::time::Instant;

use super::{
    connect::connect,
    fleet::file::FleetFile,
    interrupt::interrupted,
    look::{Look, look},
    reachability,
    request::{ClusterRequest, MemberRequest, Request},
    skipping::confirm_skippable,
    task::Looked as _,
    time_limit::{confirm_in_time, in_time},
    undoing::undo_before_ending,
};
use crate::{
    checks::{EXPECTED_STATE, Finding, member_reachable, unanswered},
    cli::{Check, CheckFormat, DryRun, Global, Reachability},
    error::Error,
    live::{connection::Connection, reach::remains::Remains, report::Reporter, undo::Undo},
    output::{document::Document, ending::conclude, progress::Progress, report, ui::Ui, words::count},
    plan::{intent::Expected, operation::Operation, reach::probing::known_members},
};

/// Runs every check and reports all findings; whatever happens, `-o` prints its one object.
pub async fn run(check: &Check, global: &Global, ui: &Ui) -> Result<(), Error> {
    let mut document = Document::new(Operation::Check, DryRun::Client);
    let undo = Undo::default();
    let result = tokio::select! {
        // Boxed, because it is more state than a stack should carry around.
        result = Box::pin(check_all(check, global, ui, &mut document, &undo.pods)) => result,
        error = interrupted() => Err(error),
    };
    undo_before_ending(&undo, ui).await;
    conclude(ui, check.object(), &mut document, result).map_err(said)
}

/// A report, or the object, has told what the findings are.
fn said(error: Error) -> Error {
    if error.findings.is_empty() { error } else { Error::refused(Vec::new()) }
}

async fn check_all(
    check: &Check,
    global: &Global,
    ui: &Ui,
    document: &mut Document,
    remains: &Remains,
) -> Result<(), Error> {
    let deadline = Instant::now() + check.timeout;
    confirm_skippable(&check.skip_checks)?;
    let named = named(check, global, ui)?;
    for member in &named.members {
        member.placed("skipChecks", confirm_skippable(&member.skipped))?;
    }
    let (skipped, expected) = (check.skip_checks.as_slice(), check.expect.map(Expected::from));
    let request = Request { skipped, expected, parallel: check.parallel, ..named };
    let clusters = connect(&request, ui).await?;
    let mut look = in_time(deadline, Box::pin(look(&clusters, None))).await?;
    document.observed(&look.observed());
    document.found(&look.findings);
    if let Some(host) = &clusters.host {
        let found = probes(check, host, &look, deadline, remains, &Progress::new(ui)).await;
        document.found_later(&found);
        look.findings.extend(found);
    }
    let clusters = look.observed();
    match check.output {
        None => report::show(ui, &clusters, &look.findings)?,
        Some(CheckFormat::Wide) => report::show_all(ui, &clusters, &look.findings)?,
        Some(CheckFormat::Json | CheckFormat::Yaml) => (),
    }
    confirm_in_time(look.silent())?;
    verdict(look.findings, expected)
}

/// The members that were named, in a file or in words.
fn named(check: &Check, global: &Global, ui: &Ui) -> Result<Request<'static>, Error> {
    if let Some(path) = &check.fleet.filename {
        return FleetFile::open(path, global, ui)?.request(Operation::Check, &check.members);
    }
    let cluster = ClusterRequest {
        name: check.name.clone(),
        credential: Some(check.credentials.into()),
        ..ClusterRequest::default()
    };
    let members = MemberRequest::of_each(&check.members, &cluster, global);
    Ok(Request::new(Operation::Check, members, global))
}

/// What probing has left on the host, and where it is asked for, what it tells.
async fn probes(
    check: &Check,
    host: &Connection,
    look: &Look,
    deadline: Instant,
    remains: &Remains,
    report: &dyn Reporter,
) -> Vec<Finding> {
    let Some(observed) = &look.host else {
        return [unanswered(&host.side), member_reachable::unprobed(&look.intent)].concat();
    };
    let mut found = look.left.iter().flat_map(|left| left.findings(&host.side)).collect::<Vec<_>>();
    if check.reachability == Reachability::Nodes {
        let (members, skipped) = (known_members(&look.intent, observed), &look.intent.skipped);
        found.extend(reachability::check(host, members, skipped, deadline, remains, report).await);
    } else {
        found.extend(member_reachable::unprobed(&look.intent));
    }
    found
}

/// Where a member is to be none, nothing else matters.
fn verdict(findings: Vec<Finding>, expected: Option<Expected>) -> Result<(), Error> {
    let counts = |finding: &&Finding| {
        finding.is_obstacle() && (expected != Some(Expected::Absent) || finding.id == EXPECTED_STATE.id)
    };
    let failures = findings.iter().filter(counts).count();
    if failures == 0 {
        return Ok(());
    }
    Err(Error { message: count(failures, "failure"), ..Error::refused(findings) })
}
