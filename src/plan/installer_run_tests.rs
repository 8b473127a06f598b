use jiff::{SignedDuration, Timestamp};
use kubesphere::{cluster_configuration::ClusterConfiguration, installer_log::InstallerLog, role::Role};
use proptest::prelude::*;
use serde_json::json;

use super::{Sent, SpecChange, Triggers, judge, last_failure};
use crate::plan::observed::{InstallerRun, Seen};

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + seconds)
}

fn at_milli(millis: i64) -> Timestamp {
    at(0) + SignedDuration::from_millis(millis)
}

fn log(lines: &[(i64, &str)]) -> InstallerLog {
    log_of_millis(lines.iter().map(|(seconds, line)| (seconds * 1000, *line)))
}

fn log_of_millis<'a>(lines: impl IntoIterator<Item = (i64, &'a str)>) -> InstallerLog {
    let mut log = InstallerLog::default();
    for (millis, line) in lines {
        let at = at_milli(millis);
        let operator = |text: &str| format!("{at} INFO     : {text} kubesphere/installRunner.py");
        let line = match line {
            "STARTED" => format!("{at} INFO     : shell-operator v1.0.0-beta.5"),
            "QUEUED" => operator("QUEUE add TASK_HOOK_RUN@KUBE_EVENTS"),
            "BEGIN" => operator("TASK_RUN HookRun@KUBE_EVENTS"),
            "BANNER" => "###              Welcome to KubeSphere!           ###".to_owned(),
            other => other.to_owned(),
        };
        log.push(Some(at), &line);
    }
    log
}

fn changed(seconds: i64) -> Triggers {
    let change = SpecChange { at: at(seconds), may_be_status: false };
    Triggers { spec_changes: vec![change], ..Triggers::default() }
}

/// As `changed`, by a manager that writes the status too.
fn written(seconds: i64) -> Triggers {
    let change = SpecChange { at: at(seconds), may_be_status: true };
    Triggers { spec_changes: vec![change], ..Triggers::default() }
}

/// A change of ours at that millisecond, the log's last line before it at that other.
fn sent(millis: i64, last_line: Option<i64>) -> Triggers {
    let sent = Sent { at: at_milli(millis), last_line: last_line.map(at_milli) };
    Triggers { sent: Some(sent), ..Triggers::default() }
}

fn is_under_way(run: &InstallerRun) -> bool {
    matches!(run, InstallerRun::UnderWay(_))
}

#[test]
fn a_finished_run_is_idle() {
    let finished = log(&[(0, "BEGIN"), (300, "BANNER")]);
    assert_eq!(judge(&finished, &changed(-1), at(360)), InstallerRun::Idle { last_failure: None });
    assert_eq!(judge(&finished, &changed(0), at(310)), InstallerRun::Idle { last_failure: None });
}

#[test]
fn a_change_that_no_run_has_taken_up_yet_is_due_for_a_minute() {
    let finished = log(&[(0, "BEGIN"), (300, "BANNER")]);
    assert!(is_under_way(&judge(&finished, &changed(600), at(610))));
    assert!(!is_under_way(&judge(&finished, &changed(600), at(720))));
    assert!(is_under_way(&judge(&finished, &changed(600), at(590))), "a clock that is behind");
}

/// `kubectl patch` by a person and by the installer is one manager, with one time for spec and status.
#[test]
fn what_was_written_during_the_last_run_is_not_due() {
    let finished = log(&[(0, "BEGIN"), (300, "BANNER")]);
    assert!(!is_under_way(&judge(&finished, &changed(299), at(301))));
}

#[test]
fn a_restart_is_due_until_its_pod_had_time_to_start() {
    let triggers = Triggers { restarted_at: Some(at(600)), ..changed(-1) };
    let finished = log(&[(0, "BEGIN"), (300, "BANNER")]);
    assert!(is_under_way(&judge(&finished, &triggers, at(1100))));
    assert!(is_under_way(&judge(&InstallerLog::default(), &triggers, at(1100))));
    assert!(!is_under_way(&judge(&finished, &triggers, at(1300))));
}

#[test]
fn without_a_log_a_late_change_is_likely_at_work() {
    let likely = |now| changed(0).without_log("forbidden".to_owned(), now);
    assert!(matches!(likely(at(600)), InstallerRun::Unknown { is_likely: true, .. }));
    assert!(matches!(likely(at(4000)), InstallerRun::Unknown { is_likely: false, .. }));
}

#[test]
fn a_failed_kubefed_ends_a_hosts_hopes_and_no_members() {
    let lines = [
        (0, "BEGIN"),
        (10, "Start installing monitoring"),
        (10, "Start installing multicluster"),
        (20, "task monitoring status is failed  (1/2)"),
        (30, "task multicluster status is failed  (2/2)"),
    ];
    let triggers = |role| Triggers { role: Some(role), ..changed(-1) };
    let failed = log(&lines);
    assert!(is_under_way(&judge(&failed, &triggers(Role::Member), at(31))));
    let InstallerRun::Idle { last_failure: Some(failure) } = judge(&failed, &triggers(Role::Host), at(31))
    else {
        panic!("a host goes on waiting");
    };
    assert_eq!(failure, "component multicluster; component monitoring");
    assert!(
        is_under_way(&judge(&log(&lines[..4]), &triggers(Role::Host), at(21))),
        "monitoring alone does not"
    );
}

#[test]
fn a_long_silence_is_told_with_what_has_not_reported() {
    let lines = [
        (0, "BEGIN"),
        (10, "Start installing monitoring"),
        (10, "Start installing multicluster"),
        (20, "task monitoring status is successful  (1/2)"),
    ];
    let said = |lines: &[(i64, &str)], now| match judge(&log(lines), &changed(-1), at(now)) {
        InstallerRun::UnderWay(stage) => stage,
        other => panic!("{other:?}"),
    };
    assert_eq!(said(&lines, 60), "installing 1/2");
    let stalled = "installing 1/2, silent for 60m; not reported yet: multicluster";
    assert_eq!(said(&lines, 20 + 3600), stalled);
    let failed = [&lines[..3], &[(20, "task monitoring status is failed  (1/2)")]].concat();
    assert_eq!(said(&failed, 60), "installing 1/2; failed: component monitoring");
    let task = [(0, "BEGIN"), (5, "TASK [common : KubeSphere | Getting etcd] ***")];
    assert_eq!(said(&task, 5 + 600), "preparing 3/4, common: Getting etcd, silent for 10m");
}

/// The run ends there with code 0, and nothing more is written.
#[test]
fn what_ansible_itself_gives_up_has_failed_and_is_over() {
    let failed = log(&[(0, "BEGIN"), (1, "ERROR! Unable to use multiprocessing: Permission denied")]);
    let failure = "preparation: ERROR! Unable to use multiprocessing: Permission denied".to_owned();
    assert_eq!(judge(&failed, &changed(-1), at(2)), InstallerRun::Idle { last_failure: Some(failure) });
}

#[test]
fn a_failed_preparation_is_named_by_its_task() {
    let failed = log(&[
        (0, "BEGIN"),
        (1, "TASK [preinstall : KubeSphere | Getting default StorageClass] ****"),
        (2, "fatal: [localhost]: FAILED! => {\"msg\": \"not found\"}"),
        (3, "localhost : ok=2 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0"),
    ]);
    let failure = last_failure(&failed).unwrap();
    assert!(failure.contains("Getting default StorageClass") && failure.contains("not found"), "{failure}");
    assert!(matches!(judge(&failed, &changed(-1), at(4)), InstallerRun::Idle { last_failure: Some(_) }));
}

/// Lines of the log by the millisecond, what has changed, when it is looked, and whether a run is waited for.
#[test]
fn what_is_due_is_told_by_the_logs_order_and_by_seconds_only_where_nothing_else_is_known() {
    let before = [(0, "QUEUED"), (10, "BEGIN"), (500, "BANNER")];
    let over = [(10_950, "QUEUED"), (10_960, "BEGIN"), (11_200, "BANNER")];
    let fast = [(10_100, "QUEUED"), (10_110, "BEGIN"), (10_300, "BANNER")];
    let slow = [(8_000, "QUEUED"), (8_010, "BEGIN"), (10_300, "BANNER")];
    let cases = [
        ("a change at 10.9 is over at 11.2", &over[..], changed(10), 12_100, false),
        ("the same by a manager of the status too", &over[..], written(10), 12_100, false),
        ("its status was written after its last line", &over[..], written(12), 12_400, false),
        ("a cluster's id is written half a minute after the run", &over[..], written(41), 42_000, false),
        ("a person's kubectl patch slow after a run", &over[..], written(600), 600_100, true),
        ("another's change right after a run", &over[..], changed(12), 12_400, true),
        ("another's change in the second of a run's last line", &slow[..], changed(10), 10_900, true),
        ("the status of that run", &slow[..], written(10), 10_900, false),
        ("a change in the second of a whole run", &fast[..], changed(10), 10_900, false),
        ("one that nothing takes up", &over[..], changed(12), 72_100, false),
        ("ours right after the last line", &before[..], sent(510, Some(500)), 600, true),
        ("ours in the second of a whole run before it", &fast[..], sent(10_400, Some(10_300)), 10_900, true),
        (
            "a late line of the run before takes nothing up",
            &fast[..],
            sent(10_200, Some(10_110)),
            10_900,
            true,
        ),
        ("ours, taken up", &over[..], sent(10_900, Some(500)), 10_955, true),
        ("ours, taken up and over", &over[..], sent(10_900, Some(500)), 11_300, false),
        ("ours, by a node's clock that is behind", &fast[..], sent(13_000, Some(500)), 13_100, false),
        ("ours, where no line was read before", &over[..], sent(10_900, None), 11_300, false),
        ("ours, where only an old log can be read", &before[..], sent(10_900, None), 11_300, true),
        ("ours, that nothing takes up", &before[..], sent(1_000, Some(500)), 61_100, false),
        ("ours, and a pod that has begun since", &[(2_000, "STARTED")][..], sent(1_000, None), 2_100, true),
    ];
    for (what, lines, triggers, now, is_awaited) in cases {
        let log = log_of_millis(lines.iter().copied().filter(|(millis, _)| *millis <= now));
        let run = judge(&log, &triggers, at_milli(now));
        assert_eq!(is_under_way(&run), is_awaited, "{what}: {run:?}");
    }
}

#[test]
fn a_status_that_is_written_meanwhile_is_no_change() {
    let configuration = |role: &str, status: &str, seconds: i64| {
        Seen::Present(ClusterConfiguration::new(json!({
            "metadata": {"managedFields": [{
                "time": at(seconds).to_string(), "fieldsV1": {"f:spec": {}, "f:status": {}},
            }]},
            "spec": {"multicluster": {"clusterRole": role}},
            "status": {"core": {"status": status}},
        })))
    };
    let before = configuration("none", "", 0);
    let triggers = Triggers::of(before.present());
    assert_eq!(triggers.spec_changes, written(0).spec_changes);
    let written_status = configuration("none", "enabled", 5);
    let seen = triggers.seeing_configuration(&before, &written_status);
    assert_eq!(seen.spec_changes, written(0).spec_changes);
    let of_spec = configuration("member", "enabled", 9);
    let seen = seen.seeing_configuration(&written_status, &of_spec);
    assert_eq!((seen.role, seen.spec_changes), (Some(Role::Member), changed(9).spec_changes));
}

/// One change after the other, and what a serial queue makes of them.
#[derive(Debug)]
struct History {
    lines: Vec<(i64, &'static str)>,
    /// When the object was last written, by the spec or a status.
    written: i64,
    /// When all is over.
    over: i64,
}

/// Of each change: how long after the one before, until it is queued, until it begins, and until it is over; and for how long
/// after that a status is still written.
fn history(changes: &[(i64, i64, i64, i64, i64)]) -> History {
    let (mut sent, mut free) = (0, 0);
    let mut history = History { lines: Vec::new(), written: 0, over: 0 };
    for (after, queued, begins, takes, status) in changes {
        sent += after;
        let begun = (sent + queued).max(free) + begins;
        free = begun + takes;
        history.lines.extend([(sent + queued, "QUEUED"), (begun, "BEGIN"), (free, "BANNER")]);
        history.written = history.written.max(free + status);
        history.over = history.over.max(free + status);
    }
    history.lines.sort_by_key(|(millis, _)| *millis);
    history
}

proptest! {
    #[test]
    fn nothing_is_awaited_of_what_is_over(
        changes in prop::collection::vec((0..3_000_i64, 0..200_i64, 1..50_i64, 1..2_000_i64, 0..2_000_i64), 1..5),
        later in 0..70_000_i64,
    ) {
        let History { lines, written: last, over } = history(&changes);
        let triggers = written(last.div_euclid(1000));
        let run = judge(&log_of_millis(lines), &triggers, at_milli(over + later));
        prop_assert_eq!(run, InstallerRun::Idle { last_failure: None });
    }

    #[test]
    fn ours_is_awaited_until_its_run_is_over(
        before in prop::collection::vec((0..3_000_i64, 0..50_i64, 1..50_i64, 1..1_000_i64, 0..1_i64), 1..4),
        (after, queued, begins, takes) in (1..1_500_i64, 0..2_000_i64, 1..50_i64, 1..2_000_i64),
        share in 0..=100_i64,
    ) {
        let History { mut lines, over, .. } = history(&before);
        let ours = over + after;
        let triggers = sent(ours, Some(over));
        let begun = ours + queued + begins;
        lines.extend([(ours + queued, "QUEUED"), (begun, "BEGIN"), (begun + takes, "BANNER")]);
        let now = ours + (begun + takes - 1 - ours) * share / 100;
        let is_read = |(millis, _): &(i64, &str)| *millis <= now;
        let run = judge(&log_of_millis(lines.iter().copied().filter(is_read)), &triggers, at_milli(now));
        prop_assert!(is_under_way(&run), "{:?}", run);
        let run = judge(&log_of_millis(lines), &triggers, at_milli(begun + takes + 1));
        prop_assert_eq!(run, InstallerRun::Idle { last_failure: None });
    }
}
