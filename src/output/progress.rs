//! What happens on the clusters while it happens: drawn on a terminal, told line by line elsewhere.

mod board;
#[cfg(test)]
mod fixture;
mod spinning;
mod table;

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use kubesphere::{command::Mc, side::Side};

use super::{
    document::side_view,
    event::{Members, Told},
    events, findings,
    line::Line,
    screen::{Screen, Size},
    style::Tone,
    ui::{Telling, Ui},
    words::elapsed,
};
use crate::{
    live::report::{Activity, Event, Reporter},
    plan::{operation::Operation, phase::Plan},
};
pub use board::Asked;
use board::{Board, Sum, Taken, Wait};

/// What took no time is not worth saying how long it took.
const WORTH_SAYING: Duration = Duration::from_secs(1);
/// Where nothing is drawn, a wait is told again after this.
const TOLD_EVERY: Duration = Duration::from_secs(30);
/// How often it is looked whether that is due.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// How often a terminal is drawn anew, and asked for its size.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
/// From so many members on they stand in a table.
const SEVERAL: usize = 2;

/// Shows what is told of each cluster.
pub struct Progress {
    shown: Arc<Shown>,
    /// What shows the time that passes; ends with the first of them.
    clock: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

struct Shown {
    ui: Ui,
    board: Mutex<Board>,
    /// In one word, what the members are to become, where there are several.
    several: Option<&'static str>,
    /// Whether a plan is carried out.
    sums_up: bool,
}

impl Progress {
    /// Of what is no plan.
    pub fn new(ui: &Ui) -> Self {
        Self::on(Board::of(&Plan::default(), Instant::now()), ui, None, false)
    }

    /// Of a plan that is carried out from now on.
    pub fn of(plan: &Plan, operation: Operation, asked: Asked, ui: &Ui) -> Self {
        let board = Board::of(plan, Instant::now()).among(asked);
        let several = (board.members() >= SEVERAL).then(|| operation.achieved());
        Self::on(board, ui, several, true)
    }

    fn on(board: Board, ui: &Ui, several: Option<&'static str>, sums_up: bool) -> Self {
        let shown = Shown { ui: ui.clone(), board: Mutex::new(board), several, sums_up };
        Self { shown: Arc::new(shown), clock: Mutex::default() }
    }

    /// From now on it is shown how time passes.
    fn start_clock(&self) {
        let mut clock = locked(&self.clock);
        if clock.is_some() {
            return;
        }
        let (ending, ended) = mpsc::channel();
        let shown = Arc::clone(&self.shown);
        let ticks = thread::spawn(move || {
            let every = if shown.ui.screen().is_some() { DRAWN_EVERY } else { LOOKED_EVERY };
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                shown.tick(Instant::now());
            }
        });
        *clock = Some((ending, ticks));
    }
}

impl Reporter for Progress {
    fn tell(&self, side: &Side, event: Event) {
        if matches!(event, Event::Begins(_) | Event::StepBegins(_)) {
            self.start_clock();
        }
        self.shown.tell(side, event);
    }
}

impl Drop for Progress {
    /// An interrupted command leaves nothing half drawn behind.
    fn drop(&mut self) {
        if let Some((ending, ticks)) = locked(&self.clock).take() {
            drop(ending);
            drop(ticks.join());
        }
        self.shown.end();
    }
}

impl Shown {
    fn tell(&self, side: &Side, event: Event) {
        let Taken { is_new, took } = self.board().take(side, &event, Instant::now());
        match self.ui.telling() {
            Telling::Events if is_new => self.tell_program(side, event, took),
            Telling::Events => {}
            Telling::Lines => self.tell_person(side, event, took),
            Telling::Errors => {
                if let Event::Found(found) = event {
                    findings::show(&self.ui, &found);
                }
            }
        }
    }

    fn tell_person(&self, side: &Side, event: Event, took: Option<Duration>) {
        let is_drawn = self.ui.screen().is_some();
        match event {
            Event::Begins(activity) if !is_drawn && activity.takes_minutes() => {
                let follow = follow(side, &activity);
                self.record(side, &format!("{}{follow}", events::activity(&activity)), None);
            }
            // In a table they are seen as they are done.
            Event::Done(_) if is_drawn && self.several.is_some() && matches!(side, Side::Member { .. }) => {}
            Event::Done(done) => self.record(side, &events::deed(&done), took),
            Event::StepEnds(_) => self.record_end(side),
            Event::Failed(why) if self.several.is_some() => {
                let heading = Line::toned(Tone::Bad, format!("{side}:"));
                self.ui.message(heading.and(format!(" failed: {why}")).and(taken(took)));
            }
            Event::Found(found) => findings::show(&self.ui, &found),
            Event::Notice(notice) => {
                let heading = Line::toned(Tone::Attention, format!("{side}:"));
                self.ui.message(heading.and(format!(" {}", events::note(&notice))));
            }
            Event::StepBegins(_)
            | Event::Begins(_)
            | Event::Stands(_)
            | Event::InstallerStands(_)
            | Event::Failed(_) => {}
        }
    }

    /// A line that stays of a member whose row has reached the end.
    fn record_end(&self, side: &Side) {
        let Some(achieved) = self.several.filter(|_| self.ui.screen().is_some()) else { return };
        let took = self.board().achieved(side);
        if let (Side::Member { .. }, Some(took)) = (side, took) {
            self.record(side, achieved, Some(took));
        }
    }

    /// A line that stays.
    fn record(&self, side: &Side, text: &str, took: Option<Duration>) {
        let heading = Line::toned(Tone::Good, format!("{side}:"));
        self.ui.message(heading.and(format!(" {text}")).and(taken(took)));
    }

    fn tell_program(&self, side: &Side, event: Event, took: Option<Duration>) {
        let cluster = side_view(side);
        let seconds = took.unwrap_or_default().as_secs();
        let told = match event {
            Event::StepBegins(step) => Told::step_started(side, &step),
            Event::StepEnds(step) => Told::step_finished(side, &step, seconds),
            Event::Failed(message) => Told::Failed { cluster, message, seconds },
            Event::Begins(_) | Event::Stands(_) | Event::InstallerStands(_) => {
                let Some(wait) = self.board().wait(side).cloned() else { return };
                waiting(side, wait, Instant::now())
            }
            Event::Done(done) => Told::Done { cluster, message: events::deed(&done) },
            Event::Notice(notice) => Told::Notice { cluster, message: events::note(&notice) },
            Event::Found(found) => return findings::show(&self.ui, &found),
        };
        self.ui.tell(&told);
    }

    /// Time has passed.
    fn tick(&self, now: Instant) {
        if let Some(screen) = self.ui.screen() {
            return self.draw(screen, now);
        }
        let due = self.board().due(TOLD_EVERY, now);
        for (side, wait) in due {
            if self.ui.telling() == Telling::Events {
                self.ui.tell(&waiting(&side, wait, now));
            } else if wait.activity.takes_minutes() {
                self.record(&side, &still(&wait, now), None);
            }
        }
    }

    fn draw(&self, screen: &Screen, now: Instant) {
        let size = Screen::size();
        let board = self.board();
        let lines = match self.several {
            Some(achieved) => table::table(&board, achieved, size, now),
            None => spinning::lines(&board, size, now),
        };
        drop(board);
        screen.draw(self.ui.rendered(&lines), size);
    }

    fn end(&self) {
        if let Some(screen) = self.ui.screen() {
            screen.draw(Vec::new(), Size::default());
        }
        if self.sums_up {
            self.sum_up(self.board().sum(Instant::now()));
        }
    }

    fn sum_up(&self, sum: Sum) {
        let Sum { members, achieved, failed, left_out, took } = sum;
        if self.ui.telling() == Telling::Events {
            let unfinished = sum.left();
            let members = Members { total: members, succeeded: achieved, failed, left_out, unfinished };
            self.ui.tell(&Told::Summary { members, seconds: took.as_secs() });
        } else if let Some(word) = self.several {
            self.ui.message(table::sum(sum, word, "not done", 0));
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        locked(&self.board)
    }
}

/// What a line of something that was waited for ends in.
fn taken(took: Option<Duration>) -> Line {
    let took = took.filter(|took| *took >= WORTH_SAYING);
    Line::toned(Tone::Faint, took.map(|took| format!(" ({})", elapsed(took))).unwrap_or_default())
}

fn still(wait: &Wait, now: Instant) -> String {
    let took = elapsed(wait.took(now));
    let stands = if wait.stands.is_empty() { took } else { format!("{}, {took}", wait.stands) };
    format!("still {} ({stands})", wait.text)
}

fn waiting(side: &Side, mut wait: Wait, now: Instant) -> Told {
    let status = Some(mem::take(&mut wait.stands)).filter(|stands| !stands.is_empty());
    let seconds = wait.took(now).as_secs();
    Told::Waiting { cluster: side_view(side), message: wait.text, status, seconds }
}

/// How the installer is followed meanwhile.
fn follow(side: &Side, activity: &Activity) -> String {
    match activity {
        Activity::InstallerRun | Activity::Role(_) | Activity::Secret => {
            format!("; to follow its installer: `{}`", Mc::logs(side))
        }
        _ => String::new(),
    }
}

/// What a thread that has panicked has left is good enough to be shown.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
