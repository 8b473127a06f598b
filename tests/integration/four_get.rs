//! `kubectl mc get` where the host has KubeSphere 4: what its Clusters say, and what they say otherwise than those of 3.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{
    block_on,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version, objects},
    pki::Validity,
};

use crate::support::{Run, Watched};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn get(bed: &Watched, words: &str) -> Run {
    bed.kubectl_mc().words("get --context host").words(words).run().code(0)
}

/// The columns of one Cluster, and its reasons.
fn row(run: &Run, name: &str) -> (Vec<String>, String) {
    let found = run.stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
    let words: Vec<&str> = found.unwrap_or_else(|| panic!("{run}")).split_whitespace().collect();
    (words[1..9].iter().map(|word| (*word).to_owned()).collect(), words[10..].join(" "))
}

fn slow(version: Version) -> Scenario {
    Scenario::new(version).member(Installation::bare(version).with(Peculiarity::SlowPods))
}

#[test]
fn a_host_and_its_member_are_ready_with_their_versions() {
    for version in Version::PLAYED_OF_4 {
        let bed = Watched::lease(&Scenario::new(version));
        let _ = bed.join("member1").run().code(0);
        let marks = bed.marks();
        bed.wait_for("both counted", |bed| {
            bed.host().clusters().iter().all(|one| one["status"]["nodeCount"] == 1)
        });
        let run = get(&bed, "--probe");
        let server = |cluster: &testbed::bed::Cluster| cluster.server();
        let [host, member] = [server(bed.host()), server(bed.member(1))];
        let kubernetes = &row(&run, "host").0[2];
        let columns = |role: &str, server: &str, credential: &str, expires: &str| {
            let columns = [role, "True", kubernetes, version.release(), "1", server, credential, expires];
            columns.map(str::to_owned).to_vec()
        };
        assert_eq!(row(&run, "host"), (columns("host", &host, "certificate", "364d"), "<none>".to_owned()));
        let told = columns("member", &member, "service-account", "never");
        assert_eq!(row(&run, "member1"), (told, "ok".to_owned()));
        assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
    }
}

#[test]
fn a_member_is_shown_while_it_is_installed_and_when_it_is() {
    for version in [Version::V4_1_3, Version::Master] {
        let bed = Watched::lease(&slow(version));
        let watch = bed.kubectl_mc().words("get --context host -w").start_shown();
        watch.until_shown("host ");
        let _ = bed.join("member1 --wait=false").run().code(0);
        watch.until_shown("Installing");
        let run = get(&bed, "member1");
        let (columns, reason) = row(&run, "member1");
        assert_eq!(columns[1], "Installing", "{run}");
        assert!(reason.starts_with("KubeSphere is not installed on it yet, "), "{run}");
        let object: Value = serde_json::from_str(&get(&bed, "member1 -o json").stdout).unwrap();
        assert_eq!(object["clusters"][0]["ready"], "Installing");
        let of_member = |line: &&str| line.starts_with("member1 ") && line.contains(version.release());
        let is_ready = |line: &str| line.split_whitespace().nth(2) == Some("True");
        watch.until_it_shows("a member that is ready", |shown| shown.lines().filter(of_member).any(is_ready));
        let _ = watch.signal("INT").code(130);
    }
}

#[test]
fn a_failure_after_4_1_3_is_told_with_what_tries_again() {
    let gone = Peculiarity::ImageMissing("ks-apiserver".to_owned());
    let member = Installation::bare(Version::Master).with(gone);
    let bed = Watched::lease(&Scenario::new(Version::Master).member(member));
    let _ = bed.join("member1").run().code(1);
    let run = get(&bed, "member1");
    let (columns, reason) = row(&run, "member1");
    assert_eq!(columns[1], "False", "{run}");
    assert_eq!(
        reason,
        "KS Core installation failed: the host tries again when it has the annotation kubesphere.io/ks-core-action=reinstall"
    );
}

#[test]
fn what_the_host_does_not_reach_says_why() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let kubeconfig = bed.member(1).plane().kubeconfig_named("member1");
    let kubeconfig = kubeconfig.replace(&bed.member(1).server(), "https://127.0.0.1:9");
    bed.host().import("member1", &kubeconfig);
    bed.wait_for("a look at it", |bed| bed.host().cluster("member1")["status"]["conditions"].is_array());
    let run = get(&bed, "member1");
    let (columns, reason) = row(&run, "member1");
    assert_eq!(columns[1], "False", "{run}");
    assert!(reason.ends_with("dial tcp 127.0.0.1:9: connect: connection refused"), "{run}");
}

/// What another name has left behind keeps the label, and is the same cluster.
#[test]
fn a_hosts_own_cluster_is_the_one_with_its_name() {
    let host =
        Installation::new(Version::V4_1_3).role(Role::Host).with(Peculiarity::HostName("hub".to_owned()));
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).host(host).members(Vec::new()));
    bed.wait_for("its own Cluster", |bed| bed.host().cluster("hub")["status"]["uid"].is_string());
    let own = bed.host().cluster("hub");
    let left = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
        "metadata": {"name": "old", "labels": {"cluster-role.kubesphere.io/host": ""}}, "spec": own["spec"],
    });
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &left).await }).unwrap();
    bed.wait_for("both looked at", |bed| {
        bed.host().clusters().iter().all(|one| one["status"]["kubeSphereVersion"].is_string())
    });
    let run = get(&bed, "");
    let roles = ["hub", "old"].map(|name| row(&run, name).0[..2].to_vec());
    assert_eq!(roles, [["host", "True"], ["member", "True"]], "{run}");
    assert!(row(&run, "old").1.contains("the same cluster is registered as \"hub\""), "{run}");
}

/// The controller says in a condition without a status when a certificate ends, and renews one of an administrator in time.
#[test]
fn a_certificates_end_is_the_stored_ones() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    bed.host().import("member1", &bed.member(1).kubeconfig_holding(Validity::lasting(20 * DAY + DAY / 2)));
    bed.wait_for("its condition", |bed| {
        let conditions = bed.host().cluster("member1")["status"]["conditions"].clone();
        let mut conditions = conditions.as_array().into_iter().flatten();
        conditions.any(|one| one["type"] == "KubeConfigCertExpiresInSevenDays" && one["status"] == "")
    });
    let run = get(&bed, "member1");
    assert_eq!(row(&run, "member1").0[6..], ["certificate", "20d"], "{run}");
    assert_eq!(row(&run, "member1").1, "", "its condition is no warning: {run}");
}

#[test]
fn a_member_in_the_hosts_place_is_told() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let _ = bed.join("member1").run().code(0);
    let run = bed.kubectl_mc().words("get --context member1").run().code(0);
    let _ = run
        .says("warning: host \"member1\": it is a member, and only its host has the Clusters of its members");
}
