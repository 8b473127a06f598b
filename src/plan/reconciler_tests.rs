use jiff::{SignedDuration, Timestamp};
use kubesphere::{
    cluster::RegisteredCluster, cluster_configuration::ClusterConfiguration, jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig, role::Role,
};
use serde_json::{Value, json};

use super::{Goal, Next, Observation, Reconciler};
use crate::plan::{
    intent::{HostChoice, HostIntent},
    observed::{Installer, InstallerRun, Observed, Seen, fixture},
};

const OURS: &str = "abc";

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + seconds)
}

/// A ClusterConfiguration whose spec was changed at that second.
fn configuration(uid: &str, role: &str, secret: &str, changed: i64) -> ClusterConfiguration {
    ClusterConfiguration::new(json!({
        "metadata": {"uid": uid, "resourceVersion": "7", "managedFields": [
            {"manager": "x", "time": at(changed).to_string(), "fieldsV1": {"f:spec": {}}}]},
        "spec": {"authentication": {"jwtSecret": secret}, "multicluster": {"clusterRole": role}},
        "status": {"core": {"version": "v3.4.1"}},
    }))
}

fn config(text: &str) -> Observation {
    Observation::Config(Seen::Present(KubesphereConfig::parse(text).unwrap()))
}

fn member_config() -> Observation {
    config("{authentication: {jwtSecret: abc}, multicluster: {clusterRole: member, enable: false}}")
}

fn observed(configuration: ClusterConfiguration, run: InstallerRun) -> Observed {
    let config =
        KubesphereConfig::parse("{authentication: {jwtSecret: xyz}, multicluster: {clusterRole: none}}");
    Observed {
        configuration: Seen::Present(configuration),
        config: Seen::Present(config.unwrap()),
        run,
        ..fixture("v1.27.4")
    }
}

fn idle() -> InstallerRun {
    InstallerRun::Idle { last_failure: None }
}

fn line(seconds: i64, text: &str) -> Observation {
    let text = match text {
        "BEGIN" => {
            format!("{} INFO     : TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py", at(seconds))
        }
        "BANNER" => "###              Welcome to KubeSphere!           ###".to_owned(),
        "FAILED" => {
            "localhost : ok=2 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0".to_owned()
        }
        other => other.to_owned(),
    };
    Observation::Line { at: at(seconds), text }
}

/// A member on its way whose patch was accepted at second 0.
fn patched(secret: &JwtSecret) -> Reconciler {
    let mut reconciler =
        Reconciler::new(Goal::Member(secret.clone()), observed(configuration("u", "none", "", -900), idle()));
    assert!(matches!(reconciler.next(at(0)), Next::Send(_)));
    let sent = reconciler.sending(at(0));
    reconciler.patched(configuration("u", "member", OURS, 0), sent);
    reconciler
}

fn waits(next: &Next) -> bool {
    next.is_wait()
}

#[test]
fn after_its_patch_a_member_waits_until_kubesphere_config_has_secret_and_role() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    assert!(waits(&reconciler.next(at(1))));
    reconciler.take(line(2, "BEGIN"));
    reconciler.take(config("{authentication: {jwtSecret: abc}, multicluster: {clusterRole: none}}"));
    assert_eq!(
        reconciler.next(at(3)),
        Next::Wait("kubesphere-config does not carry the role member yet".to_owned())
    );
    reconciler.take(member_config());
    assert_eq!(reconciler.next(at(4)), Next::Finished);
}

/// managedFields have whole seconds: the end of the run before, read again, seems to be as late as the patch.
#[test]
fn a_patch_in_the_second_in_which_the_run_before_has_ended_is_not_taken_for_done() {
    let secret = JwtSecret::new(OURS);
    let ended = at(0) + SignedDuration::from_millis(100);
    let before =
        Observed { last_line: Some(ended), ..observed(configuration("u", "none", "", -900), idle()) };
    let mut reconciler = Reconciler::new(Goal::Member(secret), before);
    let sent = reconciler.sending(at(0));
    reconciler.patched(configuration("u", "member", OURS, 0), sent);
    let banner = "###              Welcome to KubeSphere!           ###".to_owned();
    reconciler.take(Observation::Line { at: ended, text: banner });
    assert!(waits(&reconciler.next(at(1))), "{:?}", reconciler.next(at(1)));
    reconciler.take(line(1, "BEGIN"));
    reconciler.take(member_config());
    assert_eq!(reconciler.next(at(2)), Next::Finished);
}

#[test]
fn a_run_that_failed_without_effect_is_given_up_with_its_own_words() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    for text in [
        "BEGIN",
        "TASK [preinstall : Getting default StorageClass] ***",
        "fatal: [localhost]: FAILED! => {\"msg\": \"none\"}",
        "FAILED",
    ] {
        reconciler.take(line(2, text));
    }
    let Next::GiveUp(failure) = reconciler.next(at(3)) else { panic!("{:?}", reconciler.next(at(3))) };
    assert!(failure.contains("Getting default StorageClass"), "{failure}");
}

#[test]
fn a_run_that_failed_and_is_in_effect_all_the_same_is_no_failure() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(line(2, "BEGIN"));
    reconciler.take(line(2, "Failed to ansible-playbook result-info.yaml"));
    reconciler.take(member_config());
    assert_eq!(reconciler.next(at(3)), Next::Finished);
}

#[test]
fn a_change_that_starts_no_run_is_given_up_after_a_minute() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(line(-800, "BEGIN"));
    reconciler.take(line(-700, "BANNER"));
    assert!(waits(&reconciler.next(at(59))));
    assert!(matches!(reconciler.next(at(61)), Next::GiveUp(_)));
}

#[test]
fn a_patch_that_the_installer_lost_is_sent_again_once_its_run_is_over() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(line(1, "BEGIN"));
    reconciler.take(Observation::Configuration(Seen::Absent));
    assert!(waits(&reconciler.next(at(2))));
    reconciler.take(Observation::Configuration(Seen::Present(configuration("v", "none", "", 3))));
    assert!(reconciler.was_recreated());
    assert!(waits(&reconciler.next(at(4))), "its run is under way");
    reconciler.take(line(10, "BEGIN"));
    reconciler.take(line(20, "BANNER"));
    assert!(matches!(reconciler.next(at(21)), Next::Send(_)));
}

#[test]
fn a_patch_that_the_installer_kept_is_not_sent_again() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(line(1, "BEGIN"));
    reconciler.take(Observation::Configuration(Seen::Present(configuration("v", "member", OURS, 3))));
    assert!(waits(&reconciler.next(at(4))));
    reconciler.take(member_config());
    assert_eq!(reconciler.next(at(5)), Next::Finished);
}

#[test]
fn an_empty_secret_in_the_configuration_does_not_ask_for_ours() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(line(1, "BEGIN"));
    reconciler.take(line(2, "BANNER"));
    reconciler.take(Observation::Configuration(Seen::Present(configuration("v", "member", "", 0))));
    assert!(matches!(reconciler.next(at(90)), Next::Send(_)));
    // In effect it stays, whoever emptied it: the installer keeps what it has.
    reconciler.take(member_config());
    assert_eq!(reconciler.next(at(90)), Next::Finished);
}

#[test]
fn a_run_under_way_is_waited_for_before_a_patch() {
    let secret = JwtSecret::new(OURS);
    let busy = InstallerRun::UnderWay("preparing 1/4".to_owned());
    let mut reconciler =
        Reconciler::new(Goal::Member(secret.clone()), observed(configuration("u", "none", "", -20), busy));
    assert!(waits(&reconciler.next(at(0))));
    reconciler.take(line(-10, "BEGIN"));
    assert!(waits(&reconciler.next(at(1))));
    reconciler.take(line(2, "BANNER"));
    assert!(matches!(reconciler.next(at(3)), Next::Send(_)));
}

#[test]
fn a_change_of_somebody_else_that_no_run_has_taken_up_is_waited_for_too() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = Reconciler::new(
        Goal::Member(secret.clone()),
        observed(configuration("u", "none", "", -5), InstallerRun::UnderWay("due".to_owned())),
    );
    reconciler.take(line(-800, "BEGIN"));
    reconciler.take(line(-700, "BANNER"));
    assert!(waits(&reconciler.next(at(0))), "idle, but a run is due");
    assert!(matches!(reconciler.next(at(60)), Next::Send(_)));
}

#[test]
fn what_an_earlier_run_left_without_effect_takes_one_restart() {
    let secret = JwtSecret::new(OURS);
    let failed = InstallerRun::Idle { last_failure: Some("preparation".to_owned()) };
    let mut reconciler = Reconciler::new(
        Goal::Member(secret.clone()),
        observed(configuration("u", "member", OURS, -900), failed),
    );
    assert_eq!(reconciler.next(at(0)), Next::Restart);
    let sent = reconciler.sending(at(1));
    reconciler.restarted(at(1), sent);
    assert!(waits(&reconciler.next(at(300))), "its pod may take its time");
    reconciler.take(line(301, "BEGIN"));
    reconciler.take(line(302, "FAILED"));
    assert!(matches!(reconciler.next(at(303)), Next::GiveUp(_)), "no second restart");
}

/// Both have planned a restart: the run that the other one has begun is the one that ours would begin.
#[test]
fn who_comes_after_anothers_restart_restarts_no_more() {
    let secret = JwtSecret::new(OURS);
    let installer = |restart: Option<&str>| {
        let restart = restart.map(str::to_owned);
        Seen::Present(Installer { replicas: 1, restart, restarted_at: Some(at(0)), ..Installer::default() })
    };
    let seen = |restart, run| Observed {
        installer: installer(restart),
        ..observed(configuration("u", "member", OURS, -900), run)
    };
    let failed = || InstallerRun::Idle { last_failure: Some("preparation".to_owned()) };
    let mut reconciler = Reconciler::new(Goal::Member(secret), seen(None, failed()));
    reconciler.look(seen(None, failed()));
    assert_eq!(reconciler.next(at(0)), Next::Restart);
    reconciler
        .look(seen(Some("2023-11-14T22:13:20Z"), InstallerRun::UnderWay("its pod is being replaced".into())));
    assert!(waits(&reconciler.next(at(1))));
    reconciler.take(line(2, "BEGIN"));
    reconciler.take(line(3, "FAILED"));
    assert!(matches!(reconciler.next(at(4)), Next::GiveUp(_)), "{:?}", reconciler.next(at(4)));
}

#[test]
fn a_run_that_is_awaited_and_has_no_effect_is_followed_by_a_restart() {
    let secret = JwtSecret::new(OURS);
    let busy = InstallerRun::UnderWay("preparing 1/4".to_owned());
    let mut reconciler = Reconciler::new(
        Goal::Member(secret.clone()),
        observed(configuration("u", "member", OURS, -20), busy),
    );
    assert!(waits(&reconciler.next(at(0))));
    reconciler.take(line(-19, "BEGIN"));
    reconciler.take(line(2, "FAILED"));
    assert_eq!(reconciler.next(at(3)), Next::Restart);
}

#[test]
fn without_a_log_the_effect_alone_is_waited_for() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(Observation::LogUnreadable("forbidden".to_owned()));
    assert!(waits(&reconciler.next(at(600))));
    assert_eq!(reconciler.installer(at(601)).unwrap(), "its log cannot be read (forbidden)");
    reconciler.take(member_config());
    assert_eq!(reconciler.next(at(601)), Next::Finished);
}

#[test]
fn a_pod_that_does_not_start_is_told_until_its_log_can_be_read() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(Observation::LogWaits("ImagePullBackOff".to_owned()));
    assert!(waits(&reconciler.next(at(600))));
    assert_eq!(reconciler.installer(at(601)).unwrap(), "ImagePullBackOff");
    reconciler.take(Observation::LogReadable);
    assert_eq!(reconciler.installer(at(601)), None);
}

#[test]
fn an_interruption_is_told_as_long_as_it_lasts() {
    let secret = JwtSecret::new(OURS);
    let mut reconciler = patched(&secret);
    reconciler.take(Observation::Interrupted { at: at(5), why: "the connection was refused".to_owned() });
    let Next::Wait(missing) = reconciler.next(at(6)) else { panic!("no wait") };
    assert!(missing.contains("the connection was refused"), "{missing}");
    let Next::Wait(missing) = reconciler.next(at(30)) else { panic!("no wait") };
    assert!(!missing.contains("refused"), "{missing}");
}

fn host_cluster() -> Observation {
    let object: Value =
        json!({"metadata": {"name": "host", "labels": {"cluster-role.kubesphere.io/host": ""}}});
    Observation::Clusters(vec![RegisteredCluster::new(object)])
}

#[test]
fn a_host_waits_for_its_controller_however_its_run_ended() {
    let intent = HostIntent { cluster_name: None, rotation: None, chosen: HostChoice::Named };
    let mut reconciler =
        Reconciler::new(Goal::Host(intent.clone()), observed(configuration("u", "none", "", -900), idle()));
    let mut asked = configuration("u", "host", "", 0).object().clone();
    asked["status"]["multicluster"] = json!({"status": "enabled"});
    let sent = reconciler.sending(at(0));
    reconciler.patched(ClusterConfiguration::new(asked), sent);
    reconciler
        .take(config("{authentication: {jwtSecret: xyz}, multicluster: {enable: true, clusterRole: host}}"));
    reconciler.take(line(1, "BEGIN"));
    reconciler.take(line(2, "BANNER"));
    assert_eq!(
        reconciler.next(at(900)),
        Next::Wait("the host's own Cluster is not registered yet".to_owned())
    );
    reconciler.take(host_cluster());
    assert_eq!(reconciler.next(at(901)), Next::Finished);
}

#[test]
fn a_host_without_kubefed_is_given_up() {
    let intent = HostIntent { cluster_name: None, rotation: None, chosen: HostChoice::Named };
    let mut reconciler =
        Reconciler::new(Goal::Host(intent.clone()), observed(configuration("u", "none", "", -900), idle()));
    let sent = reconciler.sending(at(0));
    reconciler.patched(configuration("u", "host", "", 0), sent);
    reconciler
        .take(config("{authentication: {jwtSecret: xyz}, multicluster: {enable: true, clusterRole: host}}"));
    reconciler.take(host_cluster());
    reconciler.take(line(1, "BEGIN"));
    reconciler.take(line(2, "task multicluster status is failed  (1/2)"));
    assert_eq!(reconciler.next(at(3)), Next::GiveUp("component multicluster".to_owned()));
    assert_eq!(Goal::Host(intent.clone()).role(), Role::Host);
}

#[test]
fn a_change_of_ours_is_waited_for_where_the_server_does_not_tell_when_it_was() {
    let secret = JwtSecret::new(OURS);
    let untracked = |role: &str, secret: &str| {
        let mut object = configuration("u", role, secret, 0).object().clone();
        object["metadata"]["managedFields"] = json!([]);
        ClusterConfiguration::new(object)
    };
    let mut reconciler =
        Reconciler::new(Goal::Member(secret.clone()), observed(untracked("none", ""), idle()));
    let sent = reconciler.sending(at(0));
    reconciler.patched(untracked("member", OURS), sent);
    assert!(waits(&reconciler.next(at(1))));
    reconciler.take(member_config());
    assert_eq!(reconciler.next(at(2)), Next::Finished);
}
