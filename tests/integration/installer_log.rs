//! The installer's log, read from the project's own fixtures.

use std::time::Duration;

use kubesphere::installer_log::{
    Activity, Count, InstallerLog, LineAssembler, Origin, Phase, Verdict, mask, split_timestamp,
};
use proptest::prelude::*;

const PASSWORD: &str = "Zebra-Kayak";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/fixtures/installer-logs/{name}.log")).unwrap()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let mut assembler = LineAssembler::default();
    let mut lines = Vec::new();
    assembler.push(bytes, |line| lines.push(line.to_owned()));
    lines.extend(assembler.finish());
    lines
}

fn read(name: &str) -> InstallerLog {
    let mut log = InstallerLog::default();
    for line in lines(&fixture(name)) {
        log.push(None, &line);
    }
    log
}

fn read_with_times(name: &str) -> InstallerLog {
    let mut log = InstallerLog::default();
    for line in lines(&fixture(name)) {
        let (at, text) = split_timestamp(&line);
        log.push(at, text);
    }
    log
}

fn failures(log: &InstallerLog) -> (Vec<String>, bool) {
    match log.verdict() {
        Verdict::Failed { failures, over } => (failures.iter().map(ToString::to_string).collect(), over),
        other => panic!("{other:?}"),
    }
}

fn activity_after(log: &InstallerLog, minutes: u64) -> Activity {
    log.activity(log.last_line_at().unwrap() + Duration::from_secs(minutes * 60))
}

fn quiet(minutes: u64) -> Activity {
    Activity::Running { quiet: Duration::from_secs(minutes * 60) }
}

#[test]
fn a_banner_is_success_in_colours_and_with_carriage_returns() {
    let log = read("success-colours-crlf");
    let Verdict::Succeeded(run) = log.verdict() else { panic!("{:?}", log.verdict()) };
    assert!(run.failures.is_empty(), "an ignored failure and a retry are none: {:?}", run.failures);
    assert_eq!(run.began, "2024-03-01T02:00:05Z".parse().ok());
    assert_eq!(activity_after(&log, 0), Activity::Idle);
    assert!(!log.another_run_is_due());
}

#[test]
fn an_old_banner_does_not_count_for_the_run_after_it() {
    let log = read("second-run-assertion-failed");
    let told = "preparation, task preinstall: Stopping if Kubernetes version is nonsupport: \
                Kubernetes v1.11 is not supported; adminPassword: ***";
    assert_eq!(failures(&log), (vec![told.to_owned()], true));
    assert_eq!(log.runs(), 2);
    assert_eq!(activity_after(&log, 0), Activity::Idle, "it ended with code 0 and no other word");
}

#[test]
fn a_failed_component_is_told_with_its_task_and_without_secrets() {
    let log = read_with_times("component-failed-late-print");
    let told =
        "component multicluster, task ks-multicluster: Installing kubefed: Error: timed out\ntoken: ***";
    assert_eq!(failures(&log), (vec![told.to_owned()], true));
    assert_eq!(activity_after(&log, 0), Activity::Idle, "printed at exit, minutes after it was collected");
}

#[test]
fn the_end_after_a_failed_component_cannot_be_seen() {
    let log = read_with_times("component-failed-silent");
    assert_eq!(failures(&log), (vec!["component multicluster".to_owned()], false));
    assert_eq!(log.last_run().unwrap().phase, Phase::Configuring);
    assert_eq!(activity_after(&log, 20), quiet(20));
    assert_eq!(activity_after(&log, 41), Activity::Idle);
}

#[test]
fn what_is_printed_late_belongs_to_the_run_before() {
    let mut log = InstallerLog::default();
    for line in lines(&fixture("component-failed-next-run")) {
        log.push(None, &line);
    }
    let Verdict::Running(run) = log.verdict() else { panic!("{:?}", log.verdict()) };
    assert_eq!(run.phase, Phase::Starting);
    assert_eq!(log.runs(), 2);
    let before = &log.run_before().unwrap().failures;
    let told: Vec<_> = before.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["component monitoring, task ks-monitor: Installing prometheus: Error: no space left"]);
}

#[test]
fn a_failures_json_that_never_ends_does_not_hide_the_recap() {
    let mut log = InstallerLog::default();
    for line in [
        "TASK [common : KubeSphere | Getting etcd] ***",
        "fatal: [localhost]: FAILED! => {",
        "    \"msg\": \"no such file\",",
        "PLAY RECAP ***",
        "localhost : ok=1 changed=0 unreachable=0 failed=1",
    ] {
        log.push(None, line);
    }
    assert_eq!(
        failures(&log),
        (vec!["preparation, task common: Getting etcd: no such file".to_owned()], true)
    );
}

#[test]
fn a_crash_tells_its_count_and_its_exception_and_is_tried_again() {
    let log = read("crashed-twice");
    let told = "installRunner.py (failed 2×): urllib3.exceptions.MaxRetryError: \
                HTTPSConnectionPool(host='10.96.0.1', port=443)";
    assert_eq!(failures(&log), (vec![told.to_owned()], true));
    assert!(log.another_run_is_due());
    assert_eq!(activity_after(&log, 1), quiet(1));
}

#[test]
fn a_crash_after_the_banner_is_a_failure_that_is_tried_again() {
    let mut log = read("success-colours-crlf");
    let crash = lines(&fixture("crashed-twice")).into_iter().rev().take(5).collect::<Vec<_>>();
    crash.iter().rev().for_each(|line| log.push(None, line));
    assert!(failures(&log).1 && log.another_run_is_due());
    assert_eq!(log.runs(), 1);
}

#[test]
fn after_a_migration_another_run_is_due() {
    let log = read("migrated");
    assert!(matches!(log.verdict(), Verdict::Running(run) if run.phase == Phase::Migrating));
    assert_eq!(activity_after(&log, 1), quiet(1));
    assert_eq!(activity_after(&log, 3), Activity::Unknown);
}

#[test]
fn kubesphere_3_0_tells_its_components_every_ten_seconds() {
    let log = read("v3.0-component-failed");
    assert_eq!(failures(&log), (vec!["component monitoring".to_owned()], false));
    assert_eq!(log.last_run().unwrap().phase, Phase::Configuring);
}

#[test]
fn a_log_may_begin_in_the_middle_of_a_run() {
    let log = read("middle-of-a-run");
    let Verdict::Running(run) = log.verdict() else { panic!("{:?}", log.verdict()) };
    assert_eq!(run.began, None);
    assert_eq!(
        run.phase,
        Phase::Installing(Count { finished: 1, total: 3 }),
        "the printed (1/1) is too small"
    );
    assert_eq!(
        log.activity("2024-03-01T10:00:00Z".parse().unwrap()),
        Activity::Unknown,
        "no line has a time"
    );
    let banner_end = lines(&fixture("success-colours-crlf")).into_iter().rev().take(4).collect::<Vec<_>>();
    let mut log = InstallerLog::default();
    banner_end.iter().rev().for_each(|line| log.push(None, line));
    assert!(matches!(log.verdict(), Verdict::Succeeded(_)), "a log that begins within the banner");
}

#[test]
fn a_late_playbook_ends_the_run() {
    let log = read("result-info-failed");
    assert_eq!(failures(&log), (vec!["playbook result-info.yaml".to_owned()], true));
    assert_eq!(log.last_run().unwrap().failures[0].origin, Origin::Playbook("result-info.yaml".to_owned()));
}

#[test]
fn a_replaced_pod_ends_its_run_without_a_verdict() {
    let log = read("replaced-in-a-run");
    assert!(matches!(log.verdict(), Verdict::EndedWithoutVerdict(_)));
}

#[test]
fn an_empty_log_has_no_run() {
    let log = InstallerLog::default();
    assert_eq!(log.verdict(), Verdict::NeverRan);
    assert_eq!(log.activity("2024-03-01T10:00:00Z".parse().unwrap()), Activity::Unknown);
}

#[test]
fn a_change_that_is_seen_after_the_end_means_another_run() {
    let mut log = read("success-colours-crlf");
    log.push(None, "2024-03-01T11:00:00+08:00 INFO     : QUEUE add TASK_HOOK_RUN@KUBE_EVENTS kubesphere/installRunner.py");
    assert!(log.another_run_is_due());
    assert_eq!(activity_after(&log, 0), quiet(0));
    log.push(
        None,
        "2024-03-01T11:00:01+08:00 INFO     : TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py",
    );
    assert!(!log.another_run_is_due());
    assert!(matches!(log.verdict(), Verdict::Running(run) if run.phase == Phase::Starting));
    assert_eq!(activity_after(&log, 6), Activity::Idle, "no ClusterConfiguration: it ends without a word");
}

#[test]
fn the_phases_are_told_in_order() {
    let mut log = InstallerLog::default();
    let mut phases: Vec<String> = Vec::new();
    for line in lines(&fixture("success-colours-crlf")) {
        log.push(None, &line);
        let phase = log.last_run().map(|run| run.phase.to_string());
        if phase.is_some() && phase.as_ref() != phases.last() {
            phases.extend(phase);
        }
    }
    let installing = (1..=4).map(|total| format!("installing 0/{total}"));
    let told: Vec<_> = ["starting".to_owned()]
        .into_iter()
        .chain((1..=4).map(|playbook| format!("preparing {playbook}/4")))
        .chain(installing)
        .chain((1..=4).map(|finished| format!("installing {finished}/4")))
        .chain(["configuring".to_owned()])
        .collect();
    assert_eq!(phases, told);
}

#[test]
fn no_fixture_shows_a_secret() {
    for entry in std::fs::read_dir("tests/fixtures/installer-logs").unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let shown: Vec<_> = lines(&bytes).iter().map(|line| mask(line).into_owned()).collect();
        for secret in [PASSWORD, "SEALED-VALUE", "k8s-aws-v1"] {
            let leak = shown.iter().find(|line| line.contains(secret));
            assert_eq!(leak, None);
        }
    }
}

#[test]
fn only_lines_with_secrets_are_masked() {
    let mut masked = Vec::new();
    for entry in std::fs::read_dir("tests/fixtures/installer-logs").unwrap() {
        let lines = lines(&std::fs::read(entry.unwrap().path()).unwrap());
        masked.extend(lines.into_iter().filter(|line| mask(line) != *line));
    }
    masked
        .retain(|line| ![PASSWORD, "SEALED-VALUE", "k8s-aws-v1"].iter().any(|secret| line.contains(secret)));
    assert!(masked.is_empty(), "{masked:?}");
}

fn any_log_line() -> impl Strategy<Value = String> {
    let known = std::fs::read_dir("tests/fixtures/installer-logs")
        .unwrap()
        .flat_map(|entry| lines(&std::fs::read(entry.unwrap().path()).unwrap()))
        .collect::<Vec<_>>();
    prop_oneof![4 => proptest::sample::select(known), 1 => any::<String>(), 1 => "[ \\[\\]{}:=>\"'\\\\*#a-z]{0,40}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut log = InstallerLog::default();
        for line in lines(&bytes) {
            let (at, text) = split_timestamp(&line);
            log.push(at, text);
            mask(&line);
        }
    }

    #[test]
    fn chunks_of_any_bytes_make_no_difference(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300),
        size in 1_usize..20,
    ) {
        let mut assembler = LineAssembler::default();
        let mut chunked = Vec::new();
        for chunk in bytes.chunks(size) {
            assembler.push(chunk, |line| chunked.push(line.to_owned()));
        }
        chunked.extend(assembler.finish());
        prop_assert_eq!(chunked, lines(&bytes));
    }

    /// The verdict of a log is the one of its last run, whatever was logged before that.
    #[test]
    fn what_was_before_the_last_run_makes_no_difference(before in proptest::collection::vec(any_log_line(), 0..60)) {
        let mut log = InstallerLog::default();
        for line in &before {
            log.push(None, line);
        }
        for line in lines(&fixture("second-run-assertion-failed")) {
            log.push(None, &line);
        }
        prop_assert_eq!(failures(&log), failures(&read("second-run-assertion-failed")));
    }

    #[test]
    fn lines_in_any_order_are_read(shuffled in proptest::collection::vec(any_log_line(), 0..200), minutes in 0_i64..1000) {
        let mut log = InstallerLog::default();
        for line in &shuffled {
            log.push(None, line);
            if let Verdict::Failed { failures, .. } = log.verdict() {
                prop_assert!(!failures.is_empty());
                prop_assert!(failures.iter().all(|failure| !failure.to_string().contains(PASSWORD)));
            }
        }
        let now = "2024-03-01T02:00:00Z".parse::<jiff::Timestamp>().unwrap();
        log.activity(now + jiff::SignedDuration::from_mins(minutes));
    }

    #[test]
    fn chunks_make_no_difference(cuts in proptest::collection::vec(0_usize..5000, 0..40)) {
        let bytes = fixture("success-colours-crlf");
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut assembler = LineAssembler::default();
        let mut cut_lines = Vec::new();
        for window in cuts.windows(2) {
            assembler.push(&bytes[window[0]..window[1]], |line| cut_lines.push(line.to_owned()));
        }
        cut_lines.extend(assembler.finish());
        prop_assert_eq!(cut_lines, lines(&bytes));
    }

    #[test]
    fn the_banners_password_never_passes(password in "[^\\p{Cc}\\s][^\\p{Cc}]{0,40}", before in "[ \t]{0,4}") {
        let line = format!("{before}Password: {password}");
        let trailing = password.len() - password.trim_end().len();
        let spaces = &password[password.len() - trailing..];
        prop_assert_eq!(mask(&line).into_owned(), format!("{before}Password: ***{spaces}"));
    }

    #[test]
    fn a_quoted_secret_never_passes(secret in "[^\\p{Cc}]{8,40}") {
        let json = serde_json::json!({ "jwtSecret": secret, "role": "host" }).to_string();
        let twice = serde_json::Value::String(json.clone()).to_string();
        prop_assert_eq!(mask(&json).into_owned(), r#"{"jwtSecret":"***","role":"host"}"#);
        prop_assert_eq!(mask(&twice).into_owned(), r#""{\"jwtSecret\":\"***\",\"role\":\"host\"}""#);
    }

    #[test]
    fn masking_any_line_is_stable(line in any_log_line()) {
        let once = mask(&line).into_owned();
        prop_assert_eq!(mask(&once).into_owned(), once);
    }
}
