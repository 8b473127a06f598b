//! `cargo compare`: a join by `kubectl mc` beside the documented steps as kubectl calls, on the same kind of clusters.
//!
//! Both wait for the same stand-ins, whose durations are KubeSphere's divided by the test bed's factor. What is compared
//! is what each adds to that: waiting longer than needed, processes, requests. The person who types the steps, reads the
//! log and copies the secret is not measured: [`BY_HAND`] does it at once.

#![expect(clippy::print_stdout, reason = "a program for people to read")]

use std::{
    env,
    ffi::OsString,
    iter,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use testbed::{
    Bed,
    bed::condition,
    kubesphere::{Scenario, Version, pace},
};

/// How often each way is taken, in turn.
const ROUNDS: usize = 5;
/// Bash writes wall clock, user and system time of what follows, in seconds, as the last line.
const TIMED: &str = "TIMEFORMAT='%R %U %S'; time";
/// The documented steps.
const BY_HAND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/by-hand.sh");
/// A join of clusters on this machine.
const JOIN: &str = "join member1 --context host --yes --skip-check member-server-loopback";

/// One way to join.
struct Way {
    name: &'static str,
    command: String,
    /// How its requests introduce themselves.
    user_agent: &'static str,
}

/// What one join took.
struct Taken {
    wall: Duration,
    processor: Duration,
    requests: usize,
    writes: usize,
}

fn main() {
    let kubectl = kubectl();
    let ways = ways();
    let mut taken = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (way, taken) in ways.iter().zip(&mut taken) {
            taken.push(way.take());
        }
    }
    println!(
        "Two standalone clusters with KubeSphere 3.4 become host and member; medians of {ROUNDS} rounds in turn.\n\
         KubeSphere's own durations are divided by {}; requests are those of the client alone.\n{kubectl}\n",
        pace::FACTOR
    );
    println!("{:<42} {:>8} {:>10} {:>9} {:>7}", "", "wall", "processor", "requests", "writes");
    for (way, taken) in ways.iter().zip(&taken) {
        println!(
            "{:<42} {:>6.1} s {:>8.2} s {:>9} {:>7}",
            way.name,
            median(taken, |taken| taken.wall).as_secs_f64(),
            median(taken, |taken| taken.processor).as_secs_f64(),
            median(taken, |taken| taken.requests),
            median(taken, |taken| taken.writes),
        );
    }
}

/// The test bed's kubectl before the machine's own.
fn path() -> OsString {
    let kubectl = testbed::kubectl().expect("the test bed brings kubectl");
    let folder = kubectl.parent().expect("a file lies in a folder").to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(iter::once(folder).chain(env::split_paths(&path))).expect("they were parted before")
}

/// Which kubectl does the steps.
fn kubectl() -> String {
    let output = Command::new("kubectl").env("PATH", path()).args(["version", "--client"]).output();
    let output = output.expect("the test bed brings kubectl");
    let said = String::from_utf8_lossy(&output.stdout);
    format!("kubectl: {}", said.lines().next().unwrap_or_default())
}

fn ways() -> [Way; 3] {
    let ours = |options| format!("{} {JOIN}{options}", env!("CARGO_BIN_EXE_kubectl-mc"));
    [
        Way {
            name: "the steps, by kubectl",
            command: format!("{BY_HAND} host member1"),
            user_agent: "kubectl/",
        },
        Way {
            name: "the same result, by kubectl mc join",
            command: ours(" --credentials context --reachability off"),
            user_agent: "kubectl-mc/",
        },
        Way { name: "kubectl mc join with all it does", command: ours(""), user_agent: "kubectl-mc/" },
    ]
}

impl Way {
    /// Joins two new clusters, from a home without anything cached.
    fn take(&self) -> Taken {
        let bed = Bed::lease(&Scenario::new(Version::V3_4));
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let begun = Instant::now();
        let output = self.run(bed.kubeconfig(), home.path());
        let wall = begun.elapsed();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {stderr}", self.name);
        let ready = condition(&bed.host().cluster("member1"), "Ready").map(str::to_owned);
        assert_eq!(ready.as_deref(), Some("True"), "{}", self.name);
        let sent = [bed.host(), bed.member(1)]
            .map(|cluster| cluster.audit().since_by(cluster.mark(), self.user_agent))
            .concat();
        Taken {
            wall,
            processor: processor_time(&stderr),
            requests: sent.len(),
            writes: sent.iter().filter(|request| request.changes()).count(),
        }
    }

    fn run(&self, kubeconfig: &Path, home: &Path) -> Output {
        Command::new("bash")
            .args(["-c", &format!("{TIMED} {}", self.command)])
            .env("PATH", path())
            .env("KUBECONFIG", kubeconfig)
            .env("HOME", home)
            .output()
            .expect("bash runs")
    }
}

/// User and system time of all processes that were waited for.
fn processor_time(stderr: &str) -> Duration {
    let times = stderr.lines().last().unwrap_or_default().split_whitespace().skip(1);
    times.filter_map(|seconds| seconds.parse().ok()).map(Duration::from_secs_f64).sum()
}

fn median<T: Ord + Copy>(taken: &[Taken], value: impl Fn(&Taken) -> T) -> T {
    let mut values: Vec<T> = taken.iter().map(value).collect();
    values.sort_unstable();
    values[values.len() / 2]
}
