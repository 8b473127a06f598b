//! `logs` while pods are replaced, connections are cut and pods do not start: no line is lost, none is repeated.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use testbed::{
    Fault, Rule,
    bed::Cluster,
    kubesphere::{Installation, InstallerScenario, Scenario, Version},
};

use crate::{
    logs::{COMPONENT, assert_lines, change, patch_deployment, presentable},
    support::{Faulty, KubectlMc, Started, Watched, image_pull_back_off, set_installer_container},
};

fn scenario(version: Version, installer: InstallerScenario) -> Scenario {
    Scenario::new(version).host(Installation::new(version).installer(installer)).members(Vec::new())
}

fn restart(cluster: &Cluster) {
    let annotations = json!({"kubectl.kubernetes.io/restartedAt": Timestamp::now().to_string()});
    patch_deployment(cluster, json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}));
}

/// The command while it follows the run that is under way.
fn following(program: KubectlMc) -> Started {
    let started = program.words("logs --run all").start_shown();
    started.until_shown(COMPONENT);
    started
}

fn all_lines(bed: &Watched) -> Vec<String> {
    bed.host().installer_logs().iter().flat_map(|log| presentable(log)).collect()
}

/// The label is another one since 3.3.
#[test]
fn a_pod_that_is_replaced_is_followed_into_the_next_one() {
    for version in [Version::V3_2, Version::V3_4] {
        let bed = Watched::lease(&scenario(version, InstallerScenario::UnderWay));
        let started = following(bed.kubectl_mc());
        restart(bed.host());
        let run = started.end().code(0).says("the log continues in the pod ks-installer-").says("succeeded");
        assert_eq!(bed.host().installer_logs().len(), 2);
        assert_lines(&run, &all_lines(&bed));
    }
}

#[test]
fn a_restart_that_has_just_been_asked_for_is_waited_for() {
    let bed = Watched::lease(&scenario(Version::V3_4, InstallerScenario::Healthy));
    restart(bed.host());
    let run = bed.kubectl_mc().words("logs").run().code(0).says("succeeded");
    let logs = bed.host().installer_logs();
    assert_eq!(logs.len(), 2);
    assert!(presentable(&logs[1]).ends_with(&[run.stdout.lines().last().unwrap().to_owned()]), "{run}");
    assert!(logs[1].contains("Welcome to KubeSphere"), "{run}");
}

#[test]
fn connections_that_are_cut_lose_and_repeat_nothing() {
    for (fault, times) in [
        (Fault::CutAfterBytes(900), 6),
        (Fault::CutAfter(Duration::from_millis(150)), 6),
        (Fault::Drop, 2),
        (Fault::status(503), 2),
    ] {
        let bed = Faulty::lease(&scenario(Version::V3_4, InstallerScenario::UnderWay));
        let hits = bed.before_host().add(Rule::on("GET", "/log?", fault.clone()).times(times));
        let run = bed.kubectl_mc().words("logs --run all").run().code(0);
        assert!(hits.count() >= 2, "{} requests met {fault:?}\n{run}", hits.count());
        assert_lines(&run, &all_lines(&bed));
    }
}

#[test]
fn an_apiserver_that_is_away_for_a_while_is_waited_for() {
    let bed = Faulty::lease(&scenario(Version::V3_4, InstallerScenario::UnderWay));
    let started = following(bed.kubectl_mc());
    bed.before_host().close();
    bed.wait_for("the end", |bed| bed.host().installer_log().contains("Welcome to KubeSphere"));
    bed.before_host().reopen().unwrap();
    let run = started.end().code(0);
    assert_lines(&run, &all_lines(&bed));
}

#[test]
fn what_is_written_is_read_to_its_end_across_cuts() {
    let bed = Faulty::lease(&scenario(Version::V3_4, InstallerScenario::Healthy));
    let hits = bed.before_host().add(Rule::on("GET", "/log?", Fault::CutAfterBytes(700)).times(3));
    let run = bed.kubectl_mc().words("logs --follow=false --run all").run().code(0);
    assert_eq!(hits.count(), 3);
    assert_lines(&run, &all_lines(&bed));
}

#[test]
fn a_failure_that_is_printed_minutes_after_the_components_ends_the_run() {
    let bed = Watched::lease(&scenario(Version::V3_4, InstallerScenario::Healthy));
    let started = bed.kubectl_mc().words("logs");
    let long_ago = Timestamp::now() - Duration::from_secs(120);
    let begin = format!("{long_ago} INFO     : TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py");
    let lines = "Start installing monitoring\ntask monitoring status is failed  (1/1)\nCollecting installation results ...";
    bed.host().write_installer_log(long_ago, &format!("{begin}\n{lines}"));
    let started = started.start();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let rule = "*".repeat(150);
            let event = "{\n  \"event_data\": {\"task\": \"x\", \"res\": {\"msg\": \"no space left\"}}\n}";
            let text = format!("Task 'monitoring' failed:\n{rule}\n{event}\n{rule}");
            bed.host().write_installer_log(Timestamp::now(), &text);
        });
    });
    let run = started.end().code(3).says("the last run failed: component monitoring, task x: no space left");
    assert_eq!(run.stdout.lines().count(), 10, "{run}");
}

#[test]
fn a_pod_that_does_not_start_says_why_and_is_waited_for() {
    let bed = Watched::lease(&scenario(Version::V3_4, InstallerScenario::Healthy));
    set_installer_container(bed.host(), image_pull_back_off());
    let said = "ImagePullBackOff: Back-off pulling image \"x\"";
    let _ = bed.kubectl_mc().words("logs --follow=false").run().code(3).says(said).says("describe pods");
    let mark = bed.marks();
    let started = bed.kubectl_mc().words("logs").start();
    bed.wait_for("three looks", |_| {
        bed.requests_since(&mark).iter().filter(|event| event.resource == "pods").count() >= 3
    });
    set_installer_container(bed.host(), json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}));
    let run = started.end().code(0).says(said);
    assert_eq!(run.stderr.matches("ImagePullBackOff").count(), 1, "told once\n{run}");
    change(bed.host());
}
