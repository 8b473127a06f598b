//! Carrying out a plan, for real or with `dryRun=All`: phases one after the other, their lanes side by side.

use std::iter;

use kubesphere::side::Side;
use tokio::time::Instant;

use super::{
    connection::Connection,
    failure::{Failure, causes},
    ledger::{Entry, Journal, Ledger},
    places::Places,
    report::{Event, Reporter},
    roster::Roster,
    steps::make_credential::Made,
    undo::Undo,
};
use crate::plan::{
    intent::Intent,
    manifest::Written,
    member_kubeconfig::StoredKubeconfig,
    observed::Observed,
    phase::{Begins, Lane, OnFailure, Plan},
    result::StepResult,
    skipped::Skipped,
    step::{Planned, Step},
    steps::make_credential::made,
};

/// What the steps are carried out with.
pub struct Run<'a> {
    pub connections: Vec<&'a Connection>,
    /// What the checks are run for again on a fresh look, where a step says so.
    pub intent: Option<&'a Intent>,
    /// The host as it was when the plan was made.
    pub host: Option<&'a Observed>,
    pub way: Way,
    pub deadline: Instant,
    /// Whether effects are waited for.
    pub wait: bool,
    pub report: &'a dyn Reporter,
    pub undo: &'a Undo,
    pub journal: &'a Journal,
    /// How many lanes there are side by side.
    pub places: &'a Places,
}

/// How the steps are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// For real.
    Execute,
    /// Requests that change something carry `dryRun=All`.
    DryRun,
    /// Nothing is sent that changes something: the ledger has what would be.
    Write,
}

/// One step's turn.
pub(super) struct Turn<'a> {
    pub(super) run: &'a Run<'a>,
    /// What earlier phases have come to.
    pub(super) ledger: &'a Ledger,
    /// The host's Clusters as they change, for all lanes.
    pub(super) roster: &'a Roster,
    /// What this lane has come to.
    pub(super) entry: &'a mut Entry,
}

/// How one kind of step is carried out.
pub(super) trait Execute {
    /// For real.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure>;

    /// Sends what it would change with `dryRun=All`, so that the API server's admission has its say, and waits for nothing.
    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure>;

    /// Reads what its manifests need beside the plan.
    async fn read(&self, _turn: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

impl<'a> Run<'a> {
    /// The checks whose obstacles are warnings.
    pub(super) fn skipped(&self) -> Skipped {
        self.intent.map(|intent| intent.skipped.clone()).unwrap_or_default()
    }

    /// Carries out the plan; what came of it stands in the ledger, however it ends.
    pub async fn carry_out(&self, plan: &Plan) -> Ledger {
        let (mut ledger, roster) = (Ledger::default(), Roster::default());
        for (number, phase) in plan.phases.iter().enumerate() {
            if phase.begins == Begins::WhenFinished && ledger.is_unfinished() {
                break;
            }
            let lanes = phase.lanes.iter().filter(|lane| !ledger.has_failed(&lane.cluster));
            // Boxed, because many requests are more state than a stack should carry around.
            let lane = async |lane| Box::pin(self.lane(number, lane, (&ledger, &roster))).await;
            let entries = self.places.each(lanes, lane).await;
            let failed = entries.iter().any(|entry| entry.failure.is_some());
            ledger.entries.extend(entries);
            if failed && phase.on_failure == OnFailure::StopAll {
                ledger.has_stopped = true;
                break;
            }
        }
        for withdrawn in Box::pin(self.undo.users.let_go()).await {
            self.journal.withdraw(&withdrawn);
            ledger.withdraw(&withdrawn);
        }
        ledger
    }

    async fn lane(&self, phase: usize, lane: &Lane, (ledger, roster): (&Ledger, &Roster)) -> Entry {
        let mut entry = Entry::new(&lane.cluster);
        if Instant::now() >= self.deadline {
            entry.failure = Some(Failure::NotBegun { side: lane.cluster.clone() });
            return entry;
        }
        let _stay = self.connection(&lane.cluster).map(|connection| self.places.stay(connection));
        for step in &lane.steps {
            let mut turn = Turn { run: self, ledger, roster, entry: &mut entry };
            self.tell(lane, || Event::StepBegins(step.name()));
            match turn.take(step).await {
                Ok(()) if self.way == Way::Write => turn.write(step, phase),
                Ok(()) if turn.entry.unfinished => {}
                Ok(()) => self.tell(lane, || Event::StepEnds(step.name())),
                Err(failure) => {
                    self.tell(lane, || Event::Failed(in_full(&failure)));
                    entry.failure = Some(failure);
                }
            }
            if entry.failure.is_some() || entry.unfinished {
                break;
            }
        }
        entry
    }

    /// Tells of the lane's steps, where they are taken for real.
    fn tell(&self, lane: &Lane, event: impl FnOnce() -> Event) {
        if self.way == Way::Execute {
            self.report.tell(&lane.cluster, event());
        }
    }

    fn connection(&self, cluster: &Side) -> Option<&'a Connection> {
        self.connections.iter().find(|connection| connection.side == *cluster).copied()
    }
}

fn in_full(failure: &Failure) -> String {
    iter::once(failure.to_string()).chain(causes(failure)).collect::<Vec<_>>().join(": ")
}

impl<'a> Turn<'a> {
    async fn take(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::RestoreWebhook(step) => self.carry_out(step).await,
            Step::SweepPods(step) => self.carry_out(step).await,
            Step::Probe(step) => self.carry_out(step).await,
            Step::MakeCredential(step) => self.carry_out(step).await,
            Step::Configure(step) => self.carry_out(step).await,
            Step::Register(step) => self.carry_out(step).await,
            Step::DescribeCluster(step) => self.carry_out(step).await,
            Step::Renew(step) => self.carry_out(step).await,
            Step::LookAgain(step) => self.carry_out(step).await,
            Step::RemoveSuperseded(step) => self.carry_out(step).await,
            Step::NarrowWebhook(step) => self.carry_out(step).await,
            Step::DeleteCluster(step) => self.carry_out(step).await,
            Step::ConfirmOwnership(step) => self.carry_out(step).await,
            Step::Remove(step) => self.carry_out(step).await,
            Step::ReleaseClaim(step) => self.carry_out(step).await,
            Step::Uninstall(step) => self.carry_out(step).await,
            Step::Release(step) => self.carry_out(step).await,
            Step::AwaitGone(step) => self.carry_out(step).await,
        }
    }

    /// A dry run comes to what was foreseen, unless the server refuses it.
    async fn carry_out<S: Execute + Planned>(&mut self, step: &S) -> Result<(), Failure> {
        match self.run.way {
            Way::Execute => Box::pin(step.execute(self)).await,
            Way::DryRun => {
                Box::pin(step.dry_run(self)).await?;
                self.entry.results.extend(step.foreseen());
                Ok(())
            }
            Way::Write => Box::pin(step.read(self)).await,
        }
    }

    fn write(&mut self, step: &Step, phase: usize) {
        let manifests = step.manifests(self.stored(&self.entry.cluster));
        let place = (phase, self.entry.cluster.clone());
        self.entry.written.push(Written { step: step.clone(), place, manifests });
    }

    pub(super) fn connection(&self, cluster: &Side) -> Result<&'a Connection, Failure> {
        let missing = || Failure::Missing { side: cluster.clone(), what: "a connection" };
        self.run.connection(cluster).ok_or_else(missing)
    }

    /// What the host will store of this member, made by this lane or an earlier one.
    pub(super) fn kubeconfig(&self, member: &Side) -> Result<StoredKubeconfig, Failure> {
        self.stored(member)
            .cloned()
            .ok_or_else(|| Failure::Missing { side: member.clone(), what: "its kubeconfig" })
    }

    fn stored<'b>(&'b self, member: &'b Side) -> Option<&'b StoredKubeconfig> {
        self.entry.kubeconfig.as_ref().or_else(|| self.ledger.kubeconfig(member))
    }

    pub(super) fn done(&mut self, result: StepResult) {
        self.run.journal.add(&result);
        // A binding that was patched twice is one result.
        if !self.entry.results.contains(&result) {
            self.entry.results.push(result);
        }
    }

    pub(super) fn made(&mut self, member: &Side, new: Made) {
        if new.piece.stays() {
            self.done(made(member, new.piece));
        }
        self.entry.made.push(new);
    }

    pub(super) fn tell(&self, cluster: &Side, event: Event) {
        self.run.report.tell(cluster, event);
    }
}
