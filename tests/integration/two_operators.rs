//! Two operators at once: each pair of commands, whose requests are answered in orders that are searched for.
//!
//! Whatever the order, both commands end as a command does and say why; those that did not get through, run again one after the
//! other, come to what the two come to without each other; and nothing is done twice on the way.
//!
//! `cargo test` tries a few orders of some pairs, with `INTERLEAVINGS` in the environment so many of each. What fails names the pair and
//! the seed, with which `SCHEDULE_PAIR` and `SCHEDULE_SEED` try that order again.

use std::{
    collections::{BTreeMap, HashMap},
    env, fmt,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use testbed::{
    AuditEvent, Fault, Length, Mark, Rule, Schedule, block_on,
    kubesphere::{
        Generation, Installation, InstallerScenario, Peculiarity, Role, Scenario, Version, objects,
    },
};

use crate::support::{Begun, KubectlMc, Run, Standing, Started, Watched, other_than, settled};

const JOIN: &str = "join member1 --context host --yes --skip-check member-server-loopback";
const JOIN_RENAMED: &str =
    "join member1 --name another --context host --yes --skip-check member-server-loopback";
const JOIN_OTHER: &str = "join member2 --context host --yes --skip-check member-server-loopback";
const UNJOIN: &str = "unjoin member1 --member-context member1 --context host --yes";
const RENEW: &str =
    "renew member1 --member-context member1 --context host --yes --skip-check member-server-loopback";
const PREPARE: &str = "prepare member member1 --context host --yes --skip-check member-server-loopback";

const PAIRS: [Pair; 33] = [
    Pair::of("join, join", Begin::Standalone, [JOIN, JOIN]),
    Pair::of("join, join after a failed run", Begin::RunFailed, [JOIN, JOIN]),
    Pair::of("join, join by another name", Begin::Host, [JOIN, JOIN_RENAMED]),
    Pair::of("join, join of another", Begin::Standalone, [JOIN, JOIN_OTHER]),
    Pair::of("join, unjoin", Begin::Joined, [JOIN, UNJOIN]),
    Pair::of("join, renew", Begin::Joined, [JOIN, RENEW]),
    Pair::of("join, prepare", Begin::Host, [JOIN, PREPARE]),
    Pair::of("join of another, join of another", Begin::Joined, [JOIN_OTHER, JOIN_OTHER]),
    Pair::of("join of another, unjoin", Begin::Joined, [JOIN_OTHER, UNJOIN]),
    Pair::of("join of another, renew", Begin::Joined, [JOIN_OTHER, RENEW]),
    Pair::of("join of another, prepare", Begin::Host, [JOIN_OTHER, PREPARE]),
    Pair::of("unjoin, unjoin", Begin::Joined, [UNJOIN, UNJOIN]),
    Pair::of("unjoin, renew", Begin::Joined, [UNJOIN, RENEW]),
    Pair::of("unjoin, prepare", Begin::Joined, [UNJOIN, PREPARE]),
    Pair::of("renew, renew", Begin::Joined, [RENEW, RENEW]),
    Pair::of("renew, prepare", Begin::Joined, [RENEW, PREPARE]),
    Pair::of("prepare, prepare", Begin::Host, [PREPARE, PREPARE]),
    Pair::by_certificate("join, join by certificate", Begin::Host, [JOIN, JOIN]),
    Pair::by_certificate("join, unjoin by certificate", Begin::Joined, [JOIN, UNJOIN]),
    Pair::by_certificate("join, renew by certificate", Begin::Joined, [JOIN, RENEW]),
    Pair::by_certificate("unjoin, renew by certificate", Begin::Joined, [UNJOIN, RENEW]),
    Pair::by_certificate("renew, renew by certificate", Begin::Joined, [RENEW, RENEW]),
    Pair::of_4("join, join on 4", Begin::Host, [JOIN, JOIN]),
    Pair::of_4("join, join by another name on 4", Begin::Host, [JOIN, JOIN_RENAMED]),
    Pair::of_4("join, join of another on 4", Begin::Host, [JOIN, JOIN_OTHER]),
    Pair::of_4("join, unjoin on 4", Begin::Joined, [JOIN, UNJOIN]),
    Pair::of_4("join, renew on 4", Begin::Joined, [JOIN, RENEW]),
    Pair::of_4("join of another, join of another on 4", Begin::Joined, [JOIN_OTHER, JOIN_OTHER]),
    Pair::of_4("join of another, unjoin on 4", Begin::Joined, [JOIN_OTHER, UNJOIN]),
    Pair::of_4("join of another, renew on 4", Begin::Joined, [JOIN_OTHER, RENEW]),
    Pair::of_4("unjoin, unjoin on 4", Begin::Joined, [UNJOIN, UNJOIN]),
    Pair::of_4("unjoin, renew on 4", Begin::Joined, [UNJOIN, RENEW]),
    Pair::of_4("renew, renew on 4", Begin::Joined, [RENEW, RENEW]),
];

/// By whom a [`Schedule`] tells the operators' requests.
const OPERATORS: [&str; 2] = ["left", "right"];

/// Where nobody says how many orders are to be tried: so many of these pairs, and of all on 4.
const INTERLEAVINGS: u64 = 4;
const PART: [&str; 4] = [
    "join, join by another name",
    "join, unjoin",
    "join, join by certificate",
    "unjoin, renew by certificate",
];
/// Most of an order is waiting.
const AT_ONCE: usize = 10;
/// What a command may end with: done, an error, an obstacle, the time, some of several.
const CODES: [i32; 5] = [0, 1, 3, 4, 6];

struct Pair {
    name: &'static str,
    version: Version,
    begin: Begin,
    commands: [&'static str; 2],
}

/// What both find.
#[derive(Clone, Copy, PartialEq)]
enum Begin {
    /// Nobody is a host or a member.
    Standalone,
    /// As [`Self::Standalone`], and the installer has failed at making the host one.
    RunFailed,
    /// The host is one.
    Host,
    /// The first member is joined.
    Joined,
}

impl Pair {
    const fn of(name: &'static str, begin: Begin, commands: [&'static str; 2]) -> Self {
        Self { name, version: Version::V3_4, begin, commands }
    }

    /// On hosts of 3.3, which take no tokens.
    const fn by_certificate(name: &'static str, begin: Begin, commands: [&'static str; 2]) -> Self {
        Self { version: Version::V3_3, ..Self::of(name, begin, commands) }
    }

    /// On hosts of 4, which install KubeSphere on bare members; a preparation does nothing there.
    const fn of_4(name: &'static str, begin: Begin, commands: [&'static str; 2]) -> Self {
        Self { version: Version::V4_1_3, ..Self::of(name, begin, commands) }
    }

    fn bed(&self) -> Watched {
        let foreign = Peculiarity::Metadata(json!({"annotations": {"example.com/owner": "somebody else"}}));
        let installation = Installation::new(self.version).with(foreign);
        let host = match self.begin {
            Begin::Standalone => installation.clone(),
            Begin::RunFailed => {
                installation.clone().role(Role::Host).installer(InstallerScenario::FailedBefore)
            }
            Begin::Host | Begin::Joined => installation.clone().role(Role::Host),
        };
        let member = match self.version.generation() {
            Generation::Three => installation,
            Generation::Four => Installation::bare(self.version),
        };
        let scenario = Scenario::new(self.version).host(host).members(vec![member.clone(), member]);
        let bed = Watched::lease(&scenario.at_once().in_memory());
        if self.begin == Begin::Joined {
            let _ = bed.kubectl_mc().words(JOIN).run().code(0);
        }
        bed
    }

    /// Whether one undoes what the other one does.
    fn is_opposed(&self) -> bool {
        self.commands.iter().filter(|command| command.starts_with("unjoin")).count() == 1
    }

    /// Whether it is tried where nobody says how many orders are to be.
    fn is_in_part(&self) -> bool {
        self.version.generation() == Generation::Four || PART.contains(&self.name)
    }

    /// In which the two are run one after the other; who undoes what the other one does may have to do so a second time, and
    /// of two names one is withdrawn: helm keeps a record of both.
    fn orders(&self) -> &'static [&'static [Turn]] {
        const PLAIN: [&[Turn]; 2] = [&[Turn::Runs(0), Turn::Runs(1)], &[Turn::Runs(1), Turn::Runs(0)]];
        const OPPOSED: [&[Turn]; 4] = [
            PLAIN[0],
            PLAIN[1],
            &[Turn::Runs(0), Turn::Runs(1), Turn::Runs(0)],
            &[Turn::Runs(1), Turn::Runs(0), Turn::Runs(1)],
        ];
        const WITHDRAWN: [&[Turn]; 4] = [
            PLAIN[0],
            PLAIN[1],
            &[Turn::Runs(0), Turn::Withdraws("member1"), Turn::Runs(1), Turn::Runs(0)],
            &[Turn::Runs(1), Turn::Withdraws("another"), Turn::Runs(0), Turn::Runs(1)],
        ];
        if self.is_opposed() {
            &OPPOSED
        } else if self.version.generation() == Generation::Four && self.commands == [JOIN, JOIN_RENAMED] {
            &WITHDRAWN
        } else {
            &PLAIN
        }
    }

    fn again(&self, bed: &Watched, command: usize) -> Run {
        bed.kubectl_mc().words(self.commands[command]).run()
    }
}

/// One of what is done one after the other.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    /// A command of the pair.
    Runs(usize),
    /// The Cluster of this name goes.
    Withdraws(&'static str),
}

/// How often something was done that restarts what runs, or registers a member, on each cluster.
type Weighty = BTreeMap<String, usize>;

fn weighty(bed: &Watched, marks: &[Mark]) -> Weighty {
    let mut times = BTreeMap::new();
    for (cluster, mark) in bed.clusters().zip(marks) {
        let accepted = cluster.audit().since_by(*mark, "kubectl-mc/");
        let accepted = accepted.iter().filter(|event| event.changes() && event.code < 300);
        for event in accepted {
            let change = format!("{} {}", event.verb, event.resource);
            if ["patch clusterconfigurations", "patch deployments", "create clusters"]
                .contains(&change.as_str())
            {
                *times.entry(format!("{} {change}", cluster.name())).or_default() += 1;
            }
        }
    }
    times
}

/// What the two come to one after the other, in this order.
struct Serial {
    order: &'static [Turn],
    /// Of each command.
    codes: [i32; 2],
    weighty: Weighty,
    length: Length,
    end: Standing,
}

impl Serial {
    fn of(pair: &Pair, order: &'static [Turn]) -> Self {
        let bed = pair.bed();
        let (marks, mut codes) = (bed.marks(), [0; 2]);
        for turn in order {
            match turn {
                Turn::Runs(command) => {
                    let run = pair.again(&bed, *command);
                    codes[*command] = run.code.unwrap_or_else(|| panic!("{run}"));
                }
                Turn::Withdraws(name) => drop(withdrawal(&bed, name).code(0)),
            }
        }
        let (weighty, length) = (weighty(&bed, &marks), length(&bed, &marks));
        Self { order, codes, weighty, length, end: settled(&bed) }
    }

    fn is_of_two(&self) -> bool {
        self.order.len() == 2
    }
}

/// How an order was shown to do no harm.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Shown {
    BothThrough,
    OneAgain,
    BothAgain,
    /// A join came between two steps of an unjoin, which took the credential away from it: both say so, and that a renewal
    /// makes another.
    Renewed,
}

struct Search<'a> {
    pair: &'a Pair,
    serial: Vec<Serial>,
}

impl<'a> Search<'a> {
    fn of(pair: &'a Pair) -> Self {
        let serial = thread::scope(|scope| {
            let runs = pair.orders().iter().map(|order| scope.spawn(move || Serial::of(pair, order)));
            runs.collect::<Vec<_>>().into_iter().map(|run| run.join().unwrap()).collect()
        });
        Self { pair, serial }
    }

    /// Tries one order; the bed goes back to where the next one can begin on it.
    fn try_seed(&self, begun: Begun, seed: u64) -> (Result<Shown, String>, Option<Begun>) {
        let shown = self.try_on(&begun, seed);
        let back = shown.is_ok().then(|| begun.gone_back()).flatten();
        (shown, back)
    }

    fn try_on(&self, bed: &Watched, seed: u64) -> Result<Shown, String> {
        let marks = bed.marks();
        let schedule = Schedule::new(OPERATORS, seed, self.serial[0].length);
        let runs = at_once(bed, self.pair, &schedule);
        let mut told = Told { schedule: &schedule, runs: runs.into() };
        self.judge(bed, &marks, &mut told).map_err(|problem| format!("{problem}\n{told}"))
    }

    fn judge(&self, bed: &Watched, marks: &[Mark], told: &mut Told<'_>) -> Result<Shown, String> {
        let codes = [told.runs[0].code, told.runs[1].code];
        for run in &told.runs {
            sensible(run)?;
        }
        let failed: Vec<usize> = (0..2).filter(|command| codes[*command] != Some(0)).collect();
        let mut shown = [Shown::BothThrough, Shown::OneAgain, Shown::BothAgain][failed.len()];
        for command in &failed {
            let mut again = self.pair.again(bed, *command);
            if self.pair.is_opposed()
                && again.stderr.contains("hint: store a new one: `kubectl mc renew member1")
            {
                told.runs.push(again);
                told.runs.extend(renewals(bed));
                again = self.pair.again(bed, *command);
                shown = Shown::Renewed;
            }
            let code = again.code;
            sensible(&again)?;
            told.runs.push(again);
            if !self.serial.iter().any(|serial| code == Some(serial.codes[*command])) {
                return Err(format!("run again, {} does not get through", OPERATORS[*command]));
            }
        }
        self.done_once(&weighty(bed, marks), &told.runs)?;
        self.ends(bed, failed.last().copied())?;
        credentials_work(bed)?;
        Ok(shown)
    }

    /// Nothing was done more often than by one after the other, but that a Cluster was withdrawn, and that who runs an opposed
    /// command again undoes once more what the other one has done.
    fn done_once(&self, done: &Weighty, runs: &[Run]) -> Result<(), String> {
        let withdrawn = runs.iter().filter(|run| run.stderr.contains("was withdrawn")).count();
        for (change, times) in done {
            let serial = self.serial.iter().filter(|serial| serial.is_of_two());
            let serial = serial.filter_map(|serial| serial.weighty.get(change)).max();
            let more = if change.ends_with("create clusters") { withdrawn } else { 0 };
            let undone = if self.pair.is_opposed() { runs.len() - 2 } else { 0 };
            if serial.is_none_or(|most| *times > most + more + undone) {
                return Err(format!("done too often: {done:?}"));
            }
        }
        Ok(())
    }

    /// All stands as after the two without each other; after what was run again, that was the last one.
    fn ends(&self, bed: &Watched, last: Option<usize>) -> Result<(), String> {
        let fits = |serial: &&Serial| match last {
            Some(last) => serial.order.ends_with(&[Turn::Runs(last)]) || serial.codes[last] != 0,
            None => serial.is_of_two(),
        };
        let ends: Vec<&Standing> = self.serial.iter().filter(fits).map(|serial| &serial.end).collect();
        let differences = other_than(bed, &ends);
        if differences.is_empty() { Ok(()) } else { Err(differences) }
    }
}

/// A renewal, and another one where the first says what of a helm that was broken off has to go before; or what it says is to be
/// done where the unjoin has left nothing that proves whose Cluster it is.
fn renewals(bed: &Watched) -> Vec<Run> {
    let renewal = bed.kubectl_mc().words(RENEW).run();
    if renewal
        .stderr
        .contains("delete the Cluster: `kubectl mc unjoin member1 --context host`, and join it anew")
    {
        return vec![renewal, withdrawal(bed, "member1")];
    }
    let told = renewal.stderr.split_once("delete secret sh.helm.");
    let Some(release) = told.and_then(|(_, told)| told.split('`').next()) else { return vec![renewal] };
    let secrets = objects::objects(&bed.member(1).client(), "v1", "Secret", Some(objects::SYSTEM));
    let name = format!("sh.helm.{release}");
    block_on(async move { objects::remove(&secrets, &name).await }).unwrap();
    vec![renewal, bed.kubectl_mc().words(RENEW).run()]
}

fn withdrawal(bed: &Watched, name: &str) -> Run {
    bed.kubectl_mc().words(&format!("unjoin {name} --context host --yes")).run()
}

fn operator(bed: &Watched, pair: &Pair, number: usize) -> KubectlMc {
    let user = format!("--timeout 90s --as {} --as-group system:masters", OPERATORS[number]);
    bed.kubectl_mc().words(pair.commands[number]).words(&user)
}

/// Runs both, in the order of the schedule.
fn at_once(bed: &Watched, pair: &Pair, schedule: &Schedule) -> [Run; 2] {
    for cluster in bed.clusters() {
        let rule = Rule::when(|_, _| true, Fault::Scheduled(schedule.clone()));
        cluster.plane().faults().add(rule.by("kubectl-mc/"));
    }
    let started = [0, 1].map(|number| operator(bed, pair, number).start());
    schedule.begin(started.each_ref().map(Started::id));
    let runs = started.map(Started::end);
    bed.clusters().for_each(|cluster| cluster.plane().faults().clear());
    runs
}

/// How many requests both send of which an order can be told.
fn length(bed: &Watched, marks: &[Mark]) -> Length {
    let sent = bed.requests_since(marks);
    let held = |holds: fn(&AuditEvent) -> bool| sent.iter().filter(|event| holds(event)).count();
    Length { writes: held(AuditEvent::changes), all: held(|event| !event.is_followed()) }
}

/// It ended as a command does, and said why.
fn sensible(run: &Run) -> Result<(), String> {
    let ends = run.code.is_some_and(|code| CODES.contains(&code));
    let says = run.code == Some(0) || run.stderr.contains("error:");
    if ends && says { Ok(()) } else { Err(format!("ends badly: {run}")) }
}

/// What every Cluster stores opens its member.
fn credentials_work(bed: &Watched) -> Result<(), String> {
    for cluster in bed.host().clusters() {
        let name = cluster["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let stored = cluster["spec"]["connection"]["kubeconfig"].as_str().unwrap_or_default();
        let stored = String::from_utf8(STANDARD.decode(stored).unwrap_or_default()).unwrap_or_default();
        let found = block_on(async move { identity(&stored).await });
        let uid = cluster["status"]["uid"].as_str();
        let found = found.map_err(|error| format!("the credential of {name} does not work: {error}"))?;
        if uid != Some(&found) {
            return Err(format!("the credential of {name} leads to {found}, its status says {uid:?}"));
        }
    }
    Ok(())
}

async fn identity(kubeconfig: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let namespaces: Api<Namespace> = Api::all(Client::try_from(config)?);
    Ok(namespaces.get("kube-system").await?.metadata.uid.unwrap_or_default())
}

/// What happened, for a failure's message.
struct Told<'a> {
    schedule: &'a Schedule,
    runs: Vec<Run>,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "the order was:")?;
        for request in self.schedule.answered() {
            writeln!(formatter, "  {request}")?;
        }
        self.runs.iter().try_for_each(|run| writeln!(formatter, "{run}"))
    }
}

fn wanted<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn in_whatever_order_the_requests_of_two_operators_come_no_harm_is_done() {
    let only: Option<String> = wanted("SCHEDULE_PAIR");
    let seeds = match wanted::<u64>("SCHEDULE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..wanted("INTERLEAVINGS").unwrap_or(INTERLEAVINGS),
    };
    let is_tried = |pair: &&Pair| match &only {
        Some(only) => only == pair.name,
        None => env::var_os("INTERLEAVINGS").is_some() || pair.is_in_part(),
    };
    let mut failed = Vec::new();
    for pair in PAIRS.iter().filter(is_tried) {
        let begun = Instant::now();
        let search = Search::of(pair);
        let (next, results) = (AtomicU64::new(seeds.start), Mutex::new((HashMap::new(), Vec::new())));
        let work = || {
            let mut begun = None;
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if !seeds.contains(&seed) {
                    return;
                }
                let bed = begun.take().unwrap_or_else(|| Begun::of(pair.bed()));
                let (shown, back) = search.try_seed(bed, seed);
                begun = back;
                let mut results = results.lock().unwrap();
                match shown {
                    Ok(shown) => *results.0.entry(shown).or_insert(0) += 1,
                    Err(problem) => {
                        let again = format!("SCHEDULE_PAIR={:?} SCHEDULE_SEED={seed}", pair.name);
                        println!("== {again}\n{problem}");
                        results.1.push(again);
                    }
                }
            }
        };
        thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
        let (shown, problems) = results.into_inner().unwrap();
        let times = |how| shown.get(&how).copied().unwrap_or(0);
        println!(
            "{}: {} orders of {} requests ({} writes) in {:.0} s: both got through in {}, one again in {}, both again in {}, \
             after a renewal in {}, {} failed",
            pair.name,
            seeds.end - seeds.start,
            search.serial[0].length.all,
            search.serial[0].length.writes,
            begun.elapsed().as_secs_f64(),
            times(Shown::BothThrough),
            times(Shown::OneAgain),
            times(Shown::BothAgain),
            times(Shown::Renewed),
            problems.len(),
        );
        failed.extend(problems);
    }
    assert!(failed.is_empty(), "{} orders failed:\n{}", failed.len(), failed.join("\n"));
}
