//! `kubectl mc join`.

use std::time::Duration;

use owo_colors::OwoColorize as _;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    carry_out::{Carried, CarryOut, foreseen_outcomes, registered, rehearse, sum_up, unknown_version},
    connect::{Clusters, connect},
    continuation::continuation,
    interrupt::interrupted,
    look::{Look, look},
};
use crate::{
    checks::{Finding, skippable_ids},
    cli::{DryRun, Global, Join},
    error::{Error, Kind},
    kubesphere::readiness::{Membership, membership},
    live::environment::command_line,
    output::{
        document::{Document, Outcome},
        findings,
        plan::{self, PlanView},
        progress::Progress,
        ui::Ui,
    },
    plan::{intent::HostChoice, join::Plan, observed::Observed},
};

/// How far one API server's cache may be behind another's.
const LAGS_BEHIND: Duration = Duration::from_secs(2);

/// Joins the members; whatever happens, `-o` prints its one object.
pub async fn run(join: &Join, global: &Global, ui: &Ui) -> Result<(), Error> {
    let mut document = Document::new(join.dry_run);
    let result = tokio::select! {
        result = pipeline(join, global, ui, &mut document) => result,
        error = interrupted() => Err(error),
    };
    if let Some(format) = join.output {
        if let Err(error) = &result {
            document.failed(error);
        }
        // That nobody reads the object hides no failure.
        return result.and(document.print(ui, format));
    }
    result
}

async fn pipeline(join: &Join, global: &Global, ui: &Ui, document: &mut Document) -> Result<(), Error> {
    let deadline = Instant::now() + join.timeout;
    confirm_skippable(&join.skip_checks)?;
    let clusters = connect(join, global, ui).await?;
    let look = in_time(deadline, look(&clusters, &join.skip_checks)).await?;
    document.observed(look.observed());
    document.found(&look.findings);
    let shown = look.settled();
    let Ok((host, members, plan)) = shown else {
        findings::show(ui, &look.findings);
        return Err(refusal(&look));
    };
    let view = PlanView { intent: &clusters.intent, host, members: &members, plan };
    document.planned(view);
    if plan.is_empty() {
        findings::show(ui, &look.findings);
        return nothing_to_do(join, &clusters, host, &members, ui, document);
    }
    plan::show(ui, view, &look.findings);
    match join.dry_run {
        DryRun::Client => conclude(join, &foreseen_outcomes(&clusters, plan), ui, document),
        DryRun::Server => conclude(join, &rehearse(&clusters, plan).await?, ui, document),
        DryRun::None => {
            let asked = Instant::now();
            confirm(join, host, &clusters, ui).await?;
            // The time in which a person thinks is theirs.
            let deadline = deadline + asked.elapsed();
            let run = Run { join, clusters: &clusters, deadline, ui };
            run.carry_out(host, &members, plan, document).await
        }
    }
}

/// A look at the clusters, as long as there is time.
async fn in_time(deadline: Instant, look: impl Future<Output = Look>) -> Result<Look, Error> {
    timeout_at(deadline, look).await.map_err(|_| {
        Error::new(Kind::TimedOut, "timed out while looking at the clusters")
            .hint("run the same command again with a longer `--timeout`: it continues where this one stopped")
    })
}

fn confirm_skippable(ids: &[String]) -> Result<(), Error> {
    match ids.iter().find(|id| !skippable_ids().any(|known| known == id.as_str())) {
        None => Ok(()),
        Some(id) => Err(Error::usage(format!("\"{id}\" is no check that can be skipped"))
            .hint(format!("these can: {}", skippable_ids().collect::<Vec<_>>().join(", ")))),
    }
}

fn refusal(look: &Look) -> Error {
    let obstacles = look.findings.iter().filter(|finding| finding.is_obstacle()).count();
    Error {
        message: format!("nothing was changed: {}", crate::output::words::count(obstacles, "obstacle")),
        ..Error::refused(look.findings.clone())
    }
}

fn nothing_to_do(
    join: &Join,
    clusters: &Clusters,
    host: &Observed,
    members: &[&Observed],
    ui: &Ui,
    document: &mut Document,
) -> Result<(), Error> {
    for (intent, member) in clusters.intent.members.iter().zip(members) {
        let membership = membership(host.cluster_named(&intent.name), &member.uid, host.kubesphere_version());
        if membership == Membership::WithoutKubesphereVersion {
            ui.warning(&unknown_version(&member.side, "its ks-apiserver does not answer the host"));
        }
    }
    let outcomes: Vec<_> =
        clusters.intent.members.iter().map(|intent| registered(&clusters.host.side, intent)).collect();
    conclude(join, &outcomes, ui, document)
}

async fn confirm(join: &Join, host: &Observed, clusters: &Clusters, ui: &Ui) -> Result<(), Error> {
    if join.yes {
        return Ok(());
    }
    if !Ui::can_ask() {
        let unsaid = clusters.intent.host.chosen != HostChoice::Named && !host.is_host();
        let context = if unsaid { format!(" --context {}", host.side.context()) } else { String::new() };
        return Err(Error::usage("this changes clusters, and there is no terminal to ask at")
            .hint(format!("read the plan above, then run the same command with `--yes{context}`")));
    }
    if ui.ask("Go on?").await? {
        Ok(())
    } else {
        Err(Error::new(Kind::Declined, "declined; nothing was changed"))
    }
}

/// Prints the result lines, or leaves them to the object.
fn conclude(join: &Join, outcomes: &[Outcome], ui: &Ui, document: &mut Document) -> Result<(), Error> {
    document.done(outcomes);
    if join.output.is_some() {
        return Ok(());
    }
    let suffix = match join.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    // Both sides have a ClusterConfiguration of the same name; the Cluster's name is its own.
    outcomes.iter().try_for_each(|Outcome { side, object, verb }| {
        let place = if object.starts_with("cluster.") { String::new() } else { format!(" on {side}") };
        ui.result(&format!("{object} {verb}{place}{suffix}"))
    })
}

struct Run<'a> {
    join: &'a Join,
    clusters: &'a Clusters,
    deadline: Instant,
    ui: &'a Ui,
}

impl Run<'_> {
    async fn carry_out(
        &self,
        host: &Observed,
        members: &[&Observed],
        plan: &Plan,
        document: &mut Document,
    ) -> Result<(), Error> {
        let progress = Progress::new(self.ui);
        let carry_out = CarryOut {
            clusters: self.clusters,
            skipped: &self.join.skip_checks,
            deadline: self.deadline,
            wait: self.join.wait,
            report: &progress,
        };
        let carried = carry_out.all(host, members, plan).await;
        drop(progress);
        let outcomes: Vec<Outcome> = carried.iter().flat_map(|carried| carried.outcomes.clone()).collect();
        let concluded = conclude(self.join, &outcomes, self.ui, document);
        carried.iter().flat_map(|carried| &carried.warnings).for_each(|warning| self.ui.warning(warning));
        let unfinished = carried.iter().any(|carried| carried.unfinished);
        self.end(carried, document)?;
        if unfinished {
            self.say_how_to_continue();
            return concluded;
        }
        self.verify().await?;
        concluded
    }

    fn end(&self, carried: Vec<Carried>, document: &mut Document) -> Result<(), Error> {
        sum_up(carried, self.clusters.members.len()).map_err(|(single, sum)| {
            document.failed_of_several(&single);
            for error in &single {
                self.show(error);
            }
            self.show_findings(&sum);
            sum
        })
    }

    fn show(&self, error: &Error) {
        self.show_findings(error);
        self.ui.error(error);
    }

    fn show_findings(&self, error: &Error) {
        let obstacles: Vec<Finding> =
            error.findings.iter().filter(|finding| finding.is_obstacle()).cloned().collect();
        findings::show(self.ui, &obstacles);
    }

    /// Observes and plans again: a join is done when its plan is empty.
    async fn verify(&self) -> Result<(), Error> {
        let mut look = in_time(self.deadline, look(self.clusters, &self.join.skip_checks)).await?;
        // Another API server of the same cluster may be a moment behind the one that we have watched.
        if !look.settled().is_ok_and(|(_, _, plan)| plan.is_empty()) {
            sleep(LAGS_BEHIND).await;
            look = in_time(self.deadline, self::look(self.clusters, &self.join.skip_checks)).await?;
        }
        let (host, _, plan) = look.settled().map_err(|_| {
            findings::show(self.ui, &look.findings);
            Error::new(Kind::Error, "the join is done, but a last look found obstacles")
        })?;
        if plan.is_empty() {
            return Ok(());
        }
        let left: Vec<String> = plan
            .steps(&host.side)
            .iter()
            .map(|step| format!("{} {}", step.action.verb(), step.action.object()))
            .collect();
        Err(Error::new(
            Kind::Error,
            format!("the join is done, but a last look found something left to do: {}", left.join(", ")),
        )
        .hint("somebody else changes these clusters; run the same command again"))
    }

    fn say_how_to_continue(&self) {
        let heading = "not done yet:".style(self.ui.styles.attention).to_string();
        self.ui.message(&format!(
            "{heading} what was sent takes effect later, and the rest of the plan after it"
        ));
        self.ui.hint(&format!("to continue: `{}`", continuation(&command_line())));
    }
}
