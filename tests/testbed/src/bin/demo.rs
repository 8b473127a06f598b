//! `cargo demo`: clusters on this machine, each with a played KubeSphere, joined by the real program.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to watch")]

use std::{
    ffi::OsStr,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
    time::{Duration, Instant},
};

use serde_json::Value;
use testbed::{
    Assets, Bed, Profile,
    bed::{Cluster, condition},
    built,
    kubesphere::{Clusters, Generation, InstallerScenario, Scenario, Version},
};

/// How long the host's own Cluster may take after a member's; a resync takes two seconds here.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// As many as a terminal has rows for.
const MOST_MEMBERS: usize = 20;

const USAGE: &str = "\
Starts a host and a member cluster on this machine and joins them with kubectl-mc.

Usage: cargo demo [--real] [--kubesphere 3.1|3.2|3.3|3.4|4] [--members NUMBER | --scenario NAME] [--program PATH]
       cargo demo --list

  --real                on real control planes, whose binaries take minutes to bring the first time, instead of API
                        servers in memory
  --kubesphere VERSION  the KubeSphere version of both clusters, or how it begins; 3.4 by default. A host of KubeSphere 4
                        installs it on a cluster that has none
  --members NUMBER      so many members, 20 at most, some of which take their time; on a terminal they stand in a table
  --scenario NAME       what goes wrong, on the member or, as host:NAME, on the host
  --program PATH        the kubectl-mc to run; built from this source by default
  --list                the names of the scenarios";

fn main() -> ExitCode {
    match Wish::read(std::env::args().skip(1)) {
        Ok(Wish::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Wish::List) => {
            println!("{}", Scenario::names().join("\n"));
            ExitCode::SUCCESS
        }
        Ok(Wish::Demo(wish)) => demo(&wish).unwrap_or_else(|error| failed(&error)),
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
enum Wish {
    Help,
    List,
    Demo(Box<Demo>),
}

struct Demo {
    scenario: Scenario,
    program: Option<PathBuf>,
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut version, mut name, mut program) = (Version::V3_4, "healthy".to_owned(), None);
        let (mut is_real, mut members) = (false, None);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "-h" | "--help" => return Ok(Self::Help),
                "--list" => return Ok(Self::List),
                "--real" => is_real = true,
                "--kubesphere" => version = value()?.parse()?,
                "--members" => members = Some(number(&value()?)?),
                "--scenario" => name = value()?,
                "--program" => program = Some(PathBuf::from(value()?)),
                _ => return Err(format!("unknown argument `{argument}`")),
            }
        }
        if !Version::PLAYED.iter().chain(&Version::PLAYED_OF_4).any(|played| *played == version) {
            return Err(format!("KubeSphere {version} cannot be joined; 3.1 to 3.4 and 4.1 can"));
        }
        let scenario = match members {
            Some(number) => with_members(number, version),
            None => Scenario::named(&name, version)?,
        };
        let scenario = if is_real { scenario.on_control_planes() } else { scenario };
        Ok(Self::Demo(Box::new(Demo { scenario, program })))
    }
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_MEMBERS).contains(number));
    number.ok_or_else(|| format!("`--members {text}`: a number from 1 to {MOST_MEMBERS}"))
}

/// Each of them healthy, and every third one slow.
fn with_members(number: usize, version: Version) -> Scenario {
    let scenario = Scenario::new(version);
    let member = |number: usize| match number % 3 {
        0 => scenario.members[0].clone().installer(InstallerScenario::Slow),
        _ => scenario.members[0].clone(),
    };
    let members = (1..=number).map(member).collect();
    scenario.members(members)
}

fn demo(wish: &Demo) -> Result<ExitCode, String> {
    match wish.scenario.clusters {
        Clusters::InMemory => {
            eprintln!("On API servers in memory; `cargo demo --real` takes real control planes.");
        }
        Clusters::Real => {
            step("On real control planes: bringing their binaries (only the first time takes minutes)");
            Assets::find().map_err(|error| described(&error))?;
        }
    }
    let program = match &wish.program {
        Some(program) => program.clone(),
        None => built("kubectl-mc", Profile::Dev).map_err(|error| described(&error))?,
    };
    step(&starting(wish.scenario.host.version, wish.scenario.members.len()));
    let bed = Bed::try_lease(&wish.scenario).map_err(|error| described(&error))?;
    let joined = join(&program, &bed)?;
    show_clusters(&bed, wish.scenario.host.version.generation());
    show_next_steps(&program, &bed);
    Ok(if joined.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn starting(version: Version, members: usize) -> String {
    match (version.generation(), members) {
        (Generation::Three, 1) => {
            format!("Starting two clusters with KubeSphere {version}: host and member1")
        }
        (Generation::Three, _) => {
            format!(
                "Starting a host and {members} members with KubeSphere {version}: member1 to member{members}"
            )
        }
        (Generation::Four, 1) => {
            format!("Starting a host with KubeSphere {version}, and member1 without KubeSphere")
        }
        (Generation::Four, _) => format!(
            "Starting a host with KubeSphere {version}, and {members} members without KubeSphere: member1 to member{members}"
        ),
    }
}

/// Runs the join as a user types it, with its live output.
fn join(program: &Path, bed: &Bed) -> Result<ExitStatus, String> {
    let members = bed.members().iter().map(Cluster::name);
    let options = ["--context", "host", "--yes", "--skip-check", "member-server-loopback"];
    let arguments: Vec<&str> = ["join"].into_iter().chain(members).chain(options).collect();
    println!(
        "\nThe check member-server-loopback is skipped: it stops a member whose address is 127.0.0.1, which a host\n\
         elsewhere could not reach. Here all clusters are on this machine.\n"
    );
    println!("$ export KUBECONFIG={}", bed.kubeconfig().display());
    println!("$ kubectl mc {}", arguments.join(" "));
    Command::new(program)
        .args(&arguments)
        .arg("--kubeconfig")
        .arg(bed.kubeconfig())
        .env_remove("KUBECONFIG")
        .status()
        .map_err(|error| format!("run `{}`: {error}", program.display()))
}

/// What the host's apiserver says afterwards; its own Cluster may need a moment longer than the member.
fn show_clusters(bed: &Bed, generation: Generation) {
    // What comes before Ready.
    let (heading, first) = match generation {
        Generation::Three => ("FEDERATED", "Federated"),
        Generation::Four => ("INSTALLED", "KSCoreReady"),
    };
    let begun = Instant::now();
    let settled = |cluster: &Value| condition(cluster, "Ready").is_some();
    while !bed.host().clusters().iter().all(settled) && begun.elapsed() < SETTLES_WITHIN {
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("\nThe clusters as the host's Kubernetes API shows them:\n");
    println!("{:<10} {:<10} {:<10} {:<12} UID", "NAME", heading, "READY", "KUBESPHERE");
    for cluster in bed.host().clusters() {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        println!(
            "{:<10} {:<10} {:<10} {:<12} {}",
            text(&cluster["metadata"]["name"]),
            condition(&cluster, first).unwrap_or("-"),
            condition(&cluster, "Ready").unwrap_or("-"),
            text(&cluster["status"]["kubeSphereVersion"]),
            text(&cluster["status"]["uid"]),
        );
    }
}

/// How to go on by hand. On a terminal the clusters stay up for it until Ctrl-C.
fn show_next_steps(program: &Path, bed: &Bed) {
    let stays = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let until =
        if stays { "The clusters stay up until Ctrl-C." } else { "On a terminal the clusters stay up." };
    let folder = program.parent().unwrap_or(Path::new("."));
    println!(
        "\n{until} To go on by hand, in another one:\n\n\
         export KUBECONFIG={}\n\
         export PATH={}:$PATH\n\
         kubectl mc join member1 --skip-check member-server-loopback   # again: changes nothing\n\
         kubectl get clusters.cluster.kubesphere.io",
        bed.kubeconfig().display(),
        folder.display(),
    );
    if stays && testbed::block_on(tokio::signal::ctrl_c()).is_ok() {
        println!();
    }
}

fn step(text: &str) {
    eprintln!("{text} …");
}

fn failed(error: &(impl AsRef<OsStr> + ?Sized)) -> ExitCode {
    eprintln!("error: {}", error.as_ref().display());
    ExitCode::FAILURE
}

/// An error with its causes.
fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
