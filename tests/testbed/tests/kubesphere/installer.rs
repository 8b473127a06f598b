//! The installer: what starts a run, what a run does, how it fails.

use serde_json::{Value, json};
use testbed::{
    Bed, block_on,
    kubesphere::{Installation, InstallerScenario, Lasting, Peculiarity, Scenario, Version, objects},
};

use super::A_WHILE;

const BEGIN: &str = "TASK_RUN HookRun@KUBE_EVENTS";
const BANNER: &str = "Welcome to KubeSphere!";

fn member(secret: &str) -> Value {
    json!({"spec": {"authentication": {"jwtSecret": secret}, "multicluster": {"clusterRole": "member"}}})
}

fn bed(installation: Installation) -> Bed {
    Bed::lease(&Scenario::new(installation.version).members(Vec::new()).host(installation))
}

fn runs(bed: &Bed) -> usize {
    bed.host().installer_log().matches(BEGIN).count()
}

fn banners(bed: &Bed) -> usize {
    bed.host().installer_log().matches(BANNER).count()
}

/// A run is over when the whole log has not grown for a while.
fn settle(bed: &Bed) {
    let mut last = (String::new(), std::time::Instant::now());
    bed.wait_for("a quiet installer", |bed| {
        let log = bed.host().installer_log();
        if log != last.0 {
            last = (log, std::time::Instant::now());
        }
        last.1.elapsed() > std::time::Duration::from_secs(2)
    });
}

fn restart(bed: &Bed) {
    let deployments =
        objects::objects(&bed.host().client(), "apps/v1", "Deployment", Some("kubesphere-system"));
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}});
    block_on(async move { objects::merge(&deployments, "ks-installer", &patch).await }).unwrap();
}

#[test]
fn a_run_takes_effect_in_its_order_and_a_status_starts_none() {
    for version in Version::PLAYED {
        let bed = bed(Installation::new(version));
        let before = bed.host().cluster_configuration();
        bed.host().patch_cluster_configuration(
            json!({"status": {"es": {"status": "enabled"}}, "metadata": {"labels": {"a": "b"}}}),
        );
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(runs(&bed), 1, "a status starts no run");
        bed.host().patch_cluster_configuration(member("Abc"));
        bed.wait_for("second banner", |bed| banners(bed) == 2);
        assert_eq!(bed.host().configured("authentication.jwtSecret"), "Abc");
        assert_eq!(bed.host().configured("authentication.oauthOptions.accessTokenMaxAge"), 0);
        let after = bed.host().cluster_configuration();
        assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
        assert_ne!(after["status"]["core"]["enabledTime"], before["status"]["core"]["enabledTime"]);
        let log = bed.host().installer_log();
        let position = |text: &str| log.rfind(text).unwrap_or_else(|| panic!("{text} in\n{log}"));
        let order = [
            "QUEUE add TASK_HOOK_RUN@KUBE_EVENTS",
            BEGIN,
            "PLAY RECAP",
            "Start installing monitoring",
            "Waiting for all tasks to be completed ...",
            "task multicluster status is successful  (4/4)",
            "Collecting installation results ...",
            BANNER,
        ]
        .map(position);
        assert!(order.is_sorted(), "{log}");
        bed.host().patch_cluster_configuration(member(""));
        bed.wait_for("third banner", |bed| banners(bed) == 3);
        assert_eq!(bed.host().configured("authentication.jwtSecret"), "Abc", "clearing keeps the secret");
        let deployments =
            objects::objects(&bed.host().client(), "apps/v1", "Deployment", Some("kubesphere-system"));
        let core = block_on(async move { deployments.get("ks-apiserver").await }).unwrap();
        let restarted =
            core.data["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
                .is_string();
        assert_eq!(restarted, version <= Version::V3_2);
    }
}

#[test]
fn an_unfinished_object_is_created_anew_and_loses_a_patch() {
    let bed = bed(Installation::new(Version::V3_4).installer(InstallerScenario::Recreated));
    let before = bed.host().cluster_configuration();
    bed.host().patch_cluster_configuration(json!({"spec": {"alerting": {"enabled": false, "note": 1}}}));
    bed.wait_for("the run's begin", |bed| runs(bed) == 2);
    std::thread::sleep(std::time::Duration::from_millis(100));
    bed.host().patch_cluster_configuration(member("Lost"));
    bed.wait_for("another object", |bed| {
        let uid = bed.host().cluster_configuration()["metadata"]["uid"].clone();
        uid.is_string() && uid != before["metadata"]["uid"]
    });
    let after = bed.host().cluster_configuration();
    assert_eq!(after["spec"]["multicluster"]["clusterRole"], "none", "the patch is lost");
    assert_eq!(after["spec"]["alerting"]["note"], 1);
    assert!(after["metadata"]["annotations"].is_null());
    bed.wait_for("a finished run", |bed| {
        bed.host().cluster_configuration()["status"]["core"]["version"] == "v3.4.1" && banners(bed) == 2
    });
    let log = bed.host().installer_log();
    let deleted = log.find("Delete old cluster configuration successfully\n").unwrap();
    assert!(log.find("Create cluster configuration successfully\n").unwrap() > deleted);
}

#[test]
fn a_missing_key_fails_in_ks_core_without_a_banner() {
    let bed = bed(Installation::new(Version::V3_4).with(Peculiarity::NoJwtSecretKey));
    let secret = bed.host().configured("authentication.jwtSecret");
    bed.host().patch_cluster_configuration(json!({"spec": {"multicluster": {"clusterRole": "member"}}}));
    bed.wait_for("a failed play", |bed| bed.host().installer_log().contains("failed=1"));
    settle(&bed);
    assert!(bed.host().installer_log().contains("has no attribute 'jwtSecret'"));
    assert_eq!((banners(&bed), bed.host().configured("authentication.jwtSecret")), (1, secret));
}

#[test]
fn failures_show_as_documented() {
    let cases = [
        (InstallerScenario::StorageClassMissing, "Default StorageClass was not found", false),
        (InstallerScenario::ComponentFailed, "task monitoring status is failed  (1/4)", true),
        (InstallerScenario::ConfigNeverWritten, "Failed to ansible-playbook ks-config.yaml", false),
        (InstallerScenario::ResultInfoFailed, "Failed to ansible-playbook result-info.yaml", true),
    ];
    for (scenario, line, written) in cases {
        let bed = bed(Installation::new(Version::V3_4).installer(scenario));
        bed.host().patch_cluster_configuration(member("Abc"));
        bed.wait_for(line, |bed| bed.host().installer_log().contains(line));
        settle(&bed);
        assert_eq!(banners(&bed), 1, "no banner for {}", scenario.name());
        assert_eq!(
            bed.host().configured("authentication.jwtSecret") == "Abc",
            written,
            "{}",
            scenario.name()
        );
        assert_eq!(runs(&bed), 2, "not tried again");
        restart(&bed);
        bed.wait_for("a new pod's banner", |bed| runs(bed) == 1 && banners(bed) == 1);
        assert_eq!(bed.host().configured("authentication.jwtSecret"), "Abc");
    }
}

#[test]
fn a_crashed_hook_is_run_again() {
    let once = bed(Installation::new(Version::V3_4).installer(InstallerScenario::HookCrashed));
    once.host().patch_cluster_configuration(member("Abc"));
    once.wait_for("a banner", |bed| banners(bed) == 2);
    let failed = "failed. Will retry after delay. Failed count is 1. Error: kubesphere/installRunner.py FAILED: exit status 1";
    assert!(once.host().installer_log().contains(failed));
    drop(once);
    let forever =
        Installation::new(Version::V3_4).installer(InstallerScenario::HookCrashed).lasting(Lasting::Forever);
    let forever = bed(forever);
    forever.host().patch_cluster_configuration(member("Abc"));
    forever.wait_for("three failures", |bed| bed.host().installer_log().contains("Failed count is 3."));
}

#[test]
fn an_earlier_failure_waits_for_a_restart() {
    let bed = Bed::lease(&Scenario::named("failed-before", Version::V3_4).unwrap());
    let member = bed.member(1);
    let secret = bed.host().configured("authentication.jwtSecret");
    assert_eq!(member.cluster_configuration()["spec"]["authentication"]["jwtSecret"], secret);
    std::thread::sleep(A_WHILE);
    assert_ne!(member.configured("authentication.jwtSecret"), secret);
    let deployments = objects::objects(&member.client(), "v1", "Pod", Some("kubesphere-system"));
    block_on(async move {
        let pod = objects::labelled(&deployments, "app=ks-installer").await?.remove(0);
        objects::remove(&deployments, &pod.metadata.name.unwrap_or_default()).await
    })
    .unwrap();
    bed.wait_for("the secret", |bed| bed.member(1).configured("authentication.jwtSecret") == secret);
}

#[test]
fn a_run_can_be_under_way_and_the_next_change_is_queued_behind_it() {
    let bed = bed(Installation::new(Version::V3_4).installer(InstallerScenario::UnderWay));
    assert_eq!(banners(&bed), 0);
    bed.host().patch_cluster_configuration(member("Abc"));
    bed.wait_for("both banners", |bed| banners(bed) == 2);
    let log = bed.host().installer_log();
    assert!(log.rfind("QUEUE add TASK").unwrap() < log.find(BANNER).unwrap(), "{log}");
}

#[test]
fn a_host_gets_kubefed_and_a_failed_one_does_not() {
    let host = json!({"spec": {"multicluster": {"clusterRole": "host"}}});
    let bed = bed(Installation::new(Version::V3_2).installer(InstallerScenario::MulticlusterFailed));
    bed.host().patch_cluster_configuration(host);
    bed.wait_for("a failed task", |bed| bed.host().installer_log().contains("Task 'multicluster' failed:\n"));
    assert_eq!(
        bed.host().configured("multicluster.enable"),
        true,
        "the configuration is written all the same"
    );
    assert!(bed.host().cluster_configuration()["status"]["multicluster"].is_null());
    restart(&bed);
    bed.wait_for("kubefed", |bed| {
        bed.host().cluster_configuration()["status"]["multicluster"]["status"] == "enabled"
    });
}
