//! What a command comes to whose time is up while it looks at clusters: who was waited for is named, and what was seen is kept.

use testbed::{
    Fault, Rule,
    kubesphere::{Installation, Role, Scenario, Version},
};

use crate::{
    rotate::{effective, register, rotating, scenario},
    support::Faulty,
};

/// Three clusters that could be members, of which the second never says what it is.
fn with_silent_member() -> Faulty {
    let standalone = || Installation::new(Version::V3_4).role(Role::None);
    let members = (0..3).map(|_| standalone()).collect();
    let bed = Faulty::lease(&Scenario::new(Version::V3_4).host(standalone()).members(members));
    let _ = bed.before_member(2).add(Rule::on("GET", "/version", Fault::Hang));
    bed
}

#[test]
fn a_check_names_who_is_late_and_keeps_what_was_seen_of_the_others() {
    let bed = with_silent_member();
    let words = "check member1 member2 member3 --context host --parallel 1 --timeout 4s";
    let run = bed.kubectl_mc().words(words).run().code(4);
    for said in [
        "host \"host\"",
        "member-server-loopback",
        "get version: no answer when the time was up",
        "not asked before the time was up",
    ] {
        assert!(run.stdout.contains(said), "{said}\n{run}");
    }
    let run = run
        .says("error: timed out while looking at member \"member2\"; before all was asked of ")
        .says(", member \"member3\"\n");
    assert!(!run.stdout.contains("failure ks-apiserver"), "{run}");
    assert!(
        run.stdout.contains("\nmember \"member3\": get version: not asked before the time was up\n"),
        "{run}"
    );
    let longer = "hint: run the same command again with a longer `--timeout`, or let more of them have their turn at a time";
    drop(run.says(longer));
}

#[test]
fn a_join_names_who_is_late_and_changes_nothing() {
    let bed = with_silent_member();
    let run = bed.join("member1 member2 --timeout 4s").run().code(4);
    let run =
        run.says("error: member \"member2\": get version: no answer when the time was up [api-reachable]\n");
    let _ = run.says("error: timed out while looking at member \"member2\"");
    bed.assert_untouched();
}

/// A context that leads nowhere takes no longer than the command has.
#[test]
fn a_rotation_ends_in_time_while_contexts_are_asked() {
    let bed = Faulty::lease(&scenario(Version::V3_4, 1));
    register(&bed, || bed.kubectl_mc(), 1);
    let before = effective(bed.host());
    let _ = bed.before_member(1).add(Rule::on("GET", "/namespaces/kube-system", Fault::Hang));
    let written = bed.writes().len();
    let run = rotating(bed.kubectl_mc(), "--timeout 3s").run().code(4);
    let run = run.says("error: timed out while asking where it leads: context \"member1\"\n");
    assert_eq!((bed.writes().len(), effective(bed.host())), (written, before), "{run}");
}

#[test]
fn a_renewal_of_all_ends_in_time_while_host_or_contexts_are_asked() {
    let bed = Faulty::lease(&scenario(Version::V3_4, 1));
    register(&bed, || bed.kubectl_mc(), 1);
    let written = bed.writes().len();
    let renewed = || bed.kubectl_mc().words("renew --all --context host --yes --timeout 3s").run();
    let _ = bed.before_member(1).add(Rule::on("GET", "/namespaces/kube-system", Fault::Hang));
    let run = renewed().code(4);
    let _ = run.says("error: timed out while asking where it leads: context \"member1\"\n");
    let _ = bed.before_host().add(Rule::on("GET", "/version", Fault::Hang));
    let _ = renewed().code(4).says("error: timed out while looking at host \"host\"\n");
    assert_eq!(bed.writes().len(), written);
}
