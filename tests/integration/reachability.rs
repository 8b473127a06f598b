//! Whether the host's nodes reach a member, on real control planes with played kubelets that dial the member.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kube::{
    ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{
    Fault, Gate, Rule, block_on,
    kubesphere::{Installation, Node, Peculiarity, Role, Scenario, Version, objects},
};

use crate::support::{Faulty, Kubeconfig, ON_HOST, PROBING, Watched, user_who_may, without};

const OURS: &str = "app.kubernetes.io/managed-by=kubectl-mc";

/// A host with these nodes besides its first, and a member that only has to be registered.
fn nodes(nodes: &[Node]) -> Scenario {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let host = nodes.iter().fold(host, |host, node| host.with(Peculiarity::Node(*node)));
    Scenario::new(Version::V3_4).host(host).member(Installation::new(Version::V3_4).role(Role::Member))
}

/// The probe pods that are on the host.
fn probe_pods(bed: &Watched) -> Vec<DynamicObject> {
    let pods = objects::objects(&bed.host().client(), "v1", "Pod", Some(objects::SYSTEM));
    block_on(async move { pods.list(&ListParams::default().labels(OURS)).await }).unwrap().items
}

fn names(pods: &[DynamicObject]) -> Vec<String> {
    pods.iter().map(ResourceExt::name_any).collect()
}

fn until_pods(bed: &Watched, count: usize) {
    bed.wait_for("probe pods", |_| probe_pods(bed).len() == count);
}

fn member_reachable(json: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(json).unwrap();
    let findings = document["findings"].as_array().unwrap().clone();
    findings.into_iter().filter(|finding| finding["id"] == "member-reachable").collect()
}

#[test]
fn nodes_that_reach_the_member_are_said_and_their_pods_are_gone() {
    let bed = Watched::lease(&nodes(&[Node::Healthy, Node::Edge, Node::NotReady, Node::Windows]));
    let server = bed.member(1).server();
    let run = bed.join("member1").run().code(0);
    let _ = run
        .says(&format!("1. host \"host\": probe {server} from 2 nodes with short-lived pods"))
        .says("no image is pulled")
        .says("without host-node3 (edge node), host-node4 (not ready), host-node5 (windows)")
        .says(&format!("reachable: {server} from 2 of 2 nodes"));
    assert_eq!(bed.probe_writes(), ["create", "create", "deletecollection"]);
    assert_eq!(names(&probe_pods(&bed)), Vec::<String>::new());
    assert_eq!(bed.writes()[0], "create clusters/member1", "nothing else of the host's is written");
}

#[test]
fn a_member_out_of_reach_of_a_node_is_not_joined_unless_that_is_wanted() {
    let bed = Watched::lease(&nodes(&[Node::Refused, Node::TimedOut, Node::Nameless, Node::Routeless]));
    let said = |node: &str, how: &str| {
        let server = bed.member(1).server();
        format!(
            "error: member \"member1\": its server {server} cannot be reached from the host's node {node}: {how}"
        )
    };
    let run = bed.join("member1").run().code(3).stdout("");
    let _ = run
        .says(&said("host-node2", "the connection is refused (dial tcp 127.0.0.1:"))
        .says(&said("host-node3", "no answer in time (context deadline exceeded"))
        .says(&said("host-node4", "the name cannot be resolved there (dial tcp: lookup"))
        .says(&said("host-node5", "there is no way to it (dial tcp 127.0.0.1:"))
        .says("[member-reachable]")
        .says("4 checks failed; nothing was changed");
    assert_eq!(bed.writes(), Vec::<String>::new());
    assert_eq!(names(&probe_pods(&bed)), Vec::<String>::new());

    let run = bed.join("member1 -o json").run().code(3);
    let verdicts: Vec<_> =
        member_reachable(&run.stdout).iter().map(|finding| finding["verdict"].clone()).collect();
    assert_eq!(verdicts, ["ok", "failure", "failure", "failure", "failure"], "{run}");
    assert_eq!(bed.writes(), Vec::<String>::new());

    let _ = bed
        .join("member1 --skip-check member-reachable")
        .run()
        .code(0)
        .says("warning: member \"member1\": its server")
        .says("(skipped) [member-reachable]");
    bed.assert_joined(1, "member1");
}

#[test]
fn reachability_off_creates_no_pod() {
    let bed = Watched::lease(&nodes(&[Node::TimedOut]));
    let _ = bed.join("member1 --reachability=off").run().code(0).does_not_say("probe");
    bed.assert_joined(1, "member1");
    assert_eq!(bed.probe_writes(), Vec::<String>::new());
}

/// Nodes that cannot tell keep nobody from joining.
#[test]
fn what_stays_unknown_is_said_with_its_reason_and_the_join_goes_on() {
    let bed = Watched::lease(&nodes(&[Node::Bare, Node::Forgetful, Node::Full, Node::Silent]));
    let said = |node: &str, why: &str| {
        let server = bed.member(1).server();
        format!(
            "unknown: member \"member1\": whether its server {server} can be reached from the host's node {node}: {why}"
        )
    };
    let _ = bed
        .join("member1")
        .run()
        .code(0)
        .says(&said("host-node2", "there is no image on the node that a probe pod can use"))
        .says(&said("host-node3", "its image is not on the node any more (ErrImageNeverPull)"))
        .says(&said("host-node4", "its kubelet gave up on the pod: OutOfpods: "))
        .says(&said("host-node5", "its kubelet does not start the pod"))
        .says("from 1 of 1 nodes, and 4 could not probe it");
    bed.assert_joined(1, "member1");
    assert_eq!(names(&probe_pods(&bed)), Vec::<String>::new());
}

#[test]
fn an_api_server_without_anonymous_access_is_reachable_and_a_gateways_error_is_not_known() {
    let bed = Faulty::lease(&nodes(&[]));
    bed.before_member(1).add(Rule::on("GET", "/readyz", Fault::status(503)));
    let broken = bed.join("member1 --wait=false").run().code(0);
    let _ = broken.says("something answers there with HTTP 503, as no healthy API server does");
    drop(bed);

    let bed = Faulty::lease(&nodes(&[]));
    bed.before_member(1).add(Rule::on("GET", "/readyz", Fault::status(401)));
    let _ = bed.join("member1 --wait=false").run().code(0).says("from 1 of 1 nodes");
}

/// The pod is there all the same, so it probes, and it is deleted.
#[test]
fn a_creation_whose_answer_is_lost_is_looked_for_and_deleted() {
    let bed = Faulty::lease(&nodes(&[]));
    bed.before_host().add(Rule::on("POST", "/namespaces/kubesphere-system/pods", Fault::CutAfterBytes(10)));
    let _ = bed.join("member1 --wait=false").run().code(0).says("from 1 of 1 nodes");
    assert_eq!(names(&probe_pods(&bed)), Vec::<String>::new());
}

#[test]
fn who_may_not_probe_is_told_before_the_question_and_joins() {
    let bed = Watched::shared();
    let granted: Vec<&str> = ON_HOST.into_iter().chain(PROBING).collect();
    for (number, right) in PROBING.iter().take(4).enumerate() {
        let user = user_who_may(bed.host(), &format!("no-prober-{number}"), &without(&granted, right));
        let kubeconfig = Kubeconfig::of(bed).user("host", user);
        let run = bed.kubectl_mc_with(&kubeconfig).join("member1 --dry-run=client").run().code(0);
        let (verb, resource) = right.split_once(' ').unwrap();
        let _ = run
            .says("unknown: host \"host\": whether its nodes reach the members stays unknown: ")
            .says(&format!("hint: the user needs \"{verb}\" on {resource}"))
            .does_not_say("short-lived pods");
    }
    bed.assert_untouched();
}

#[test]
fn the_rights_to_probe_are_enough_to_probe() {
    let bed = Watched::lease(&nodes(&[Node::Refused]));
    let granted: Vec<&str> = ON_HOST.into_iter().chain(PROBING).collect();
    let join = |name: &str, rights: &[&str]| {
        let kubeconfig = Kubeconfig::of(&bed).user("host", user_who_may(bed.host(), name, rights));
        bed.kubectl_mc_with(&kubeconfig).join("member1").run()
    };
    let _ = join("prober", &granted).code(3).says("host's node host-node2: the connection is refused");
    // Nothing more than "delete" is asked of anybody.
    assert_eq!(names(&probe_pods(&bed)), Vec::<String>::new());
    let blind = join("blind-prober", &without(&granted, "list events")).code(0);
    let _ = blind.says(
        "host's node host-node2: its probe does not succeed, and the events that say why may not be listed",
    );
}

/// By a person, by a CI job that is cancelled, by a terminal that is closed.
#[test]
fn interrupted_while_probing_it_leaves_no_pod_and_changed_nothing() {
    let bed = Watched::lease(&nodes(&[Node::Silent]));
    for signal in ["INT", "TERM", "HUP"] {
        let started = bed.join("member1").start();
        until_pods(&bed, 2);
        let _ = started.signal(signal).code(130).says("run the same command again");
        assert_eq!(names(&probe_pods(&bed)), Vec::<String>::new());
    }
    assert_eq!(bed.writes(), Vec::<String>::new());
}

#[test]
fn interrupted_again_it_says_how_many_pods_may_stay_and_how_to_delete_them() {
    let bed = Faulty::lease(&nodes(&[Node::Silent]));
    let held = Fault::Hold(Gate::closed());
    let deletions = bed.before_host().add(Rule::on("DELETE", "/namespaces/kubesphere-system/pods", held));
    let started = bed.join("member1").start();
    until_pods(&bed, 2);
    started.send("INT");
    bed.wait_for("a deletion", |_| deletions.count() > 0);
    let run = started.signal("INT").code(130);
    let pod = probe_pods(&bed).pop().unwrap();
    let selector = format!("kubectl-mc/run={}", pod.labels()["kubectl-mc/run"]);
    let _ = run
        .says("warning: 2 probe pods may stay on host \"host\" until the next command that changes it")
        .says(&format!(
            "hint: to delete them: `kubectl --context host -n kubesphere-system delete pods -l {selector}`"
        ));
}

/// Lets a pod run no longer than a second.
fn shorten(bed: &Watched, pod: &str) {
    let pods = objects::objects(&bed.host().client(), "v1", "Pod", Some(objects::SYSTEM));
    let patch = Patch::Merge(json!({"spec": {"activeDeadlineSeconds": 1}}));
    let pod = pod.to_owned();
    block_on(async move { pods.patch(&pod, &PatchParams::default(), &patch).await }).unwrap();
}

/// Whether these pods were created more than a second ago, by any clock that tells whole seconds.
fn are_past_a_second(bed: &Watched, names: &[String]) -> bool {
    let recent = Timestamp::now().as_second() - 2;
    let pods = probe_pods(bed).into_iter().filter(|pod| names.contains(&pod.name_any()));
    pods.filter_map(|pod| pod.creation_timestamp()).all(|created| created.0.as_second() < recent)
}

#[test]
fn what_a_killed_command_leaves_goes_with_the_next_change_and_a_colleagues_pods_stay() {
    let bed = Watched::lease(&nodes(&[Node::Silent]));
    let started = bed.join("member1").start();
    until_pods(&bed, 2);
    let _ = started.signal("KILL");
    let left = names(&probe_pods(&bed));
    let colleagues = bed.join("member1").start();
    until_pods(&bed, 4);
    for pod in &left {
        shorten(&bed, pod);
    }
    bed.wait_for("the pods' end", |_| are_past_a_second(&bed, &left));

    let checked = bed.kubectl_mc().words("check --context host").run().code(0);
    assert!(checked.stdout.contains("  warning leftover-probe-pods: "), "{checked}");
    let told = names(&probe_pods(&bed)).into_iter().filter(|pod| checked.stdout.contains(pod));
    assert_eq!(told.collect::<BTreeSet<_>>(), left.iter().cloned().collect(), "{checked}");
    assert_eq!(probe_pods(&bed).len(), 4, "a check takes nothing away");

    let dry = bed.join("member1 --reachability=off --dry-run=client").run().code(0);
    let _ = dry.says("1. host \"host\": delete 2 probe pods that an earlier command left behind");
    assert_eq!(probe_pods(&bed).len(), 4);
    let run = bed.join("member1 --reachability=off --wait=false").run().code(0);
    let _ = run.says("2 probe pods of an earlier command deleted");
    let staying = names(&probe_pods(&bed));
    assert_eq!(staying.len(), 2, "{staying:?}");
    assert!(left.iter().all(|pod| !staying.contains(pod)), "{left:?} {staying:?}");
    let _ = colleagues.signal("INT").code(130);
}

/// Before a join and of a joined member alike; the pods are all that it writes.
#[test]
fn a_check_probes_where_that_is_asked_for() {
    let bed = Watched::lease(&nodes(&[Node::Refused]));
    let program = |words: &str| {
        bed.kubectl_mc()
            .words("check member1 --context host --skip-check member-server-loopback")
            .words(words)
    };
    let unasked = program("-o json").run().code(0);
    let found = member_reachable(&unasked.stdout);
    assert_eq!((found.len(), &found[0]["verdict"]), (1, &json!("skipped")), "{unasked}");
    assert_eq!(bed.probe_writes().len(), 0);
    for joined in [false, true] {
        if joined {
            let _ = bed.join("member1 --reachability=off").run().code(0);
        }
        let writes = bed.writes().len();
        let run = program("--reachability=nodes -o json").run().code(3);
        let verdicts = member_reachable(&run.stdout).into_iter().map(|finding| finding["verdict"].clone());
        assert_eq!(verdicts.collect::<Vec<_>>(), ["ok", "failure"], "{run}");
        assert_eq!((names(&probe_pods(&bed)), bed.writes().len()), (Vec::new(), writes));
    }
}

#[test]
fn pod_security_that_refuses_the_pods_is_said_before_and_after_and_keeps_nobody_from_joining() {
    let bed = Watched::lease(&nodes(&[Node::Healthy]).on_control_planes());
    let namespaces = objects::objects(&bed.host().client(), "v1", "Namespace", None);
    let restricted = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    block_on(async move { objects::merge(&namespaces, objects::SYSTEM, &restricted).await }).unwrap();
    let why = "from the host's nodes host-node1, host-node2: the pod for it was refused: violates PodSecurity \
               \"restricted:latest\": host namespaces";
    let _ = bed.join("member1 --dry-run=server").run().code(0).says(why);
    bed.assert_untouched();
    let _ = bed.join("member1").run().code(0).says(why).says("unknown, as 2 nodes could not probe it");
    bed.assert_joined(1, "member1");
}
