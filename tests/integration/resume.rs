//! A join that is killed or interrupted anywhere, and the same command again.

use kube::api::ListParams;
use testbed::{
    block_on,
    kubesphere::{Scenario, Version, objects},
};

use crate::support::Watched;

/// Of service account, binding and token.
const ACCOUNT: [&str; 3] = [
    "create serviceaccounts/kubectl-mc-host",
    "create clusterrolebindings/kubectl-mc-host",
    "create secrets/kubectl-mc-host-token-HOST",
];
/// The account, the host's patch, the member's patch, the Cluster.
const WRITES: usize = ACCOUNT.len() + 3;

/// Killed after each of its writes in turn, the last one a Cluster that was created and is not ready yet.
fn ends_alike_however_often_it_is_killed(version: Version) {
    let bed = Watched::lease(&Scenario::new(version));
    for writes in 1..=WRITES {
        let started = bed.join("member1").start();
        bed.until_writes(writes);
        let _ = started.signal("KILL");
    }
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    let patch = "patch clusterconfigurations/ks-installer";
    let writes = [&[patch, "create clusters/member1"], &ACCOUNT[..], &[patch]].concat();
    let writes: Vec<_> = writes.iter().map(|write| write.replace("HOST", &bed.host().uid()[..8])).collect();
    assert_eq!(bed.accepted_writes(), writes, "each write once, whichever run sent it");
}

#[test]
fn killed_after_each_write_a_join_of_3_1_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_1);
}

#[test]
fn killed_after_each_write_a_join_of_3_2_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_2);
}

#[test]
fn killed_after_each_write_a_join_of_3_3_ends_alike() {
    let bed = Watched::lease(&Scenario::new(Version::V3_3));
    // Request created, approved and deleted, user bound; then as ever.
    for writes in 1..=4 + 3 {
        let started = bed.join("member1").start();
        bed.until_writes(writes);
        let _ = started.signal("KILL");
    }
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.accepted_configuration_patches(), [1, 1], "{:?}", bed.writes());
    let writes = bed.writes();
    let times = |write: &str| writes.iter().filter(|sent| *sent == write).count();
    assert_eq!(times("create clusters/member1"), 1);
    assert_eq!(times("create clusterrolebindings/kubectl-mc-host-user"), 1);
    let request = |verb: &str| {
        let request = format!("{verb} certificatesigningrequests/kubectl-mc-host-");
        writes.iter().filter(|sent| sent.starts_with(&request)).count()
    };
    let requests = objects::objects(
        &bed.member(1).client(),
        "certificates.k8s.io/v1",
        "CertificateSigningRequest",
        None,
    );
    let left = block_on(async move { requests.list(&ListParams::default()).await.unwrap() });
    let undeleted = request("create") - request("delete");
    assert_eq!(left.items.len(), undeleted, "only what a killed command left, until Kubernetes removes it");
}

#[test]
fn killed_after_each_write_a_join_of_3_4_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_4);
}

#[test]
fn interrupted_after_each_write_it_says_so_and_ends_alike() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    // One more than the runs before have come to, which may be further than they were let.
    while bed.writes().len() < WRITES {
        let written = bed.writes().len();
        let started = bed.join("member1").start();
        bed.until_writes(written + 1);
        let _ = started.signal("INT").code(130).says("run the same command again");
    }
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.accepted_configuration_patches(), [1, 1], "{:?}", bed.writes());
}
