//! `--config` of `kubectl mc join`: the values with which a host of KubeSphere 4 installs a member.

use std::fs;

use testbed::kubesphere::{Installation, Role, Scenario, Version, secret};

use crate::support::Watched;

const VALUES: &str = "global: {tag: v4.1.1}\nauthentication: {adminPassword: 'Vk3-r9Qz-Lm2p'}\n";

#[test]
fn the_values_are_the_clusters_and_a_password_in_them_is_nobodys() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    fs::write(&file, VALUES).unwrap();
    let join = || bed.join(&format!("member1 --config {} -v 8", file.display()));
    let run = join().run().code(0).does_not_say("Vk3-r9Qz-Lm2p");
    let encoded = secret::base64(VALUES.as_bytes());
    assert!(!run.stderr.contains(&encoded), "not in another form either: {run}");
    let cluster = bed.host().cluster("member1");
    assert_eq!(cluster["spec"]["config"], encoded);
    assert_eq!(cluster["status"]["kubeSphereVersion"], "v4.1.1", "the tag of the values");
    let run = join().run().code(0);
    assert_eq!(run.stdout, "cluster.cluster.kubesphere.io/member1 unchanged\n");
    fs::write(&file, "global: {tag: v4.1.3}\n").unwrap();
    let _ = join().run().code(0).says("`--config` has no effect on the host");
}

#[test]
fn values_that_the_controller_fails_with_or_overwrites_are_refused_with_their_place() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    for (text, said) in [
        ("- a\n", "values.yaml:1:1: values for the chart ks-core are one mapping"),
        ("a: 1\nauthentication: none\n", "values.yaml:2:17: `authentication` is not a mapping"),
        ("multicluster: {role: host}\n", "values.yaml:1:1: `multicluster` is set by the host's controller"),
        ("a: [\n", "not YAML"),
        ("a: &x [*x]\n", "no values can be read from it: an anchor that repeats itself"),
    ] {
        fs::write(&file, text).unwrap();
        let _ = bed.join(&format!("member1 --config {}", file.display())).run().code(2).says(said);
    }
    let missing = directory.path().join("other.yaml");
    let _ = bed.join(&format!("member1 --config {}", missing.display())).run().code(2).says("cannot read");
    assert!(bed.requests().is_empty(), "nothing was asked of a cluster");
}

#[test]
fn a_host_of_3_has_no_use_for_them() {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    fs::write(&file, "a: 1\n").unwrap();
    let run = bed.join(&format!("member1 --config {}", file.display())).run().code(3);
    let _ = run.says("`--config` is for a host with KubeSphere 4").says("nothing was changed");
    assert!(bed.writes().is_empty());
}
