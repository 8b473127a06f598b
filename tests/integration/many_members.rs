//! A hundred members at once: what they take of the machine is bounded, and what they take of the host is shared.

use testbed::{
    AuditEvent, Footprint,
    bed::{Cluster, condition},
    kubesphere::{Scenario, Version},
};

use crate::support::Watched;

const MEMBERS: usize = 100;
/// So many files may the program have open.
const OPEN_FILES: usize = 256;
/// What is open without any member, and with each that has its turn.
const OPEN_AT_MOST: usize = 64 + 2 * AT_A_TIME;
/// The default of `--parallel`.
const AT_A_TIME: usize = 8;

/// Runs it with few files; what it held.
#[track_caller]
fn held(bed: &Watched, words: &str) -> Footprint {
    let shell = format!("ulimit -n {OPEN_FILES} && exec \"$0\" \"$@\"");
    let program = bed.kubectl_mc().instead("sh").args(["-c", &shell, env!("CARGO_BIN_EXE_kubectl-mc")]);
    let started = program.words(words).start();
    let followed = Footprint::of(started.id());
    let _ = started.end().code(0);
    followed.held()
}

fn names(bed: &Watched) -> String {
    bed.members().iter().map(Cluster::name).collect::<Vec<_>>().join(" ")
}

fn requests(cluster: &Cluster) -> Vec<AuditEvent> {
    cluster.audit().since_by(cluster.mark(), "kubectl-mc/")
}

#[test]
fn a_hundred_members_are_joined_within_bounds() {
    let bed = Watched::lease(&Scenario::prepared(Version::V3_4, MEMBERS));
    let options = "--context host --yes --reachability off --skip-check member-server-loopback";
    let join = format!("join {} {options}", names(&bed));
    let joined = held(&bed, &join);
    let clusters = bed.host().clusters();
    let ready = clusters.iter().filter(|cluster| condition(cluster, "Ready") == Some("True"));
    assert_eq!(ready.count(), 1 + MEMBERS);
    assert!(joined.open_files <= OPEN_AT_MOST, "{joined:?}");
    assert!(joined.memory < 64_000_000, "{joined:?}");
    let of_host = requests(bed.host());
    let of_clusters = of_host.iter().filter(|event| event.resource == "clusters");
    let watches = of_clusters.clone().filter(|event| event.verb == "watch").count();
    assert!(of_host.len() <= 60 + MEMBERS && watches <= 1, "{} {watches}", of_host.len());
    for member in bed.members() {
        let asked = requests(member).len();
        assert!(asked <= 50, "{}: {asked}", member.name());
    }

    let again = held(&bed, &join);
    assert!(again.open_files <= OPEN_AT_MOST && again.memory < 64_000_000, "{again:?}");
    let names = names(&bed);
    let check = format!("check {names} --skip-check member-server-loopback");
    for words in [check, "get --probe".to_owned(), format!("jwt-secret {names}")] {
        let looked = held(&bed, &format!("{words} --context host --parallel 4"));
        assert!(looked.open_files <= 64 + 2 * 4, "{words}: {looked:?}");
    }
}
