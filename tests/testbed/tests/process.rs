//! Nothing outlives the process that started it.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use testbed::{
    Assets, ControlPlane,
    process::{Process, Program},
};

/// Set for the copy of this test binary that is to be killed: the file for what it started.
const VICTIM: &str = "TESTBED_VICTIM";

fn runs(id: &str) -> bool {
    Command::new("kill").args(["-0", id]).stderr(Stdio::null()).status().unwrap().success()
}

/// The processes whose command names the folder.
fn processes_of(folder: &str) -> Vec<String> {
    let output = Command::new("ps").args(["-axww", "-o", "pid=,command="]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|line| line.contains(folder)).map(str::to_owned).collect()
}

/// Whether it comes to hold within a minute.
fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    (0..1200).any(|_| {
        thread::sleep(Duration::from_millis(50));
        holds()
    })
}

/// Not a test by itself: the process that [`a_killed_process_leaves_nothing_behind`] kills.
#[test]
fn victim() {
    let Ok(report) = env::var(VICTIM) else { return };
    // A thread that ends at once: the plane must not end with it.
    let started = thread::spawn(|| ControlPlane::start(&Assets::find().unwrap(), "victim").unwrap());
    let plane = started.join().unwrap();
    thread::sleep(Duration::from_millis(500));
    assert!(plane.is_healthy());
    let folder = plane.kubeconfig_path().parent().unwrap().display().to_string();
    fs::write(Path::new(&report).with_extension("new"), folder).unwrap();
    fs::rename(Path::new(&report).with_extension("new"), &report).unwrap();
    thread::sleep(Duration::from_secs(120));
}

#[test]
fn a_killed_process_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let report = place.path().join("report");
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "process::victim"])
        .env(VICTIM, &report)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(eventually(|| report.exists()), "the victim starts no control plane");
    let folder = fs::read_to_string(&report).unwrap();
    let before = processes_of(&folder);
    assert!(before.len() >= 3, "{before:?}");
    victim.kill().unwrap(); // SIGKILL
    victim.wait().unwrap();
    assert!(eventually(|| processes_of(&folder).is_empty()), "{:?}", processes_of(&folder));
    assert!(eventually(|| !Path::new(&folder).exists()), "{folder} is left");
}

#[test]
fn a_dropped_plane_leaves_nothing_behind() {
    let plane = ControlPlane::start(&Assets::find().unwrap(), "dropped").unwrap();
    let folder = plane.kubeconfig_path().parent().unwrap().display().to_string();
    drop(plane);
    assert!(!Path::new(&folder).exists());
    assert!(eventually(|| processes_of(&folder).is_empty()), "{:?}", processes_of(&folder));
}

#[test]
fn a_program_that_ends_by_itself_is_seen_and_its_words_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let program = Program {
        binary: "sh".into(),
        arguments: ["-c", "echo out; echo error >&2; exit 3"].map(Into::into).into(),
        log: place.path().join("log"),
        ..Program::default()
    };
    let process = Process::start(&program).unwrap();
    assert!(eventually(|| !process.is_running()));
    assert_eq!(process.log_tail(), "out\nerror");
    assert!(runs(&std::process::id().to_string()));
}
