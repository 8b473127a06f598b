//! `cargo many`: what joining many prepared members at once takes of the machine, the host and each member.
//!
//! The clusters are servers in memory, and KubeSphere's stand-ins react at once: what is measured is the program.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to read")]
#![expect(clippy::cast_precision_loss, reason = "what is told are a few digits of small numbers")]

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use testbed::{
    AuditEvent, Bed, Footprint, Profile,
    bed::{Cluster, condition},
    built,
    kubesphere::{Scenario, Version},
    with_open_files,
};

/// How many members are joined, where the command line does not say it.
const MEMBERS: [usize; 4] = [10, 100, 300, 1000];
/// So many files may the program have open, where the command line does not say it: what macOS allows a shell.
const OPEN_FILES: usize = 256;
/// How our requests are told from the stand-ins'.
const USER_AGENT: &str = "kubectl-mc/";

const HEADING: &str = "          the host's             each member's
members   requests  connections  requests  connections    memory  open files  processor      time";

const USAGE: &str = "\
Joins many prepared members at once to a host, in memory, and tells what it takes.

Usage: cargo many [--program PATH] [--parallel N] [--open-files N] [--list] [MEMBERS …]

  MEMBERS         how many members are joined, one join for each number; 10 100 300 1000 by default
  --parallel N    passed on to the join
  --open-files N  how many files it may have open; 256 by default
  --list          every request, by its cluster and its connection, on standard error
  --program PATH  the kubectl-mc to run; built as it is released by default";

/// What the command line asks for.
#[derive(Default)]
struct Wish {
    members: Vec<usize>,
    program: Option<PathBuf>,
    parallel: Option<String>,
    open_files: Option<usize>,
    lists: bool,
}

/// What one join took.
struct Taken {
    held: Footprint,
    wall: Duration,
    of_host: Load,
    of_members: Vec<Load>,
}

/// What one cluster was asked.
struct Load {
    requests: usize,
    connections: usize,
}

fn main() -> ExitCode {
    let wish = match Wish::read(std::env::args().skip(1)) {
        Ok(Some(wish)) => wish,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let built = || built("kubectl-mc", Profile::Release).expect("kubectl-mc builds");
    let program = wish.program.clone().unwrap_or_else(built);
    println!("Prepared members, joined at once with at most {} open files.\n\n{HEADING}", wish.open_files());
    let mut outcome = ExitCode::SUCCESS;
    for members in &wish.members {
        match wish.join(*members, &program) {
            Ok(taken) => println!("{members:>7}{}", taken.row()),
            Err(error) => {
                println!("{members:>7} failed");
                eprintln!("{error}");
                outcome = ExitCode::FAILURE;
            }
        }
    }
    outcome
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut wish = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "-h" | "--help" => return Ok(None),
                "--program" => wish.program = Some(PathBuf::from(value()?)),
                "--parallel" => wish.parallel = Some(value()?),
                "--open-files" => {
                    let number = value()?.parse().map_err(|_| "`--open-files` needs a number".to_owned())?;
                    wish.open_files = Some(number);
                }
                "--list" => wish.lists = true,
                number => {
                    let number = number.parse().ok().filter(|number| *number > 0);
                    wish.members.push(number.ok_or_else(|| format!("`{argument}` is no number of members"))?);
                }
            }
        }
        if wish.members.is_empty() {
            wish.members = MEMBERS.to_vec();
        }
        Ok(Some(wish))
    }

    fn open_files(&self) -> usize {
        self.open_files.unwrap_or(OPEN_FILES)
    }

    fn join(&self, members: usize, program: &Path) -> Result<Taken, String> {
        let bed = Bed::lease(&Scenario::prepared(Version::V3_4, members));
        let names: Vec<String> = bed.members().iter().map(|member| member.name().to_owned()).collect();
        let told = |name: &str| File::create(bed.folder().join(name)).expect("the bed has a folder");
        let begun = Instant::now();
        let mut child = with_open_files(self.open_files(), program)
            .arg("join")
            .args(&names)
            .args(["--context", "host", "--yes", "--reachability=off", "--skip-check=member-server-loopback"])
            .args(self.parallel.iter().flat_map(|number| ["--parallel", number.as_str()]))
            .env("KUBECONFIG", bed.kubeconfig())
            .env("HOME", bed.folder())
            .stdin(Stdio::null())
            .stdout(told("stdout"))
            .stderr(told("stderr"))
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let followed = Footprint::of(child.id());
        let status = child.wait().map_err(|error| error.to_string())?;
        let (wall, held) = (begun.elapsed(), followed.held());
        let ready = |cluster| condition(cluster, "Ready") == Some("True");
        // The host has its own Cluster, too.
        let joined = bed.host().clusters().iter().filter(|cluster| ready(cluster)).count() - 1;
        if !status.success() || joined != members {
            let said = fs::read_to_string(bed.folder().join("stderr")).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(20).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            return Err(format!("{joined} of {members} members are joined ({status}):\n{}", last.join("\n")));
        }
        if self.lists {
            bed.members().iter().chain([bed.host()]).for_each(list);
        }
        let (of_host, of_members) = (Load::on(bed.host()), bed.members().iter().map(Load::on).collect());
        Ok(Taken { held, wall, of_host, of_members })
    }
}

impl Load {
    fn on(cluster: &Cluster) -> Self {
        let events = requests(cluster);
        let connections: BTreeSet<u64> = events.iter().filter_map(|event| event.connection).collect();
        Self { requests: events.len(), connections: connections.len() }
    }
}

fn list(cluster: &Cluster) {
    for event in requests(cluster) {
        let connection = event.connection.unwrap_or_default();
        eprintln!("{} {connection} {} {} {}", cluster.name(), event.code, event.verb, event.request_uri);
    }
}

/// Ours, since the bed was handed out.
fn requests(cluster: &Cluster) -> Vec<AuditEvent> {
    cluster.audit().since_by(cluster.mark(), USER_AGENT)
}

impl Taken {
    fn row(&self) -> String {
        let mean = |of: fn(&Load) -> usize| {
            self.of_members.iter().map(of).sum::<usize>() as f64 / self.of_members.len() as f64
        };
        format!(
            "{:>11}{:>13}{:>10.1}{:>13.1}{:>7.0} MB{:>12}{:>9.1} s{:>8.1} s",
            self.of_host.requests,
            self.of_host.connections,
            mean(|load| load.requests),
            mean(|load| load.connections),
            self.held.memory as f64 / 1e6,
            self.held.open_files,
            self.held.processor.as_secs_f64(),
            self.wall.as_secs_f64()
        )
    }
}
