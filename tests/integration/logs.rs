//! `logs`: what the installer writes on real control planes, served by a kubelet's stand-in through the apiserver.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kubesphere::installer_log::{clean, mask};
use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::{Installation, InstallerScenario, Lasting, Peculiarity, Scenario, Version, objects},
};

use crate::support::{Kubeconfig, Run, Watched, user_who_may, without};

/// The first words of a run, after its time.
const BOUNDARY: &str = "TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py";
/// What reading the log takes, and the last to know of changes that are due.
const RIGHTS: [&str; 4] = [
    "get deployments.apps",
    "list pods",
    "get pods/log",
    "get clusterconfigurations.installer.kubesphere.io",
];

fn lease(installation: Installation) -> Watched {
    Watched::lease(&Scenario::new(Version::V3_4).host(installation).members(Vec::new()))
}

fn installing(installer: InstallerScenario) -> Installation {
    Installation::new(Version::V3_4).installer(installer)
}

/// A change of the spec, which makes the installer run.
pub(crate) fn change(cluster: &Cluster) {
    cluster.patch_cluster_configuration(json!({"spec": {"multicluster": {"clusterRole": "host"}}}));
}

/// A line of every run.
pub(crate) const COMPONENT: &str = "Start installing network";

/// Patches the installer's Deployment.
pub(crate) fn patch_deployment(cluster: &Cluster, patch: Value) {
    let deployments = objects::objects(&cluster.client(), "apps/v1", "Deployment", Some(objects::SYSTEM));
    block_on(async move { objects::merge(&deployments, objects::INSTALLER, &patch).await.unwrap() });
}

/// What may be shown of a log, line by line.
pub(crate) fn presentable(log: &str) -> Vec<String> {
    log.lines().map(|line| clean(&mask(line)).into_owned()).collect()
}

fn last_run(log: &str) -> Vec<String> {
    let lines = presentable(log);
    let begin = lines.iter().rposition(|line| line.ends_with(BOUNDARY)).unwrap();
    lines[begin..].to_vec()
}

#[track_caller]
pub(crate) fn assert_lines(run: &Run, expected: &[String]) {
    let shown: Vec<&str> = run.stdout.lines().collect();
    let first = shown.iter().zip(expected).position(|(shown, expected)| shown != expected);
    assert!(
        shown == expected,
        "{} lines instead of {}, other from {first:?} on\n{run}",
        shown.len(),
        expected.len()
    );
}

#[test]
fn a_run_is_followed_to_its_success_in_every_version() {
    for version in Version::PLAYED {
        let bed =
            Watched::lease(&Scenario::new(version).host(Installation::new(version)).members(Vec::new()));
        change(bed.host());
        let run =
            bed.kubectl_mc().words("logs").run().code(0).says("host \"host\": the last run succeeded (");
        let log = bed.host().installer_log();
        let all = presentable(&log);
        let shown: Vec<&str> = run.stdout.lines().collect();
        assert!(shown[0].ends_with(BOUNDARY) && all.ends_with(&last_run(&log)), "{run}");
        assert!(all.ends_with(&shown.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()), "{run}");
        assert!(run.stdout.contains("\nPassword: ***\n"), "{run}");
        assert!(run.stdout.matches("Welcome to KubeSphere").count() <= 2, "{run}");
        bed.assert_untouched();
    }
}

#[test]
fn without_a_run_under_way_it_ends_at_once_with_the_last_runs_verdict() {
    let bed = Watched::shared();
    for (words, said) in [
        ("logs", "host \"host\": the last run succeeded ("),
        ("logs --follow=false", "host \"host\": the last run succeeded ("),
        ("logs member1 --context nobody", "member \"member1\": the last run succeeded ("),
        ("logs member1 -f=false", " ago)"),
    ] {
        let run = bed.kubectl_mc().words(words).run().code(0).says(said);
        let cluster = if words.contains("member1") { bed.member(1) } else { bed.host() };
        assert_lines(&run, &last_run(&cluster.installer_log()));
        assert_eq!(run.stderr.lines().count(), 1, "{run}");
    }
}

#[test]
fn what_is_shown_can_be_more_or_less_and_the_verdict_is_the_same() {
    let bed = Watched::shared();
    let log = bed.host().installer_log();
    let run = bed.kubectl_mc().words("logs --run all").run().code(0);
    assert_lines(&run, &presentable(&log));
    let young = bed.kubectl_mc().words("logs --since 5m").run().code(0).stdout("");
    assert_eq!(young.stderr, run.stderr, "{young}");
    let old = bed.kubectl_mc().words("logs --since 100000h").run().code(0);
    assert_lines(&old, &last_run(&log));
}

#[test]
fn colours_are_kept_where_they_are_wanted() {
    let bed = Watched::shared();
    let plain = bed.kubectl_mc().words("logs").run().code(0);
    assert!(!plain.stdout.contains('\u{1b}'), "{plain}");
    let coloured = bed.kubectl_mc().words("logs --color always").run().code(0);
    assert!(coloured.stdout.contains("\u{1b}[0;33mchanged: [localhost]\u{1b}[0m"), "{coloured}");
    let lines: Vec<_> = coloured.stdout.lines().map(|line| clean(line).into_owned()).collect();
    assert_lines(&plain, &lines);
}

#[test]
fn nobody_who_reads_is_success() {
    let _ = Watched::shared().kubectl_mc().words("logs --run all").run_unread().code(0);
}

#[test]
fn a_failed_run_ends_with_its_task_and_message() {
    for (installer, said) in [
        (InstallerScenario::StorageClassMissing, "Stopping if default StorageClass was not found"),
        (InstallerScenario::StorageClassMissing, "Default StorageClass was not found !"),
        (InstallerScenario::ResultInfoFailed, "playbook result-info.yaml"),
        (InstallerScenario::ConfigNeverWritten, "playbook ks-config.yaml"),
    ] {
        let bed = lease(installing(installer));
        change(bed.host());
        let run =
            bed.kubectl_mc().words("logs").run().code(3).says("error: host \"host\": the last run failed: ");
        let run = run.says(said).says("rollout restart deployment/ks-installer");
        assert!(presentable(&bed.host().installer_log()).ends_with(&last_run(&run.stdout)), "{run}");
    }
}

/// Ansible writes it outside of any task, and the run ends there with code 0.
#[test]
fn what_ansible_itself_gives_up_is_a_failed_run_and_no_run_under_way() {
    let bed = lease(Installation::new(Version::V3_4));
    let at = Timestamp::now() - Duration::from_secs(60);
    let error = "ERROR! Unexpected Exception, this is probably a bug: [Errno 28] No space left on device";
    let traceback =
        "the full traceback was:\n\nTraceback (most recent call last):\n  File \"/usr/bin/ansible\"\nOSError";
    bed.host().write_installer_log(at, &format!("{at} INFO     : {BOUNDARY}\n{error}\n{traceback}"));
    let run = bed.kubectl_mc().words("logs").run().code(3);
    let _ = run.says(&format!("error: host \"host\": the last run failed: preparation: {error}\n"));
    let run = bed.kubectl_mc().words("check --context host").run();
    assert!(run.stdout.contains(&format!("the installer's last run failed: preparation: {error}")), "{run}");
    let run = bed.kubectl_mc().words("prepare host --context host --yes").run().code(0);
    let _ = run.says("the installer's last run failed: ").does_not_say("under way");
}

#[test]
fn a_log_that_has_long_been_silent_is_told_with_what_has_not_reported() {
    let bed = lease(Installation::new(Version::V3_4));
    let at = Timestamp::now() - Duration::from_secs(3600);
    let lines = "Start installing monitoring\nStart installing multicluster\ntask monitoring status is successful  (1/2)";
    bed.host().write_installer_log(at, &format!("{at} INFO     : {BOUNDARY}\n{lines}"));
    let stands = "a run is under way: installing 1/2, silent for 60m; not reported yet: multicluster\n";
    let run = bed.kubectl_mc().words("logs --follow=false").run().code(4);
    let _ = run.says(&format!("error: host \"host\": {stands}")).says(
        "hint: see for which pods it waits: `kubectl --context host get pods --all-namespaces --field-selector \
         status.phase=Pending`",
    );
    let started = bed.kubectl_mc().words("logs").start_shown();
    started.until_shown("(1/2)");
    std::thread::sleep(Duration::from_secs(3));
    let run = started.signal("INT").code(130);
    assert_eq!(run.stderr.matches(stands).count(), 2, "while it is followed, and where it was left\n{run}");
    let run = bed.kubectl_mc().words("check --context host").run();
    assert!(run.stdout.contains("(installing 1/2, silent for 60m; not reported yet: multicluster)"), "{run}");
}

/// The failure is told while the run goes on, whose end such a run does not show.
#[test]
fn a_failed_component_is_told_at_once() {
    for (installer, said) in [
        (
            InstallerScenario::ComponentFailed,
            "component monitoring, task ks-monitor: Installing prometheus: ",
        ),
        (
            InstallerScenario::MulticlusterFailed,
            "component multicluster, task ks-multicluster: Initing kube-",
        ),
    ] {
        let bed = lease(installing(installer));
        change(bed.host());
        let started = bed.kubectl_mc().words("logs").start_shown();
        // What failed ends with a brace, and stands between two lines of stars.
        started.until_shown("\n}\n*****");
        let component = said.split(',').next().unwrap();
        let _ = started.signal("INT").code(130).says("a run has failed and goes on (").says(component);
        let run = bed.kubectl_mc().words("logs --follow=false").run().code(3).says(said);
        let run = run.says("a run has failed and goes on (configuring)").says("hint: ");
        assert!(run.stderr.contains("which may take a few minutes more"), "{run}");
    }
}

#[test]
fn a_hook_that_crashes_is_followed_until_it_does_better() {
    let bed = lease(installing(InstallerScenario::HookCrashed));
    change(bed.host());
    let run = bed.kubectl_mc().words("logs --run all").run().code(0).says("the last run succeeded");
    assert!(run.stdout.contains("urllib3.exceptions.MaxRetryError"), "{run}");
    assert_lines(&run, &presentable(&bed.host().installer_log()));
}

/// Two minutes after a crash nobody tries again any more.
#[test]
fn a_crash_is_told_while_another_try_is_awaited() {
    let bed = lease(Installation::new(Version::V3_4));
    let at = Timestamp::now() - Duration::from_secs(112);
    let crash = "TASK_RUN TASK_HOOK_RUN 'kubesphere/installRunner.py' on 'KUBE_EVENTS' failed. Will retry after delay. \
                 Failed count is 1. Error: exit status 1";
    bed.host().write_installer_log(at, &format!("{at} INFO     : {BOUNDARY}\n{at} ERROR    : {crash}"));
    let run = bed.kubectl_mc().words("logs").run().code(3);
    let _ = run
        .says("warning: host \"host\": installRunner.py (failed 1×): exit status 1; it is tried again")
        .says("error: host \"host\": the last run failed: installRunner.py (failed 1×): exit status 1");
}

#[test]
fn a_hook_that_crashes_for_ever_is_given_up() {
    let bed = lease(installing(InstallerScenario::HookCrashed).lasting(Lasting::Forever));
    change(bed.host());
    let run = bed.kubectl_mc().words("logs").run().code(3).says("installRunner.py (failed ");
    let _ = run.says("urllib3.exceptions.MaxRetryError").says("tries again every 5 seconds");
}

#[test]
fn a_run_that_re_creates_the_configuration_is_followed_into_the_next_one() {
    let bed = lease(installing(InstallerScenario::Recreated));
    change(bed.host());
    let run = bed.kubectl_mc().words("logs --run all").run().code(0).says("the last run succeeded");
    assert_lines(&run, &presentable(&bed.host().installer_log()));
    assert!(run.stdout.contains("Create cluster configuration successfully"), "{run}");
}

#[test]
fn a_run_under_way_is_a_code_of_its_own_where_it_is_not_followed() {
    let bed = lease(installing(InstallerScenario::UnderWay));
    bed.wait_for("a run", |bed| bed.host().installer_log().contains(BOUNDARY));
    let run = bed.kubectl_mc().words("logs --follow=false").run().code(4);
    let _ = run.says("a run is under way").says("hint: follow it: `kubectl mc logs --context host`");
    let run = bed.kubectl_mc().words("logs").run().code(0);
    assert_lines(&run, &last_run(&bed.host().installer_log()));
}

#[test]
fn an_interrupted_command_says_where_the_run_stands() {
    let bed = lease(installing(InstallerScenario::Slow));
    change(bed.host());
    bed.wait_for("a component", |bed| bed.host().installer_log().matches(COMPONENT).count() == 2);
    let started = bed.kubectl_mc().words("logs").start_shown();
    started.until_shown(COMPONENT);
    let run = started.signal("INT").code(130).says("host \"host\": a run is under way: installing ");
    assert!(!run.stderr.contains("error") && !run.stderr.contains("hint"), "{run}");
}

#[test]
fn a_log_that_cannot_be_read_is_told() {
    let bed = lease(installing(InstallerScenario::LogUnreadable));
    let run = bed.kubectl_mc().words("logs").run().code(1);
    let _ = run.says("error: host \"host\": get pods/log in kubesphere-system: ");
}

#[test]
fn where_nothing_can_be_read_it_is_told_what_it_takes() {
    let bed = lease(Installation::new(Version::V3_4).with(Peculiarity::NoInstaller));
    let run = bed.kubectl_mc().words("logs").run().code(3);
    let _ = run.says("no deployment ks-installer in kubesphere-system").says("kubesphere-installer.yaml");
    drop(bed);

    let bed = lease(Installation::new(Version::V3_4));
    patch_deployment(bed.host(), json!({"spec": {"replicas": 0}}));
    bed.wait_for("no pod", |bed| bed.host().installer_log().is_empty());
    let run = bed.kubectl_mc().words("logs").run().code(3);
    let _ = run.says("scaled to 0").says("scale deployment ks-installer --replicas 1");
}

#[test]
fn every_right_that_is_missing_is_named_and_only_the_last_can_be_done_without() {
    let bed = Watched::shared();
    for (number, right) in RIGHTS.iter().enumerate() {
        let user = user_who_may(bed.host(), &format!("logs-{number}"), &without(&RIGHTS, right));
        let kubeconfig = Kubeconfig::of(bed).user("host", user);
        let run = bed.kubectl_mc_with(&kubeconfig).words("logs").run();
        if number == RIGHTS.len() - 1 {
            let _ = run.code(0).says("the last run succeeded");
        } else {
            let (verb, resource) = right.split_once(' ').unwrap();
            let _ = run.code(1).says("forbidden").says(&format!("the user needs \"{verb}\" on {resource}"));
        }
    }
}

#[test]
fn a_server_that_is_away_is_told_as_by_every_command() {
    let kubeconfig =
        Kubeconfig::of(Watched::shared()).cluster("host", &json!({"server": "https://127.0.0.1:9"}));
    let run = Watched::shared().kubectl_mc_with(&kubeconfig).words("logs").run().code(1);
    let _ = run
        .says("error: host \"host\": get deployments/ks-installer in kubesphere-system: the connection to")
        .says("is the cluster running");
}
