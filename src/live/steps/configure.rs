use std::{pin::pin, time::Duration};

use futures::StreamExt as _;
use kubesphere::side::Side;
use tokio::time::{Instant, timeout_at};

use crate::{
    checks::{self, Finding, MemberSituation, Situation, Subject},
    live::{
        apply::{patch_configuration, restart_installer},
        connection::Connection,
        execute::{Execute, Turn},
        failure::{Failure, LookAt},
        identify::all_identified,
        objects::Persistence,
        observations::{Observations, log, objects},
        observe::observe_again,
        patience::{Patience, in_time, retry_until},
        report::{Activity, Completed, Event, Notice},
        request_error::{Cause, RequestError},
        stuck_pods::{LastLook, StuckPods},
    },
    plan::{
        configuration_patch::{Change, ConfigurationPatch},
        needs::ConfigurationNeed,
        observed::{InstallerRun, Observed, Seen},
        operation::Operation,
        reconciler::{ATTEMPTS, Goal, Next, Observation, Reconciler},
        result::{Effect, StepResult},
        steps::configure::{Configure, configuration, installer},
    },
};

/// What is seen comes by several ways, and a failure's details follow its line: what seems to be over is looked
/// at again after this.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// Some ends are a silence, so the time alone can change what is next.
const JUDGED_EVERY: Duration = Duration::from_secs(1);

/// Of a log that is read from its beginning, so many lines are judged as one.
const TAKEN_AT_ONCE: usize = 512;

impl Execute for Configure {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let connection = turn.connection(&self.cluster)?;
        let mut done = Done::default();
        let result = self.reconcile(turn, connection, &mut done).await;
        if done.patches > 0 {
            turn.done(StepResult::new(&self.cluster, configuration(), Effect::Patched));
        }
        if done.restarted {
            turn.done(StepResult::new(&self.cluster, installer(), Effect::Restarted));
        }
        turn.entry.unfinished |= !done.in_effect;
        let observed = result?;
        turn.entry.left_run = done.leaves_run.then(|| Box::new(observed.clone()));
        if matches!(self.goal, Goal::Host(_)) {
            let clusters = observed.clusters.present().cloned().unwrap_or_default();
            let clusters = Seen::Present(all_identified(connection, clusters).await);
            turn.entry.observed = Some(Observed { clusters, ..observed.without_closer_look() });
        }
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let connection = turn.connection(&self.cluster)?;
        match &self.expected {
            ConfigurationNeed::InEffect | ConfigurationNeed::Await | ConfigurationNeed::AwaitController => {}
            ConfigurationNeed::Patch(patch) => {
                patch_configuration(connection, patch, Persistence::DryRun).await?;
            }
            ConfigurationNeed::Restart => {
                let (seen, now) = (&self.observed.installer, connection.clock.now());
                restart_installer(connection, seen, now, Persistence::DryRun).await?;
            }
        }
        Ok(())
    }
}

impl Configure {
    async fn reconcile(
        &self,
        turn: &Turn<'_>,
        connection: &Connection,
        done: &mut Done,
    ) -> Result<Observed, Failure> {
        let reconciler = Reconciler::new(self.goal_now(turn), (*self.observed).clone());
        let observations = None;
        let stuck = StuckPods::on(connection, LastLook::default());
        let mut reconciling = Reconciling {
            step: self,
            turn,
            connection,
            reconciler,
            observations,
            sent: 0,
            patience: Patience::until(&connection.side, turn.run.deadline),
            done,
            told: None,
            stuck,
        };
        // A person may have thought about the plan, and other steps have waited.
        reconciling.look_again().await?;
        reconciling.run().await?;
        Ok(reconciling.reconciler.observed().clone())
    }

    /// A host that has just come into effect may sign with another secret than was foreseen.
    fn goal_now(&self, turn: &Turn<'_>) -> Goal {
        let secret = turn.ledger.host_in_effect().and_then(Observed::effective_secret);
        match (&self.goal, secret) {
            (Goal::Member(_), Some(secret)) => Goal::Member(secret.clone()),
            (goal, _) => goal.clone(),
        }
    }

    /// The same checks as before the first change, on a fresh look.
    fn check(turn: &Turn<'_>, goal: &Goal, fresh: &Observed) -> Result<(), Vec<Finding>> {
        if let Some(seen) = &turn.entry.seen_again {
            return seen.judge(fresh);
        }
        let Some(intent) = turn.run.intent else { return Ok(()) };
        let unplannable = goal.step(fresh).err();
        let is_host = matches!(goal, Goal::Host(_));
        let host = if is_host { Some(fresh) } else { turn.ledger.host().or(turn.run.host) };
        let member = intent.members.iter().filter(|member| !is_host && member.side == fresh.side);
        let situation = Situation {
            intent,
            host,
            members: member.map(|intent| MemberSituation { intent, observed: Some(fresh) }).collect(),
            silent: &[],
            decision: None,
            unplannable: unplannable.as_ref(),
        };
        let findings = checks::run(Subject::Joining(&situation), &intent.skipped);
        if findings.iter().any(Finding::is_obstacle) { Err(findings) } else { Ok(()) }
    }

    /// What was shown bounds what is done: these changes, if any other kind of change would be needed.
    fn unconfirmed(&self, next: &Next) -> Option<Vec<String>> {
        match (next, &self.expected) {
            (Next::Send(patch), expected) => {
                let shown: &[Change] = match expected {
                    ConfigurationNeed::Patch(shown) => &shown.changes,
                    _ => &[],
                };
                let was_shown = |change: &&Change| shown.iter().any(|shown| shown.field == change.field);
                let others: Vec<_> = patch.changes.iter().filter(|change| !was_shown(change)).collect();
                (!others.is_empty()).then(|| others.into_iter().map(in_words).collect())
            }
            (Next::Restart, ConfigurationNeed::InEffect | ConfigurationNeed::AwaitController) => {
                Some(vec!["a restart of Deployment ks-installer".to_owned()])
            }
            _ => None,
        }
    }
}

/// A fragment: `spec.multicluster.clusterRole: none → member`.
fn in_words(change: &Change) -> String {
    format!("{}: {} → {}", change.field, change.old.as_deref().unwrap_or("<unset>"), change.new)
}

#[derive(Default)]
struct Done {
    /// How many patches were accepted.
    patches: u32,
    restarted: bool,
    /// Whether the configuration is known to be in effect.
    in_effect: bool,
    /// Whether the run for it goes on, or has failed.
    leaves_run: bool,
}

struct Reconciling<'a> {
    step: &'a Configure,
    turn: &'a Turn<'a>,
    connection: &'a Connection,
    reconciler: Reconciler,
    /// Opened when first waited for, and anew with each change of ours: what was seen before it is past.
    observations: Option<Observations<'a>>,
    sent: u32,
    patience: Patience<'a>,
    done: &'a mut Done,
    told: Option<Event>,
    stuck: StuckPods<'a>,
}

impl<'a> Reconciling<'a> {
    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            let next = self.next();
            if let Some(needed) = self.step.unconfirmed(&next) {
                return Err(Failure::Unconfirmed { side: self.side(), needed });
            }
            match next {
                Next::Finished => {
                    self.finish();
                    return Ok(());
                }
                Next::Wait(_) if !self.turn.run.wait => return Ok(()),
                Next::Wait(_) => self.wait().await?,
                Next::Send(patch) => self.send(&patch).await?,
                Next::Restart => self.restart().await?,
                Next::GiveUp(_) => self.give_up().await?,
            }
        }
    }

    /// What is read at once may be of before the end of a run and of after it.
    async fn give_up(&mut self) -> Result<(), Failure> {
        self.look_again().await?;
        match self.next() {
            Next::GiveUp(failure) => Err(Failure::RunFailed { side: self.side(), failure }),
            _ => Ok(()),
        }
    }

    fn next(&self) -> Next {
        self.reconciler.next(self.connection.clock.now())
    }

    fn finish(&mut self) {
        self.done.in_effect = true;
        if self.done.patches > 0 || self.done.restarted || self.told.is_some() {
            self.tell(Event::Done(if self.brings_secret_alone() {
                Completed::SecretInEffect
            } else {
                Completed::RoleInEffect(self.reconciler.role())
            }));
            let run = self.reconciler.run(self.connection.clock.now());
            self.done.leaves_run =
                matches!(run, InstallerRun::UnderWay(_) | InstallerRun::Idle { last_failure: Some(_) });
        }
    }

    /// Waits until there is something else to do than to wait.
    async fn wait(&mut self) -> Result<(), Failure> {
        self.begin_waiting();
        while let Next::Wait(missing) = self.next() {
            self.stands(&missing);
            for pod in self.stuck.look().await {
                self.tell(Event::Notice(Notice::PodStuck(pod)));
            }
            self.see(missing).await?;
        }
        if self.next() == Next::Finished {
            return Ok(());
        }
        self.settle().await;
        if self.next().is_wait() {
            return Ok(());
        }
        self.look_again().await?;
        self.settle_what_was_lost()
    }

    fn begin_waiting(&mut self) {
        if self.told.is_none() {
            let activity = match self.reconciler.observed().run {
                InstallerRun::UnderWay(_) if self.sent == 0 => Activity::InstallerRun,
                _ if self.brings_secret_alone() => Activity::Secret,
                _ => Activity::Role(self.reconciler.role()),
            };
            self.tell_anew(Event::Begins(activity));
        }
    }

    /// A rotation leaves the roles as they are, unless somebody has changed a member's.
    fn brings_secret_alone(&self) -> bool {
        let intent = self.turn.run.intent;
        let rotates = intent.is_some_and(|intent| intent.operation == Operation::Rotate);
        rotates && self.step.observed.role() == self.reconciler.role()
    }

    fn stands(&mut self, missing: &str) {
        let stands =
            self.installer().map_or_else(|| Event::Stands(missing.to_owned()), Event::InstallerStands);
        self.tell_anew(stands);
    }

    /// What the installer does, or said last, as long as it is what is waited for.
    fn installer(&self) -> Option<String> {
        let said = self.reconciler.installer(self.connection.clock.now());
        said.filter(|_| !self.reconciler.awaits_controller())
    }

    /// Takes what is to be seen next.
    async fn see(&mut self, missing: String) -> Result<(), Failure> {
        let deadline = self.turn.run.deadline;
        if Instant::now() >= deadline {
            return Err(self.timed_out(missing));
        }
        let wake = deadline.min(Instant::now() + JUDGED_EVERY);
        self.take(wake).await;
        Ok(())
    }

    async fn settle(&mut self) {
        let wake = self.turn.run.deadline.min(Instant::now() + SETTLES_WITHIN);
        while self.take(wake).await {}
    }

    /// Whether there was something to see before `wake`.
    async fn take(&mut self, wake: Instant) -> bool {
        let mut observations = match self.observations.take() {
            Some(observations) => observations,
            None => self.with_log(self.objects()),
        };
        let seen = timeout_at(wake, (&mut observations).ready_chunks(TAKEN_AT_ONCE).next()).await;
        self.observations = Some(observations);
        match seen {
            Ok(Some(seen)) => {
                for observation in seen {
                    self.reconciler.take(observation);
                }
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    fn objects(&self) -> Observations<'a> {
        objects(self.connection, &self.reconciler.role(), self.reconciler.observed())
    }

    fn with_log(&self, mut observations: Observations<'a>) -> Observations<'a> {
        // A restart replaces its pod.
        let container = self.reconciler.observed().container.clone().filter(|_| !self.done.restarted);
        observations.push(log(self.connection, self.reconciler.log_since(), container));
        observations
    }

    /// Sends the patch, and asks along with it what comes of it. Where a race was lost, or the answer, the next look tells
    /// what came of it.
    async fn send(&mut self, patch: &ConfigurationPatch) -> Result<(), Failure> {
        self.count_attempt()?;
        let connection = self.connection;
        let sent = self.reconciler.sending(connection.clock.now());
        let mut objects = if self.turn.run.wait { self.objects() } else { Observations::new() };
        let answer = patch_configuration(connection, patch, Persistence::Stored);
        let answer = Box::pin(in_time(&connection.side, self.turn.run.deadline, answer));
        let (answer, seen) = along_with(answer, &mut objects).await;
        match answer? {
            Ok(configuration) => {
                self.reconciler.patched(configuration, sent);
                self.patched();
                for observation in seen {
                    self.reconciler.take(observation);
                }
                self.observations = self.turn.run.wait.then(|| self.with_log(objects));
                Ok(())
            }
            Err(error) if lost_race(&error) => {
                self.look_again().await?;
                // The server refuses the content itself: planning again would send the same for ever.
                let is_content = matches!(error.cause, Cause::Invalid { .. });
                if is_content && self.next() == Next::Send(patch.clone()) {
                    return Err(error.into());
                }
                self.tell(Event::Notice(Notice::PatchOvertaken));
                Ok(())
            }
            Err(error) if error.cause.may_pass() => {
                self.tell(Event::Notice(Notice::PatchUnanswered(error.cause.to_string())));
                self.patience.bear(error).await?;
                self.look_again().await?;
                match (self.next(), self.reconciler.observed().configuration.present().cloned()) {
                    // It says nothing of others.
                    (Next::Send(_), _) => self.sent -= 1,
                    (_, Some(configuration)) => {
                        self.reconciler.patched(configuration, sent);
                        self.patched();
                    }
                    (_, None) => {}
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn patched(&mut self) {
        self.observations = None;
        self.turn.run.journal.add(&StepResult::new(&self.step.cluster, configuration(), Effect::Patched));
        self.done.patches += 1;
        self.told = None;
        self.tell(Event::Done(Completed::Patched));
    }

    async fn restart(&mut self) -> Result<(), Failure> {
        self.count_attempt()?;
        let connection = self.connection;
        let seen = self.reconciler.observed().installer.clone();
        // One time for all tries, by which a restart is known as ours where only its answer was lost.
        let now = connection.clock.now();
        let sent = self.reconciler.sending(now);
        let ask = async || {
            let answer = restart_installer(connection, &seen, now, Persistence::Stored).await;
            if_no_conflict(answer.map(|at| at.unwrap_or(now)))
        };
        let mut restarted = retry_until(&connection.side, self.turn.run.deadline, ask).await?;
        if restarted.is_none() {
            self.look_again().await?;
            let observed = self.reconciler.observed();
            let restart = observed.installer.present().and_then(|installer| installer.restart.as_deref());
            restarted = (restart == Some(now.to_string().as_str())).then_some(now);
        }
        let Some(at) = restarted else {
            self.tell(Event::Notice(Notice::RestartOvertaken));
            return Ok(());
        };
        self.reconciler.restarted(at, sent);
        self.observations = None;
        self.turn.run.journal.add(&StepResult::new(&self.step.cluster, installer(), Effect::Restarted));
        self.done.restarted = true;
        self.told = None;
        self.tell(Event::Done(Completed::Restarted));
        Ok(())
    }

    fn count_attempt(&mut self) -> Result<(), Failure> {
        self.sent += 1;
        if self.sent > ATTEMPTS {
            return Err(Failure::NotSettled { side: self.side(), attempts: ATTEMPTS });
        }
        Ok(())
    }

    /// Where the plan, made again after our patch, has another one: what the installer lost is sent again, what
    /// somebody took back is not, because they meant it.
    fn settle_what_was_lost(&self) -> Result<(), Failure> {
        if self.done.patches == 0 || !matches!(self.next(), Next::Send(_)) {
            return Ok(());
        }
        if !self.reconciler.was_recreated() {
            return Err(Failure::TakenBack { side: self.side() });
        }
        self.tell(Event::Notice(Notice::PatchLost));
        Ok(())
    }

    /// By the same checks as before the first change. While the installer re-creates the
    /// ClusterConfiguration there is nothing to check.
    async fn look_again(&mut self) -> Result<(), Failure> {
        let connection = self.connection;
        let reconciler = &self.reconciler;
        let ask = async || Box::pin(observe_again(connection, reconciler)).await;
        let observed = retry_until(&connection.side, self.turn.run.deadline, ask).await?;
        if observed.configuration.present().is_some() {
            // The credential that a join has left there shows whose member it is; this look does not ask for it.
            let known = Observed { account: self.step.observed.account.clone(), ..observed.clone() };
            Configure::check(self.turn, self.reconciler.goal(), &known).map_err(Failure::Refused)?;
        }
        self.reconciler.look(observed);
        Ok(())
    }

    fn timed_out(&self, missing: String) -> Failure {
        let installer = self.installer().map(|said| format!("the installer's last word: {said}")).into_iter();
        Failure::TimedOut {
            side: self.side(),
            waiting: "waiting until the configuration is in effect",
            look_at: if self.reconciler.awaits_controller() {
                LookAt::Controller(self.side())
            } else {
                LookAt::Installer(self.side())
            },
            missing,
            known: installer.chain(self.stuck.last().iter().map(ToString::to_string)).collect(),
        }
    }

    fn side(&self) -> Side {
        self.connection.side.clone()
    }

    /// Once, until something else is told in this way.
    fn tell_anew(&mut self, event: Event) {
        if self.told.as_ref() != Some(&event) {
            self.told = Some(event.clone());
            self.tell(event);
        }
    }

    fn tell(&self, event: Event) {
        self.turn.tell(&self.connection.side, event);
    }
}

/// The answer, and what is seen until it is there.
async fn along_with<T>(
    answer: impl Future<Output = T>,
    observations: &mut Observations<'_>,
) -> (T, Vec<Observation>) {
    let mut answer = pin!(answer);
    let mut seen = Vec::new();
    loop {
        tokio::select! {
            answer = &mut answer => return (answer, seen),
            Some(observation) = observations.next() => seen.push(observation),
        }
    }
}

/// Nothing where the object was changed since it was seen.
fn if_no_conflict<T>(answer: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match answer {
        Err(RequestError { cause: Cause::Conflict, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

/// A failed `test` answers 422, as does a schema; a stale resourceVersion answers 409.
fn lost_race(error: &RequestError) -> bool {
    matches!(error.cause, Cause::Conflict | Cause::Invalid { .. })
}
