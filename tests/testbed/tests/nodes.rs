//! Real nodes: two on one host, of which only one reaches the member, and nothing of them stays behind.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio, id},
    thread,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::{Event, Node, Pod};
use kube::{Api, Client, api::ListParams};
use serde_json::{Value, json};
use testbed::{
    Bed, block_on,
    kubesphere::{Scenario, Version},
    nodes::{self, Machine, PAUSE, Reach, RealNodes},
};

use crate::objects::{client, create, get, in_default};

/// Set for the copy of this test binary that is to be killed: the file for what it started.
const VICTIM: &str = "TESTBED_NODES_VICTIM";

/// A victim starts two control planes and a node, maybe while others do.
const WITHIN: Duration = Duration::from_secs(120);

fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < WITHIN, "no {what} within {WITHIN:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A pod that is ready while its node reaches the server.
fn probe(name: &str, node: &str, server: &str) -> Value {
    let (host, port) = server.trim_start_matches("https://").split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let readiness = json!({
        "httpGet": {"host": host, "port": port, "scheme": "HTTPS", "path": "/readyz"},
        "periodSeconds": 1, "timeoutSeconds": 1,
    });
    let container =
        json!({"name": "probe", "image": PAUSE, "imagePullPolicy": "Never", "readinessProbe": readiness});
    json!({"metadata": {"name": name}, "spec": {
        "nodeName": node, "hostNetwork": true, "restartPolicy": "Never", "automountServiceAccountToken": false,
        "activeDeadlineSeconds": 120, "tolerations": [{"operator": "Exists"}], "containers": [container],
    }})
}

fn pod(client: &Client, name: &str) -> Value {
    let (pods, name): (Api<Pod>, _) = (in_default(client), name.to_owned());
    serde_json::to_value(block_on(async move { pods.get(&name).await }).unwrap()).unwrap()
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

fn is_ready(client: &Client, pod_name: &str) -> bool {
    condition(&pod(client, pod_name), "Ready")["status"] == "True"
}

/// Why the kubelet says that a pod is not ready.
fn unhealthy(client: &Client, pod: &str) -> Option<String> {
    let events: Api<Event> = in_default(client);
    let of_pod = ListParams::default().fields(&format!("reason=Unhealthy,involvedObject.name={pod}"));
    let events = block_on(async move { events.list(&of_pod).await }).unwrap();
    events.into_iter().find_map(|event| event.message)
}

fn node(client: &Client, name: &str) -> Value {
    let (nodes, name): (Api<Node>, _) = (Api::all(client.clone()), name.to_owned());
    serde_json::to_value(block_on(async move { nodes.get(&name).await }).unwrap()).unwrap()
}

fn assert_ready_and_free(client: &Client, name: &str, images: &[&str]) {
    let found = node(client, name);
    assert_eq!(condition(&found, "Ready")["status"], "True", "{found:#}");
    assert_eq!(found["spec"]["taints"], Value::Null, "{found:#}");
    let listed = found["status"]["images"].as_array();
    let listed: Vec<&Value> = listed.into_iter().flatten().map(|image| &image["names"][0]).collect();
    assert_eq!(listed, images, "{found:#}");
}

#[test]
fn only_the_node_that_reaches_the_member_says_so() {
    if !nodes::can_run() {
        return;
    }
    let bed = Bed::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let machines = [
        Machine::new("node-a"),
        Machine::new("node-b").reach(Reach::Blackhole),
        Machine::new("node-c").images(&[]),
    ];
    let real = RealNodes::attach(&bed, 1, &machines);
    let host = bed.host().client();
    for (name, images) in [("node-a", vec![PAUSE]), ("node-b", vec![PAUSE]), ("node-c", vec![])] {
        assert_ready_and_free(&host, name, &images);
    }
    assert_eq!(condition(&node(&host, "host-node1"), "Ready")["status"], "Unknown", "nobody runs its pods");
    assert_the_members_address_is_an_endpoint_of_it(&bed, &real);

    for name in ["node-a", "node-b"] {
        create(in_default::<Pod>(&host), probe(name, name, &real.member_server()));
    }
    eventually("readiness on node-a", || is_ready(&host, "node-a").then_some(()));
    let why = eventually("event for node-b", || unhealthy(&host, "node-b"));
    assert!(why.contains("connect: invalid argument"), "{why}");
    assert_eq!(unhealthy(&host, "node-a"), None);
    assert!(!is_ready(&host, "node-b"));
    assert_each_reason_is_told(&host, &real);
    eventually("readiness on node-b, now that its way is open", || is_ready(&host, "node-b").then_some(()));

    drop(real);
    assert_eq!(condition(&node(&host, "host-node1"), "Ready")["status"], "True");
    let nodes: Api<Node> = Api::all(host);
    let left = block_on(async move { nodes.list(&ListParams::default()).await }).unwrap();
    let left: Vec<_> = left.into_iter().filter_map(|node| node.metadata.name).collect();
    assert_eq!(left, ["host-node1"], "the one that is played");
}

fn assert_the_members_address_is_an_endpoint_of_it(bed: &Bed, real: &RealNodes<'_>) {
    let kubeconfig = real.kubeconfig().replace("current-context: host", "current-context: member1");
    assert!(kubeconfig.contains(&format!("server: {}\n", real.member_server())), "{}", real.member_server());
    let member = client(&kubeconfig, "test/1"); // Verifies the certificate.
    let found = get(&member, "/api/v1/namespaces/kube-system").unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["metadata"]["uid"], bed.member(1).uid());
}

/// A pod for each, since a kubelet's events about one pod are limited in number.
fn assert_each_reason_is_told(host: &Client, real: &RealNodes<'_>) {
    let (server, unknown) = (real.member_server(), "https://member.invalid:6443".to_owned());
    let reasons: [(Reach, &String, &[&str]); 4] = [
        (Reach::Refused, &server, &["connect: connection refused"]),
        (Reach::Unreachable, &server, &["connect: no route to host"]),
        (Reach::Dropped, &server, &["context deadline exceeded", "Client.Timeout exceeded", "i/o timeout"]),
        (Reach::Open, &unknown, &["lookup member.invalid: no such host"]),
    ];
    for (reach, server, expected) in reasons {
        real.node("node-b").set_reach(reach).unwrap();
        let name = format!("{reach:?}").to_lowercase();
        create(in_default::<Pod>(host), probe(&name, "node-b", server));
        let why = eventually(&format!("event for {reach:?}"), || unhealthy(host, &name));
        assert!(expected.iter().any(|part| why.contains(part)), "{reach:?}: {why}");
    }
}

/// The cgroups of a process's node, with cgroup v1 or v2.
fn cgroups(process: u32, node: &str) -> Vec<PathBuf> {
    let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"];
    places.iter().flat_map(|place| entries(place, &format!("kubectl-mc-{process}-{node}"))).collect()
}

fn entries(folder: &str, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    ours.map(|entry| entry.path()).collect()
}

/// Not a test by itself: the process that [`a_killed_process_leaves_no_node_behind`] kills.
#[test]
fn victim() {
    let Ok(report) = env::var(VICTIM) else { return };
    let bed = Bed::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let real = RealNodes::attach(&bed, 1, &[Machine::new("node-a")]);
    create(in_default::<Pod>(&bed.host().client()), probe("probe", "node-a", &real.member_server()));
    eventually("readiness", || is_ready(&bed.host().client(), "probe").then_some(()));
    let host: u16 = bed.host().plane().server().rsplit_once(':').unwrap().1.parse().unwrap();
    fs::write(Path::new(&report).with_extension("new"), host.to_string()).unwrap();
    fs::rename(Path::new(&report).with_extension("new"), &report).unwrap();
    thread::sleep(WITHIN);
}

#[test]
fn a_killed_process_leaves_no_node_behind() {
    if !nodes::can_run() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let report = place.path().join("report");
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "nodes::victim"])
        .env(VICTIM, &report)
        .env("TMPDIR", place.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("report of the victim", || report.exists().then_some(()));
    let link = format!("kmc-{}-", fs::read_to_string(&report).unwrap());
    let folder = place.path().display().to_string();
    assert_eq!((entries("/sys/class/net", &link).len(), entries(&folder, "testbed-node-").len()), (1, 1));
    victim.kill().unwrap(); // SIGKILL
    victim.wait().unwrap();
    eventually("end of the link", || entries("/sys/class/net", &link).is_empty().then_some(()));
    eventually("end of the folder", || entries(&folder, "testbed-node-").is_empty().then_some(()));

    let bed = Bed::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let real = RealNodes::attach(&bed, 1, &[Machine::new("swept")]);
    assert_eq!(cgroups(victim.id(), ""), Vec::<PathBuf>::new());
    assert_ne!(cgroups(id(), "swept"), Vec::<PathBuf>::new());
    drop(real);
    assert_eq!(cgroups(id(), "swept"), Vec::<PathBuf>::new());
}
