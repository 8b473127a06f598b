use std::fmt;

use jiff::Timestamp;

use super::event::{ComponentStatus, Count, Task};

/// Playbooks that run one after the other before the components: preinstall, metrics-server, common, ks-core.
/// `ks-installer controller/installRunner.py@v3.4.1` (`preInstallTasks`); the same four in v3.0.
const PREPARING_PLAYBOOKS: u8 = 4;

/// A run has some ten components and few failures; a damaged log must not grow memory.
const KEPT_AT_MOST: usize = 64;

/// One run of the installer, as far as its lines have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When it began; `None` where the log begins in its middle.
    pub began: Option<Timestamp>,
    /// The time of its last line.
    pub last_line: Option<Timestamp>,
    /// How far it is.
    pub phase: Phase,
    /// The Ansible task under way; components run theirs without a word.
    pub task: Option<Task>,
    /// The components that were started.
    pub components: Vec<Component>,
    /// What failed, in order.
    pub failures: Vec<Failure>,
    /// How it ended, where the log shows it.
    pub ending: Option<Ending>,
    pub(super) all_finished: Option<Timestamp>,
    pub(super) exception: Option<String>,
    suspects: Vec<Failure>,
    playbooks_ended: u8,
    counted: Option<Count>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was printed yet.
    Starting,
    /// The ClusterConfiguration is being re-created; another run follows.
    Migrating,
    /// This playbook of the four that come first.
    Preparing {
        /// From 1.
        playbook: u8,
        /// Four.
        of: u8,
    },
    /// The components run at the same time.
    Installing(Count),
    /// kubesphere-config is written and ks-apiserver waited for, without a word.
    Configuring,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => formatter.write_str("starting"),
            Self::Migrating => formatter.write_str("re-creating the ClusterConfiguration"),
            Self::Preparing { playbook, of } => write!(formatter, "preparing {playbook}/{of}"),
            Self::Installing(Count { finished, total }) => write!(formatter, "installing {finished}/{total}"),
            Self::Configuring => formatter.write_str("configuring"),
        }
    }
}

/// A component and how its playbook stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// As the ClusterConfiguration calls it.
    pub name: String,
    pub status: ComponentStatus,
}

/// Something that failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub origin: Origin,
    /// The Ansible task that failed, where the log tells it.
    pub task: Option<Task>,
    /// Its error, masked; empty where the log tells none.
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A playbook before the components (or the data migration): the run ends there.
    Preparation,
    /// A component: the others go on, and the configuration is still written.
    Component(String),
    /// `ks-config.yaml` or `result-info.yaml`: the run ends there.
    Playbook(String),
    /// The hook itself: shell-operator tries again every 5 s.
    Crash {
        /// How often it failed so far.
        count: u32,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Preparation => formatter.write_str("preparation")?,
            Origin::Component(name) => write!(formatter, "component {name}")?,
            Origin::Playbook(name) => write!(formatter, "playbook {name}")?,
            Origin::Crash { count } => write!(formatter, "installRunner.py (failed {count}×)")?,
        }
        if let Some(task) = &self.task {
            write!(formatter, ", task {task}")?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.message) }
    }
}

/// How a run ended, where the log shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The banner was printed.
    Succeeded,
    /// A failure that ends the run, with exit code 0 and without another word.
    Stopped,
    /// The hook crashed and is tried again.
    Crashed,
    /// The ClusterConfiguration was re-created; another run follows.
    Migrated,
    /// What came after it shows that it was over, or its pod was.
    Superseded,
}

impl Run {
    pub(super) fn new(began: Option<Timestamp>) -> Self {
        Self {
            began,
            last_line: began,
            phase: Phase::Starting,
            task: None,
            components: Vec::new(),
            failures: Vec::new(),
            ending: None,
            all_finished: None,
            exception: None,
            suspects: Vec::new(),
            playbooks_ended: 0,
            counted: None,
        }
    }

    /// Whether a component failed, so that no banner will come.
    pub fn has_failed_component(&self) -> bool {
        self.failures.iter().any(|failure| matches!(failure.origin, Origin::Component(_)))
    }

    /// The components that were started and have not said how they ended.
    pub fn unreported(&self) -> impl Iterator<Item = &str> {
        let running = self.components.iter().filter(|it| it.status == ComponentStatus::Running);
        running.map(|component| component.name.as_str())
    }

    pub(super) fn task_started(&mut self, task: Task) {
        if matches!(self.phase, Phase::Starting | Phase::Preparing { .. }) {
            let playbook = (self.playbooks_ended + 1).max(playbook_of(&task.role)).min(PREPARING_PLAYBOOKS);
            self.phase = Phase::Preparing { playbook, of: PREPARING_PLAYBOOKS };
        }
        self.task = Some(task);
    }

    /// Only the end of the playbook tells whether it counts: a failure may be ignored or rescued.
    pub(super) fn task_failed(&mut self, message: String) {
        let failure = Failure { origin: Origin::Preparation, task: self.task.clone(), message };
        keep(&mut self.suspects, failure);
    }

    pub(super) fn failure_ignored(&mut self) {
        self.suspects.retain(|suspect| suspect.task != self.task);
    }

    pub(super) fn playbook_ended(&mut self, failed: bool) {
        let culprit = self.suspects.pop();
        self.suspects.clear();
        self.playbooks_ended = self.playbooks_ended.saturating_add(1).min(PREPARING_PLAYBOOKS);
        if failed {
            let unknown =
                Failure { origin: Origin::Preparation, task: self.task.clone(), message: String::new() };
            self.failed(culprit.unwrap_or(unknown));
            self.ending = Some(Ending::Stopped);
        }
        self.task = None;
    }

    /// Where Ansible itself gives up; the line that says why keeps its first word, to be found by.
    pub(super) fn failed_outside_of_tasks(&mut self, line: String) {
        let task = self.task.take();
        self.failed(Failure { origin: Origin::Preparation, task, message: line });
        self.suspects.clear();
        self.ending = Some(Ending::Stopped);
    }

    pub(super) fn component_started(&mut self, name: String) {
        self.component(name, ComponentStatus::Running);
        self.recount();
    }

    pub(super) fn component_reported(&mut self, name: String, status: ComponentStatus, count: Option<Count>) {
        if status == ComponentStatus::Failed {
            self.component_failed(&name, None, String::new());
        }
        self.component(name, status);
        self.counted = count.or(self.counted);
        self.recount();
    }

    pub(super) fn components_counted(&mut self, count: Count) {
        self.counted = Some(count);
        self.recount();
        // KubeSphere 3.0 says "Collecting" nowhere.
        if count.finished >= count.total
            && self.components.iter().all(|it| it.status != ComponentStatus::Running)
        {
            self.configuring();
        }
    }

    pub(super) fn configuring(&mut self) {
        self.phase = Phase::Configuring;
        self.task = None;
        self.all_finished = self.last_line;
    }

    /// Adds what the log tells of a failed component to what is known of it.
    pub(super) fn component_failed(&mut self, name: &str, task: Option<Task>, message: String) {
        let same = |failure: &&mut Failure| failure.origin == Origin::Component(name.to_owned());
        match self.failures.iter_mut().find(same) {
            Some(known) => {
                known.task = task.or(known.task.take());
                if !message.is_empty() {
                    known.message = message;
                }
            }
            None => self.failed(Failure { origin: Origin::Component(name.to_owned()), task, message }),
        }
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        keep(&mut self.failures, failure);
    }

    /// What follows shows that the run is over.
    pub(super) fn superseded(&mut self) {
        if self.ending.is_none() {
            self.failures.append(&mut self.suspects);
            self.ending = Some(Ending::Superseded);
        }
    }

    fn component(&mut self, name: String, status: ComponentStatus) {
        match self.components.iter_mut().find(|component| component.name == name) {
            Some(component) => component.status = status,
            None => keep(&mut self.components, Component { name, status }),
        }
    }

    /// The printed counter is not trusted alone: it has been seen smaller than the number of components started.
    fn recount(&mut self) {
        if self.phase == Phase::Configuring {
            return;
        }
        let finished = self.components.iter().filter(|it| it.status != ComponentStatus::Running).count();
        let printed = self.counted.unwrap_or(Count { finished: 0, total: 0 });
        let finished = number(finished).max(printed.finished);
        let total = number(self.components.len()).max(printed.total).max(finished);
        self.phase = Phase::Installing(Count { finished, total });
        self.task = None;
    }
}

fn keep<T>(list: &mut Vec<T>, item: T) {
    if list.len() < KEPT_AT_MOST {
        list.push(item);
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Which of the four a role belongs to, for a log that begins in the middle of a run; 0 for others.
/// `ks-installer playbooks/{preinstall,metrics_server,common,ks-core}.yaml@v3.4.1`.
fn playbook_of(role: &str) -> u8 {
    match role.split('/').next() {
        Some("preinstall") => 1,
        Some("metrics-server") => 2,
        Some("common") => 3,
        Some("ks-core") => 4,
        _ => 0,
    }
}
