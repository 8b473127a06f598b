//! The trials of one operation, shared out among beds.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    fmt, mem,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::matrix::{Matrix, Outcome, Shown, Trial};
use crate::support::Begun;

/// What one bed does not bear is shared out.
const MORE_MAY_COME: Duration = Duration::from_millis(20);

/// What failed, and how many points of which disturbance were shown how.
#[derive(Default)]
pub struct Results<'m> {
    pub runs: usize,
    pub failed: Vec<String>,
    shown: BTreeMap<(&'static str, Shown), usize>,
    /// How many refusals are not shown yet.
    refusals: usize,
    /// Of requests whose refusal was borne, what is tried of several in one run.
    gathered: BTreeMap<(&'static str, bool), Trial<'m>>,
}

impl Results<'_> {
    /// How many points were tried.
    pub fn points(&self) -> usize {
        self.shown.values().sum::<usize>() + self.failed.len()
    }
}

impl fmt::Display for Results<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.iter().try_for_each(|((disturbance, shown), points)| {
            writeln!(formatter, "  {disturbance}: {points} {}", shown.words())
        })
    }
}

pub struct Work<'m> {
    matrix: &'m Matrix<'m>,
    /// What keeps the processor busy, and what waits for the most part.
    queues: [Mutex<VecDeque<Trial<'m>>>; 2],
    unfinished: AtomicUsize,
    /// On which the operation can begin.
    beds: Mutex<Vec<Begun>>,
    results: Mutex<Results<'m>>,
}

impl<'m> Work<'m> {
    pub fn of(matrix: &'m Matrix<'m>) -> Results<'m> {
        let work = Self {
            matrix,
            queues: Default::default(),
            unfinished: AtomicUsize::new(0),
            beds: Mutex::default(),
            results: Mutex::default(),
        };
        work.run();
        work.results.into_inner().unwrap()
    }

    /// Half of the workers take those that wait first, the others those that keep the processor busy. Those of which more may
    /// come begin.
    fn run(&self) {
        let mut trials = self.matrix.trials();
        trials.sort_by_key(|trial| (!trial.disturbance.is_refusal(), Reverse(trial.asked.len())));
        let refusals = trials.iter().filter(|trial| trial.disturbance.is_refusal());
        self.results.lock().unwrap().refusals = refusals.count();
        self.later(trials);
        thread::scope(|scope| {
            for number in 0..self.matrix.beds() {
                let [busy, waiting] = &self.queues;
                let queues = if number % 2 == 0 { [busy, waiting] } else { [waiting, busy] };
                scope.spawn(move || self.take_from(queues));
            }
        });
    }

    fn take_from(&self, queues: [&Mutex<VecDeque<Trial<'m>>>; 2]) {
        while self.unfinished.load(Ordering::Acquire) > 0 {
            let Some(trial) = queues.iter().find_map(|queue| queue.lock().unwrap().pop_front()) else {
                thread::sleep(MORE_MAY_COME);
                continue;
            };
            let _finished = Finished(&self.unfinished);
            let bed = self.beds.lock().unwrap().pop();
            let bed = bed.unwrap_or_else(|| self.matrix.ground.begun());
            let (outcome, back) = self.matrix.attempt(bed, &trial);
            self.beds.lock().unwrap().extend(back);
            self.note(trial, outcome);
        }
    }

    fn note(&self, trial: Trial<'m>, outcome: Outcome) {
        let mut results = self.results.lock().unwrap();
        results.runs += 1;
        match outcome {
            Outcome::Shown(shown) => {
                *results.shown.entry((trial.disturbance.name, shown)).or_default() += trial.asked.len();
                self.go_on(&mut results, &trial, Some(shown));
            }
            Outcome::Failed(why) => {
                results.failed.push(format!("{} {trial}\n{why}", self.matrix.ground.operation.name));
                self.go_on(&mut results, &trial, None);
            }
            Outcome::LooksOtherwise => self.next([Trial { in_look: false, ..trial }]),
            Outcome::NotBorne => {
                let halves = trial.asked.chunks(trial.asked.len().div_ceil(2));
                self.next(halves.map(|half| Trial { asked: half.to_vec(), ..trial.clone() }));
            }
        }
    }

    /// Brings what waited for the refusal that was tried: what is tried of several as soon as there are so many, or no more
    /// can come.
    fn go_on(&self, results: &mut Results<'m>, tried: &Trial<'m>, shown: Option<Shown>) {
        if !tried.disturbance.is_refusal() {
            return;
        }
        results.refusals -= 1;
        let mut ready = Vec::new();
        for (together, trial) in self.matrix.trials_after(tried.asked[0], shown) {
            if together == 1 {
                ready.push(trial);
                continue;
            }
            let key = (trial.disturbance.name, trial.in_look);
            let none = || Trial { asked: Vec::new(), ..trial.clone() };
            let gathered = results.gathered.entry(key).or_insert_with(none);
            gathered.asked.extend(trial.asked);
            if gathered.asked.len() == together {
                ready.extend(results.gathered.remove(&key));
            }
        }
        if results.refusals == 0 {
            ready.extend(mem::take(&mut results.gathered).into_values());
        }
        self.later(ready);
    }

    fn later(&self, trials: Vec<Trial<'m>>) {
        self.unfinished.fetch_add(trials.len(), Ordering::Release);
        for trial in trials {
            self.queues[usize::from(trial.disturbance.waits)].lock().unwrap().push_back(trial);
        }
    }

    fn next(&self, trials: impl IntoIterator<Item = Trial<'m>>) {
        for trial in trials {
            self.unfinished.fetch_add(1, Ordering::Release);
            self.queues[0].lock().unwrap().push_front(trial);
        }
    }
}

/// A trial that is taken from a queue, whatever becomes of it.
struct Finished<'a>(&'a AtomicUsize);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
