//! The points of one operation, and how each is tried.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fmt,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use testbed::{Fault, Mark, Rule, faults::Hits};

use super::{
    begun::{Begun, Ground, Undisturbed},
    disturbance::{Disturbance, MANY},
    extent::Extent,
    request::{Asked, changes, clusters, once},
};
use crate::support::{KubectlMc, Run, Watched, plain};

/// Controllers write on for a moment after a command has ended.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// What a command may say of a fault: an error, a check, the time, some of several.
const CODES: [i32; 5] = [0, 1, 3, 4, 6];

/// Requests of one run, and what each of them meets.
#[derive(Clone)]
struct Trial<'a> {
    asked: Vec<&'a Asked>,
    disturbance: &'a Disturbance,
    in_look: bool,
}

impl Trial<'_> {
    fn is_single(&self) -> bool {
        self.asked.len() == 1
    }
}

/// How a point was shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// The look came to the same.
    SameLook,
    /// It has ended, and nothing was changed.
    Unchanged,
    /// The command went on by itself.
    WentOn,
    /// The same command again.
    Again,
    /// There was no such request this time.
    NotMet,
}

impl Shown {
    fn words(self) -> &'static str {
        match self {
            Self::SameLook => "looked alike",
            Self::Unchanged => "changed nothing",
            Self::WentOn => "went on",
            Self::Again => "again",
            Self::NotMet => "not met",
        }
    }
}

pub struct Matrix<'a> {
    pub ground: Ground<'a>,
    pub extent: Extent,
    pub undisturbed: Undisturbed,
    pub disturbances: &'a [Disturbance],
}

/// What failed, and how many points of which disturbance were shown how.
#[derive(Default)]
pub struct Results {
    pub runs: usize,
    pub failed: Vec<String>,
    shown: BTreeMap<(&'static str, Shown), usize>,
}

impl Results {
    /// How many points were tried.
    pub fn points(&self) -> usize {
        self.shown.values().sum::<usize>() + self.failed.len()
    }
}

impl fmt::Display for Results {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.iter().try_for_each(|((disturbance, shown), points)| {
            writeln!(formatter, "  {disturbance}: {points} {}", shown.words())
        })
    }
}

/// How a trial ended.
enum Outcome {
    Shown(Shown),
    Failed(String),
    /// It is to be tried with fewer requests.
    NotBorne,
}

impl Matrix<'_> {
    /// Tries requests; the bed goes back where the operation can begin on it again.
    fn attempt(&self, mut begun: Begun, trial: &Trial<'_>) -> (Outcome, Option<Begun>) {
        match trial.in_look.then(|| self.disturb_look(&mut begun, trial)).flatten() {
            Some(outcome) => (outcome, Some(begun)),
            None => self.disturb_command(begun, trial),
        }
    }

    /// Nothing where the look comes to something else, so that the whole command has to be tried.
    fn disturb_look(&self, begun: &mut Begun, trial: &Trial<'_>) -> Option<Outcome> {
        let look = begun.look(self.ground).to_owned();
        let (run, met) = disturbed(&begun.bed, self.ground.look(&begun.bed), trial);
        match (run.code, met) {
            (Some(0), true) if plain(&run.stdout) == look => Some(Outcome::Shown(Shown::SameLook)),
            _ if !trial.is_single() => Some(Outcome::NotBorne),
            (_, false) => Some(Outcome::Shown(Shown::NotMet)),
            (Some(0), true) => None,
            (_, true) => Some(sensible(&run, trial, Shown::Unchanged)),
        }
    }

    fn disturb_command(&self, begun: Begun, trial: &Trial<'_>) -> (Outcome, Option<Begun>) {
        let bed = &begun.bed;
        let marks = bed.marks();
        let (run, met) = disturbed(bed, self.ground.command(bed), trial);
        let is_unchanged = run.code != Some(0) && changes(bed, &marks).is_empty();
        let shown = match (run.code, met) {
            (Some(0), true) => Shown::WentOn,
            _ if !trial.is_single() => return (Outcome::NotBorne, is_unchanged.then_some(begun)),
            _ if is_unchanged => return (sensible(&run, trial, Shown::Unchanged), Some(begun)),
            (Some(0), false) => Shown::NotMet,
            _ => Shown::Again,
        };
        let sensible = sensible(&run, trial, shown);
        if !matches!(sensible, Outcome::Shown(_)) {
            return (sensible, None);
        }
        let again = (shown == Shown::Again).then(|| self.an_hour_later(bed));
        if let Some(again) = again.filter(|again| again.code != Some(0)) {
            return (Outcome::Failed(format!("{run}\n=== and again\n{again}")), None);
        }
        match self.judge(bed, &marks) {
            Ok(()) => (sensible, self.ground.operation.ends_where_it_began.then(|| begun.again())),
            Err(_) if !trial.is_single() => (Outcome::NotBorne, None),
            Err(problem) => (Outcome::Failed(format!("{problem}\n{run}")), None),
        }
    }

    /// The same command again. Pods of a probing that was killed end by themselves, and are deleted by who comes when they
    /// have: before, they could be another operator's.
    fn an_hour_later(&self, bed: &Watched) -> Run {
        for cluster in clusters(bed) {
            cluster.faults().add(Rule::when(|_, _| true, Fault::Ahead(3600)).by("kubectl-mc/"));
        }
        let run = self.ground.command(bed).run();
        for cluster in clusters(bed) {
            cluster.faults().clear();
        }
        run
    }

    /// Whether the end is the undisturbed one.
    fn judge(&self, bed: &Watched, marks: &[Mark]) -> Result<(), String> {
        let changes = changes(bed, marks);
        if once(&changes) != self.undisturbed.once {
            return Err(format!("something was done twice, or not at all: {changes:?}"));
        }
        let begun = Instant::now();
        loop {
            let now = self.ground.standing(bed);
            if now == self.undisturbed.end {
                return Ok(());
            }
            if begun.elapsed() > SETTLES_WITHIN {
                let more = now.difference(&self.undisturbed.end).map(|line| format!("+ {line}"));
                let less = self.undisturbed.end.difference(&now).map(|line| format!("- {line}"));
                return Err(less.chain(more).collect::<Vec<_>>().join("\n"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn trials(&self) -> Vec<Trial<'_>> {
        let asked = self.asked();
        let trials = self.disturbances.iter().enumerate().flat_map(|(column, disturbance)| {
            let Disturbance { together, of_watches, .. } = *disturbance;
            // Of requests that are alike, one is counted by those before it.
            let mut alike: BTreeMap<(bool, usize), Vec<&Asked>> = BTreeMap::new();
            for (row, (asked, in_look)) in asked.iter().enumerate() {
                let place = if together == MANY { asked.nth } else { row };
                let is_tried = (place + column).is_multiple_of(self.extent.one_of(*in_look, together));
                if is_tried && (asked.is_watch || !of_watches) {
                    alike.entry((*in_look, asked.nth)).or_default().push(asked);
                }
            }
            alike.into_iter().flat_map(move |((in_look, _), asked)| {
                let groups = asked.chunks(together).map(<[_]>::to_vec);
                groups.map(|asked| Trial { asked, disturbance, in_look }).collect::<Vec<_>>()
            })
        });
        trials.collect()
    }

    /// The requests that meet something, with whether they are those of the look.
    fn asked(&self) -> Vec<(&Asked, bool)> {
        let Undisturbed { looks, others, .. } = &self.undisturbed;
        let all = looks.iter().map(|asked| (asked, true)).chain(others.iter().map(|asked| (asked, false)));
        let mut kinds = HashSet::new();
        let is_all = self.extent != Extent::ControlPlanes;
        all.filter(|(asked, _)| kinds.insert(&asked.kind) || asked.changes || is_all).collect()
    }

    /// Tries all, those that wait beside the others.
    pub fn run(&self) -> Results {
        let results = Mutex::new(Results::default());
        let (waiting, busy) =
            self.trials().into_iter().partition::<VecDeque<_>, _>(|trial| trial.disturbance.waits);
        let queues = [busy, waiting].map(Mutex::new);
        thread::scope(|scope| {
            for (queue, at_once) in queues.iter().zip(self.extent.at_once()) {
                (0..at_once).for_each(|_| drop(scope.spawn(|| self.work(queue, &results))));
            }
        });
        results.into_inner().unwrap()
    }

    fn work(&self, queue: &Mutex<VecDeque<Trial<'_>>>, results: &Mutex<Results>) {
        let mut begun = None;
        loop {
            let Some(trial) = queue.lock().unwrap().pop_front() else { return };
            let (outcome, back) = self.attempt(begun.take().unwrap_or_else(|| self.ground.begun()), &trial);
            begun = back;
            let mut results = results.lock().unwrap();
            results.runs += 1;
            match outcome {
                Outcome::Shown(shown) => {
                    *results.shown.entry((trial.disturbance.name, shown)).or_default() += trial.asked.len();
                }
                Outcome::Failed(why) => {
                    results.failed.push(format!("{} {trial}\n{why}", self.ground.operation.name));
                }
                Outcome::NotBorne => {
                    let halves = trial.asked.chunks(trial.asked.len().div_ceil(2));
                    let halves = halves.map(|half| Trial { asked: half.to_vec(), ..trial.clone() });
                    queue.lock().unwrap().extend(halves);
                }
            }
        }
    }
}

impl fmt::Display for Trial<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.disturbance.name, self.asked[0])
    }
}

/// Runs the command, whose requests meet the disturbance; whether all of them did.
fn disturbed(bed: &Watched, command: KubectlMc, trial: &Trial<'_>) -> (Run, bool) {
    let rules = trial
        .asked
        .iter()
        .map(|asked| clusters(bed)[asked.cluster].faults().add(asked.rule(&trial.disturbance.fault)));
    let hits: Vec<Hits> = rules.collect();
    let met = || hits.iter().all(|hits| hits.count() > 0);
    let mut started = command.start();
    let run =
        if trial.disturbance.kills && started.until(met) { started.signal("KILL") } else { started.end() };
    for cluster in clusters(bed) {
        cluster.faults().clear();
    }
    (run, met())
}

/// It was killed, or ended as a command does, and said why.
fn sensible(run: &Run, trial: &Trial<'_>, shown: Shown) -> Outcome {
    let ends = run.code.map_or(trial.disturbance.kills, |code| CODES.contains(&code));
    let says = run.code.is_none_or(|code| code == 0) || run.stderr.contains("error:");
    if ends && says { Outcome::Shown(shown) } else { Outcome::Failed(run.to_string()) }
}
