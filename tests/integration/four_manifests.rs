//! `--manifests-to` for a host of KubeSphere 4: what others apply, by kubectl alone.

use std::fs;

use kubectl_mc::output::manifests::README;
use testbed::kubesphere::{Installation, Peculiarity, Scenario, Version};

use crate::{
    four_join::assert_installed,
    manifests::{commands, names, typed, written},
    support::Watched,
};

#[track_caller]
fn apply(bed: &Watched, directory: &std::path::Path) {
    for command in commands(directory) {
        let output = typed(bed, &command);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What is not there yet, a token above all, comes with a second run.
#[test]
fn kubectl_joins_a_cluster_by_what_was_written_in_two_runs() {
    for version in Version::PLAYED_OF_4 {
        let slow = Installation::bare(version).with(Peculiarity::SlowPods);
        let bed = Watched::lease(&Scenario::new(version).member(slow));
        let place = tempfile::tempdir().unwrap();
        let run = written(&bed, "", place.path()).run().code(0);
        assert!(run.stdout.starts_with("namespace/kubesphere-system written to "), "{run}");
        assert_eq!(names(place.path()).len(), 4 + 1, "the credential and a README: {run}");
        apply(&bed, place.path());
        let run = written(&bed, "--alias First", place.path()).run().code(0);
        let _ = run.says("the files hold secrets");
        assert_eq!(names(place.path()), ["01-host-host-cluster-member1.yaml", README]);
        let waits =
            ["wait --for=condition=KSCoreReady --timeout=10m", "wait --for=condition=Ready --timeout=10m"];
        let typed: Vec<String> = commands(place.path());
        assert!(typed[1].contains(waits[0]) && typed[2].contains(waits[1]), "{typed:?}");
        apply(&bed, place.path());
        bed.wait_for("its host on it", |bed| bed.host().cluster("member1")["status"]["nodeCount"] == 1);
        let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        assert_installed(&bed, 1, "member1");
        assert_eq!(bed.member(1).releases().len(), 1, "nobody has disturbed the controller");
    }
}

/// What is asked for about a member comes after what its host has stored of it.
#[test]
fn a_cluster_that_stands_is_awaited_before_it_is_described() {
    let version = Version::V4_1_3;
    let slow = Installation::bare(version).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(version).member(slow));
    let _ = bed.join("member1 --wait=false").run().code(0);
    let place = tempfile::tempdir().unwrap();
    let _ = written(&bed, "--alias First", place.path()).run().code(0);
    let typed = commands(place.path());
    assert!(typed.len() == 2 && typed[0].contains("wait --for=condition=KSCoreReady"), "{typed:?}");
    let readme = fs::read_to_string(place.path().join(README)).unwrap();
    assert!(readme.contains("No file yet: its host still writes to the Cluster."), "{readme}");
    apply(&bed, place.path());
    let _ = written(&bed, "--alias First", place.path()).run().code(0);
    let typed = commands(place.path());
    assert!(typed[0].contains(" patch clusters.cluster.kubesphere.io member1 "), "{typed:?}");
    apply(&bed, place.path());
    assert_eq!(bed.host().cluster("member1")["metadata"]["annotations"]["kubesphere.io/alias-name"], "First");
    assert_eq!(bed.member(1).releases().len(), 1, "nobody has disturbed the controller");
}

#[test]
fn what_needs_no_token_is_written_at_once_with_what_to_leave_alone() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let place = tempfile::tempdir().unwrap();
    let run = written(&bed, "--credentials context", place.path()).run().code(0);
    let _ = run.says("replaces its client certificate by itself in the last seven days");
    let readme = fs::read_to_string(place.path().join(README)).unwrap();
    assert!(readme.contains("before its condition KSCoreReady is True"), "{readme}");
    assert!(bed.writes().is_empty());
    apply(&bed, place.path());
    bed.wait_for("its host on it", |bed| bed.host().cluster("member1")["status"]["nodeCount"] == 1);
    assert_installed(&bed, 1, "member1");
}
