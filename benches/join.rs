//! `cargo compare`: what a join by `kubectl mc` takes beside the documented steps as kubectl calls, on the same kind of
//! clusters, next to them and far away from them.
//!
//! The stand-ins for KubeSphere react at once and stand beside their clusters, so that what is compared is what each way
//! adds: processes, requests, waiting for answers, and waiting longer than needed. The person who types the steps, reads
//! the log and copies the secret is not measured: [`BY_HAND`] does it at once.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to read")]
#![expect(clippy::cast_precision_loss, reason = "what is told are a few digits of small numbers")]

use std::{
    env,
    ffi::OsString,
    fs, iter,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use testbed::{
    AuditEvent, Bed, Distance, Mark, Profile, Usage,
    bed::{Cluster, condition},
    built,
    kubesphere::{Scenario, Version},
    rounds,
};

/// How often each way is taken, in turn.
const TURNS: usize = 5;
/// The clusters are on this machine, or on another continent.
const ROUND_TRIPS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(100)];
/// The documented steps.
const BY_HAND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/by-hand.sh");
/// With this argument the program runs what follows, and writes what it took as the last line of standard error.
const MEASURE: &str = "measure";

/// What the installer says at the end of a run; of the one that made the installation, too.
const WELCOME: &str = "Welcome to KubeSphere";

/// One way to do something.
struct Way {
    name: &'static str,
    by: By,
    words: [&'static str; 2],
    /// The condition Ready of the Cluster afterwards; without one, it is gone.
    ready: Option<&'static str>,
}

enum By {
    Kubectl,
    Plugin,
}

/// What is done one after the other to two clusters; each course begins with new ones.
const COURSES: [&[Way]; 4] = [
    &[Way {
        name: "the documented steps, by kubectl",
        by: By::Kubectl,
        words: ["host", "member1"],
        ready: Some("True"),
    }],
    &[Way::join("the same result, by kubectl mc join", "--credentials context --reachability off")],
    &[
        Way::join("join --reachability off", "--reachability off"),
        Way::join(AGAIN, "--reachability off"),
        Way { words: ["check member1", LOOPBACK], ..Way::join("check", "") },
        Way {
            name: "unjoin on both sides",
            by: By::Plugin,
            words: ["unjoin member1 --yes", "--member-context member1"],
            ready: None,
        },
    ],
    &[Way::join("join with all it does", "")],
];

/// The clusters are on this machine, which the others could not reach by that address.
const LOOPBACK: &str = "--skip-check member-server-loopback";
const AGAIN: &str = "the same join again";
const JOIN: &str = "join member1 --yes --skip-check member-server-loopback";

/// What one way took once.
struct Taken {
    requests: usize,
    rounds: usize,
    connections: u64,
    bytes: u64,
    usage: Usage,
    wall: Duration,
}

/// What is told of every way, `at` one of the round trips.
struct Column {
    title: &'static str,
    unit: &'static str,
    decimals: usize,
    at: usize,
    value: fn(&Taken) -> f64,
}

const NEAR: usize = 0;
const FAR: usize = 1;

const COLUMNS: [Column; 8] = [
    Column { title: "requests", unit: "", decimals: 0, at: FAR, value: |taken| taken.requests as f64 },
    Column { title: "rounds", unit: "", decimals: 0, at: FAR, value: |taken| taken.rounds as f64 },
    Column { title: "connections", unit: "", decimals: 0, at: FAR, value: |taken| taken.connections as f64 },
    Column { title: "bytes", unit: " kB", decimals: 0, at: FAR, value: |taken| taken.bytes as f64 / 1e3 },
    Column {
        title: "processor",
        unit: " s",
        decimals: 2,
        at: NEAR,
        value: |taken| taken.usage.processor.as_secs_f64(),
    },
    Column {
        title: "memory",
        unit: " MB",
        decimals: 1,
        at: NEAR,
        value: |taken| taken.usage.memory as f64 / 1e6,
    },
    Column { title: "at 0 ms", unit: " s", decimals: 2, at: NEAR, value: |taken| taken.wall.as_secs_f64() },
    Column { title: "at 100 ms", unit: " s", decimals: 2, at: FAR, value: |taken| taken.wall.as_secs_f64() },
];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if let Some((_, command)) = arguments.split_first().filter(|(first, _)| *first == MEASURE) {
        return measure(command);
    }
    let stated = arguments.iter().skip_while(|argument| *argument != "--program").nth(1);
    let program = stated
        .map_or_else(|| built("kubectl-mc", Profile::Release).expect("kubectl-mc builds"), PathBuf::from);
    let mut taken: [Vec<Vec<Taken>>; 2] = [const { Vec::new() }; 2];
    let mut alone = Vec::new();
    for turn in 1..=TURNS {
        eprintln!("Turn {turn} of {TURNS} …");
        alone.push(Course::begin(Duration::ZERO).stand_ins().as_secs_f64());
        for (round_trip, taken) in ROUND_TRIPS.iter().zip(&mut taken) {
            taken.push(COURSES.iter().flat_map(|ways| take(ways, &program, *round_trip)).collect());
        }
    }
    show(&taken, median(alone));
    ExitCode::SUCCESS
}

fn take(ways: &[Way], program: &Path, round_trip: Duration) -> Vec<Taken> {
    let course = Course::begin(round_trip);
    ways.iter().map(|way| course.take(way, program)).collect()
}

/// The medians of every way, and of each join what it takes of them beside the script.
fn show(taken: &[Vec<Vec<Taken>>; 2], stand_ins: f64) {
    let ways: Vec<(&Way, [f64; 8])> = COURSES
        .iter()
        .copied()
        .flatten()
        .enumerate()
        .map(|(index, way)| (way, COLUMNS.map(|column| column.median(&taken[column.at], index))))
        .collect();
    println!(
        "Two standalone clusters with KubeSphere 3.4 become host and member; medians of {TURNS} turns. KubeSphere's stand-ins\n\
         react at once; their requests take {stand_ins:.2} s of each join. On {}.\n\n{:<WIDTH$}{}",
        machine(),
        "",
        row(|column, _| column.title.to_owned())
    );
    for (way, values) in &ways {
        println!("{:<WIDTH$}{}", way.name, row(|column, index| column.shown(values[index])));
    }
    println!("\nAs multiples of the first line:");
    let ((_, script), others) = ways.split_first().expect("the script is the first way");
    for (way, values) in others.iter().filter(|(way, _)| way.words[0] == JOIN && way.name != AGAIN) {
        println!("{:<WIDTH$}{}", way.name, row(|_, index| format!("{:.2}", values[index] / script[index])));
    }
    let faster = |column: usize| (script[column] - stand_ins) / (others[0].1[column] - stand_ins);
    println!(
        "\nWithout the stand-ins' time kubectl mc join is {:.1} times as fast as the script for the same result, and {:.1}\n\
         times at round trips of 100 ms.",
        faster(COLUMNS.len() - 2),
        faster(COLUMNS.len() - 1)
    );
}

/// The columns beside a name of this width, each as wide as its title and a gap.
fn row(cell: impl Fn(&Column, usize) -> String) -> String {
    let cells = COLUMNS.iter().enumerate().map(|(index, column)| {
        let width = column.title.len().max(7) + 2;
        format!("{:>width$}", cell(column, index))
    });
    cells.collect()
}

const WIDTH: usize = 35;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Column {
    fn median(&self, turns: &[Vec<Taken>], way: usize) -> f64 {
        median(turns.iter().map(|turn| (self.value)(&turn[way])).collect())
    }

    fn shown(&self, value: f64) -> String {
        format!("{value:.*}{}", self.decimals, self.unit)
    }
}

impl Way {
    const fn join(name: &'static str, options: &'static str) -> Self {
        Self { name, by: By::Plugin, words: [JOIN, options], ready: Some("True") }
    }

    /// The command, as one types it.
    fn command(&self, program: &Path) -> String {
        let words = self.words.join(" ");
        match self.by {
            By::Kubectl => format!("{BY_HAND} {words}"),
            By::Plugin => format!("{} {words} --context host", program.display()),
        }
    }

    /// How its requests introduce themselves.
    fn user_agent(&self) -> &'static str {
        match self.by {
            By::Kubectl => "kubectl/",
            By::Plugin => "kubectl-mc/",
        }
    }
}

/// Two clusters, and the ways to them.
struct Course {
    bed: Bed,
    ways: [Distance; 2],
    kubeconfig: PathBuf,
    round_trip: Duration,
}

impl Course {
    fn begin(round_trip: Duration) -> Self {
        let bed = Bed::lease(&Scenario::new(Version::V3_4).at_once().on_control_planes());
        let mut text = fs::read_to_string(bed.kubeconfig()).expect("the bed has a kubeconfig");
        let ways = [bed.host(), bed.member(1)].map(|cluster| {
            let way = Distance::to(&cluster.server(), round_trip).expect("loopback has ports");
            text = text.replace(&cluster.server(), way.server());
            way
        });
        let kubeconfig = bed.folder().join("far");
        fs::write(&kubeconfig, text).expect("the bed has a folder");
        Self { bed, ways, kubeconfig, round_trip }
    }

    /// Goes a way, from a home without anything cached.
    fn take(&self, way: &Way, program: &Path) -> Taken {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let marks = self.clusters().map(|cluster| cluster.audit().mark());
        let [connections, bytes] = self.passed();
        let output = self.run(&way.command(program), home.path());
        let [connections_after, bytes_after] = self.passed();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", way.name);
        let cluster = self.bed.host().cluster("member1");
        assert_eq!(condition(&cluster, "Ready"), way.ready, "{}: {stderr}", way.name);
        let requests = self.requests(marks, way.user_agent());
        let (wall, usage) = measured(&stderr);
        Taken {
            requests: requests.len(),
            rounds: rounds::chain(&requests, self.round_trip).len(),
            connections: connections_after - connections,
            bytes: bytes_after - bytes,
            usage,
            wall,
        }
    }

    /// How long a join takes of which nobody does more than to begin what the stand-ins do.
    fn stand_ins(&self) -> Duration {
        let [host, member] = self.clusters();
        let begun = Instant::now();
        for (cluster, role) in [(host, "host"), (member, "member")] {
            cluster.patch_cluster_configuration(json!({"spec": {"multicluster": {"clusterRole": role}}}));
            self.bed.wait_for("welcoming", |_| cluster.installer_log().matches(WELCOME).count() > 1);
        }
        host.import("member1", &member.plane().kubeconfig_named("member1"));
        self.bed.wait_for("ready", |_| condition(&host.cluster("member1"), "Ready") == Some("True"));
        begun.elapsed()
    }

    fn run(&self, command: &str, home: &Path) -> Output {
        Command::new(env::current_exe().expect("this program has a path"))
            .args([MEASURE, "bash", "-c", command])
            .env("PATH", path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", home)
            .output()
            .expect("this program runs")
    }

    fn clusters(&self) -> [&Cluster; 2] {
        [self.bed.host(), self.bed.member(1)]
    }

    fn requests(&self, marks: [Mark; 2], user_agent: &str) -> Vec<AuditEvent> {
        let sent = |(cluster, mark): (&Cluster, Mark)| cluster.audit().since_by(mark, user_agent);
        self.clusters().into_iter().zip(marks).flat_map(sent).collect()
    }

    /// Connections and bytes so far.
    fn passed(&self) -> [u64; 2] {
        let traffic = self.ways.each_ref().map(Distance::traffic);
        [
            traffic.iter().map(|traffic| traffic.connections).sum(),
            traffic.iter().map(|traffic| traffic.sent + traffic.received).sum(),
        ]
    }
}

/// Runs a command as the only child of this process, since the kernel tells what all children took together.
fn measure(command: &[OsString]) -> ExitCode {
    let begun = Instant::now();
    let status = Command::new(&command[0]).args(&command[1..]).status().expect("bash runs");
    let wall = begun.elapsed();
    let usage = Usage::of_children().expect("the kernel counts");
    eprintln!("\n{} {} {}", wall.as_micros(), usage.processor.as_micros(), usage.memory);
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What [`measure`] wrote: microseconds of the clock and of processors, and bytes.
fn measured(stderr: &str) -> (Duration, Usage) {
    let line = stderr.lines().last().unwrap_or_default();
    let numbers: Vec<u64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [wall, processor, memory] = numbers[..] else { panic!("the last line is not what it took: {line}") };
    (Duration::from_micros(wall), Usage { processor: Duration::from_micros(processor), memory })
}

/// The test bed's kubectl before the machine's own.
fn path() -> OsString {
    let kubectl = testbed::kubectl().expect("the test bed brings kubectl");
    let folder = kubectl.parent().expect("a file lies in a folder").to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(iter::once(folder).chain(env::split_paths(&path))).expect("they were parted before")
}

/// Day, processors and kubectl of this comparison.
fn machine() -> String {
    let day = jiff::Timestamp::now().strftime("%F");
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("of an unknown model", |(_, model)| model);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let output = Command::new("kubectl").env("PATH", path()).args(["version", "--client"]).output();
    let kubectl = output.expect("the test bed brings kubectl").stdout;
    let kubectl = String::from_utf8_lossy(&kubectl).replace("Client Version: ", "");
    format!(
        "{day}, {processors} processors ({model}); kubectl {}",
        kubectl.lines().next().unwrap_or_default()
    )
}
