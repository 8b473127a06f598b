//! Every request of a join, a renewal and an unjoin meets every fault; then the same command again reaches the end that an
//! undisturbed one reaches.
//!
//! What need not be run is what would be run twice:
//! - A command keeps nothing but what it writes on the clusters. Where a disturbed one has changed nothing, the same command
//!   again is the undisturbed one.
//! - A command looks, plans, and carries out its plan. Where a look was disturbed and came to the same observations, findings
//!   and plan (the object of `-o json`, whole), what follows is the undisturbed command. So the requests of the look are
//!   disturbed in `--dry-run=client`, and where the object differs, in the whole command.
//!
//! Only a part is tried by `cargo test`, in which each request meets some of the faults and each fault some of the requests;
//! with `FAULT_MATRIX=complete` in the environment each request meets each fault.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    env, fmt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use http::StatusCode;
use serde_json::json;
use testbed::{
    AuditEvent, Fault, Mark, Rule,
    bed::Cluster,
    kubesphere::{Installation, Peculiarity, Scenario, Version},
};

use crate::support::{KubectlMc, Run, Watched, plain, standing};

const GENERATIONS: [Version; 1] = [Version::V3_4];

const OPERATIONS: [Operation; 3] = [
    Operation { name: "join", before: "", words: JOIN, ends_where_it_began: false },
    Operation { name: "renew", before: JOIN, words: RENEW, ends_where_it_began: true },
    Operation { name: "unjoin", before: JOIN, words: UNJOIN, ends_where_it_began: false },
];
const JOIN: &str = "join member1 --context host --yes --skip-check member-server-loopback";
const RENEW: &str =
    "renew member1 --member-context member1 --context host --yes --skip-check member-server-loopback";
const UNJOIN: &str = "unjoin member1 --member-context member1 --context host --yes";

/// A request that takes longer is given up, and one is delayed for longer.
const LIMIT: &str = "--request-timeout 6s";
const LATER: Duration = Duration::from_secs(7);

/// Most of a point is waiting.
const AT_ONCE: usize = 10;
/// One of so many points is tried, where not all are: of those in a look, which are quick, and of the others.
const ONE_OF: [usize; 2] = [23, 41];
/// Controllers write on for a moment after a command has ended.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// What a command may say of a fault: an error, a check, the time, some of several.
const CODES: [i32; 5] = [0, 1, 3, 4, 6];

struct Operation {
    name: &'static str,
    before: &'static str,
    words: &'static str,
    ends_where_it_began: bool,
}

struct Disturbance {
    name: &'static str,
    fault: Fault,
    /// Whether the command is killed when the request has met it.
    kills: bool,
    of_watches: bool,
}

fn disturbances() -> Vec<Disturbance> {
    let applied = |fault| Fault::Applied(Box::new(fault));
    let too_many = Fault::Status { code: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(1) };
    let all = [
        ("cut before", Fault::Drop),
        ("cut after", applied(Fault::Drop)),
        ("401", Fault::status(401)),
        ("403", Fault::status(403)),
        ("409", Fault::status(409)),
        ("429", too_many),
        ("500", Fault::status(500)),
        ("500 of a webhook", Fault::WebhookUnknown),
        ("502", Fault::status(502)),
        ("503", Fault::status(503)),
        ("504", Fault::status(504)),
        ("applied, then 503", applied(Fault::status(503))),
        ("applied, then 504", applied(Fault::status(504))),
        ("truncated", Fault::CutAfterBytes(20)),
        ("delayed", Fault::Delay(LATER)),
        ("applied, never answered", applied(Fault::Hang)),
    ];
    let all = all.map(|(name, fault)| Disturbance { name, fault, kills: false, of_watches: false });
    let kills = [("killed before", Fault::Hang), ("killed after", applied(Fault::Hang))];
    let kills = kills.map(|(name, fault)| Disturbance { name, fault, kills: true, of_watches: false });
    let watches = [
        ("broken", Fault::CutAfter(Duration::from_millis(50))),
        ("closed", Fault::Closed),
        ("410", Fault::Gone),
        ("an ERROR event", Fault::ErrorEvent),
    ];
    let watches = watches.map(|(name, fault)| Disturbance { name, fault, kills: false, of_watches: true });
    all.into_iter().chain(kills).chain(watches).collect()
}

/// One request of a command: the so manyth of those that are alike.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    cluster: usize,
    method: &'static str,
    uri: String,
    nth: usize,
    is_watch: bool,
}

impl Asked {
    fn all(bed: &Watched, marks: &[Mark]) -> Vec<Self> {
        let mut seen: HashMap<(usize, &str, String), usize> = HashMap::new();
        let of_cluster = |(cluster, events): (usize, Vec<AuditEvent>)| {
            events.into_iter().map(move |event| (cluster, event))
        };
        let events = ours(bed, marks).into_iter().enumerate().flat_map(of_cluster);
        let asked = events.map(|(cluster, event)| {
            let (method, uri) = (method(&event.verb), plain(&event.request_uri));
            let count = seen.entry((cluster, method, uri.clone())).or_default();
            let nth = *count;
            *count += 1;
            Self { cluster, method, uri, nth, is_watch: event.is_followed() }
        });
        asked.collect()
    }

    fn rule(&self, fault: &Fault) -> Rule {
        let (asked, met) = (self.clone(), AtomicUsize::new(0));
        let is_it = move |method: &http::Method, uri: &http::Uri| {
            let uri = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            method == asked.method
                && plain(&uri) == asked.uri
                && met.fetch_add(1, Ordering::Relaxed) == asked.nth
        };
        Rule::when(is_it, fault.clone()).by("kubectl-mc/").times(1)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, method, uri, nth, .. } = self;
        let side = if *cluster == 0 { "host" } else { "member" };
        write!(formatter, "{side} {method} {uri} ({})", nth + 1)
    }
}

fn method(verb: &str) -> &'static str {
    match verb {
        "create" | "post" => "POST",
        "patch" => "PATCH",
        "update" | "put" => "PUT",
        "delete" | "deletecollection" => "DELETE",
        _ => "GET",
    }
}

fn clusters(bed: &Watched) -> [&Cluster; 2] {
    [bed.host(), bed.member(1)]
}

/// Our requests since the marks, of each cluster.
fn ours(bed: &Watched, marks: &[Mark]) -> Vec<Vec<AuditEvent>> {
    let clusters = clusters(bed).into_iter().zip(marks);
    clusters.map(|(cluster, mark)| cluster.audit().since_by(*mark, "kubectl-mc/")).collect()
}

/// What we have changed since the marks.
fn changes(bed: &Watched, marks: &[Mark]) -> Vec<String> {
    let events = ours(bed, marks).into_iter().flatten();
    let accepted = events.filter(|event| event.changes() && event.code < 300);
    accepted.map(|event| format!("{} {}", event.verb, event.resource)).collect()
}

/// How often something was done that restarts what runs, or registers a member.
fn once(changes: &[String]) -> [usize; 3] {
    let times = |change: &str| changes.iter().filter(|done| *done == change).count();
    [times("patch clusterconfigurations"), times("patch deployments"), times("create clusters")]
}

/// A bed on which an operation can begin.
struct Begun {
    bed: Watched,
    /// What its look comes to.
    look: String,
}

impl Begun {
    fn of(version: Version, operation: &Operation) -> Self {
        let foreign = Peculiarity::Metadata(json!({"annotations": {"example.com/owner": "somebody else"}}));
        let installation = Installation::new(version).with(foreign);
        let bed = Watched::lease(
            &Scenario::new(version).host(installation.clone()).member(installation).at_once().in_memory(),
        );
        if !operation.before.is_empty() {
            let _ = bed.kubectl_mc().words(operation.before).run().code(0);
        }
        let look = look(&bed, operation).run().code(0).stdout;
        Self { bed, look: plain(&look) }
    }
}

fn command(bed: &Watched, operation: &Operation) -> KubectlMc {
    bed.kubectl_mc().words(operation.words).words(LIMIT)
}

fn look(bed: &Watched, operation: &Operation) -> KubectlMc {
    command(bed, operation).words("--dry-run=client -o json")
}

/// What an undisturbed command sends, and comes to.
struct Undisturbed {
    looks: Vec<Asked>,
    others: Vec<Asked>,
    once: [usize; 3],
    end: BTreeSet<String>,
}

impl Undisturbed {
    fn of(version: Version, operation: &Operation) -> Self {
        let Begun { bed, .. } = Begun::of(version, operation);
        let marks = bed.marks();
        let _ = look(&bed, operation).run().code(0);
        let looks = Asked::all(&bed, &marks);
        let marks = bed.marks();
        let _ = command(&bed, operation).run().code(0);
        let others = Asked::all(&bed, &marks).into_iter().filter(|asked| !looks.contains(asked)).collect();
        let once = once(&changes(&bed, &marks));
        let settled = || (standing(&bed), thread::sleep(Duration::from_millis(500))).0;
        let (mut end, mut again) = (settled(), settled());
        while end != again {
            (end, again) = (again, settled());
        }
        Self { looks, others, once, end }
    }
}

/// A request, and what it meets.
struct Point<'a> {
    asked: &'a Asked,
    disturbance: &'a Disturbance,
    in_look: bool,
}

/// How a point was shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Shown {
    /// The look came to the same.
    SameLook,
    /// Nothing was changed.
    Unchanged,
    /// The command went on by itself.
    WentOn,
    /// The same command again.
    Again,
    /// There was no such request this time.
    NotMet,
}

/// What may stand at the end besides.
struct Tolerated {
    /// Pods of a probing that was killed end by themselves, and a later command deletes them: at once, they could be another
    /// operator's.
    pods: bool,
    /// A plan from a look that could not list everything in kubefed's namespace says that the namespace stays.
    namespace: bool,
}

/// In the plan.
const NOT_KNOWN_TO_BE_EMPTY: &str = "Namespace kube-federation-system, because it is not known to be empty";

impl Tolerated {
    fn has(&self, line: &str) -> bool {
        let in_namespace = line.starts_with("member1 ") && line.contains("kube-federation-system");
        (self.pods && line.contains("/kubectl-mc-reach-")) || (self.namespace && in_namespace)
    }
}

struct Matrix<'a> {
    version: Version,
    operation: &'a Operation,
    undisturbed: &'a Undisturbed,
}

impl Matrix<'_> {
    /// Tries one point; the bed goes back where the operation can begin on it again.
    fn try_point(&self, begun: Begun, point: &Point<'_>) -> (Result<Shown, String>, Option<Begun>) {
        let Begun { bed, look } = &begun;
        if point.in_look {
            let (run, met) = disturbed(bed, &look_words(self.operation), point);
            match (run.code, met) {
                (_, false) => return (Ok(Shown::NotMet), Some(begun)),
                (Some(0), _) if plain(&run.stdout) == *look => return (Ok(Shown::SameLook), Some(begun)),
                (Some(0), _) => {}
                _ => return (sensible(&run, point).map(|()| Shown::Unchanged), Some(begun)),
            }
        }
        let marks = bed.marks();
        let (run, met) = disturbed(bed, self.operation.words, point);
        if let Err(problem) = sensible(&run, point) {
            return (Err(problem), None);
        }
        if run.code != Some(0) && changes(bed, &marks).is_empty() {
            return (Ok(Shown::Unchanged), Some(begun));
        }
        let shown = match (run.code, met) {
            (Some(0), true) => Shown::WentOn,
            (Some(0), false) => Shown::NotMet,
            _ => {
                let again = command(bed, self.operation).run();
                if again.code != Some(0) {
                    return (Err(format!("{run}\n=== and again\n{again}")), None);
                }
                Shown::Again
            }
        };
        let namespace = run.stderr.contains(NOT_KNOWN_TO_BE_EMPTY);
        let tolerated = Tolerated { pods: point.disturbance.kills, namespace };
        let end = self.judge(bed, &marks, &tolerated).map_err(|problem| format!("{problem}\n{run}"));
        let goes_back = end.is_ok() && self.operation.ends_where_it_began;
        let shown = end.map(|()| shown);
        (shown, goes_back.then(|| Begun::again(begun, self.operation)))
    }

    /// Whether the end is the undisturbed one.
    fn judge(&self, bed: &Watched, marks: &[Mark], tolerated: &Tolerated) -> Result<(), String> {
        let changes = changes(bed, marks);
        if once(&changes) != self.undisturbed.once {
            return Err(format!("something was done twice, or not at all: {changes:?}"));
        }
        let begun = Instant::now();
        loop {
            let mut now = standing(bed);
            now.retain(|line| !tolerated.has(line));
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

    fn points<'d>(&'d self, disturbances: &'d [Disturbance], complete: bool) -> VecDeque<Point<'d>> {
        let Undisturbed { looks, others, .. } = self.undisturbed;
        let asked = looks.iter().map(|asked| (asked, true)).chain(others.iter().map(|asked| (asked, false)));
        let points = asked.enumerate().flat_map(|(row, (asked, in_look))| {
            let fitting = disturbances.iter().filter(|disturbance| !disturbance.of_watches || asked.is_watch);
            fitting.enumerate().filter_map(move |(column, disturbance)| {
                let one_of = ONE_OF[usize::from(!in_look)];
                let is_tried = complete || (row + column).is_multiple_of(one_of);
                is_tried.then_some(Point { asked, disturbance, in_look })
            })
        });
        points.collect()
    }

    /// Tries all points; what failed, and how often each was shown how.
    fn run(&self, points: VecDeque<Point<'_>>) -> (Vec<String>, HashMap<Shown, usize>) {
        let (points, results) = (Mutex::new(points), Mutex::new((Vec::new(), HashMap::new())));
        let work = || {
            let mut begun = None;
            loop {
                let Some(point) = points.lock().unwrap().pop_front() else { return };
                let bed = begun.take().unwrap_or_else(|| Begun::of(self.version, self.operation));
                let (shown, back) = self.try_point(bed, &point);
                begun = back;
                let mut results = results.lock().unwrap();
                match shown {
                    Ok(shown) => *results.1.entry(shown).or_default() += 1,
                    Err(why) => {
                        let Point { asked, disturbance, .. } = point;
                        results
                            .0
                            .push(format!("{} {asked}: {}\n{why}", self.operation.name, disturbance.name));
                    }
                }
            }
        };
        thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
        results.into_inner().unwrap()
    }
}

impl Begun {
    fn again(begun: Self, operation: &Operation) -> Self {
        let look = plain(&look(&begun.bed, operation).run().code(0).stdout);
        Self { look, ..begun }
    }
}

fn look_words(operation: &Operation) -> String {
    format!("{} --dry-run=client -o json", operation.words)
}

/// Runs the command, whose request meets the disturbance; whether it did.
fn disturbed(bed: &Watched, words: &str, point: &Point<'_>) -> (Run, bool) {
    let faults = clusters(bed)[point.asked.cluster].plane().faults();
    let hits = faults.add(point.asked.rule(&point.disturbance.fault));
    let mut started = bed.kubectl_mc().words(words).words(LIMIT).start();
    let run = if point.disturbance.kills && started.until(|| hits.count() > 0) {
        started.signal("KILL")
    } else {
        started.end()
    };
    faults.clear();
    (run, hits.count() > 0)
}

/// It was killed, or ended as a command does, and said why.
fn sensible(run: &Run, point: &Point<'_>) -> Result<(), String> {
    let ends = run.code.map_or(point.disturbance.kills, |code| CODES.contains(&code));
    let says = run.code.is_none_or(|code| code == 0) || run.stderr.contains("error:");
    if ends && says { Ok(()) } else { Err(run.to_string()) }
}

#[test]
fn after_every_fault_the_same_command_reaches_the_undisturbed_end() {
    let complete = env::var("FAULT_MATRIX").is_ok_and(|wanted| wanted == "complete");
    let disturbances = disturbances();
    let mut failed = Vec::new();
    for version in GENERATIONS {
        for operation in &OPERATIONS {
            if env::var("FAULT_OPERATION").is_ok_and(|wanted| wanted != operation.name) {
                continue;
            }
            let begun = Instant::now();
            let undisturbed = Undisturbed::of(version, operation);
            let matrix = Matrix { version, operation, undisturbed: &undisturbed };
            let points = matrix.points(&disturbances, complete);
            let (requests, tried) = (undisturbed.looks.len() + undisturbed.others.len(), points.len());
            let (problems, shown) = matrix.run(points);
            let times = |how| shown.get(&how).copied().unwrap_or_default();
            println!(
                "{version} {}: {requests} requests, {tried} points in {:.0} s: {} looked alike, {} changed nothing, {} went on, \
                 {} again, {} not met, {} failed",
                operation.name,
                begun.elapsed().as_secs_f64(),
                times(Shown::SameLook),
                times(Shown::Unchanged),
                times(Shown::WentOn),
                times(Shown::Again),
                times(Shown::NotMet),
                problems.len(),
            );
            failed.extend(problems);
        }
    }
    assert!(failed.is_empty(), "{} points failed:\n{}", failed.len(), failed.join("\n\n"));
}
