//! A join that is killed or interrupted anywhere, and the same command again.

use testbed::kubesphere::{Scenario, Version};

use crate::{
    credentials::{certificates_users, ours},
    support::{Faulty, Watched},
};

/// Of service account, binding and token.
const ACCOUNT: [&str; 3] = [
    "create serviceaccounts/kubectl-mc-host",
    "create clusterrolebindings/kubectl-mc-host",
    "create secrets/kubectl-mc-host-token-HOST",
];
/// The account, the host's patch, the member's patch, the Cluster.
const WRITES: usize = ACCOUNT.len() + 3;
/// That of a ClusterConfiguration, as method and path.
const PATCH: (&str, &str) = ("PATCH", "clusterconfigurations/ks-installer");

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
    assert_eq!(bed.stored(), writes, "each write once, whichever run sent it");
}

#[test]
fn killed_after_each_write_a_join_of_3_1_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_1);
}

#[test]
fn killed_after_each_write_a_join_of_3_2_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_2);
}

/// Whoever has its token may do everything there.
#[test]
fn what_a_join_that_has_stopped_has_left_is_told_until_it_is_removed() {
    let bed = Faulty::lease(&Scenario::new(Version::V3_4));
    bed.killed_in(bed.join("member1"), bed.before_host(), PATCH.0, PATCH.1);
    is_told_until_it_is_removed(&bed);
}

/// The member is prepared by then, and its Cluster is on its way.
#[test]
fn what_a_join_that_has_stopped_has_left_on_a_prepared_member_is_told_until_it_is_removed() {
    let bed = Faulty::lease(&Scenario::new(Version::V3_4));
    bed.killed_in(bed.join("member1"), bed.before_host(), "POST", "/clusters");
    assert_eq!(bed.member(1).configured("multicluster.clusterRole"), "member");
    is_told_until_it_is_removed(&bed);
}

fn is_told_until_it_is_removed(bed: &Faulty) {
    let check = |words: &str| bed.kubectl_mc().words("check member1 --context host").words(words).run();
    let said = "member-leftovers: it is not registered, and has this host's credential, with all rights";
    let run = check("--skip-check member-server-loopback").code(0);
    assert!(run.stdout.contains(&format!("warning {said}")), "{run}");
    let unjoin = "kubectl mc unjoin member1 --context host --member-context member1";
    assert!(run.stdout.contains(&format!("to remove what is left on it: `{unjoin}`")), "{run}");
    let _ = check("--expect absent").code(3);
    let _ =
        bed.kubectl_mc().words("unjoin member1 --context host --member-context member1 --yes").run().code(0);
    let run = check("--expect absent").code(0);
    assert!(!run.stdout.contains(said), "{run}");
}

/// Each try has a key of its own, which nothing stores: the next one asks for another certificate.
#[test]
fn killed_in_each_write_a_join_of_3_3_ends_alike() {
    const OF_CERTIFICATE: [(&str, &str); 4] = [
        ("POST", "certificatesigningrequests"),
        ("PATCH", "/approval"),
        ("DELETE", "certificatesigningrequests/"),
        ("POST", "clusterrolebindings"),
    ];
    let bed = Faulty::lease(&Scenario::new(Version::V3_3));
    let killed = |front, (method, path)| bed.killed_in(bed.join("member1"), front, method, path);
    for write in OF_CERTIFICATE {
        killed(bed.before_member(1), write);
    }
    killed(bed.before_host(), PATCH);
    killed(bed.before_member(1), PATCH);
    killed(bed.before_host(), ("POST", "/clusters"));
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [1, 1], "{:?}", bed.writes());
    let writes = bed.writes();
    let times = |write: &str| writes.iter().filter(|sent| sent.starts_with(write)).count();
    assert_eq!((times("create clusters/"), times("create clusterrolebindings/")), (1, 1), "{writes:?}");
    let left = ours(bed.member(1), "certificates.k8s.io/v1", "CertificateSigningRequest", None);
    assert_eq!(left.len(), 2, "one was not approved, one not deleted; Kubernetes removes them: {left:?}");
    assert_eq!(certificates_users(bed.member(1)).len(), 1, "of the certificate that the host has");
}

#[test]
fn killed_after_each_write_a_join_of_3_4_ends_alike() {
    ends_alike_however_often_it_is_killed(Version::V3_4);
}

/// Interrupted in each write, which is after the one before it, and in the wait after the last one.
#[test]
fn what_was_changed_before_an_interruption_is_told() {
    let bed = Faulty::lease(&Scenario::new(Version::V3_4));
    let (method, path) = PATCH;
    let run = bed.signalled_in("INT", bed.join("member1"), bed.before_host(), method, path).code(130);
    let told: Vec<&str> = run.stdout.lines().collect();
    let account = "serviceaccount/kubectl-mc-host created on member \"member1\"";
    let binding =
        "clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host created on member \"member1\"";
    assert_eq!(told[..2], [account, binding], "{run}");
    assert!(told[2].starts_with("secret/kubectl-mc-host-token-"), "{run}");
}

#[test]
fn interrupted_after_each_write_it_says_so_and_ends_alike() {
    let bed = Faulty::lease(&Scenario::new(Version::V3_4));
    let interrupted = |front, (method, path)| {
        let run = bed.signalled_in("INT", bed.join("member1"), front, method, path);
        let _ = run.code(130).says("run the same command again");
    };
    for path in ["/serviceaccounts", "/clusterrolebindings", "/secrets"] {
        interrupted(bed.before_member(1), ("POST", path));
    }
    interrupted(bed.before_host(), PATCH);
    interrupted(bed.before_member(1), PATCH);
    interrupted(bed.before_host(), ("POST", "/clusters"));
    interrupted(bed.before_host(), ("GET", "/clusters?&watch=true"));
    let _ = bed.join("member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [1, 1], "{:?}", bed.writes());
    assert_eq!(bed.writes().len(), WRITES, "each write once: {:?}", bed.writes());
}
