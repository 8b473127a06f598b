//! The points of one operation, and how each is tried.

use std::{
    array,
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use testbed::{Fault, Mark, Rule, faults::Hits, kubesphere::Clusters};

use super::{
    disturbance::{Disturbance, MANY},
    extent::Extent,
    ground::{Ground, Undisturbed},
    request::{Asked, changes, clusters, once},
};
use crate::support::{Begun, KubectlMc, Run, Standing, Watched, other_than, standing, standing::plain};

/// A renewal says this of credentials before its own that it may not remove now.
const STAYS: &str = " stay";

/// What a command may say of a fault: an error, a check, the time, some of several.
const CODES: [i32; 5] = [0, 1, 3, 4, 6];

/// Requests of one run, and what each of them meets.
#[derive(Clone)]
pub struct Trial<'a> {
    pub asked: Vec<&'a Asked>,
    pub disturbance: &'a Disturbance,
    pub in_look: bool,
}

impl Trial<'_> {
    /// Those that meet it. A command is killed once.
    fn meets(&self) -> &[&Asked] {
        if self.disturbance.kills { &self.asked[self.asked.len() - 1..] } else { &self.asked }
    }

    fn is_single(&self) -> bool {
        self.meets().len() == 1
    }
}

/// Requests that may be tried in one run.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    in_look: bool,
    /// So many of them.
    together: usize,
    /// Of requests that are alike, one is counted by those before it. What a killed command leaves depends on what it has
    /// changed.
    part: usize,
}

/// How a point was shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// The look came to the same.
    SameLook,
    /// It has ended, and nothing was changed.
    Unchanged,
    /// The command went on by itself.
    WentOn,
    /// The same command again.
    Again,
    /// The same command again did it from the same state.
    AgainBefore,
    /// There was no such request this time.
    NotMet,
}

impl Shown {
    pub fn words(self) -> &'static str {
        match self {
            Self::SameLook => "looked alike",
            Self::Unchanged => "changed nothing",
            Self::WentOn => "went on",
            Self::Again => "again",
            Self::AgainBefore => "again from the same state",
            Self::NotMet => "not met",
        }
    }
}

pub struct Matrix<'a> {
    pub ground: Ground<'a>,
    pub extent: Extent,
    undisturbed: Undisturbed,
    asked: Vec<(Asked, bool)>,
    disturbances: &'a [Disturbance],
    /// From what stood there the same command came to the undisturbed end, and what it did once.
    mended: Mutex<HashMap<Standing, [usize; 3]>>,
}

/// How a trial ended.
pub enum Outcome {
    Shown(Shown),
    Failed(String),
    /// It is to be tried with fewer requests.
    NotBorne,
    /// The look comes to something else: the whole command has to be tried.
    LooksOtherwise,
}

impl<'a> Matrix<'a> {
    pub fn new(ground: Ground<'a>, extent: Extent, disturbances: &'a [Disturbance]) -> Self {
        let undisturbed = Undisturbed::of(ground);
        let asked = asked(&undisturbed, extent);
        Self { ground, extent, undisturbed, asked, disturbances, mended: Mutex::default() }
    }

    pub fn requests(&self) -> usize {
        self.undisturbed.looks.len() + self.undisturbed.others.len()
    }

    /// On how many it is tried at once.
    pub fn beds(&self) -> usize {
        self.extent.beds(self.requests())
    }

    /// Tries requests; the bed goes back where the operation can begin on it again.
    pub fn attempt(&self, bed: Begun, trial: &Trial<'_>) -> (Outcome, Option<Begun>) {
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
        let shown = match shown {
            Shown::Again => self.go_on(bed, marks),
            _ => self.judge(bed, marks).map(|()| shown),
        };
        match shown {
            Ok(shown) => sensible(&run, trial, shown),
            Err(_) if !trial.is_single() => Outcome::NotBorne,
            Err(problem) => Outcome::Failed(format!("{problem}\n{run}")),
        }
    }

    /// The same command again, where it was not seen to come to the end from what stands there now.
    fn go_on(&self, bed: &Watched, marks: &[Mark]) -> Result<Shown, String> {
        let (stood, done) = (standing(bed), once(&changes(bed, marks)));
        let is_seen_whole = self.ground.clusters == Clusters::InMemory;
        let mended = self.mended.lock().unwrap().get(&stood).copied().filter(|_| is_seen_whole);
        if mended.is_some_and(|more| self.undisturbed.once == both(done, more)) {
            return Ok(Shown::AgainBefore);
        }
        let later = bed.marks();
        let again = self.again(bed);
        if again.code != Some(0) {
            return Err(format!("=== again\n{again}"));
        }
        self.judge(bed, marks)?;
        self.mended.lock().unwrap().insert(stood, once(&changes(bed, &later)));
        Ok(Shown::Again)
    }

    /// The same command again. Pods of a probing that was killed end by themselves, and are deleted by who comes when they
    /// have: before, they could be another operator's. So an hour passes where some are left, until a Cluster is created: a
    /// helm that begins then would look broken off.
    fn again(&self, bed: &Watched) -> Run {
        let pods = bed.host().plane().stored();
        let is_left = pods.is_none_or(|stored| stored.iter().any(|(key, _)| is_probe(key)));
        let is_created = Arc::new(AtomicBool::new(false));
        for cluster in clusters(bed).into_iter().filter(|_| is_left) {
            let is_created = Arc::clone(&is_created);
            let is_before = move |method: &http::Method, uri: &http::Uri| {
                let creates = method == http::Method::POST && uri.path().ends_with("/clusters");
                !is_created.fetch_or(creates, Ordering::Relaxed) && !creates
            };
            cluster.faults().add(Rule::when(is_before, Fault::Ahead(3600)).by("kubectl-mc/"));
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

    /// What can be tried at once: all but what waits for how the refusal of the same request is shown.
    pub fn trials(&self) -> Vec<Trial<'_>> {
        let (waiting, at_once): (Vec<_>, Vec<_>) =
            self.columns().partition(|(_, disturbance)| disturbance.together_of_borne.is_some());
        let is_refused =
            |row| self.columns().any(|column| column.1.is_refusal() && self.is_tried(row, column));
        let without_refusal = (0..self.asked.len()).filter(|row| !is_refused(*row));
        let single = without_refusal.flat_map(|row| {
            let of_row = waiting.iter().filter(move |column| self.is_tried(row, **column));
            of_row.map(move |(_, disturbance)| self.trial(row, disturbance))
        });
        at_once.iter().flat_map(|column| self.grouped(*column)).chain(single).collect()
    }

    /// What waited for how the refusal of this request is shown, and of how many like it may be tried in one run.
    pub fn trials_after(&self, refused: &Asked, shown: Option<Shown>) -> Vec<(usize, Trial<'_>)> {
        let row = self.asked.iter().position(|(asked, _)| asked == refused).unwrap();
        let waiting = self.columns().filter(|column| self.is_tried(row, *column));
        let trials = waiting.filter_map(|(_, disturbance)| {
            let (together, trial) = (disturbance.together_of_borne?, self.trial(row, disturbance));
            Some(match shown {
                // Where the look comes to something else, it does so here, too.
                Some(Shown::WentOn) => (together, Trial { in_look: false, ..trial }),
                _ => (1, trial),
            })
        });
        trials.collect()
    }

    fn columns(&self) -> impl Iterator<Item = (usize, &'a Disturbance)> {
        self.disturbances.iter().enumerate()
    }

    fn is_tried(&self, row: usize, (column, disturbance): (usize, &Disturbance)) -> bool {
        let Disturbance { together, of_watches, .. } = *disturbance;
        let asked = &self.asked[row].0;
        let place = if together == MANY { asked.nth } else { row };
        (place + column).is_multiple_of(self.extent.one_of(together))
            && (asked.is_watch || !of_watches)
            && (asked.changes || !disturbance.is_after())
    }

    fn trial(&self, row: usize, disturbance: &'a Disturbance) -> Trial<'_> {
        let (asked, in_look) = &self.asked[row];
        Trial { asked: vec![asked], disturbance, in_look: *in_look }
    }

    fn grouped(&self, column: (usize, &'a Disturbance)) -> Vec<Trial<'_>> {
        let disturbance = column.1;
        let mut groups: BTreeMap<Group, Vec<&Asked>> = BTreeMap::new();
        for row in (0..self.asked.len()).filter(|row| self.is_tried(*row, column)) {
            let (asked, in_look) = &self.asked[row];
            let alone = Group { in_look: *in_look, together: 1, part: row };
            let group = match asked {
                _ if !disturbance.kills => Group { together: disturbance.together, part: asked.nth, ..alone },
                Asked { changes: false, is_watch: false, .. } => {
                    Group { together: disturbance.together, part: asked.after, ..alone }
                }
                _ => alone,
            };
            groups.entry(group).or_default().push(asked);
        }
        let trials = groups.into_iter().flat_map(|(Group { in_look, together, .. }, tried)| {
            let trial = |asked: &[_]| Trial { asked: asked.to_vec(), disturbance, in_look };
            tried.chunks(together).map(trial).collect::<Vec<_>>()
        });
        trials.collect()
    }
}

/// The requests that meet something, with whether they are those of the look.
fn asked(undisturbed: &Undisturbed, extent: Extent) -> Vec<(Asked, bool)> {
    let Undisturbed { looks, others, .. } = undisturbed;
    let all = looks.iter().map(|asked| (asked, true)).chain(others.iter().map(|asked| (asked, false)));
    let mut kinds = HashSet::new();
    let is_all = extent != Extent::ControlPlanes;
    let met = all.filter(|(asked, _)| kinds.insert(&asked.kind) || asked.changes || is_all);
    met.map(|(asked, in_look)| (asked.clone(), in_look)).collect()
}

impl fmt::Display for Trial<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.disturbance.name, self.asked[0])
    }
}

fn is_probe(key: &str) -> bool {
    key.starts_with("pods kubesphere-system/kubectl-mc-reach-")
}

fn both(done: [usize; 3], more: [usize; 3]) -> [usize; 3] {
    array::from_fn(|index| done[index] + more[index])
}

/// Runs the command, whose requests meet the disturbance; whether all of them did.
fn disturbed(bed: &Watched, command: KubectlMc, trial: &Trial<'_>) -> (Run, bool) {
    let rule = |asked: &&Asked| asked.rule(&trial.disturbance.fault);
    let rules = trial.meets().iter().map(|asked| clusters(bed)[asked.cluster].faults().add(rule(asked)));
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
