//! Whether the installer is at work: what its log tells, and what the log cannot have told yet.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kubesphere::{
    cluster_configuration::ClusterConfiguration,
    installer_log::{Activity, InstallerLog, Origin, Run, Verdict},
    role::Role,
};

use super::{human_duration::human_duration, observed::InstallerRun};

/// A change of the spec is taken up at once, or when the run before it is over; what has begun nothing by then
/// begins nothing any more.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(60);
/// A Deployment's own patience with a new pod (`progressDeadlineSeconds`), which begins a run once it has started.
const POD_STARTS_WITHIN: Duration = Duration::from_secs(600);
/// Where no log tells: runs of 652 to 753 s are ordinary, of 2554 s have been seen (kubesphere issues 4531, 4689).
const RUN_ENDS_WITHIN: Duration = Duration::from_secs(3600);
/// A component prints nothing until it is finished, and the playbooks before it are seldom silent for so long: who waits
/// then wants to know for what.
const SILENCE_IS_TOLD_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// The component whose failure means that a host has no kubefed (ks-installer `playbooks/multicluster.yaml`).
const MULTICLUSTER: &str = "multicluster";

/// What makes the installer run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triggers {
    /// The role that a run is to bring.
    pub role: Option<Role>,
    /// When anybody last changed the spec, by the server's clock.
    pub spec_changed_at: Option<Timestamp>,
    /// When we have changed the spec: managedFields are missing before Kubernetes 1.18, and where somebody has
    /// cleared them.
    pub patched_at: Option<Timestamp>,
    /// When the installer was last restarted.
    pub restarted_at: Option<Timestamp>,
}

impl Triggers {
    /// What a configuration tells of them.
    pub fn of(configuration: Option<&ClusterConfiguration>) -> Self {
        Self {
            role: configuration.map(ClusterConfiguration::role),
            spec_changed_at: configuration.and_then(|found| found.spec_changed_at()?.parse().ok()),
            patched_at: None,
            restarted_at: None,
        }
    }

    /// When the spec was last changed, by anybody.
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.spec_changed_at.or(self.patched_at)
    }

    /// Whether a run must follow that the log does not show yet.
    fn is_due(&self, log: &InstallerLog, now: Timestamp) -> bool {
        let last_line = log.last_line_at();
        let due = |trigger: Option<Timestamp>, within| {
            // Times in managedFields are whole seconds, cut off; and the installer's own writes of the status
            // count for the spec, where both were sent with the same manager. What came before the log's last
            // line is in the log: as a run, or as an event that is queued.
            trigger.is_some_and(|at| {
                last_line.is_none_or(|last| last.as_second() < at.as_second()) && since(at, now) < within
            })
        };
        due(self.changed_at(), TAKEN_UP_WITHIN) || due(self.restarted_at, POD_STARTS_WITHIN)
    }

    fn is_likely(&self, now: Timestamp) -> bool {
        let last = self.changed_at().max(self.restarted_at);
        last.is_some_and(|at| since(at, now) < RUN_ENDS_WITHIN)
    }

    /// What can be said without a log.
    pub fn without_log(&self, why: String, now: Timestamp) -> InstallerRun {
        InstallerRun::Unknown { why, is_likely: self.is_likely(now) }
    }
}

/// A clock that runs behind has seen nothing pass.
fn since(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// What a log says about the installer at `now`.
pub fn judge(log: &InstallerLog, triggers: &Triggers, now: Timestamp) -> InstallerRun {
    match log.activity(now) {
        Activity::Running { .. } if lacks_kubefed(log, triggers) => {
            InstallerRun::Idle { last_failure: last_failure(log) }
        }
        Activity::Running { .. } => InstallerRun::UnderWay(stage(log, now)),
        Activity::Idle | Activity::Unknown if triggers.is_due(log, now) => {
            InstallerRun::UnderWay("a change of the configuration is not taken up yet".to_owned())
        }
        Activity::Idle => InstallerRun::Idle { last_failure: last_failure(log) },
        Activity::Unknown => triggers.without_log("its log does not tell".to_owned(), now),
    }
}

/// Whether this run cannot make a host any more. After a failed component a run goes on without a sign of its end;
/// only a host waits for just this component.
fn lacks_kubefed(log: &InstallerLog, triggers: &Triggers) -> bool {
    let Verdict::Failed { failures, .. } = log.verdict() else { return false };
    let is_kubefed = |origin: &Origin| *origin == Origin::Component(MULTICLUSTER.to_owned());
    triggers.role == Some(Role::Host)
        && !log.another_run_is_due()
        && failures.iter().any(|failure| is_kubefed(&failure.origin))
}

/// Where a run stands, for people: its phase, Ansible's task where one is under way, and how long it has been silent where
/// that is long.
pub fn stage(log: &InstallerLog, now: Timestamp) -> String {
    let Some(run) = log.last_run() else { return "starting".to_owned() };
    let task = run.task.as_ref().map(ToString::to_string);
    let silence = silence(log, now).map(|quiet| format!("silent for {}", human_duration(quiet)));
    let stage = [Some(run.phase.to_string()), task, silence.clone()];
    let stage = stage.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let unreported = silence.and_then(|_| unreported(run));
    [Some(stage), unreported].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// For how long the log has been silent, where that is worth telling.
pub fn silence(log: &InstallerLog, now: Timestamp) -> Option<SignedDuration> {
    let quiet = now.duration_since(log.last_line_at()?);
    (quiet >= SILENCE_IS_TOLD_AFTER).then_some(quiet)
}

/// The components that a run waits for, as a fragment.
pub fn unreported(run: &Run) -> Option<String> {
    let names: Vec<&str> = run.unreported().collect();
    (!names.is_empty()).then(|| format!("not reported yet: {}", names.join(", ")))
}

/// How the last run failed: of several failures the one that a host cannot do without, else the first.
pub fn last_failure(log: &InstallerLog) -> Option<String> {
    let Verdict::Failed { failures, .. } = log.verdict() else { return None };
    let kubefed =
        failures.iter().find(|failure| failure.origin == Origin::Component(MULTICLUSTER.to_owned()));
    kubefed.or_else(|| failures.first()).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use kubesphere::{installer_log::InstallerLog, role::Role};

    use super::{Triggers, judge, last_failure};
    use crate::plan::observed::InstallerRun;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + seconds)
    }

    fn log(lines: &[(i64, &str)]) -> InstallerLog {
        let mut log = InstallerLog::default();
        for (seconds, line) in lines {
            let line = match *line {
                "BEGIN" => format!(
                    "{} INFO     : TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py",
                    at(*seconds)
                ),
                "BANNER" => "###              Welcome to KubeSphere!           ###".to_owned(),
                other => other.to_owned(),
            };
            log.push(Some(at(*seconds)), &line);
        }
        log
    }

    fn changed(seconds: i64) -> Triggers {
        Triggers { spec_changed_at: Some(at(seconds)), ..Triggers::default() }
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
        let InstallerRun::Idle { last_failure: Some(failure) } =
            judge(&failed, &triggers(Role::Host), at(31))
        else {
            panic!("a host goes on waiting");
        };
        assert_eq!(failure, "component multicluster");
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
        let said = |lines, now| match judge(&log(lines), &changed(-1), at(now)) {
            InstallerRun::UnderWay(stage) => stage,
            other => panic!("{other:?}"),
        };
        assert_eq!(said(&lines, 60), "installing 1/2");
        let stalled = "installing 1/2, silent for 60m; not reported yet: multicluster";
        assert_eq!(said(&lines, 20 + 3600), stalled);
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
        assert!(
            failure.contains("Getting default StorageClass") && failure.contains("not found"),
            "{failure}"
        );
        assert!(matches!(judge(&failed, &changed(-1), at(4)), InstallerRun::Idle { last_failure: Some(_) }));
    }
}
