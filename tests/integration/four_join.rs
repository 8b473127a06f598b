//! `kubectl mc join` and `check` where the host has KubeSphere 4.

use serde_json::{Value, json};
use testbed::{
    bed::{Cluster, condition},
    block_on,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version, objects, secret},
};

use crate::support::Watched;

/// What a join of a cluster without KubeSphere sends: the namespace, the credential's three parts, and the Cluster.
const WRITES: usize = 5;

pub(crate) fn annotations(cluster: &Cluster) -> Value {
    let client = cluster.client();
    let namespace =
        block_on(
            async move { objects::objects(&client, "v1", "Namespace", None).get(objects::SYSTEM).await },
        );
    serde_json::to_value(namespace.unwrap()).unwrap()["metadata"]["annotations"].clone()
}

/// Registers the first member, as its console would.
pub(crate) fn register(bed: &Watched, name: &str) {
    let kubeconfig = secret::base64(bed.member(1).plane().kubeconfig_named(name).as_bytes());
    let object = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": name},
        "spec": {"provider": "", "connection": {"type": "direct", "kubeconfig": kubeconfig}},
    });
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &object).await }).unwrap();
}

/// The host has installed it, and it says whose it is.
#[track_caller]
pub(crate) fn assert_installed(bed: &Watched, number: usize, name: &str) {
    let (host, member) = (bed.host(), bed.member(number));
    let cluster = host.cluster(name);
    for wanted in ["KSCoreReady", "Ready"] {
        assert_eq!(condition(&cluster, wanted), Some("True"), "{wanted}: {}", bed.dump());
    }
    let secret = member.configured("authentication.issuer.jwtSecret");
    assert!(secret.is_string() && secret == host.configured("authentication.issuer.jwtSecret"));
    assert_eq!(annotations(member)["cluster.kubesphere.io/name"], name);
    assert_eq!(annotations(member)["cluster.kubesphere.io/host-cluster"], "host");
    assert!(cluster["spec"]["joinFederation"].is_null(), "4 knows no federation");
}

#[test]
fn a_bare_cluster_becomes_a_member_and_a_second_run_changes_nothing() {
    for version in Version::PLAYED_OF_4 {
        let bed = Watched::lease(&Scenario::new(version));
        let run = bed.join("member1").run().code(0);
        assert!(run.stdout.ends_with("cluster.cluster.kubesphere.io/member1 created\n"), "{run}");
        assert_installed(&bed, 1, "member1");
        assert_eq!(bed.writes().len(), WRITES, "{:?}", bed.writes());
        assert_eq!(bed.member(1).releases().len(), 1, "nobody has disturbed the controller");
        let marks = bed.marks();
        let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        let requests = bed.requests_since(&marks);
        assert!(requests.iter().all(|request| !request.changes()), "{version}: {requests:?}");
        let _ = bed.kubectl_mc().words("check member1 --context host --expect joined").run().code(0);
    }
}

#[test]
fn the_plan_says_what_the_host_will_do() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    for dry_run in ["client", "server"] {
        let run = bed.join(&format!("member1 --dry-run={dry_run}")).run().code(0);
        let run = run.says("its host then installs KubeSphere v4.1.3 on member \"member1\"");
        let _ = run.says("helm installs release ks-core in kubesphere-system").does_not_say("quick-start");
    }
    assert!(bed.host().cluster("member1").is_null() && bed.member(1).releases().is_empty());
    let _ = bed.kubectl_mc().words("check member1 --context host --expect absent").run().code(0);
}

/// What is on the cluster already is upgraded, and has another secret from then on.
#[test]
fn the_plan_says_what_becomes_of_a_kubesphere_that_is_there() {
    let former = Installation::new(Version::V4_1_3).role(Role::Member);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(former));
    let text = "authentication: {issuer: {jwtSecret: x7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0SgA}}\nmulticluster: {clusterRole: member}\n";
    let config = json!({"data": {"kubesphere.yaml": text}});
    let config_maps = objects::config_maps(&bed.member(1).client());
    block_on(async move { objects::merge(&config_maps, "kubesphere-config", &config).await }).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    std::fs::write(&file, "global: {tag: v4.1.3}\nauthentication: {adminPassword: 'Vk3-r9Qz-Lm2p'}\n")
        .unwrap();
    let words = format!("member1 --dry-run=client --config {}", file.display());
    let run = bed.join(&words).run().code(0).does_not_say("Vk3-r9Qz-Lm2p");
    let values = "values for authentication.adminPassword, global.tag";
    let run = run.says("its host then upgrades the KubeSphere of member \"member1\" to its own v4.1.3");
    let run = run.says(&format!("spec.config: <unset> → {values}")).says("by `--config`");
    let run = run.says("member \"member1\": authentication.issuer.jwtSecret: sha256:");
    let _ = run.says("everybody who is logged in to it is logged out").does_not_say("helm installs");
    let run = bed.join(&format!("{words} -o json")).run().code(0);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    let steps = object["plan"]["steps"].as_array().unwrap();
    let create =
        steps.iter().find(|step| step["action"] == "create" && !step["changes"][0].is_null()).unwrap();
    assert_eq!(create["changes"][0]["new"], values);
    assert!(create["changes"][1]["old"].as_str().unwrap().starts_with("sha256:"), "{create}");
    let impact = object["plan"]["impact"].as_array().unwrap();
    assert!(impact.iter().any(|text| text.as_str().unwrap().contains("is logged out")), "{impact:?}");
}

/// The cluster keeps ks-core and the host's secret when it is removed.
#[test]
fn a_former_member_joins_again() {
    let former = Installation::new(Version::V4_1_3).role(Role::Member);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(former));
    let _ = bed.join("member1").run().code(0);
    assert_installed(&bed, 1, "member1");
    assert_eq!(bed.member(1).releases().len(), 2, "it is upgraded");
}

#[test]
fn several_members_are_installed_and_told_by_their_names() {
    let members = vec![Installation::bare(Version::V4_1_3), Installation::bare(Version::V4_1_3)];
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).members(members));
    let _ = bed.join("member1 member2").run().code(0);
    assert_installed(&bed, 1, "member1");
    assert_installed(&bed, 2, "member2");
}

#[test]
fn without_waiting_the_cluster_is_created_and_the_same_command_goes_on() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let run = bed.join("member1 --wait=false").run().code(0);
    let _ = run.says("not done yet").says("kubectl mc join member1");
    assert_eq!(bed.writes().len(), WRITES);
    let _ = bed.join("member1").run().code(0);
    assert_installed(&bed, 1, "member1");
    assert_eq!(bed.writes().len(), WRITES, "and nothing twice");
    assert_eq!(bed.member(1).releases().len(), 1, "nobody has disturbed the controller");
}

#[test]
fn killed_after_each_write_it_ends_alike() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    for writes in 1..=WRITES {
        let started = bed.join("member1").start();
        bed.until_writes(writes);
        let _ = started.signal("KILL");
    }
    let _ = bed.join("member1").run().code(0);
    assert_installed(&bed, 1, "member1");
    assert_eq!(bed.stored().len(), WRITES, "each write once, whichever run sent it: {:?}", bed.stored());
    assert_eq!(bed.member(1).releases().len(), 1, "nobody has disturbed the controller");
}

/// What is asked for about a member waits until the controller has stored what came of helm.
#[test]
fn nothing_is_written_to_a_cluster_that_is_being_installed() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(slow));
    // The first annotation is the host's.
    let _ = bed.join("member1 --wait=false").run().code(0);
    let _ = bed.join("member1 --alias Second").run().code(0);
    assert_installed(&bed, 1, "member1");
    assert_eq!(
        bed.host().cluster("member1")["metadata"]["annotations"]["kubesphere.io/alias-name"],
        "Second"
    );
    assert_eq!(bed.member(1).releases().len(), 1, "helm has run once");
}
