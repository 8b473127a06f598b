//! Reachability as real kubelets find it out: containerd and runc, each node in a network of its own.

use kube::{
    ResourceExt as _,
    api::{DynamicObject, ListParams},
};
use testbed::{
    block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects},
    nodes::{self, Machine, Reach, RealNodes},
};

use crate::support::{KubectlMc, Watched};

fn lease() -> Watched {
    let of = |role| Installation::new(Version::V3_4).role(role);
    Watched::lease(
        &Scenario::new(Version::V3_4).host(of(Role::Host)).member(of(Role::Member)).on_control_planes(),
    )
}

fn join(bed: &Watched, real: &RealNodes<'_>, words: &str) -> KubectlMc {
    let words = format!("join {words} --context host --yes");
    KubectlMc::new(&real.kubeconfig(), bed.secrets()).words(&words)
}

fn probe_pods(bed: &Watched) -> Vec<String> {
    let pods = objects::objects(&bed.host().client(), "v1", "Pod", Some(objects::SYSTEM));
    let ours = ListParams::default().labels("app.kubernetes.io/managed-by=kubectl-mc");
    let pods = block_on(async move { pods.list(&ours).await }).unwrap().items;
    pods.iter().map(DynamicObject::name_any).collect()
}

/// The address is no loopback, so no check has to be skipped.
#[test]
fn of_two_nodes_the_one_that_reaches_the_member_is_told_from_the_one_that_does_not() {
    if !nodes::can_run() {
        return;
    }
    let bed = lease();
    let machines = [
        Machine::new("node-a"),
        Machine::new("node-b").reach(Reach::Blackhole),
        Machine::new("node-c").images(&[]),
    ];
    let real = RealNodes::attach(&bed, 1, &machines);
    let server = real.member_server();
    let run = join(&bed, &real, "member1").run().code(3).stdout("");
    let _ = run
        .says(&format!("1. host \"host\": probe {server} from 3 nodes"))
        .says("without host-node1 (not ready)")
        .says(&format!("reachable: {server} from 1 of 2 nodes, and 1 could not probe it"))
        .says(&format!("error: member \"member1\": its server {server} cannot be reached from the host's node node-b: there is no way to it (dial tcp "))
        .says("host's node node-c: there is no image on the node that a probe pod can use")
        .says("1 check failed; nothing was changed");
    assert_eq!(bed.writes(), Vec::<String>::new());
    assert_eq!(probe_pods(&bed), Vec::<String>::new());

    for (reach, said) in [
        (Reach::Refused, "the connection is refused"),
        (Reach::Unreachable, "there is no way to it"),
        (Reach::Dropped, "no answer in time"),
    ] {
        real.node("node-b").set_reach(reach).unwrap();
        let run = join(&bed, &real, "member1").run().code(3);
        let _ = run.says(&format!("host's node node-b: {said} ("));
    }
    assert_eq!(bed.writes(), Vec::<String>::new());

    real.node("node-b").set_reach(Reach::Open).unwrap();
    let run = join(&bed, &real, "member1").run().code(0);
    let _ = run.says(&format!("reachable: {server} from 2 of 2 nodes, and 1 could not probe it"));
    bed.assert_joined(1, "member1");
    assert_eq!(probe_pods(&bed), Vec::<String>::new());
}
