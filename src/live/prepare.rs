//! Bringing one configuration into effect: look, do what the plan says next, and look again.

use std::time::Duration;

use futures::{StreamExt as _, stream::BoxStream};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    apply::{Persistence, patch_configuration, restart_installer},
    connection::Connection,
    failure::{Failure, LookAt},
    installer_run, observe,
    patience::{in_time, may_pass, patiently},
    report::{Activity, Deed, Event, Note, Report},
    request_error::{Cause, RequestError},
    sightings::sightings,
};
use crate::{
    checks::Finding,
    kubesphere::side::Side,
    plan::{
        configuration_patch::ConfigurationPatch,
        course::{ATTEMPTS, Course, Goal, Next, Sighting},
        observed::{InstallerRun, Observed},
    },
};

/// What is seen comes by several ways, and a failure's details follow its line: what seems to be over is looked
/// at again after this.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// Some ends are a silence, so the time alone can change what is next.
const JUDGED_EVERY: Duration = Duration::from_secs(1);

/// Of a log that is read from its beginning, so many lines are judged as one.
const TAKEN_AT_ONCE: usize = 512;

/// What shall be brought into effect, and how far to go.
pub struct Preparation<'a> {
    /// The cluster.
    pub connection: &'a Connection,
    /// What shall be in effect.
    pub goal: Goal<'a>,
    /// When to give up.
    pub deadline: Instant,
    /// Whether to wait for the effect.
    pub wait: bool,
    /// Who shows what happens.
    pub report: &'a dyn Report,
    /// Runs the checks again, on a fresh look.
    pub check: &'a dyn Fn(&Observed) -> Result<(), Vec<Finding>>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// How many patches were accepted.
    pub patches: u32,
    /// Whether the installer was restarted.
    pub restarted: bool,
    /// Whether the configuration is known to be in effect.
    pub in_effect: bool,
}

/// How much has happened since the cluster was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing but the question to the user.
    Fresh,
    /// Another cluster was waited for.
    Stale,
}

/// Brings the configuration into effect. `observed` is what the plan was made of; `done` tells what was done,
/// however it ends.
pub async fn prepare(
    preparation: &Preparation<'_>,
    observed: &Observed,
    freshness: Freshness,
    done: &mut Prepared,
) -> Result<(), Failure> {
    let course = Course::new(preparation.goal, observed.clone());
    let mut preparing = Preparing { preparation, course, sightings: None, sent: 0, done, told: None };
    if freshness == Freshness::Stale {
        preparing.look_again().await?;
    }
    preparing.run().await
}

struct Preparing<'a> {
    preparation: &'a Preparation<'a>,
    course: Course<'a>,
    /// Opened when first waited for, and anew after each change of ours: what was seen before it is past.
    sightings: Option<BoxStream<'static, Vec<Sighting>>>,
    sent: u32,
    done: &'a mut Prepared,
    told: Option<Event>,
}

impl Preparing<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            match self.next() {
                Next::Finished => {
                    self.finish();
                    return Ok(());
                }
                Next::Wait(_) if !self.preparation.wait => return Ok(()),
                Next::Wait(_) => self.wait().await?,
                Next::Send(patch) => self.send(&patch).await?,
                Next::Restart => self.restart().await?,
                Next::GiveUp(failure) => return Err(Failure::RunFailed { side: self.side(), failure }),
            }
        }
    }

    fn next(&self) -> Next {
        self.course.next(self.preparation.connection.clock.now())
    }

    fn finish(&mut self) {
        self.done.in_effect = true;
        if self.done.patches > 0 || self.done.restarted || self.told.is_some() {
            self.tell(Event::Done(Deed::RoleInEffect(self.preparation.goal.role())));
        }
    }

    /// Waits until there is something else to do than to wait.
    async fn wait(&mut self) -> Result<(), Failure> {
        self.begin_waiting();
        while let Next::Wait(missing) = self.next() {
            self.stands(&missing);
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
            let activity = match self.course.observed().run {
                InstallerRun::UnderWay(_) if self.sent == 0 => Activity::InstallerRun,
                _ => Activity::Role(self.preparation.goal.role()),
            };
            self.tell_anew(Event::Begins(activity));
        }
    }

    fn stands(&mut self, missing: &str) {
        let stands =
            self.course.installer().map_or_else(|| Event::Stands(missing.to_owned()), Event::InstallerStands);
        self.tell_anew(stands);
    }

    /// Takes what is to be seen next.
    async fn see(&mut self, missing: String) -> Result<(), Failure> {
        let deadline = self.preparation.deadline;
        if Instant::now() >= deadline {
            return Err(self.timed_out(missing));
        }
        let wake = deadline.min(Instant::now() + JUDGED_EVERY);
        self.take(wake).await;
        Ok(())
    }

    async fn settle(&mut self) {
        let wake = self.preparation.deadline.min(Instant::now() + SETTLES_WITHIN);
        while self.take(wake).await {}
    }

    /// Whether there was something to see before `wake`.
    async fn take(&mut self, wake: Instant) -> bool {
        let Preparation { connection, goal, .. } = self.preparation;
        let log_since = self.course.log_since();
        let sightings = self.sightings.get_or_insert_with(|| {
            sightings(connection, &goal.role(), log_since).ready_chunks(TAKEN_AT_ONCE).boxed()
        });
        match timeout_at(wake, sightings.next()).await {
            Ok(Some(seen)) => {
                for sighting in seen {
                    self.course.take(sighting);
                }
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Sends the patch. Where a race was lost, or the answer, the next look tells what came of it.
    async fn send(&mut self, patch: &ConfigurationPatch) -> Result<(), Failure> {
        self.count_attempt()?;
        let connection = self.preparation.connection;
        let answer = patch_configuration(connection, patch, Persistence::Stored);
        match in_time(&connection.side, self.preparation.deadline, answer).await? {
            Ok(configuration) => {
                self.course.patched(configuration, connection.clock.now());
                self.patched();
                Ok(())
            }
            Err(error) if lost_race(&error) => {
                self.look_again().await?;
                // The server refuses the content itself: planning again would send the same for ever.
                if self.next() == Next::Send(patch.clone()) {
                    return Err(error.into());
                }
                self.tell(Event::Note(Note::PatchOvertaken));
                Ok(())
            }
            Err(error) if may_pass(&error.cause) => {
                self.tell(Event::Note(Note::PatchUnanswered(error.cause.to_string())));
                sleep(SETTLES_WITHIN).await;
                self.look_again().await?;
                if let (false, Some(configuration)) =
                    (matches!(self.next(), Next::Send(_)), self.course.observed().configuration.present())
                {
                    self.course.patched(configuration.clone(), connection.clock.now());
                    self.patched();
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn patched(&mut self) {
        self.sightings = None;
        self.done.patches += 1;
        self.told = None;
        self.tell(Event::Done(Deed::Patched));
    }

    async fn restart(&mut self) -> Result<(), Failure> {
        self.count_attempt()?;
        let connection = self.preparation.connection;
        // One time for all tries, so that a second one changes nothing where only the answer was lost.
        let now = connection.clock.now();
        let ask = async || restart_installer(connection, now, Persistence::Stored).await;
        let at = patiently(&connection.side, self.preparation.deadline, ask).await?;
        self.course.restarted(at.unwrap_or(now));
        self.sightings = None;
        self.done.restarted = true;
        self.told = None;
        self.tell(Event::Done(Deed::Restarted));
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
        if !self.course.was_recreated() {
            return Err(Failure::TakenBack { side: self.side() });
        }
        self.tell(Event::Note(Note::PatchLost));
        Ok(())
    }

    /// By the same requests and the same checks as before the first change. While the installer re-creates the
    /// ClusterConfiguration there is nothing to check.
    async fn look_again(&mut self) -> Result<(), Failure> {
        let connection = self.preparation.connection;
        let ask = async || {
            let mut observed = observe::observe(connection).await?;
            observed.run = installer_run::observe(connection, &observed).await;
            Ok(observed)
        };
        let observed = patiently(&connection.side, self.preparation.deadline, ask).await?;
        if observed.configuration.present().is_some() {
            (self.preparation.check)(&observed).map_err(Failure::Refused)?;
        }
        self.course.look(observed);
        Ok(())
    }

    fn timed_out(&self, missing: String) -> Failure {
        Failure::TimedOut {
            side: self.side(),
            waiting: "waiting until the configuration is in effect",
            look_at: if self.course.awaits_controller() {
                LookAt::Controller(self.side())
            } else {
                LookAt::Installer(self.side())
            },
            missing,
            installer: self.course.installer(),
        }
    }

    fn side(&self) -> Side {
        self.preparation.connection.side.clone()
    }

    /// Once, until something else is told in this way.
    fn tell_anew(&mut self, event: Event) {
        if self.told.as_ref() != Some(&event) {
            self.told = Some(event.clone());
            self.tell(event);
        }
    }

    fn tell(&self, event: Event) {
        self.preparation.report.tell(&self.preparation.connection.side, event);
    }
}

/// A failed `test` answers 422, as does a schema; a stale resourceVersion answers 409.
fn lost_race(error: &RequestError) -> bool {
    matches!(error.cause, Cause::Conflict | Cause::Invalid { .. })
}
