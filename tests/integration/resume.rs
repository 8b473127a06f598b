//! A join that is killed or interrupted anywhere, and the same command again.

use testbed::kubesphere::{Scenario, Version};

use crate::support::Watched;

/// The host's patch, the member's patch, the Cluster.
const WRITES: usize = 3;

/// Killed after each of its writes in turn: host patched, member patched, Cluster created and not ready yet.
fn ends_alike_however_often_it_is_killed(version: Version) {
    let bed = Watched::lease(&Scenario::new(version));
    for writes in 1..=WRITES {
        let started = bed.join("member1").start();
        bed.until_writes(writes);
        let _ = started.signal("KILL");
    }
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(
        bed.writes(),
        [
            "patch clusterconfigurations/ks-installer",
            "create clusters/member1",
            "patch clusterconfigurations/ks-installer"
        ],
        "each write once, whichever run sent it"
    );
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
    ends_alike_however_often_it_is_killed(Version::V3_3);
}

#[test]
fn killed_after_each_write_a_join_of_3_4_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_4);
}

#[test]
fn interrupted_after_each_write_it_says_so_and_ends_alike() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    for writes in 1..=WRITES {
        let started = bed.join("member1").start();
        bed.until_writes(writes);
        let _ = started.signal("INT").code(130).says("run the same command again");
    }
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [1, 1]);
}
