//! From what was asked for to its result: look, decide, show, confirm, carry out, and look again. Every command that changes
//! clusters goes this way.

use tokio::time::Instant;

use super::{
    agreement::agreed,
    continuation::{continuation, say_how_to_continue},
    failures::{sum_up, with_left_out},
    interrupt::{before_ending, interrupted},
    last_look::LastLook,
    manifests::store,
    task::{Looked as _, Task},
    time_limit::{confirm_in_time, in_time},
    undoing::undo_before_ending,
};
use crate::{
    checks::Finding,
    cli::{ChangeOptions, DryRun},
    error::Error,
    live::{
        environment::command_line,
        execute::{Run, Way},
        failure::Failure,
        ledger::{Journal, Ledger},
        undo::Undo,
    },
    output::{
        document::Document,
        ending::{self, Object as _},
        findings,
        manifests::{self, Manifests},
        plan,
        progress::{Asked, Progress},
        results,
        ui::Ui,
    },
    plan::{observed::Observed, result::StepResult, step::Step},
};

/// Does what was asked for; whatever happens, `-o` prints its one object.
pub(super) async fn run<T: Task>(
    document: Document,
    change: &ChangeOptions,
    ui: &Ui,
    connect: impl Future<Output = Result<T, Error>>,
) -> Result<(), Error> {
    let mut deadline = Instant::now() + change.timeout;
    run_until(document, change, &mut deadline, ui, connect).await
}

/// As [`run`]. The time in which a person thinks is added to what there is.
pub(super) async fn run_until<T: Task>(
    mut document: Document,
    change: &ChangeOptions,
    deadline: &mut Instant,
    ui: &Ui,
    connect: impl Future<Output = Result<T, Error>>,
) -> Result<(), Error> {
    let (undo, journal) = (Undo::default(), Journal::default());
    let begun = Instant::now();
    let pipeline = Pipeline { change, ui, begun, deadline, is_begun: false, undo: &undo, journal: &journal };
    let result = tokio::select! {
        // First, because it knows what an interruption at its prompt means.
        biased;
        // Boxed, because it is more state than a stack should carry around.
        result = Box::pin(pipeline.run(connect, &mut document)) => result,
        error = interrupted() => Err(error),
    };
    for withdrawn in before_ending(undo.users.let_go()).await.into_iter().flatten() {
        journal.withdraw(&withdrawn);
    }
    undo_before_ending(&undo, ui).await;
    let changes = journal.take();
    let told = told(change, ui, &changes, &mut document);
    T::broken_off(&changes, ui);
    // That nobody reads what was changed hides no failure.
    let result = result.and(told);
    ending::conclude(ui, change.object(), &mut document, result)
}

/// What was changed before an interruption.
fn told(
    change: &ChangeOptions,
    ui: &Ui,
    changes: &[StepResult],
    document: &mut Document,
) -> Result<(), Error> {
    document.done(changes);
    results::show(ui, change, changes, None)
}

struct Pipeline<'a> {
    change: &'a ChangeOptions,
    ui: &'a Ui,
    begun: Instant,
    deadline: &'a mut Instant,
    /// Whether an earlier plan was agreed to, and carried out as far as it held.
    is_begun: bool,
    undo: &'a Undo,
    journal: &'a Journal,
}

/// How a plan was carried out.
enum Carried {
    Ended(Result<(), Error>),
    /// A cluster has changed so that something else would have to be done than was shown.
    Changed(Error),
}

impl Pipeline<'_> {
    async fn run<T: Task>(
        mut self,
        connect: impl Future<Output = Result<T, Error>>,
        document: &mut Document,
    ) -> Result<(), Error> {
        let connected = in_time(*self.deadline, connect).await.and_then(|connected| connected);
        let task = connected.inspect_err(|error| {
            findings::show(self.ui, &error.findings);
            document.found(&error.findings);
        })?;
        loop {
            match Box::pin(self.once(&task, document)).await {
                // Whoever can be asked is shown what it takes now.
                Carried::Changed(error) if !self.change.yes && self.ui.unasked_because().is_none() => {
                    self.ui.error(&error);
                    self.is_begun = true;
                }
                Carried::Changed(error) => return Err(error),
                Carried::Ended(result) => return result,
            }
        }
    }

    async fn once<T: Task>(&mut self, task: &T, document: &mut Document) -> Carried {
        let look = match in_time(*self.deadline, Box::pin(task.look())).await {
            Ok(look) => look,
            Err(error) => return Carried::Ended(Err(error)),
        };
        document.observed(&look.observed());
        document.found(look.findings());
        let carried = match self.ready(task, &look, document).await {
            Ok(Some(view)) => Box::pin(self.carry_out(task, &look, view, document)).await,
            Ok(None) => Carried::Ended(Ok(())),
            Err(error) => Carried::Ended(Err(error)),
        };
        match carried {
            Carried::Ended(result) => Carried::Ended(with_left_out(task, &look, result)),
            Carried::Changed(error) => Carried::Changed(error),
        }
    }

    /// The plan that was shown and confirmed; nothing where it ends without one.
    async fn ready<'l, T: Task>(
        &mut self,
        task: &T,
        look: &'l T::Look,
        document: &mut Document,
    ) -> Result<Option<plan::View<'l>>, Error> {
        confirm_in_time(look.silent()).inspect_err(|_| findings::show(self.ui, look.findings()))?;
        if let Some(error) = look.not_found() {
            return Err(error);
        }
        let Some(view) = look.ready() else {
            findings::show(self.ui, look.findings());
            return Err(task.refused(Error {
                findings: look.findings().to_vec(),
                ..Error::nothing_changed(look.findings())
            }));
        };
        document.planned(&view);
        if view.plan.is_empty() {
            findings::show(self.ui, look.findings());
            plan::show_kept(self.ui, &view);
            self.conclude(&look.unchanged(), document)?;
            task.manifests_to().inspect(|directory| manifests::show_none(self.ui, directory));
            task.concluded(look, document, self.ui)?;
            return Ok(None);
        }
        plan::show(self.ui, &view, look.findings());
        if self.change.dry_run == DryRun::Client {
            let foreseen: Vec<StepResult> = view.plan.steps().flat_map(Step::foreseen).collect();
            self.conclude(&foreseen, document)?;
            return Ok(None);
        }
        let is_asked = self.change.dry_run == DryRun::None && task.manifests_to().is_none();
        if is_asked && !view.plan.only_waits() {
            let asked = Instant::now();
            let agreed = agreed(task, look, (self.change, self.is_begun), self.ui).await;
            // The time in which a person thinks is theirs, whatever the answer is.
            let thought = asked.elapsed();
            self.begun += thought;
            *self.deadline += thought;
            agreed?;
        }
        Ok(Some(view))
    }

    async fn carry_out<T: Task>(
        &self,
        task: &T,
        look: &T::Look,
        view: plan::View<'_>,
        document: &mut Document,
    ) -> Carried {
        let way = self.way(task);
        let progress = match way {
            Way::Execute => {
                let asked = Asked { members: task.members(), left_out: task.left_out(look).len() };
                Progress::of(view.plan, task.operation(), asked, self.ui)
            }
            Way::DryRun | Way::Write => Progress::new(self.ui),
        };
        let run = Run {
            connections: task.connections(),
            intent: task.intent(),
            host: look.host(),
            way,
            deadline: *self.deadline,
            wait: self.change.wait,
            report: &progress,
            undo: self.undo,
            journal: self.journal,
            places: task.places(),
        };
        let ledger = run.carry_out(view.plan).await;
        drop(progress);
        // The ledger has them, in the order of the plan.
        self.journal.take();
        let results = ledger.results();
        let concluded = self.conclude(&results, document);
        for entry in &ledger.entries {
            document.found_later(&entry.findings);
            if let Some(why) = &entry.without_version {
                results::warn_of_unknown_version(self.ui, &entry.cluster, why);
            }
        }
        let (unfinished, written) = (ledger.is_unfinished(), ledger.written());
        let left_runs: Vec<Observed> =
            ledger.entries.iter().filter_map(|entry| entry.left_run.as_deref().cloned()).collect();
        let changed =
            ledger.entries.iter().any(|entry| matches!(entry.failure, Some(Failure::Unconfirmed { .. })));
        if let Err(error) = self.end(task, ledger, document) {
            if way == Way::Execute {
                T::broken_off(&results, self.ui);
            }
            return if changed { Carried::Changed(error) } else { Carried::Ended(Err(error)) };
        }
        if let Some(directory) = task.manifests_to() {
            let (operation, command) = (task.operation(), continuation(&command_line()));
            let observed = look.observed();
            let manifests = Manifests { operation, observed, written, directory, command };
            return Carried::Ended(self.hand_over(&manifests, document));
        }
        if way == Way::DryRun {
            return Carried::Ended(concluded);
        }
        if unfinished {
            say_how_to_continue(self.ui);
            return Carried::Ended(concluded);
        }
        let last = LastLook { task, deadline: *self.deadline, ui: self.ui };
        let (verified, left) = tokio::join!(last.verify(look, document), last.left_runs(left_runs));
        findings::show(self.ui, &left);
        document.found_later(&left);
        task.done(look, document, self.ui);
        Carried::Ended(verified.and(concluded))
    }

    fn way<T: Task>(&self, task: &T) -> Way {
        match self.change.dry_run {
            _ if task.manifests_to().is_some() => Way::Write,
            DryRun::Server => Way::DryRun,
            DryRun::None | DryRun::Client => Way::Execute,
        }
    }

    fn hand_over(&self, manifests: &Manifests<'_>, document: &mut Document) -> Result<(), Error> {
        store(manifests.directory, &manifests.files()?)?;
        document.written(manifests);
        if self.change.object().is_some() { Ok(()) } else { manifests::show(self.ui, manifests) }
    }

    /// Prints the results, or leaves them to the object.
    fn conclude(&self, results: &[StepResult], document: &mut Document) -> Result<(), Error> {
        document.done(results);
        results::show(self.ui, self.change, results, Some(self.begun.elapsed()))
    }

    fn end<T: Task>(&self, task: &T, ledger: Ledger, document: &mut Document) -> Result<(), Error> {
        sum_up(task, ledger).map_err(|(single, sum)| {
            document.ending().failed_of_several(&single);
            for error in &single {
                self.tell_late(error, document);
                self.ui.error(error);
            }
            self.tell_late(&sum, document);
            sum
        })
    }

    /// The obstacles that showed only when changes were made.
    fn tell_late(&self, error: &Error, document: &mut Document) {
        let obstacles = error.findings.iter().filter(|finding| finding.is_obstacle());
        let obstacles: Vec<Finding> = obstacles.cloned().collect();
        findings::show(self.ui, &obstacles);
        document.found_later(&obstacles);
    }
}
