//! What happens on the clusters while it happens: live on a terminal, one line for each finished step elsewhere.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use kubesphere::{command::Mc, side::Side};

use super::{events, findings, line::Line, live_line::LiveLine, style::Tone, ui::Ui, words::elapsed};
use crate::live::report::{Activity, Event, Reporter};

/// What took no time is not worth saying how long it took.
const WORTH_SAYING: Duration = Duration::from_secs(1);
/// Where lines do not move, what has changed is told after this.
const TOLD_EVERY: Duration = Duration::from_secs(30);
/// How often it is looked whether that is due.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// Shows what is told of each cluster.
pub struct Progress<'a> {
    ui: &'a Ui,
    steps: Steps,
    /// Tells what has changed where no line moves; ends with this.
    teller: Mutex<Option<Sender<()>>>,
}

type Steps = Arc<Mutex<BTreeMap<Side, Step>>>;

struct Step {
    since: Instant,
    text: String,
    /// Where it stands.
    stands: String,
    line: Option<LiveLine>,
    told: Told,
}

/// What was told last, and when.
struct Told {
    at: Instant,
    stands: String,
}

impl Step {
    fn begun(text: String, line: Option<LiveLine>) -> Self {
        let told = Told { at: Instant::now(), stands: String::new() };
        Self { since: Instant::now(), text, stands: String::new(), line, told }
    }

    /// What is to be told now, if it is time and something has changed.
    fn due(&mut self, now: Instant) -> Option<String> {
        let is_due = now.duration_since(self.told.at) >= TOLD_EVERY && self.told.stands != self.stands;
        is_due.then(|| {
            self.told = Told { at: now, stands: self.stands.clone() };
            format!("still {} ({}, {})", self.text, self.stands, elapsed(now.duration_since(self.since)))
        })
    }
}

impl<'a> Progress<'a> {
    /// Nothing is under way yet.
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui, steps: Steps::default(), teller: Mutex::default() }
    }

    fn begins(&self, side: &Side, activity: &Activity) {
        self.end(side);
        let text = events::activity(activity);
        let line = self.ui.live_line();
        if let Some(line) = &line {
            line.show(format!("{side}: {text}"));
        }
        if line.is_none() && activity.takes_minutes() {
            self.record(side, &format!("{text}{}", follow(side, activity)), "");
            self.tell_changes();
        }
        locked(&self.steps).insert(side.clone(), Step::begun(text, line));
    }

    fn stands(&self, side: &Side, text: &str) {
        let mut steps = locked(&self.steps);
        let Some(step) = steps.get_mut(side) else { return };
        text.clone_into(&mut step.stands);
        if let Some(line) = &step.line {
            line.show(format!("{side}: {} ({})", step.text, step.stands));
        }
    }

    fn done(&self, side: &Side, text: &str) {
        let took = self.end(side).map(|step| step.since.elapsed()).filter(|took| *took >= WORTH_SAYING);
        let took = took.map(|took| format!(" ({})", elapsed(took))).unwrap_or_default();
        self.record(side, text, &took);
    }

    fn record(&self, side: &Side, text: &str, took: &str) {
        record(self.ui, side, text, took);
    }

    /// From now on what has changed is told now and then.
    fn tell_changes(&self) {
        let mut teller = locked(&self.teller);
        if teller.is_some() {
            return;
        }
        let (ending, ended) = mpsc::channel();
        *teller = Some(ending);
        let (ui, steps) = (self.ui.clone(), Arc::clone(&self.steps));
        thread::spawn(move || {
            while ended.recv_timeout(LOOKED_EVERY) == Err(RecvTimeoutError::Timeout) {
                for (side, step) in locked(&steps).iter_mut() {
                    if let Some(text) = step.due(Instant::now()) {
                        record(&ui, side, &text, "");
                    }
                }
            }
        });
    }

    fn end(&self, side: &Side) -> Option<Step> {
        let step = locked(&self.steps).remove(side)?;
        if let Some(line) = &step.line {
            line.end();
        }
        Some(step)
    }
}

/// A line that stays.
fn record(ui: &Ui, side: &Side, text: &str, took: &str) {
    let heading = Line::toned(Tone::Good, format!("{side}:"));
    ui.message(heading.and(format!(" {text}")).and(Line::toned(Tone::Faint, took)));
}

/// How the installer is followed meanwhile.
fn follow(side: &Side, activity: &Activity) -> String {
    match activity {
        Activity::InstallerRun | Activity::Role(_) => {
            format!("; to follow its installer: `{}`", Mc::logs(side))
        }
        _ => String::new(),
    }
}

/// What a thread that has panicked has left is good enough to be shown.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter for Progress<'_> {
    fn tell(&self, side: &Side, event: Event) {
        match event {
            Event::Begins(activity) => self.begins(side, &activity),
            Event::Stands(text) => self.stands(side, &text),
            Event::InstallerStands(text) => self.stands(side, &events::installer_stands(&text)),
            Event::Done(deed) => self.done(side, &events::deed(&deed)),
            Event::Found(found) => findings::show(self.ui, &found),
            Event::Notice(note) => {
                let heading = Line::toned(Tone::Attention, format!("{side}:"));
                self.ui.message(heading.and(format!(" {}", events::note(&note))));
            }
        }
    }
}

impl Drop for Progress<'_> {
    /// An interrupted command leaves no half-drawn line behind.
    fn drop(&mut self) {
        let sides: Vec<Side> = locked(&self.steps).keys().cloned().collect();
        for side in &sides {
            self.end(side);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Step;

    #[test]
    fn what_has_changed_is_told_every_half_minute_and_nothing_twice() {
        let mut step = Step::begun("waiting until the role host is in effect".to_owned(), None);
        let begun = step.since;
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(step.due(after(31)), None, "nothing has changed");
        step.stands = "installer: installing 1/4".to_owned();
        assert_eq!(step.due(after(29)), None, "it is too soon");
        let said = step.due(after(61)).unwrap();
        assert!(
            said.starts_with(
                "still waiting until the role host is in effect (installer: installing 1/4, 1m0"
            )
        );
        assert_eq!(step.due(after(200)), None, "it is told already");
    }
}
