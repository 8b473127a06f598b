//! What there is to say of the installer, once its log has been read so far; and whether to read on.

use std::time::Duration;

use jiff::Timestamp;
use kubesphere::installer_log::{Ending, Failure, InstallerLog, Origin, Phase, Run, Verdict};

use super::{
    installer_run::{Triggers, judge, silence, stage},
    observed::InstallerRun,
};

/// A hook that crashes is tried again every 5 s, for ever; who has crashed so often will not do better by itself.
pub const CRASHES_AT_MOST: u32 = 3;

/// After a component has failed, kubesphere-config is still written and ks-console and ks-apiserver waited for, and
/// the end leaves no trace. The two playbooks take a minute or two where both are well, and their outcome changes
/// nothing in the verdict: after this silence nobody is kept waiting for it. (Whoever waits for the configuration
/// itself has [`CONFIGURING_IS_QUIET_FOR`](kubesphere::installer_log::CONFIGURING_IS_QUIET_FOR).)
pub const FAILED_RUN_IS_QUIET_FOR: Duration = Duration::from_secs(5 * 60);

/// What there is to say of the installer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion<'a> {
    /// The log shows no run, and none is due.
    NeverRan,
    /// A run is under way: where it stands.
    UnderWay(String),
    /// The same, and its log has been silent for long.
    Stalled(String),
    /// A run is due, and has not begun: why.
    Due(String),
    /// The last run succeeded.
    Succeeded(&'a Run),
    /// The last run failed.
    Failed {
        /// How.
        failures: &'a [Failure],
        /// And what now.
        then: Then,
    },
    /// The last run has ended, or must have, without a word of how.
    Unknown(&'a Run),
}

/// What follows a failure by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    Over,
    /// The run goes on with its other parts: where it stands, and how long it has printed nothing.
    GoesOn {
        /// Where it stands.
        stage: String,
        /// Whether only the configuration remains to be written.
        configures: bool,
        /// How long it has printed nothing.
        quiet: Duration,
    },
    /// The installer has crashed so often, and tries again every 5 s.
    TriedAgain {
        /// So often.
        count: u32,
    },
}

/// What the log says at `now`.
pub fn conclude<'a>(log: &'a InstallerLog, triggers: &Triggers, now: Timestamp) -> Conclusion<'a> {
    // Who reads a log wants to see it to its end, whatever role it is to bring.
    let triggers = Triggers { role: None, ..triggers.clone() };
    let under_way = match judge(log, &triggers, now) {
        InstallerRun::UnderWay(stage) => Some(stage),
        _ => None,
    };
    let Some(run) = log.last_run() else {
        return under_way.map_or(Conclusion::NeverRan, |why| Conclusion::Due(why_due(log, &triggers, why)));
    };
    match (run.verdict(), under_way) {
        (_, Some(why)) if run.ending.is_some_and(|ending| ending != Ending::Crashed) => {
            Conclusion::Due(why_due(log, &triggers, why))
        }
        (Verdict::Failed { failures, .. }, under_way) => failed(log, run, failures, under_way, now),
        (Verdict::NeverRan, None) => Conclusion::NeverRan,
        (Verdict::Succeeded(run), None) => Conclusion::Succeeded(run),
        (Verdict::Running(run) | Verdict::EndedWithoutVerdict(run), None) => Conclusion::Unknown(run),
        (_, Some(stage)) if silence(log, now).is_some() => Conclusion::Stalled(in_context(log, stage)),
        (_, Some(stage)) => Conclusion::UnderWay(in_context(log, stage)),
    }
}

fn failed<'a>(
    log: &'a InstallerLog,
    run: &'a Run,
    failures: &'a [Failure],
    under_way: Option<String>,
    now: Timestamp,
) -> Conclusion<'a> {
    let then = match (run.ending, under_way) {
        (Some(Ending::Crashed), Some(_)) => Then::TriedAgain { count: crashes(run) },
        (_, Some(_)) => Then::GoesOn {
            stage: stage(log, now),
            configures: run.phase == Phase::Configuring,
            quiet: quiet(log, now),
        },
        (_, None) => Then::Over,
    };
    Conclusion::Failed { failures, then }
}

impl Conclusion<'_> {
    /// Whether reading on would bring nothing that changes it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::UnderWay(_) | Self::Stalled(_) | Self::Due(_) => false,
            Self::NeverRan | Self::Succeeded(_) | Self::Unknown(_) => true,
            Self::Failed { then, .. } => match then {
                Then::Over => true,
                Then::GoesOn { configures, quiet, .. } => *configures && *quiet > FAILED_RUN_IS_QUIET_FOR,
                Then::TriedAgain { .. } => self.is_given_up(),
            },
        }
    }

    /// Whether the installer has crashed too often.
    pub fn is_given_up(&self) -> bool {
        matches!(self, Self::Failed { then: Then::TriedAgain { count }, .. } if *count >= CRASHES_AT_MOST)
    }
}

/// A try after crashes is said to be one.
fn in_context(log: &InstallerLog, stage: String) -> String {
    match log.run_before().map(crashes) {
        Some(count @ 1..) => format!("{stage}, tried again after it has failed {count}×"),
        _ => stage,
    }
}

fn why_due(log: &InstallerLog, triggers: &Triggers, why: String) -> String {
    let ending = log.last_run().and_then(|run| run.ending);
    let was_restarted =
        triggers.restarted_at.is_some_and(|at| log.last_line_at().is_none_or(|last| last < at));
    match ending {
        Some(Ending::Migrated) => "the ClusterConfiguration was re-created".to_owned(),
        _ if log.another_run_is_due() => "a change of the configuration is queued".to_owned(),
        _ if was_restarted => "the installer was restarted".to_owned(),
        None => "the installer has just started".to_owned(),
        Some(_) => why,
    }
}

fn crashes(run: &Run) -> u32 {
    let counts = run.failures.iter().filter_map(|failure| match failure.origin {
        Origin::Crash { count } => Some(count),
        _ => None,
    });
    counts.max().unwrap_or_default()
}

fn quiet(log: &InstallerLog, now: Timestamp) -> Duration {
    let quiet = log.last_line_at().map(|last| now.duration_since(last));
    quiet.and_then(|quiet| quiet.try_into().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use kubesphere::installer_log::InstallerLog;

    use super::{Conclusion, Then, conclude};
    use crate::plan::installer_run::{SpecChange, Triggers};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + seconds)
    }

    fn log(lines: &[(i64, &str)]) -> InstallerLog {
        let mut log = InstallerLog::default();
        for (seconds, line) in lines {
            let operator = |text: &str| format!("{} INFO     : {text}", at(*seconds));
            let line = match *line {
                "START" => operator("shell-operator latest"),
                "BEGIN" => operator("TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py"),
                "QUEUED" => operator("QUEUE add TASK_HOOK_RUN@KUBE_EVENTS kubesphere/installRunner.py"),
                "CRASH" => operator(
                    "TASK_RUN TASK_HOOK_RUN 'kubesphere/installRunner.py' on 'KUBE_EVENTS' failed. Will retry after \
                     delay. Failed count is 3. Error: exit status 1",
                ),
                "BANNER" => "###              Welcome to KubeSphere!           ###".to_owned(),
                "RECAP" => "localhost : ok=1 changed=0 unreachable=0 failed=1".to_owned(),
                other => other.to_owned(),
            };
            log.push(Some(at(*seconds)), &line);
        }
        log
    }

    fn said(log: &InstallerLog, seconds: i64) -> (String, bool) {
        let conclusion = conclude(log, &Triggers::default(), at(seconds));
        let said = match &conclusion {
            Conclusion::NeverRan => "never ran".to_owned(),
            Conclusion::UnderWay(stage) => format!("under way: {stage}"),
            Conclusion::Stalled(stage) => format!("stalled: {stage}"),
            Conclusion::Due(why) => format!("due: {why}"),
            Conclusion::Succeeded(run) => format!("succeeded in {} s", run.took().unwrap().as_secs()),
            Conclusion::Failed { failures, then } => {
                let then = match then {
                    Then::Over => "over".to_owned(),
                    Then::GoesOn { stage, .. } => format!("goes on: {stage}"),
                    Then::TriedAgain { count } => format!("tried again after {count}"),
                };
                format!("{}; {then}", failures[0])
            }
            Conclusion::Unknown(run) => format!("unknown: {}", run.phase),
        };
        (said, conclusion.is_final())
    }

    #[track_caller]
    fn assert_said(lines: &[(i64, &str)], seconds: i64, expected: (&str, bool)) {
        let (said, is_final) = said(&log(lines), seconds);
        assert_eq!((said.as_str(), is_final), expected);
    }

    #[test]
    fn a_run_is_followed_to_its_banner() {
        let lines = [(0, "BEGIN"), (9, "Start installing network"), (400, "BANNER")];
        assert_said(&lines[..1], 10, ("under way: starting", false));
        assert_said(&lines[..2], 10, ("under way: installing 0/1", false));
        assert_said(&lines, 500, ("succeeded in 400 s", true));
    }

    #[test]
    fn what_is_due_is_awaited() {
        assert_said(&[(0, "START")], 5, ("due: the installer has just started", false));
        assert_said(&[(0, "START")], 500, ("never ran", true));
        assert_said(
            &[(0, "BEGIN"), (9, "BANNER"), (10, "QUEUED")],
            11,
            ("due: a change of the configuration is queued", false),
        );
        assert_said(
            &[(0, "BEGIN"), (9, "RECAP"), (10, "QUEUED")],
            11,
            ("due: a change of the configuration is queued", false),
        );
        let created = "Create cluster configuration successfully";
        let due = "due: the ClusterConfiguration was re-created";
        assert_said(&[(0, "BEGIN"), (9, created)], 11, (due, false));
        let finished = log(&[(0, "BEGIN"), (9, "BANNER")]);
        let restarted = Triggers { restarted_at: Some(at(20)), ..Triggers::default() };
        let conclusion = conclude(&finished, &restarted, at(300));
        assert_eq!(conclusion, Conclusion::Due("the installer was restarted".to_owned()));
        let change = SpecChange { at: at(20), may_be_status: false };
        let changed = Triggers { spec_changes: vec![change], ..Triggers::default() };
        let conclusion = conclude(&finished, &changed, at(21));
        assert_eq!(
            conclusion,
            Conclusion::Due("a change of the configuration is not taken up yet".to_owned())
        );
    }

    #[test]
    fn a_failed_component_is_known_at_once_and_the_rest_followed_for_a_while() {
        let lines = [
            (0, "BEGIN"),
            (5, "Start installing network"),
            (5, "Start installing monitoring"),
            (9, "task monitoring status is failed  (1/2)"),
            (99, "task network status is successful  (2/2)"),
            (99, "Collecting installation results ..."),
        ];
        let stalled =
            "component monitoring; goes on: installing 1/2, silent for 66m; not reported yet: network";
        assert_said(&lines[..4], 4000, (stalled, false));
        assert_said(&lines, 300, ("component monitoring; goes on: configuring", false));
        assert_said(&lines, 400, ("component monitoring; goes on: configuring, silent for 5m1s", true));
        assert_said(&lines, 99 + 41 * 60, ("component monitoring; over", true));
    }

    #[test]
    fn a_host_without_kubefed_is_read_to_its_end_too() {
        let lines = [
            (0, "BEGIN"),
            (5, "Start installing network"),
            (5, "Start installing multicluster"),
            (9, "task multicluster status is failed  (1/2)"),
        ];
        let host = Triggers { role: Some(kubesphere::role::Role::Host), ..Triggers::default() };
        assert!(!conclude(&log(&lines), &host, at(10)).is_final());
    }

    #[test]
    fn a_crash_is_tried_again_and_given_up_after_the_third() {
        let lines = [(0, "BEGIN"), (1, "CRASH"), (6, "BEGIN")];
        let crash = "installRunner.py (failed 3×): exit status 1; tried again after 3";
        assert_said(&lines[..2], 2, (crash, true));
        assert_said(&lines, 7, ("under way: starting, tried again after it has failed 3×", false));
    }

    #[test]
    fn a_long_silence_is_told_and_followed() {
        let lines = [(0, "BEGIN"), (3, "Start installing network")];
        let stalled = "stalled: installing 0/1, silent for 60m; not reported yet: network";
        assert_said(&lines, 3603, (stalled, false));
    }

    #[test]
    fn what_ansible_itself_gives_up_is_over_with_what_it_prints_after() {
        let lines = [
            (0, "BEGIN"),
            (1, "ERROR! Unexpected Exception, this is probably a bug: [Errno 28] No space left on device"),
            (1, "the full traceback was:"),
            (1, ""),
            (1, "Traceback (most recent call last):"),
            (1, "  File \"/usr/bin/ansible-playbook\", line 123, in <module>"),
            (1, "OSError: [Errno 28] No space left on device"),
        ];
        let failed = "preparation: ERROR! Unexpected Exception, this is probably a bug: [Errno 28] No space left \
                      on device; over";
        assert_said(&lines, 2, (failed, true));
        let include = [
            (0, "BEGIN"),
            (1, "TASK [common : KubeSphere | Including tasks] ***"),
            (2, "ERROR! the file a.yaml could not be found"),
            (2, "ERROR! the file b.yaml could not be found"),
            (2, "localhost : ok=1 changed=0 unreachable=0 failed=0"),
        ];
        let failed =
            "preparation, task common: Including tasks: ERROR! the file a.yaml could not be found; over";
        assert_said(&include, 3, (failed, true));
    }

    #[test]
    fn a_silence_that_is_longer_than_any_run_is_an_end() {
        assert_said(&[(0, "BEGIN")], 400, ("unknown: starting", true));
        assert_said(
            &[(0, "BEGIN"), (3, "Start installing network")],
            40_000,
            ("unknown: installing 0/1", true),
        );
    }
}
