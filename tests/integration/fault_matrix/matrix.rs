//! The points of one operation, and how each is tried.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fmt,
    sync::Mutex,
    thread,
};

use testbed::{Fault, Mark, Rule, faults::Hits};

use super::{
    disturbance::{Disturbance, MANY, SOME},
    extent::Extent,
    ground::{Ground, Undisturbed},
    request::{Asked, changes, clusters, once},
};
use crate::support::{Begun, KubectlMc, Run, Watched, other_than, plain};

/// A renewal says this of credentials before its own that it may not remove now.
const STAYS: &str = " stay";

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
pub struct Results<'a> {
    pub runs: usize,
    pub failed: Vec<String>,
    shown: BTreeMap<(&'static str, Shown), usize>,
    otherwise: Vec<Trial<'a>>,
}

impl Results<'_> {
    fn and(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.failed.extend(other.failed);
        for (shown, points) in other.shown {
            *self.shown.entry(shown).or_default() += points;
        }
        self
    }

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

/// How a trial ended.
enum Outcome {
    Shown(Shown),
    Failed(String),
    /// It is to be tried with fewer requests.
    NotBorne,
    /// The look comes to something else: the whole command has to be tried.
    LooksOtherwise,
}

impl Matrix<'_> {
    /// Tries requests; the bed goes back where the operation can begin on it again.
    fn attempt(&self, bed: Begun, trial: &Trial<'_>) -> (Outcome, Option<Begun>) {
        if trial.in_look {
            return (self.disturb_look(&bed, trial), Some(bed));
        }
        let marks = bed.marks();
        let outcome = self.disturb_command(&bed, &marks, trial);
        let is_unchanged = changes(&bed, &marks).is_empty();
        (outcome, if is_unchanged { Some(bed) } else { bed.gone_back() })
    }

    fn disturb_look(&self, bed: &Watched, trial: &Trial<'_>) -> Outcome {
        let (run, met) = disturbed(bed, self.ground.look(bed), trial);
        match (run.code, met) {
            (Some(0), true) if plain(&run.stdout) == self.undisturbed.look => Outcome::Shown(Shown::SameLook),
            _ if !trial.is_single() => Outcome::NotBorne,
            (_, false) => Outcome::Shown(Shown::NotMet),
            (Some(0), true) => Outcome::LooksOtherwise,
            (_, true) => sensible(&run, trial, Shown::Unchanged),
        }
    }

    fn disturb_command(&self, bed: &Watched, marks: &[Mark], trial: &Trial<'_>) -> Outcome {
        let (run, met) = disturbed(bed, self.ground.command(bed), trial);
        let shown = match (run.code, met) {
            (Some(0), true) if run.stderr.contains(STAYS) => Shown::Again,
            (Some(0), true) => Shown::WentOn,
            _ if !trial.is_single() => return Outcome::NotBorne,
            _ if run.code != Some(0) && changes(bed, marks).is_empty() => {
                return sensible(&run, trial, Shown::Unchanged);
            }
            (Some(0), false) => Shown::NotMet,
            _ => Shown::Again,
        };
        let sensible = sensible(&run, trial, shown);
        if !matches!(sensible, Outcome::Shown(_)) {
            return sensible;
        }
        let again = (shown == Shown::Again).then(|| self.an_hour_later(bed));
        if let Some(again) = again.filter(|again| again.code != Some(0)) {
            return Outcome::Failed(format!("{run}\n=== and again\n{again}"));
        }
        match self.judge(bed, marks) {
            Ok(()) => sensible,
            Err(_) if !trial.is_single() => Outcome::NotBorne,
            Err(problem) => Outcome::Failed(format!("{problem}\n{run}")),
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
        let differences = other_than(bed, &[&self.undisturbed.end]);
        if differences.is_empty() { Ok(()) } else { Err(differences) }
    }

    fn trials(&self) -> Vec<Trial<'_>> {
        let asked = self.asked();
        let trials = self.disturbances.iter().enumerate().flat_map(|(column, disturbance)| {
            let Disturbance { together, of_watches, .. } = *disturbance;
            let is_tried = |row: usize, asked: &Asked, in_look: bool| {
                let place = if together == MANY { asked.nth } else { row };
                (place + column).is_multiple_of(self.extent.one_of(in_look, together))
                    && (asked.is_watch || !of_watches)
                    && (asked.changes || !disturbance.is_after())
            };
            let tried =
                asked.iter().enumerate().filter(|(row, (asked, in_look))| is_tried(*row, asked, *in_look));
            let (looks, others): (Vec<_>, Vec<_>) =
                tried.map(|(_, tried)| *tried).partition(|(_, in_look)| *in_look);
            [(looks, true), (others, false)].map(|(tried, in_look)| {
                let tried = tried.into_iter().map(|(asked, _)| asked);
                grouped(tried, together, &Trial { asked: Vec::new(), disturbance, in_look })
            })
        });
        trials.flatten().collect()
    }

    /// The requests that meet something, with whether they are those of the look.
    fn asked(&self) -> Vec<(&Asked, bool)> {
        let Undisturbed { looks, others, .. } = &self.undisturbed;
        let all = looks.iter().map(|asked| (asked, true)).chain(others.iter().map(|asked| (asked, false)));
        let mut kinds = HashSet::new();
        let is_all = self.extent != Extent::ControlPlanes;
        all.filter(|(asked, _)| kinds.insert(&asked.kind) || asked.changes || is_all).collect()
    }

    /// Tries all, first each look.
    pub fn run(&self) -> Results<'_> {
        let mut results = self.try_all(self.trials());
        let mut otherwise: BTreeMap<&str, Vec<Trial<'_>>> = BTreeMap::new();
        for trial in results.otherwise.drain(..) {
            otherwise.entry(trial.disturbance.name).or_default().push(trial);
        }
        let commands = otherwise.into_values().flat_map(|trials| {
            let kind = Trial { asked: Vec::new(), in_look: false, ..trials[0].clone() };
            grouped(trials.iter().map(|trial| trial.asked[0]), SOME, &kind)
        });
        let commands = self.try_all(commands.collect());
        results.and(commands)
    }

    /// Those that wait beside the others.
    fn try_all<'a>(&'a self, trials: Vec<Trial<'a>>) -> Results<'a> {
        let results = Mutex::new(Results::default());
        let (waiting, busy) = trials.into_iter().partition::<VecDeque<_>, _>(|trial| trial.disturbance.waits);
        let queues = [busy, waiting].map(Mutex::new);
        thread::scope(|scope| {
            for (queue, at_once) in queues.iter().zip(self.extent.at_once()) {
                (0..at_once).for_each(|_| drop(scope.spawn(|| self.work(queue, &results))));
            }
        });
        results.into_inner().unwrap()
    }

    fn work<'a>(&self, queue: &Mutex<VecDeque<Trial<'a>>>, results: &Mutex<Results<'a>>) {
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
                Outcome::LooksOtherwise => results.otherwise.push(trial),
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

/// Trials of this kind, so many requests in each. Of requests that are alike, one is counted by those before it.
fn grouped<'a>(asked: impl Iterator<Item = &'a Asked>, together: usize, kind: &Trial<'a>) -> Vec<Trial<'a>> {
    let mut alike: BTreeMap<usize, Vec<&Asked>> = BTreeMap::new();
    asked.for_each(|asked| alike.entry(asked.nth).or_default().push(asked));
    let groups = alike.values().flat_map(|asked| asked.chunks(together));
    groups.map(|asked| Trial { asked: asked.to_vec(), ..kind.clone() }).collect()
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
