//! Several members at once, and joins that do not wait.

use testbed::kubesphere::{Installation, InstallerScenario, Lasting, Role, Scenario, Version};

use crate::support::{Watched, image_pull_back_off, set_installer_container};

fn member() -> Installation {
    Installation::new(Version::V3_4)
}

#[test]
fn one_member_that_fails_does_not_keep_the_others_and_the_sum_says_so() {
    let failing = member().installer(InstallerScenario::StorageClassMissing).lasting(Lasting::Forever);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).members(vec![failing, member()]));
    let run = bed.join("member1 member2").run().code(6);
    assert!(run.stdout.contains("cluster.cluster.kubesphere.io/member2 created\n"), "{run}");
    let _ = run.says("Stopping if default StorageClass was not found").says("1 of 2 members failed");
    bed.assert_joined(2, "member2");
    assert_eq!(bed.configuration_patches(), [1, 1, 1]);
}

/// The host's failure is no member's: it stands alone, with its own code.
#[test]
fn a_host_that_fails_is_told_as_the_hosts_failure() {
    let host = member().installer(InstallerScenario::StorageClassMissing);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).members(vec![member(), member()]));
    let _ = bed.join("member1 member2").run().code(1).says("error: host").does_not_say("members failed");
    assert_eq!(bed.configuration_patches(), [1, 0, 0]);
}

#[test]
fn members_are_prepared_at_the_same_time() {
    let slow = || member().installer(InstallerScenario::Slow);
    let host = member().role(Role::Host);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).members(vec![slow(), slow()]));
    let started = bed.join("member1 member2 --credentials context").start();
    // Both are patched long before the first of them is in effect.
    bed.until_writes(2);
    for number in [1, 2] {
        assert_ne!(bed.member(number).configured("multicluster.clusterRole"), "member");
    }
    let _ = started.end().code(0);
}

#[test]
fn without_waiting_what_can_be_sent_is_sent_and_the_same_command_goes_on() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let run = bed.join("member1 --wait=false").run().code(0);
    let _ = run.says("not done yet").says("kubectl mc join member1");
    assert_eq!(bed.configuration_patches(), [1, 1]);
    // The service account of three parts, which the same command finds again.
    assert_eq!(bed.writes().len(), 3 + 2, "no Cluster before both sides are in effect");
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [1, 1]);
    assert_eq!(bed.writes().len(), 3 + 2 + 1, "and nothing twice");
}

#[test]
fn an_installer_whose_pod_does_not_start_is_told_with_its_reason() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).members(Vec::new()));
    set_installer_container(bed.host(), image_pull_back_off());
    let run = bed.kubectl_mc().words("prepare host --context host --yes --timeout 6s").run().code(4);
    let _ = run.says("ImagePullBackOff: Back-off pulling image \"x\"");
    assert_eq!(bed.configuration_patches(), [0], "a run is under way");
}

/// The first one takes all the time, and the others do not have their turn: of them nothing is known.
#[test]
fn members_whose_turn_did_not_come_are_told_so_and_gone_on_with() {
    let host = member().role(Role::Host);
    let bed =
        Watched::lease(&Scenario::new(Version::V3_4).host(host).members(vec![member(), member(), member()]));
    set_installer_container(bed.member(1), image_pull_back_off());
    let words = "member1 member2 member3 --parallel 1 --reachability off";
    let run = bed.join(&format!("{words} --timeout 12s")).run().code(4);
    let _ = run
        .says("error: member \"member1\": timed out while waiting until the configuration is in effect")
        .says("1 of 3 members failed; the time was up before the turn of 2 more: member \"member2\", member \"member3\"\n")
        .says("hint: run the same command again: it continues where this one stopped\n")
        .says("0 of 3 ready, 1 failed, 2 not done (")
        .does_not_say("has not answered");
    assert_eq!(bed.configuration_patches(), [0, 0, 0, 0]);
}
