//! From what was asked for to its result: what `join` and its parts do.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::{
    carry_out::{Carried, CarryOut, sum_up},
    connect::{Clusters, connect},
    continuation::say_how_to_continue,
    interrupt::{before_ending, interrupted},
    look::{Settled, look},
    narrowing,
    reachability::{self, rehearsed, tidy},
    rehearsal::{foreseen_outcomes, rehearse, unchanged},
    renewal::RENEW_AGAIN,
    request::Request,
};
use crate::{
    checks::{Finding, skippable_ids},
    cli::{DryRun, Global},
    error::{CONTINUES, Error, Kind},
    kubesphere::command::{Mc, context_option},
    live::{reach::remains::Remains, register::WithoutVersion},
    output::{
        document::{Document, Outcome},
        ending::{self, Object as _},
        findings, leftovers,
        outcomes::{self, UnknownVersion, warn_of_unknown_version},
        plan,
        progress::Progress,
        questions,
        ui::Ui,
        words::count,
    },
    plan::{
        intent::{HostChoice, Part},
        join::Plan,
    },
};

/// How far one API server's cache may be behind another's.
pub(super) const LAGS_BEHIND: Duration = Duration::from_secs(2);

/// Does what was asked for; whatever happens, `-o` prints its one object.
pub(super) async fn run(request: &Request<'_>, global: &Global, ui: &Ui) -> Result<(), Error> {
    let mut document = Document::new(request.part, request.change.dry_run);
    let remains = Remains::default();
    let result = tokio::select! {
        // Boxed, because it is more state than a stack should carry around.
        result = Box::pin(pipeline(request, global, ui, &mut document, &remains)) => result,
        error = interrupted() => Err(error),
    };
    tidy_up(&remains, ui).await;
    ending::conclude(ui, request.change.output, &mut document, result)
}

/// Deletes the probe pods that an interruption has left, whatever it interrupted.
pub(super) async fn tidy_up(remains: &Remains, ui: &Ui) {
    let problems = before_ending(remains.delete()).await;
    let Some(left) = remains.left() else { return };
    leftovers::probe_pods(ui, &left, &problems.unwrap_or_default());
}

async fn pipeline(
    request: &Request<'_>,
    global: &Global,
    ui: &Ui,
    document: &mut Document,
    remains: &Remains,
) -> Result<(), Error> {
    let deadline = Instant::now() + request.change.timeout;
    confirm_skippable(request.skipped)?;
    let clusters = connect(request, global, ui).await?;
    let look = in_time(deadline, look(&clusters, request.skipped)).await?;
    document.observed(look.observed());
    document.found(&look.findings);
    if let Some(error) = look.not_found() {
        return Err(error);
    }
    let Ok(settled) = look.settled() else {
        findings::show(ui, &look.findings);
        return Err(of_many(request, &clusters, refusal(&look.findings)));
    };
    let view = settled.view(&clusters.intent);
    document.planned(view);
    if settled.plan.is_empty() {
        findings::show(ui, &look.findings);
        return nothing_to_do(request, &settled, ui, document);
    }
    plan::show(ui, view, &look.findings);
    match request.change.dry_run {
        DryRun::Client => conclude(request, &foreseen_outcomes(settled.plan), ui, document),
        DryRun::Server => {
            let refused = rehearsed(&clusters, settled.plan, request.skipped).await;
            findings::show(ui, &refused);
            document.found_later(&refused);
            let rehearsed = rehearse(&clusters, settled.plan).await;
            conclude(request, &rehearsed.inspect_err(|error| tell_late(error, ui, document))?, ui, document)
        }
        DryRun::None => {
            let asked = Instant::now();
            confirm(request, &clusters, &settled, ui).await?;
            // The time in which a person thinks is theirs.
            let deadline = deadline + asked.elapsed();
            let run = Run { request, clusters: &clusters, deadline, remains, ui };
            run.carry_out(&settled, document).await
        }
    }
}

/// A look at the clusters, as long as there is time.
pub(super) async fn in_time<T>(deadline: Instant, look: impl Future<Output = T>) -> Result<T, Error> {
    timeout_at(deadline, look).await.map_err(|_| {
        Error::new(Kind::TimedOut, "timed out while looking at the clusters")
            .hint("run the same command again with a longer `--timeout`: it continues where this one stopped")
    })
}

pub(super) fn confirm_skippable(ids: &[String]) -> Result<(), Error> {
    match ids.iter().find(|id| !skippable_ids().any(|known| known == id.as_str())) {
        None => Ok(()),
        Some(id) => Err(Error::usage(format!("\"{id}\" is no check that can be skipped"))
            .hint(format!("these can: {}", skippable_ids().collect::<Vec<_>>().join(", ")))),
    }
}

/// What ends a command whose checks have found obstacles.
pub(super) fn refusal(findings: &[Finding]) -> Error {
    let obstacles = findings.iter().filter(|finding| finding.is_obstacle()).count();
    Error {
        message: format!("nothing was changed: {}", count(obstacles, "obstacle")),
        ..Error::refused(findings.to_vec())
    }
}

/// One member's obstacle stops a renewal of all; the others need not wait for it.
fn of_many(request: &Request<'_>, clusters: &Clusters, error: Error) -> Error {
    if request.renewed.len() < 2 {
        return error;
    }
    let host = clusters.host.as_ref().map(|host| &host.side);
    let renew = Mc::new("renew").words("NAME").host(host);
    // All members are looked up in one kubeconfig.
    let members = clusters.members.first().map(|member| &member.side);
    let renew = members.into_iter().fold(renew, Mc::member_options);
    error.hint(format!("renew the others one by one: `{renew} --member-context NAME`"))
}

fn nothing_to_do(
    request: &Request<'_>,
    settled: &Settled<'_>,
    ui: &Ui,
    document: &mut Document,
) -> Result<(), Error> {
    for (member, cluster) in settled.plan.members.iter().zip(&settled.members) {
        if settled.lacks_kubesphere_version(member, cluster) {
            let unknown = UnknownVersion { member: member.side.clone(), why: WithoutVersion::Unasked };
            warn_of_unknown_version(ui, &unknown);
        }
    }
    conclude(request, &unchanged(settled.plan), ui, document)
}

async fn confirm(
    request: &Request<'_>,
    clusters: &Clusters,
    settled: &Settled<'_>,
    ui: &Ui,
) -> Result<(), Error> {
    if request.change.yes {
        return Ok(());
    }
    if !Ui::can_ask() {
        let chosen = clusters.intent.host.chosen;
        let unsaid = settled.host.filter(|host| chosen != HostChoice::Named && !host.is_host());
        let context = unsaid.map(|host| format!(" {}", context_option(&host.side))).unwrap_or_default();
        return Err(nobody_to_ask("this changes clusters", &format!("--yes{context}")));
    }
    agreed(questions::go_on(ui).await?)
}

/// What a person's answer to the plan comes to.
pub(super) fn agreed(agrees: bool) -> Result<(), Error> {
    if agrees { Ok(()) } else { Err(Error::new(Kind::Declined, "declined; nothing was changed")) }
}

/// Without a terminal the plan is all that is shown; `options` say that it was read.
pub(super) fn nobody_to_ask(what: &str, options: &str) -> Error {
    Error::usage(format!("{what}, and there is no terminal to ask at"))
        .hint(format!("read the plan above, then run the same command with `{options}`"))
}

/// Prints the result lines, or leaves them to the object.
fn conclude(
    request: &Request<'_>,
    outcomes: &[Outcome],
    ui: &Ui,
    document: &mut Document,
) -> Result<(), Error> {
    document.done(outcomes);
    if request.change.output.is_some() {
        return Ok(());
    }
    outcomes::show(ui, outcomes, request.change.dry_run)
}

/// The obstacles that showed only when changes were made.
fn tell_late(error: &Error, ui: &Ui, document: &mut Document) {
    let obstacles = error.findings.iter().filter(|finding| finding.is_obstacle());
    let obstacles: Vec<Finding> = obstacles.cloned().collect();
    findings::show(ui, &obstacles);
    document.found_later(&obstacles);
}

struct Run<'a> {
    request: &'a Request<'a>,
    clusters: &'a Clusters,
    deadline: Instant,
    remains: &'a Remains,
    ui: &'a Ui,
}

impl Run<'_> {
    /// Nothing is changed where a node of the host cannot reach a member.
    async fn probe(&self, plan: &Plan, document: &mut Document) -> Result<(), Error> {
        let (Some(host), Some(outlook)) = (&self.clusters.host, &plan.probing) else { return Ok(()) };
        let skipped = self.request.skipped;
        let progress = Progress::new(self.ui);
        let found = reachability::findings(host, outlook, skipped, self.deadline, self.remains, &progress);
        let found = Box::pin(found).await;
        drop(progress);
        findings::show(self.ui, &found);
        document.found_later(&found);
        if found.iter().any(Finding::is_obstacle) { Err(refusal(&found)) } else { Ok(()) }
    }

    async fn carry_out(&self, settled: &Settled<'_>, document: &mut Document) -> Result<(), Error> {
        if let Some(host) = &self.clusters.host {
            narrowing::tidy(host, settled.plan.narrowed.as_ref(), &Progress::new(self.ui)).await;
        }
        tidy(self.clusters, settled.plan, &Progress::new(self.ui)).await;
        self.probe(settled.plan, document).await?;
        let progress = Progress::new(self.ui);
        let carry_out = CarryOut {
            clusters: self.clusters,
            skipped: self.request.skipped,
            deadline: self.deadline,
            wait: self.request.change.wait,
            report: &progress,
        };
        let carried = carry_out.all(settled).await;
        drop(progress);
        let outcomes: Vec<Outcome> = carried.iter().flat_map(|carried| carried.outcomes.clone()).collect();
        let concluded = conclude(self.request, &outcomes, self.ui, document);
        let unknown = carried.iter().filter_map(|carried| carried.unknown_version.as_ref());
        unknown.for_each(|unknown| warn_of_unknown_version(self.ui, unknown));
        let unfinished = carried.iter().any(|carried| carried.unfinished);
        self.end(carried, document)?;
        if unfinished {
            say_how_to_continue(self.ui);
            return concluded;
        }
        // A renewal is done when the host's controller has taken it, and could be done again.
        if self.request.part != Part::Renew {
            self.verify().await?;
        }
        concluded
    }

    fn end(&self, carried: Vec<Carried>, document: &mut Document) -> Result<(), Error> {
        let hint = if self.clusters.intent.part == Part::Renew { RENEW_AGAIN } else { CONTINUES };
        sum_up(carried, self.clusters.members.len(), hint).map_err(|(single, sum)| {
            document.ending().failed_of_several(&single);
            for error in &single {
                tell_late(error, self.ui, document);
                self.ui.error(error);
            }
            tell_late(&sum, self.ui, document);
            sum
        })
    }

    /// Observes and plans again: it is done when the plan is empty.
    async fn verify(&self) -> Result<(), Error> {
        let mut look = in_time(self.deadline, look(self.clusters, self.request.skipped)).await?;
        // Another API server of the same cluster may be a moment behind the one that we have watched.
        if !look.settled().is_ok_and(|settled| settled.plan.is_empty()) {
            sleep(LAGS_BEHIND).await;
            look = in_time(self.deadline, self::look(self.clusters, self.request.skipped)).await?;
        }
        let name = self.request.name();
        let settled = look.settled().map_err(|_| {
            findings::show(self.ui, &look.findings);
            Error::new(Kind::Error, format!("the {name} is done, but a last look found obstacles"))
        })?;
        if settled.plan.is_empty() {
            return Ok(());
        }
        let steps = settled.plan.steps();
        let left: Vec<String> =
            steps.iter().map(|step| format!("{} {}", step.action.verb(), step.action.object())).collect();
        let left = left.join(", ");
        let message = format!("the {name} is done, but a last look found something left to do: {left}");
        Err(Error::new(Kind::Error, message)
            .hint("somebody else changes these clusters; run the same command again"))
    }
}
