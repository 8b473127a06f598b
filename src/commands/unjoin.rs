//! `kubectl mc unjoin`.

mod carry_out;
mod connect;
mod forced;
mod look;
mod residue;

use tokio::time::{Instant, sleep};

use super::{
    continuation::say_how_to_continue,
    interrupt::interrupted,
    narrowing::restore_before_ending,
    pipeline::{LAGS_BEHIND, agreed, in_time, nobody_to_ask, refusal},
};
use crate::{
    cli::{DryRun, Global, Unjoin},
    error::{Error, Kind},
    kubesphere::{cluster::RegisteredCluster, command::Mc},
    live::narrowing::narrowed::Narrowed,
    output::{
        document::Outcome,
        ending, findings,
        progress::Progress,
        questions,
        ui::Ui,
        unjoin::{objects_on_member, result, show, show_kept, show_member_remains},
        unjoin_document::UnjoinDocument,
        words::dry_run_suffix,
    },
    plan::unjoin::plan::UnjoinPlan,
};
use carry_out::{Carried, CarryOut, foreseen, rehearse};
use connect::{Clusters, connect};
use look::{Look, look};
use residue::residue;

/// Takes the member out; whatever happens, `-o` prints its one object.
pub async fn run(unjoin: &Unjoin, global: &Global, ui: &Ui) -> Result<(), Error> {
    let mut document = UnjoinDocument::new(&unjoin.name, unjoin.change.dry_run);
    let narrowed = Narrowed::default();
    let run = Run { unjoin, ui, deadline: Instant::now() + unjoin.change.timeout, narrowed: &narrowed };
    let result = tokio::select! {
        // Boxed, because it is more state than a stack should carry around.
        result = Box::pin(run.pipeline(global, &mut document)) => result,
        error = interrupted() => Err(error),
    };
    restore_before_ending(&narrowed, ui).await;
    ending::conclude(ui, unjoin.change.output, &mut document, result)
}

struct Run<'a> {
    unjoin: &'a Unjoin,
    ui: &'a Ui,
    deadline: Instant,
    narrowed: &'a Narrowed,
}

impl Run<'_> {
    async fn pipeline(self, global: &Global, document: &mut UnjoinDocument) -> Result<(), Error> {
        let clusters = connect(self.unjoin, global, self.ui).await?;
        let look = self.look(&clusters, self.sends()).await?;
        document.observed(look.observed());
        document.found(&look.findings);
        let Some(plan) = look.plan() else {
            findings::show(self.ui, &look.findings);
            return Err(refusal(&look.findings));
        };
        look.confirm_there_is_something(&clusters)?;
        document.planned(plan);
        if plan.is_empty() {
            findings::show(self.ui, &look.findings);
            show_kept(self.ui, plan);
            self.conclude(&[unchanged(plan)], document)?;
            return residue(self.ui, &clusters, &look, document);
        }
        let view = look.view().expect("who has a plan was observed");
        show(self.ui, view, &look.findings);
        match self.unjoin.change.dry_run {
            DryRun::Client => self.conclude(&foreseen(plan), document),
            DryRun::Server => self.conclude(&rehearse(&clusters, plan).await?, document),
            DryRun::None => {
                let asked = Instant::now();
                self.confirm(plan).await?;
                // The time in which a person thinks is theirs.
                let run = Self { deadline: self.deadline + asked.elapsed(), ..self };
                Box::pin(run.carry_out(&clusters, &look, plan, document)).await
            }
        }
    }

    /// Whether anything at all may be sent that is not a mere question.
    fn sends(&self) -> bool {
        self.unjoin.change.dry_run != DryRun::Client
    }

    /// As long as there is time.
    async fn look(&self, clusters: &Clusters, sends: bool) -> Result<Look, Error> {
        // Boxed, because it is more state than a stack should carry around.
        in_time(self.deadline, Box::pin(look(clusters, sends))).await
    }

    async fn confirm(&self, plan: &UnjoinPlan) -> Result<(), Error> {
        if self.unjoin.change.yes {
            return Ok(());
        }
        if plan.forced.is_some() {
            return forced::confirm(plan, self.ui).await;
        }
        if !Ui::can_ask() {
            return Err(nobody_to_ask("this changes clusters", "--yes"));
        }
        agreed(questions::go_on(self.ui).await?)
    }

    /// Prints the result lines, or leaves them to the object.
    fn conclude(&self, outcomes: &[Outcome], document: &mut UnjoinDocument) -> Result<(), Error> {
        document.done(outcomes);
        if self.unjoin.change.output.is_some() {
            return Ok(());
        }
        let suffix = dry_run_suffix(self.unjoin.change.dry_run);
        outcomes.iter().try_for_each(|outcome| result(self.ui, outcome, suffix))
    }

    async fn carry_out(
        &self,
        clusters: &Clusters,
        look: &Look,
        plan: &UnjoinPlan,
        document: &mut UnjoinDocument,
    ) -> Result<(), Error> {
        let progress = Progress::new(self.ui);
        let wait = self.unjoin.change.wait;
        let carry_out = CarryOut {
            clusters,
            look,
            plan,
            deadline: self.deadline,
            wait,
            narrowed: self.narrowed,
            report: &progress,
        };
        let mut carried = Carried::default();
        let result = carry_out.all(&mut carried).await;
        drop(progress);
        let concluded = self.conclude(&carried.outcomes, document);
        result.inspect_err(|error| {
            findings::show(self.ui, &error.findings);
            document.found(&error.findings);
        })?;
        if carried.unfinished {
            say_how_to_continue(self.ui);
            return concluded;
        }
        let verified = self.verify(clusters, document).await;
        if plan.member.is_none() {
            self.say_what_remains(clusters, plan, document);
        }
        verified.and(concluded)
    }

    /// Looks again on both sides: it is done when nothing is left.
    async fn verify(&self, clusters: &Clusters, document: &mut UnjoinDocument) -> Result<(), Error> {
        let mut again = self.look(clusters, true).await?;
        // Another API server of the same cluster may be a moment behind the one that we have watched.
        if !again.is_clean() {
            sleep(LAGS_BEHIND).await;
            again = self.look(clusters, true).await?;
        }
        if again.plan().is_none() {
            findings::show(self.ui, &again.findings);
            return Err(Error::new(Kind::Error, "it is done, but a last look found obstacles"));
        }
        residue(self.ui, clusters, &again, document)
    }

    fn say_what_remains(&self, clusters: &Clusters, plan: &UnjoinPlan, document: &mut UnjoinDocument) {
        let is_proxy = plan.deletion.cluster().is_some_and(RegisteredCluster::is_proxy);
        let command = Mc::new("unjoin").word(&plan.name).words("--member-context CONTEXT");
        let command = command.host(&clusters.host.side).to_string();
        document.remains(&objects_on_member(&plan.name, is_proxy));
        show_member_remains(self.ui, &plan.name, is_proxy, &command);
    }
}

fn unchanged(plan: &UnjoinPlan) -> Outcome {
    let object = format!("cluster.cluster.kubesphere.io/{}", plan.name);
    Outcome { side: plan.host.clone(), object, verb: "unchanged" }
}
