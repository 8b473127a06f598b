//! Where each cluster of a plan stands: events in, rows out.

use std::{
    mem,
    time::{Duration, Instant},
};

use kubesphere::side::Side;

use crate::{
    live::report::{Activity, Event},
    output::events,
    plan::phase::Plan,
};

/// The clusters, in the order of the plan.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) rows: Vec<Row>,
    /// The members without a row, for which nothing is to be done.
    done_before: usize,
    left_out: usize,
    begun: Instant,
}

/// What a command is about, whether its plan has something to do for them or not.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub members: usize,
    /// Those of them that it does without, because checks have stopped them.
    pub left_out: usize,
}

/// One cluster.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) side: Side,
    /// How many steps of the plan it still has before it.
    steps_left: usize,
    /// When its first step has begun.
    begun: Option<Instant>,
    /// The step of the plan that is under way.
    pub(super) step: Option<Step>,
    pub(super) wait: Option<Wait>,
    pub(super) end: Option<End>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) phase: &'static str,
    since: Instant,
}

/// Something that takes its time.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) activity: Activity,
    pub(super) text: String,
    /// Where it stands; empty where nothing was told yet.
    pub(super) stands: String,
    since: Instant,
    told: Instant,
}

/// How a cluster's steps have ended, and after what time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Achieved(Duration),
    Failed { why: String, after: Duration },
}

/// What an event has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Whether it says something that was not known.
    pub(super) is_new: bool,
    /// How long took what has ended with it.
    pub(super) took: Option<Duration>,
}

/// How many members are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) members: usize,
    pub(super) achieved: usize,
    pub(super) failed: usize,
    pub(super) left_out: usize,
    pub(super) took: Duration,
}

impl Sum {
    pub(super) fn left(&self) -> usize {
        self.members - self.achieved - self.failed - self.left_out
    }
}

impl Board {
    /// Of a plan that begins now.
    pub(super) fn of(plan: &Plan, now: Instant) -> Self {
        let mut board = Self { rows: Vec::new(), done_before: 0, left_out: 0, begun: now };
        for lane in plan.phases.iter().flat_map(|phase| &phase.lanes) {
            board.row_for(&lane.cluster).steps_left += lane.steps.len();
        }
        board
    }

    /// Of several members that were asked for, each counts.
    pub(super) fn among(mut self, asked: Asked) -> Self {
        if asked.members > 1 {
            self.left_out = asked.left_out;
            self.done_before = asked.members.saturating_sub(self.members() + asked.left_out);
        }
        self
    }

    pub(super) fn members(&self) -> usize {
        self.rows.iter().filter(|row| row.is_member()).count()
    }

    pub(super) fn sum(&self, now: Instant) -> Sum {
        let members = self.rows.iter().filter(|row| row.is_member());
        let sum = Sum {
            members: self.done_before + self.left_out,
            achieved: self.done_before,
            failed: 0,
            left_out: self.left_out,
            took: now.duration_since(self.begun),
        };
        members.fold(sum, |sum, row| Sum {
            members: sum.members + 1,
            achieved: sum.achieved + usize::from(matches!(row.end, Some(End::Achieved(_)))),
            failed: sum.failed + usize::from(matches!(row.end, Some(End::Failed { .. }))),
            ..sum
        })
    }

    /// Takes what happens.
    pub(super) fn take(&mut self, side: &Side, event: &Event, now: Instant) -> Taken {
        let row = self.row_for(side);
        let (mut is_new, mut took) = (true, None);
        match event {
            Event::StepBegins(step) => {
                row.begun.get_or_insert(now);
                row.step = Some(Step { phase: step.phase, since: now });
            }
            Event::StepEnds(_) => took = row.step_ends(now),
            Event::Failed(why) => {
                took = Some(row.took(now));
                row.fails(why, now);
            }
            Event::Begins(activity) => row.wait = Some(Wait::begun(activity.clone(), now)),
            Event::Stands(text) => is_new = row.stands(text.clone()),
            Event::InstallerStands(text) => is_new = row.stands(events::installer_stands(text)),
            Event::Done(_) => took = row.wait.take().map(|wait| wait.took(now)),
            Event::Notice(_) | Event::Found(_) => {}
        }
        Taken { is_new, took }
    }

    /// The waits of which nothing was told for so long; they count as told then.
    pub(super) fn due(&mut self, every: Duration, now: Instant) -> Vec<(Side, Wait)> {
        let waits = self.rows.iter_mut().filter_map(|row| Some((&row.side, row.wait.as_mut()?)));
        let due = waits.filter(|(_, wait)| now.duration_since(wait.told) >= every);
        due.map(|(side, wait)| {
            wait.told = now;
            (side.clone(), wait.clone())
        })
        .collect()
    }

    pub(super) fn wait(&self, side: &Side) -> Option<&Wait> {
        self.row_of(side)?.wait.as_ref()
    }

    /// How long it took, where all of its steps have been taken.
    pub(super) fn achieved(&self, side: &Side) -> Option<Duration> {
        match self.row_of(side)?.end {
            Some(End::Achieved(took)) => Some(took),
            _ => None,
        }
    }

    fn row_of(&self, side: &Side) -> Option<&Row> {
        self.rows.iter().find(|row| row.side == *side)
    }

    fn row_for(&mut self, side: &Side) -> &mut Row {
        let at = self.rows.iter().position(|row| row.side == *side).unwrap_or_else(|| {
            self.rows.push(Row::of(side.clone()));
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }
}

impl Row {
    fn of(side: Side) -> Self {
        Self { side, steps_left: 0, begun: None, step: None, wait: None, end: None }
    }

    pub(super) fn is_member(&self) -> bool {
        matches!(self.side, Side::Member { .. })
    }

    /// How long takes what it is at.
    pub(super) fn elapsed(&self, now: Instant) -> Option<Duration> {
        let since = self.wait.as_ref().map(|wait| wait.since);
        since.or(self.step.as_ref().map(|step| step.since)).map(|since| now.duration_since(since))
    }

    fn took(&self, now: Instant) -> Duration {
        self.begun.map(|begun| now.duration_since(begun)).unwrap_or_default()
    }

    fn step_ends(&mut self, now: Instant) -> Option<Duration> {
        let took = self.step.take().map(|step| now.duration_since(step.since));
        self.wait = None;
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.steps_left == 0 {
            self.end = Some(End::Achieved(self.took(now)));
        }
        took
    }

    fn fails(&mut self, why: &str, now: Instant) {
        self.step = None;
        self.wait = None;
        self.end = Some(End::Failed { why: why.to_owned(), after: self.took(now) });
    }

    /// Whether it stood otherwise before.
    fn stands(&mut self, text: String) -> bool {
        self.wait.as_mut().is_some_and(|wait| mem::replace(&mut wait.stands, text) != wait.stands)
    }
}

impl Wait {
    fn begun(activity: Activity, now: Instant) -> Self {
        let text = events::activity(&activity);
        Self { activity, text, stands: String::new(), since: now, told: now }
    }

    pub(super) fn took(&self, now: Instant) -> Duration {
        now.duration_since(self.since)
    }

    /// What is waited for, and where that stands.
    pub(super) fn in_full(&self) -> String {
        if self.stands.is_empty() { self.text.clone() } else { format!("{} ({})", self.text, self.stands) }
    }
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
