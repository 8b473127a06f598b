//! What the system and other processes see of a command that runs: `/proc`, and what is left when it crashes.

#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    process::Command,
};

use testbed::{
    Fault, Gate, Rule,
    kubesphere::{Scenario, Version},
};

use crate::support::{Faulty, Folder};

#[test]
fn a_join_has_no_secret_in_its_arguments_or_environment_and_dumps_no_core() {
    let bed = Faulty::lease(&Scenario::new(Version::V3_4));
    let gate = Gate::closed();
    let patch = Rule::on("PATCH", "clusterconfigurations/ks-installer", Fault::Hold(gate.clone()));
    let started = bed.start_until("the member's patch", bed.join("member1"), bed.before_member(1), patch);
    let seen = |name: &str| {
        let bytes = fs::read(format!("/proc/{}/{name}", started.id())).unwrap();
        String::from_utf8_lossy(&bytes).replace('\0', "\n")
    };
    let secrets = bed.secrets();
    assert!(secrets.len() > 1 && seen("cmdline").contains("member1") && seen("environ").contains("HOME="));
    for name in ["cmdline", "environ"] {
        assert!(
            !secrets.iter().any(|secret| seen(name).contains(secret.as_str())),
            "a secret stands in {name}"
        );
    }
    assert_eq!(core_limits(&seen("limits")), ["0", "0"]);
    assert!(seen("status").lines().any(|line| line == "CoreDumping:\t0"));
    gate.open();
    let _ = started.end().code(0);
}

/// The soft one, and the hard one.
fn core_limits(limits: &str) -> Vec<&str> {
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    core.split_whitespace().take(2).collect()
}

/// Whatever the shell allows, and though it is the same user who looks. It waits for a secret meanwhile.
#[test]
fn a_crash_leaves_no_core_and_the_same_user_reads_no_memory() {
    let folder = Folder::with("bare");
    assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    // Only root can become somebody else.
    let is_root = chown(folder.path("pipe"), Some(4711), Some(4711)).is_ok();
    folder.chmod(".", 0o777);
    assert!(
        Command::new("cp")
            .args([env!("CARGO_BIN_EXE_kubectl-mc"), "."])
            .current_dir(folder.root())
            .status()
            .unwrap()
            .success()
    );
    let script =
        "ulimit -c unlimited; exec ./kubectl-mc configure c.yaml --role member --jwt-secret-file pipe";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir(folder.root());
    if is_root {
        shell.uid(4711).gid(4711);
    }
    let mut child = shell.spawn().unwrap();
    let process = format!("/proc/{}", child.id());
    let closed = || {
        let none = fs::read_to_string(format!("{process}/limits"))
            .is_ok_and(|limits| core_limits(&limits) == ["0", "0"]);
        // What cannot be dumped is root's.
        none && (!is_root
            || fs::metadata(format!("{process}/environ")).is_ok_and(|environ| environ.uid() == 0))
    };
    while !closed() {
        assert!(child.try_wait().unwrap().is_none(), "it has ended before");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-s", "ABRT", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}
