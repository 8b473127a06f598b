//! Whether the installer is at work: what its log tells, and what the log cannot have told yet.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kubesphere::{
    cluster_configuration::ClusterConfiguration,
    installer_log::{Activity, Ending, Failure, InstallerLog, Origin, Run, Verdict},
    role::Role,
};

use super::{
    human_duration::human_duration,
    observed::{InstallerRun, Observed, Seen},
};

/// A change of the spec is taken up at once, or when the run before it is over; what has begun nothing by then
/// begins nothing any more.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(60);
/// The last role of a run asks kubesphere.io before it writes the cluster's id, and prints nothing (ks-installer
/// `roles/telemetry/tasks/main.yaml@v3.4.1:71-92`).
const STATUS_FOLLOWS_WITHIN: SignedDuration = SignedDuration::from_secs(60);
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
    /// Changes of the spec by others, or by earlier commands.
    pub spec_changes: Vec<SpecChange>,
    /// Our own change of the spec.
    pub sent: Option<Sent>,
    /// When the installer was last restarted.
    pub restarted_at: Option<Timestamp>,
}

/// A change of the spec, as managedFields tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecChange {
    /// The server's time, in whole seconds, cut off.
    pub at: Timestamp,
    /// Whether it may be a status that was written then: the installer's `kubectl patch` and that of a person are one
    /// manager, with one time.
    pub may_be_status: bool,
}

/// A change that we have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// By the server's clock.
    pub at: Timestamp,
    /// The last line of the log that was read before, where one was: what takes the change up comes after it, whatever the
    /// clocks say.
    pub last_line: Option<Timestamp>,
}

impl SpecChange {
    /// What `configuration` tells of them at a first look.
    fn told(configuration: &ClusterConfiguration) -> Vec<Self> {
        let writes = configuration.spec_writes();
        writes.filter_map(|(at, may_be_status)| Some(Self { at: at.parse().ok()?, may_be_status })).collect()
    }

    /// The one that was seen to make `configuration` what it is: the last write of all.
    fn seen(configuration: &ClusterConfiguration) -> Vec<Self> {
        let last = Self::told(configuration).into_iter().map(|change| change.at).max();
        last.map(|at| Self { at, may_be_status: false }).into_iter().collect()
    }

    /// What came before the log's last line is in the log: as a run, or as an event that is queued. What came in its second may
    /// have come after it, unless something was taken up by then. What came soon after it, and may be a status, is the
    /// installer's own last word.
    fn is_taken_up(&self, log: &InstallerLog) -> bool {
        let Some(last) = log.last_line_at() else { return false };
        let later = self.at.as_second() - last.as_second();
        let is_taken_up = || log.taken_up_at().is_some_and(|at| at.as_second() >= self.at.as_second());
        let is_status = self.may_be_status && later <= STATUS_FOLLOWS_WITHIN.as_secs();
        later < 0 || is_status || (later == 0 && is_taken_up())
    }
}

impl Sent {
    fn is_taken_up(&self, log: &InstallerLog) -> bool {
        log.taken_up_at().is_some_and(|taken_up| match self.last_line {
            Some(before) => taken_up > before,
            None => taken_up.as_second() >= self.at.as_second(),
        })
    }
}

impl Triggers {
    /// What a configuration tells of them.
    pub fn of(configuration: Option<&ClusterConfiguration>) -> Self {
        Self {
            role: configuration.map(ClusterConfiguration::role),
            spec_changes: configuration.map(SpecChange::told).unwrap_or_default(),
            sent: None,
            restarted_at: None,
        }
    }

    /// What a cluster tells of them.
    pub fn on(observed: &Observed) -> Self {
        let restarted_at = observed.installer.present().and_then(|installer| installer.restarted_at);
        Self { restarted_at, ..Self::of(observed.configuration.present()) }
    }

    /// What they are once a cluster was seen as it is `now`, and its configuration as it was `before`.
    #[must_use]
    pub fn seeing(self, before: &Seen<ClusterConfiguration>, now: &Observed) -> Self {
        let restarted_at =
            now.installer.present().and_then(|installer| installer.restarted_at).max(self.restarted_at);
        Self { restarted_at, ..self.seeing_configuration(before, &now.configuration) }
    }

    /// A spec that differs is a change; a status that was written meanwhile is none.
    #[must_use]
    pub fn seeing_configuration(
        self,
        before: &Seen<ClusterConfiguration>,
        now: &Seen<ClusterConfiguration>,
    ) -> Self {
        let Some(now) = now.present() else { return self };
        let role = Some(now.role());
        if before.present().and_then(ClusterConfiguration::spec) == now.spec() {
            return Self { role, ..self };
        }
        Self { role, spec_changes: SpecChange::seen(now), ..self }
    }

    /// When the spec was last changed, by anybody.
    pub fn changed_at(&self) -> Option<Timestamp> {
        let sent = self.sent.map(|sent| sent.at);
        self.spec_changes.iter().map(|change| change.at).chain(sent).max()
    }

    /// Whether a run must follow that the log does not show yet.
    fn is_due(&self, log: &InstallerLog, now: Timestamp) -> bool {
        let is_awaited = |at| since(at, now) < TAKEN_UP_WITHIN;
        let is_starting = |at: Timestamp| {
            let is_silent = log.last_line_at().is_none_or(|last| last.as_second() < at.as_second());
            is_silent && since(at, now) < POD_STARTS_WITHIN
        };
        self.spec_changes.iter().any(|change| !change.is_taken_up(log) && is_awaited(change.at))
            || self.sent.is_some_and(|sent| !sent.is_taken_up(log) && is_awaited(sent.at))
            || self.restarted_at.is_some_and(is_starting)
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
        Activity::Running { .. } => InstallerRun::UnderWay(under_way(log, now)),
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
    triggers.role == Some(Role::Host) && !log.another_run_is_due() && failures.iter().any(is_kubefeds)
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

/// How the last run failed.
pub fn last_failure(log: &InstallerLog) -> Option<String> {
    let Verdict::Failed { failures, .. } = log.verdict() else { return None };
    Some(told(failures))
}

/// Failures on one line, each with its task and message; first the one that a host cannot do without.
pub fn told(failures: &[Failure]) -> String {
    let (kubefed, others): (Vec<_>, Vec<_>) = failures.iter().partition(|failure| is_kubefeds(failure));
    let told: Vec<String> = kubefed.into_iter().chain(others).map(ToString::to_string).collect();
    told.join("; ")
}

/// Where the run stands that goes on, and what of it has failed.
fn under_way(log: &InstallerLog, now: Timestamp) -> String {
    let goes_on = |run: &Run| matches!(run.ending, None | Some(Ending::Crashed));
    let failure = last_failure(log).filter(|_| log.last_run().is_some_and(goes_on));
    let failure = failure.map(|failure| format!("failed: {failure}"));
    [Some(stage(log, now)), failure].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn is_kubefeds(failure: &Failure) -> bool {
    failure.origin == Origin::Component(MULTICLUSTER.to_owned())
}

#[cfg(test)]
#[path = "installer_run_tests.rs"]
mod tests;
