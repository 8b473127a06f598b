//! `kubectl mc logs` where the host has KubeSphere 4: what it does on its members.

use serde_json::json;
use testbed::{
    Fault, Rule, block_on,
    kubesphere::{
        ControllerScenario, Installation, Peculiarity, Scenario, Version, objects, v4::ReleaseStatus,
    },
};

use crate::support::{Faulty, KubectlMc, Watched};

fn logs(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc().words("logs --context host").words(words)
}

fn without_image(version: Version) -> Scenario {
    let gone = Installation::bare(version).with(Peculiarity::ImageMissing("ks-apiserver".to_owned()));
    Scenario::new(version).member(gone)
}

#[test]
fn what_a_host_has_installed_is_told_with_the_version() {
    for version in Version::PLAYED_OF_4 {
        let bed = Watched::lease(&Scenario::new(version));
        let _ = bed.join("member1").run().code(0);
        let marks = bed.marks();
        for (words, side) in [("", "host \"host\""), ("member1", "member \"member1\"")] {
            let run = logs(&bed, words).run().code(0);
            let told = format!("{side}: KubeSphere {} is installed on Cluster member1\n", version.release());
            let run = run.says(&told);
            let line = if version == Version::Master {
                "Release \"ks-core\" has been upgraded. Happy Helming!"
            } else {
                "cluster_controller.go:386] Finished installing KS Core for the cluster member1"
            };
            assert!(run.stdout.contains(line), "{run}");
        }
        assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
    }
}

/// `helm --debug` prints them all; every output here is searched for the host's jwtSecret besides.
#[test]
fn no_value_of_helm_is_shown() {
    let bed = Watched::lease(&Scenario::new(Version::Master));
    let _ = bed.join("member1").run().code(0);
    let run = logs(&bed, "member1").run().code(0);
    assert!(
        run.stdout.contains("[values and manifests are not shown: they hold secrets]\nNOTES:\n"),
        "{run}"
    );
    assert!(!run.stdout.contains("VALUES:") && !run.stdout.contains("jwtSecret"), "{run}");
}

#[test]
fn it_follows_until_the_member_is_installed() {
    for version in [Version::V4_1_3, Version::Master] {
        let slow = Installation::bare(version).with(Peculiarity::SlowPods);
        let bed = Watched::lease(&Scenario::new(version).member(slow));
        let _ = bed.join("member1 --wait=false").run().code(0);
        bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
        let run = logs(&bed, "member1 --follow=false").run().code(4);
        let run = run.says("KubeSphere is being installed on Cluster member1: KSCoreReady is not set yet");
        let _ = run.says("hint: follow it: `kubectl mc logs member1 --context host`");
        let run = logs(&bed, "member1").run().code(0);
        let _ = run.says("is installed on Cluster member1");
    }
}

#[test]
fn what_it_follows_may_be_away_for_a_while() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Faulty::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let _ = bed.join("member1 --wait=false").run().code(0);
    let followed = bed.kubectl_mc().words("logs member1 --context host").start_shown();
    followed.until_shown("Starting installing KS Core for the cluster member1");
    let away = bed.before_host().add(Rule::on("GET", "/clusters?", Fault::Drop).by("kubectl-mc/").times(3));
    let run = followed.end().code(0).says("is installed on Cluster member1");
    assert!(away.count() > 0, "{run}");
    let begins = run.stdout.matches("Starting installing").count();
    assert_eq!(begins, 1, "no line is repeated: {run}");
}

#[test]
fn a_failure_after_4_1_3_ends_it_with_what_tries_again() {
    let bed = Watched::lease(&without_image(Version::Master));
    let _ = bed.join("member1").run().code(1);
    let run = logs(&bed, "").run().code(3);
    assert!(run.stdout.contains("Error: UPGRADE FAILED: "), "{run}");
    let run = run.says("error: host \"host\": Cluster member1: KS Core installation failed");
    let run = run.says("hint: see what the member's pods wait for: `kubectl mc logs MEMBER --context host`");
    let _ = run.says("kubesphere.io/ks-core-action=reinstall --overwrite`");
    let run = logs(&bed, "member1").run().code(3).says("in kubesphere-system cannot start: image ");
    let _ = run.says("`kubectl --context member1 -n kubesphere-system get pods,events`");
    let check = bed.kubectl_mc().words("check member1 --context host").run().code(3);
    let why = "KSCoreReady is False: KS Core installation failed\n      hint: see why: `kubectl mc logs member1 --context host`";
    assert!(check.stdout.contains(why), "{check}");
}

#[test]
fn a_failure_up_to_4_1_3_is_in_the_log_and_tried_again() {
    let bed = Watched::lease(&without_image(Version::V4_1_3));
    let _ = bed.join("member1 --wait=false").run().code(0);
    bed.wait_for("a failed release", |bed| {
        bed.member(1).releases().iter().any(|release| release.info.status == ReleaseStatus::Failed)
    });
    let seen = || logs(&bed, "member1 --follow=false --run all").run().code(4);
    bed.wait_for("its line", |_| seen().stdout.contains("failed to install KS Core in cluster member1"));
    assert!(!seen().stdout.contains("Cluster=\"host\""), "only what is about this one");
    let run = logs(&bed, "member1 --follow=false").run().code(4);
    assert!(
        run.stdout.contains("failed to install KS Core in cluster member1"),
        "another try hides none: {run}"
    );
    let run = logs(&bed, "--follow=false").run().code(4);
    let _ = run.says("hint: see what the member's pods wait for: `kubectl mc logs MEMBER --context host`");
}

#[test]
fn a_host_without_members_and_a_cluster_that_is_none_are_told() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let run =
        logs(&bed, "").run().code(3).stdout("").says("this host has no member on which it installs anything");
    let _ = run.says("-n kubesphere-system get pods`").does_not_say("kubesphere-installer.yaml");
    let run = logs(&bed, "member1").run().code(3).says("it is no member of host \"host\"");
    let _ = run.says("`kubectl mc join member1 --context host`");
    let _ = bed.join("member1").run().code(0);
    let run = bed.kubectl_mc().words("logs --context member1").run().code(3);
    let _ = run.says("it is a member of KubeSphere 4").says("name the host with `--context NAME`");
}

#[test]
fn a_log_that_is_gone_hides_no_verdict() {
    let bed = Watched::lease(&Scenario::new(Version::Master));
    let _ = bed.join("member1").run().code(0);
    let annotation = json!({"metadata": {"annotations": {"kubesphere.io/install-core-jobname": "gone"}}});
    let api = objects::clusters(&bed.host().client());
    block_on(async move { objects::merge(&api, "member1", &annotation).await }).unwrap();
    let run = logs(&bed, "").run().code(0).stdout("").says("no log tells of it any more");
    let _ = run.says("is installed on Cluster member1");
}

/// Nobody has begun with it.
#[test]
fn a_cluster_that_the_controller_has_not_taken_up_is_told_so() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).controller(ControllerScenario::Down));
    let _ = bed.join("member1 --wait=false").run().code(0);
    let said = "ks-controller-manager has not taken Cluster member1 up: it has not set its finalizer";
    let run = logs(&bed, "member1 --follow=false").run().code(4).says(said).does_not_say("no log tells");
    let _ = run.says("`kubectl --context host -n kubesphere-system get pods -l app=ks-controller-manager`");
    let run = bed.kubectl_mc().words("get member1 --context host").run().code(0);
    assert!(
        run.stdout.contains("Waiting") && run.stdout.contains("the controller has not looked at it"),
        "{run}"
    );
    let run = bed.join("member1 --timeout 3s").run().code(4);
    let _ = run.says("has not taken the Cluster up: it has not set its finalizer");
}

#[test]
fn the_host_and_a_cluster_that_goes_are_not_to_be_joined() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let _ = bed.join("member1").run().code(0);
    let run = logs(&bed, "host").run().code(3).says("member \"host\": it is the host itself");
    let _ = run.says("`kubectl mc logs --context host`").does_not_say("kubectl mc join");
    let held = json!({"metadata": {"finalizers": ["finalizer.cluster.kubesphere.io", "example.org/held"]}});
    let api = objects::clusters(&bed.host().client());
    block_on(async move { objects::merge(&api, "member1", &held).await }).unwrap();
    let api = objects::clusters(&bed.host().client());
    block_on(async move { objects::remove(&api, "member1").await }).unwrap();
    let run = logs(&bed, "member1").run().code(3).says("its Cluster \"member1\" is being deleted");
    let _ = run.says("`kubectl mc get member1 --context host`").does_not_say("kubectl mc join");
}
