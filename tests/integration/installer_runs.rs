//! The installer's runs between two operators: what restarts it, what is awaited of it, and what is left of it at the end.

use std::{thread, time::Duration};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::{
        ControllerScenario, Installation, InstallerScenario, Lasting, Role, Scenario, Version, objects,
    },
};

use crate::support::{Faulty, Watched, image_pull_back_off, set_installer_container};

const DEPLOYMENT: &str = "deployments/ks-installer";
/// Nothing is made on the member besides.
const MEMBER: &str = "member1 --credentials context";

fn of(role: Role) -> Installation {
    Installation::new(Version::V3_4).role(role)
}

fn with_member(member: Installation) -> Scenario {
    Scenario::new(Version::V3_4).host(of(Role::Host)).member(member)
}

/// Its configuration says what is wanted, and an earlier run has left it without effect.
fn to_be_restarted() -> Scenario {
    with_member(of(Role::None).installer(InstallerScenario::FailedBefore))
}

/// What was answered to the restarts of the member's installer.
fn restarts(bed: &Watched) -> Vec<u16> {
    let requests = bed.requests();
    let restarts = requests.iter().filter(|event| event.verb == "patch" && event.resource == "deployments");
    restarts.map(|event| event.code).collect()
}

#[test]
fn a_restart_after_which_another_one_has_brought_the_effect_is_not_sent_again() {
    let bed = Faulty::lease(&to_be_restarted());
    let late = bed.run_with(bed.join(MEMBER), bed.before_member(1), "PATCH", DEPLOYMENT, || {
        let _ = bed.join(MEMBER).run().code(0);
    });
    let _ = late.code(0).says("somebody else changed Deployment ks-installer meanwhile");
    assert_eq!(restarts(&bed), [200, 409]);
    bed.assert_joined(1, "member1");
}

#[test]
fn the_run_of_another_ones_restart_is_waited_for_and_not_cut_off() {
    let member = of(Role::None).installer(InstallerScenario::FailedBefore);
    let bed = Faulty::lease(&with_member(member));
    let mut other = None;
    let late = bed.run_with(bed.join(MEMBER), bed.before_member(1), "PATCH", DEPLOYMENT, || {
        other = Some(bed.join(MEMBER).start());
        bed.wait_for("the other one's restart", |_| !restarts(&bed).is_empty());
    });
    let _ = late.code(0).says("somebody else changed Deployment ks-installer meanwhile");
    let _ = other.unwrap().end().code(0);
    assert_eq!(restarts(&bed), [200, 409]);
    bed.assert_joined(1, "member1");
}

#[test]
fn who_has_waited_at_the_prompt_looks_again_first() {
    let bed = Watched::lease(&to_be_restarted());
    let words = format!("join {MEMBER} --context host --color never --skip-check member-server-loopback");
    let join = bed.kubectl_mc().words(&words);
    let run = join.answers_after(|| drop(bed.join(MEMBER).run().code(0)), &["yes\n"]).code(0);
    assert!(run.stdout.contains("restart Deployment ks-installer"), "the plan had it: {run}");
    assert_eq!(restarts(&bed), [200]);
    bed.assert_joined(1, "member1");
}

#[test]
fn a_restart_whose_answer_is_lost_is_known_as_ours() {
    let bed = Faulty::lease(&to_be_restarted());
    let cut = testbed::Rule::on("PATCH", DEPLOYMENT, testbed::Fault::CutAfterBytes(10)).times(1);
    bed.before_member(1).add(cut);
    let _ = bed.join(MEMBER).run().code(0).says("Deployment ks-installer restarted");
    assert_eq!(restarts(&bed).iter().filter(|code| **code == 200).count(), 1);
    bed.assert_joined(1, "member1");
}

/// The installer and a person write with one manager, which has one time for spec and status.
#[test]
fn a_change_whose_run_is_over_is_not_waited_for() {
    let bed = Watched::lease(&with_member(of(Role::None)).at_once());
    let member = bed.member(1);
    let ends = || member.installer_log().matches("Welcome to KubeSphere").count();
    let before = ends();
    member.patch_cluster_configuration(json!({"spec": {"alerting": {"enabled": true}}}));
    bed.wait_for("the end of its run", |_| ends() > before);
    // The cluster's id comes last, when kubesphere.io has been asked.
    let ended = Timestamp::now().as_second();
    bed.wait_for("the next second", |_| Timestamp::now().as_second() > ended);
    member.patch_cluster_configuration(json!({"status": {"clusterId": "4711"}}));
    thread::sleep(Duration::from_millis(1200));
    let run = bed.join(MEMBER).run().code(0);
    let _ = run.does_not_say("a run of the installer is under way").does_not_say("not taken up yet");
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

#[test]
fn what_has_failed_of_a_run_is_told_at_the_end_and_by_every_command_in_the_same_words() {
    let failing = of(Role::None).installer(InstallerScenario::ComponentFailed).lasting(Lasting::Forever);
    let bed = Watched::lease(&with_member(failing));
    let run = bed.join(&format!("{MEMBER} -o json")).run().code(0);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    let left =
        object["findings"].as_array().unwrap().iter().filter(|finding| finding["id"] == "installer-run");
    let left: Vec<&str> = left.map(|finding| finding["message"].as_str().unwrap()).collect();
    assert!(left.iter().any(|message| message.contains("component monitoring")), "{left:?}\n{run}");
    let _ = run.says("component monitoring").says("hint: see how it ends: `kubectl mc logs member1");
    let member = bed.member(1);
    bed.wait_for("the details", |_| member.installer_log().contains("Task 'monitoring' failed:"));
    let said = "component monitoring, task ks-monitor: Installing prometheus: Error from server: etcdserver: request \
                timed out";
    let _ = bed.kubectl_mc().words("logs member1 --context host --follow=false").run().code(3).says(said);
    let check = "check member1 --context host --skip-check member-server-loopback";
    let run = bed.kubectl_mc().words(check).run();
    assert!(run.stdout.contains(said), "{run}");
}

#[test]
fn a_run_that_goes_on_is_told_where_a_command_ends_before_it() {
    let slow = of(Role::None).installer(InstallerScenario::Slow);
    let bed = Watched::lease(&with_member(slow));
    let run = bed.kubectl_mc().words("prepare member member1 --context host --yes").run().code(0);
    let _ = run
        .says("warning: member \"member1\": the installer's run goes on (configuring) [installer-run]")
        .says("hint: see how it ends: `kubectl mc logs member1");
}

/// A pod of a Deployment that nobody plays, as its kubelet reports it.
fn create_stuck_pod(cluster: &Cluster, name: &str) {
    let container = json!({"name": "main", "image": "quay.io/none:1", "imageID": "", "ready": false,
                           "restartCount": 0, "state": image_pull_back_off()});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": objects::SYSTEM},
        "spec": {"containers": [{"name": "main", "image": "quay.io/none:1"}]},
        "status": {"phase": "Pending", "containerStatuses": [container]},
    });
    let client = cluster.client();
    let _ = block_on(async move { objects::create_with_status(&client, &pod).await }).unwrap();
}

fn stuck(name: &str) -> String {
    format!(
        "Pod {name} in kubesphere-system cannot start: image quay.io/none:1: ImagePullBackOff: Back-off pulling image \
         \"x\""
    )
}

#[test]
fn a_pod_that_cannot_start_is_named_while_a_member_is_waited_for_and_at_the_timeout() {
    let bed = Watched::lease(&with_member(of(Role::None)));
    set_installer_container(bed.member(1), image_pull_back_off());
    create_stuck_pod(bed.member(1), "redis-0");
    let run = bed.join(&format!("{MEMBER} --timeout 14s")).run().code(4);
    assert_told_and_known(&run, "member \"member1\"", &stuck("redis-0"));
    let _ = run.says("Pod ks-installer-");
}

#[test]
fn a_pod_that_cannot_start_is_named_while_a_cluster_is_waited_for_and_at_the_timeout() {
    let scenario = with_member(of(Role::Member)).controller(ControllerScenario::Down);
    let bed = Watched::lease(&scenario);
    create_stuck_pod(bed.host(), "ks-controller-manager-x");
    let host_cluster = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
        "metadata": {"name": "host", "labels": {"cluster-role.kubesphere.io/host": ""}},
        "spec": {"joinFederation": true, "connection": {"type": "direct"}},
    });
    let client = bed.host().client();
    let _ = block_on(async move { objects::create(&client, &host_cluster).await });
    let run = bed.join(&format!("{MEMBER} --timeout 14s")).run().code(4);
    assert_told_and_known(&run, "host \"host\"", &stuck("ks-controller-manager-x"));
}

/// While it waits, and again with the error.
#[track_caller]
fn assert_told_and_known(run: &crate::support::Run, side: &str, pod: &str) {
    let (meanwhile, at_the_end) = run.stderr.split_once("error: ").expect("it has timed out");
    assert!(meanwhile.contains(&format!("{side}: {pod}")), "{run}");
    assert!(at_the_end.contains("timed out") && at_the_end.contains(pod), "{run}");
}
