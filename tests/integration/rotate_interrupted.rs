//! A rotation that is killed at each of its writes, and the same command again.

use kubesphere::jwt_secret::JwtSecret;
use testbed::{
    Fault, Front, Rule,
    kubesphere::{Scenario, Version},
};

use crate::{
    rotate::{agreed, effective, register, rotating, scenario},
    support::Faulty,
};

/// A ClusterConfiguration's.
const PATH: &str = "clusterconfigurations/ks-installer";

fn registered(version: Version) -> Faulty {
    let bed = Faulty::lease(&scenario(version, 3));
    register(&bed, || bed.kubectl_mc(), 3);
    bed
}

/// Killed when the patches to these clusters are under way and arrive nowhere, and those to the first so many have arrived.
fn killed_at(bed: &Faulty, fronts: &[&Front], patched: usize) {
    let hang = |front: &&Front| front.add(Rule::on("PATCH", PATH, Fault::Hang).times(1));
    let hits: Vec<_> = fronts.iter().map(hang).collect();
    let started = rotating(bed.kubectl_mc(), "").start();
    bed.wait_for("the patches", |_| {
        let arrived = bed.configuration_patches().into_iter().sum::<usize>();
        arrived >= patched && hits.iter().all(|hits| hits.count() > 0)
    });
    drop(started.signal("KILL"));
}

/// The host, then the third member, the second, and the first: each run is killed while the others' are under way.
fn ends_alike(version: Version) {
    let bed = registered(version);
    let (before, another) = (effective(bed.host()), effective(bed.member(4)));
    let members = [1, 2, 3].map(|number| bed.before_member(number));
    killed_at(&bed, &[bed.before_host()], 0);
    assert_eq!(effective(bed.host()), before, "nothing has arrived");
    killed_at(&bed, &members, 1);
    let fresh = effective(bed.host());
    assert_ne!(fresh, before);
    killed_at(&bed, &members[..2], 2);
    killed_at(&bed, &members[..1], 3);
    let run = rotating(bed.kubectl_mc(), "").run().code(0);
    assert_eq!(agreed(&bed, 3), fresh, "no second one\n{run}");
    assert_eq!(bed.configuration_patches(), [1, 1, 1, 1, 0], "{:?}", bed.writes());
    assert_eq!(effective(bed.member(4)), another);
}

#[test]
fn killed_at_each_write_a_rotation_of_3_4_ends_with_one_secret() {
    ends_alike(Version::V3_4);
}

#[test]
fn killed_at_each_write_a_rotation_of_3_1_ends_with_one_secret() {
    ends_alike(Version::V3_1);
}

#[test]
fn interrupted_before_a_member_has_it_it_says_so_and_is_gone_on_with() {
    let bed = registered(Version::V3_4);
    let before = effective(bed.host());
    let run = bed.signalled_in("INT", rotating(bed.kubectl_mc(), ""), bed.before_member(1), "PATCH", PATH);
    drop(
        run.code(130)
            .says("host \"host\": waiting until the jwtSecret is in effect")
            .says("warning: host \"host\": it has the new jwtSecret, or gets it from the run of its installer; ")
            .says("until the rotation is completed, each member that does not have it yet answers 401")
            .says("hint: run the same command again: it continues where this one stopped\n"),
    );
    let fingerprint = JwtSecret::new(effective(bed.host())).fingerprint();
    let rotate = "complete the rotation: `kubectl mc rotate jwt-secret --context host`";
    let run = bed.kubectl_mc().words("check --context host").run().code(3);
    let lags = format!("its jwtSecret {fingerprint} is not in effect on \"member1\"");
    for said in [lags.as_str(), "a rotation of the jwtSecret was broken off", rotate] {
        assert!(run.stdout.contains(said), "{said}\n{run}");
    }
    let run = bed.kubectl_mc().words("check member1 --context host").run().code(3);
    assert!(run.stdout.contains(rotate) && run.stdout.contains("its configuration has changed"), "{run}");
    let run = bed.kubectl_mc().words("get member1 --probe --context host").run().code(0);
    let row = run.stdout.lines().nth(1).unwrap();
    assert!(row.contains(" other-secret ") && row.contains("its jwtSecret is not the host's"), "{run}");
    let run = run.says(
        "warning: host \"host\": its jwtSecret is not in effect on member1: `kubectl mc rotate jwt-secret",
    );
    drop(run.says(" --context host` gives all the same\n"));
    let run = bed.kubectl_mc().words("jwt-secret member1 --context host").run().code(0);
    drop(run.says("a rotation was broken off, which the same command completes: `kubectl mc rotate jwt-secret --context host`"));
    let _ = rotating(bed.kubectl_mc(), "").run().code(0);
    assert_ne!(agreed(&bed, 3), before);
    assert_eq!(bed.configuration_patches(), [1, 1, 1, 1, 0], "{:?}", bed.writes());
    let run = bed.kubectl_mc().words("get member1 --probe --context host").run().code(0);
    assert!(!run.stdout.contains("other-secret"), "{run}");
}

/// When the command ends before it has seen that all have it, the same command sees it, and makes no second one.
#[test]
fn killed_when_all_were_sent_it_is_complete_when_it_is_in_effect() {
    let bed = registered(Version::V3_4);
    let before = effective(bed.host());
    let started = rotating(bed.kubectl_mc(), "").start();
    bed.wait_for("all were sent it", |_| bed.configuration_patches() == [1, 1, 1, 1, 0]);
    drop(started.signal("KILL"));
    let fresh = effective(bed.host());
    assert_ne!(fresh, before);
    let has_it = |number| effective(bed.member(number)) == fresh;
    bed.wait_for("all have it", |_| (1..=3).all(has_it));
    drop(rotating(bed.kubectl_mc(), "").run().code(3).says("no rotation is left to complete"));
    assert_eq!(agreed(&bed, 3), fresh);
}

/// Who asks for another one although all agree does not get a second one from the hint.
#[test]
fn what_goes_on_with_one_that_was_asked_for_again_makes_no_third() {
    let bed = registered(Version::V3_4);
    let _ = rotating(bed.kubectl_mc(), "").run().code(0);
    let anew = || rotating(bed.kubectl_mc(), "--skip-check recent-rotation");
    let run = bed.signalled_in("INT", anew(), bed.before_member(1), "PATCH", PATH).code(130);
    drop(run.says(
        "hint: run the same command again, without `--skip-check recent-rotation`, which would make yet another jwtSecret: it \
         continues where this one stopped\n",
    ));
    let run =
        rotating(bed.kubectl_mc(), "--skip-check=recent-rotation,clock-skew --wait=false").run().code(0);
    drop(run.says("`kubectl mc rotate jwt-secret --context host --yes --skip-check=clock-skew`"));
}

/// The host does not know it yet.
#[test]
fn a_member_whose_join_has_stopped_gets_the_fresh_one_from_its_join() {
    let bed = Faulty::lease(&Scenario::new(Version::V3_4));
    bed.killed_in(bed.join("member1"), bed.before_host(), "POST", "/clusters");
    let _ = rotating(bed.kubectl_mc(), "").run().code(0);
    assert_ne!(effective(bed.host()), effective(bed.member(1)));
    let run = bed.join("member1").run().code(0);
    drop(run.says(
        "warning: member \"member1\": it has another jwtSecret than the host, and the host's credential",
    ));
    let _ = agreed(&bed, 1);
}

/// Two operators: whose patch of the host comes first has made the secret of all.
#[test]
fn of_two_at_once_one_makes_the_secret() {
    let bed = registered(Version::V3_4);
    let before = effective(bed.host());
    let second = || drop(rotating(bed.kubectl_mc(), "").run().code(0));
    let run = bed.run_with(rotating(bed.kubectl_mc(), ""), bed.before_host(), "PATCH", PATH, second);
    let _ = run.code(0);
    assert_ne!(agreed(&bed, 3), before);
}
