//! `unjoin --force` killed at each of its requests: whichever command writes next leaves the webhook as it was.

use http::{Method, Uri};
use testbed::{Fault, Gate, Kubernetes, Rule};

use crate::{
    support::{Faulty, Watched},
    unjoin_force::{
        FORCE, assert_taken_out, configuration, force, is_gone, is_narrowed, scenario, with_dead_member,
    },
};

/// In which request it is killed, which then never arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Narrowing,
    Deletion,
    Restoration,
}

const POINTS: [Point; 3] = [Point::Narrowing, Point::Deletion, Point::Restoration];
const VERSIONS: [Kubernetes; 2] = [Kubernetes::V1_34, Kubernetes::V1_27];

/// A patch of the webhook's configuration that is meant to be stored.
fn is_stored_patch(method: &Method, uri: &Uri) -> bool {
    let is_rehearsed = uri.query().is_some_and(|query| query.contains("dryRun"));
    method == Method::PATCH && uri.path().contains("/validatingwebhookconfigurations/") && !is_rehearsed
}

fn killed_at(bed: &Faulty, point: Point) {
    let front = bed.before_host();
    let patch = || Rule::when(is_stored_patch, Fault::Hang);
    let deletion = |fault| Rule::on("DELETE", "/clusters/member1", fault);
    let (held, gate) = match point {
        Point::Narrowing => (patch(), None),
        Point::Deletion => (deletion(Fault::Hang), None),
        Point::Restoration => {
            let gate = Gate::closed();
            (deletion(Fault::Hold(gate.clone())), Some(gate))
        }
    };
    let started = bed.start_until(&format!("{point:?}"), bed.kubectl_mc().words(FORCE), front, held);
    if let Some(gate) = gate {
        let restoration = front.add(patch().times(1));
        gate.open();
        bed.wait_for("the restoration", |_| restoration.count() > 0);
    }
    let _ = started.signal("KILL");
    assert_eq!(is_narrowed(bed), point != Point::Narrowing, "{point:?}");
    assert_eq!(is_gone(bed), point == Point::Restoration, "{point:?}");
}

#[test]
fn killed_again_and_again_the_same_command_comes_to_the_same_end() {
    for kubernetes in VERSIONS {
        let bed = Faulty::lease(&scenario(1).host_kubernetes(kubernetes));
        with_dead_member(&bed);
        let before = configuration(&bed);
        for point in POINTS {
            killed_at(&bed, point);
        }
        let _ = force(&bed).run().code(0);
        assert_taken_out(&bed, &before);
    }
}

/// A command on another member that writes on the host.
fn another_command(bed: &Watched, point: Point) {
    let _ = match point {
        Point::Narrowing => bed.join("member2 --reachability off --credentials context"),
        Point::Deletion => bed.kubectl_mc().words(
            "renew member2 --member-context member2 --context host --yes --reachability off \
             --skip-check member-server-loopback",
        ),
        Point::Restoration => bed.kubectl_mc().words("unjoin member2 --context host --yes"),
    }
    .run()
    .code(0);
}

#[test]
fn whichever_command_writes_next_restores_what_was_narrowed() {
    for kubernetes in VERSIONS {
        let bed = Faulty::lease(&scenario(2).host_kubernetes(kubernetes));
        with_dead_member(&bed);
        let before = configuration(&bed);
        for point in POINTS {
            killed_at(&bed, point);
            another_command(&bed, point);
            assert_eq!(configuration(&bed), before, "{kubernetes:?}, killed in the {point:?}");
        }
    }
}
