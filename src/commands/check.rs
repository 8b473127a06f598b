//! `kubectl mc check`.

use tokio::time::Instant;

use super::{
    connect::connect,
    interrupt::interrupted,
    look::look,
    pipeline::{confirm_skippable, in_time},
    request::Request,
};
use crate::{
    checks::Finding,
    cli::{ChangeOptions, Check, ClusterOptions, DryRun, Global},
    error::Error,
    output::{document::Document, report, ui::Ui, words::count},
    plan::intent::Part,
};

/// Runs every check and reports all findings; whatever happens, `-o` prints its one object.
pub async fn run(check: &Check, global: &Global, ui: &Ui) -> Result<(), Error> {
    let mut document = Document::new(Part::Check, DryRun::Client);
    let result = tokio::select! {
        result = check_all(check, global, ui, &mut document) => result,
        error = interrupted() => Err(error),
    };
    if let Some(format) = check.output {
        if let Err(error) = &result {
            document.failed(error);
        }
        // That nobody reads the object hides no failure.
        return result.map_err(said).and(document.print(ui, format));
    }
    result.map_err(said)
}

/// A report, or the object, has told what the findings are.
fn said(error: Error) -> Error {
    if error.findings.is_empty() { error } else { Error::refused(Vec::new()) }
}

async fn check_all(check: &Check, global: &Global, ui: &Ui, document: &mut Document) -> Result<(), Error> {
    let deadline = Instant::now() + check.timeout;
    confirm_skippable(&check.skip_checks)?;
    let change = looking(check);
    let cluster = ClusterOptions::default();
    let request = Request { cluster: Some(&cluster), ..Request::new(Part::Check, &check.members, &change) };
    let clusters = connect(&request, global, ui).await?;
    let look = in_time(deadline, look(&clusters, &check.skip_checks)).await?;
    document.observed(look.observed());
    document.found(&look.findings);
    if check.output.is_none() {
        report::show(ui, look.observed(), &look.findings)?;
    }
    verdict(look.findings)
}

/// A join that changes nothing and asks nobody.
fn looking(check: &Check) -> ChangeOptions {
    ChangeOptions {
        skip_checks: check.skip_checks.clone(),
        dry_run: DryRun::Client,
        output: check.output,
        yes: false,
        wait: true,
        timeout: check.timeout,
    }
}

fn verdict(findings: Vec<Finding>) -> Result<(), Error> {
    let failures = findings.iter().filter(|finding| finding.is_obstacle()).count();
    if failures == 0 {
        return Ok(());
    }
    Err(Error { message: count(failures, "failure"), ..Error::refused(findings) })
}
