use jiff::Timestamp;

use super::ansible_failure::{failure_of_event, message_of_result, presentable};
use super::block::{Block, Kind, Progress};
use super::event::{Event, operator_line, parse_line};
use super::line::clean;
use super::run::{Ending, Failure, Origin, Phase, Run};
use super::verdict::Verdict;

/// The installer's log, read line by line.
///
/// Keeps the last two runs, whatever the log's length. The log may begin in the middle of a run. Old banners belong to
/// old runs: only what follows a run's first line counts for it.
#[derive(Debug, Default)]
pub struct InstallerLog {
    pub(super) last: Option<Run>,
    pub(super) queued: u32,
    pub(super) installer_started: bool,
    pub(super) last_line: Option<Timestamp>,
    taken_up: Option<Timestamp>,
    before: Option<Run>,
    block: Option<Block>,
    runs: u32,
}

impl InstallerLog {
    /// Takes the next line, with the kubelet's time where it was asked for.
    pub fn push(&mut self, at: Option<Timestamp>, line: &str) {
        let line = clean(line);
        let at = at.or_else(|| operator_line(&line).map(|(at, _)| at));
        self.last_line = at.or(self.last_line);
        let event = parse_line(&line);
        if !self.read_block(&line, event.as_ref()) {
            self.read_exception(&line);
            if let Some(event) = event {
                if event.takes_up() {
                    self.taken_up = self.last_line;
                }
                self.apply(event);
            }
        }
        if let Some(run) = self.last.as_mut().filter(|run| run.ending.is_none()) {
            run.last_line = at.or(run.last_line);
        }
    }

    /// The last run, under way or not.
    pub fn last_run(&self) -> Option<&Run> {
        self.last.as_ref()
    }

    /// The run before the last one.
    pub fn run_before(&self) -> Option<&Run> {
        self.before.as_ref()
    }

    /// How many runs the log has shown, one that it shows the middle of included.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// The time of the last line read.
    pub fn last_line_at(&self) -> Option<Timestamp> {
        self.last_line
    }

    /// When shell-operator last took the ClusterConfiguration up, as it then was.
    pub fn taken_up_at(&self) -> Option<Timestamp> {
        self.taken_up
    }

    /// Whether another run will begin by itself: a change is queued, the ClusterConfiguration was re-created, or the
    /// hook crashed and is tried again.
    pub fn another_run_is_due(&self) -> bool {
        let ending = self.last.as_ref().and_then(|run| run.ending);
        self.queued > 0 || matches!(ending, Some(Ending::Migrated | Ending::Crashed))
    }

    /// How the last run ended, or stands.
    pub fn verdict(&self) -> Verdict<'_> {
        self.last.as_ref().map_or(Verdict::NeverRan, Run::verdict)
    }

    /// Whether the line was part of a failure's JSON. shell-operator's lines never are.
    fn read_block(&mut self, line: &str, event: Option<&Event>) -> bool {
        let Some(block) = self.block.as_mut() else { return false };
        let is_boundary = operator_line(line).is_some();
        let progress =
            if is_boundary { Progress::NotOurs } else { block.push(line, event == Some(&Event::Rule)) };
        if matches!(progress, Progress::Complete | Progress::NotOurs) {
            self.close_block();
        }
        !matches!(progress, Progress::NotOurs)
    }

    fn close_block(&mut self) {
        let Some(block) = self.block.take() else { return };
        match block.into_parts() {
            (Kind::TaskResult, json) => self.open_run().task_failed(message_of_result(&json)),
            (Kind::ComponentEvent(component), json) => {
                let (task, message) = failure_of_event(&json);
                self.run_that_printed().component_failed(&component, task, message);
                self.end_if_printed_late();
            }
        }
    }

    /// The last line of a traceback, the first that is not indented, is the exception.
    fn read_exception(&mut self, line: &str) {
        let Some(exception) = self.last.as_mut().and_then(|run| run.exception.as_mut()) else { return };
        if exception.is_empty() && !line.is_empty() && !line.starts_with(' ') && operator_line(line).is_none()
        {
            *exception = presentable(line);
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::InstallerStarted => self.installer_started(),
            Event::RunQueued => self.queued = self.queued.saturating_add(1),
            Event::RunBegins(at) => self.run_begins(Some(at)),
            Event::OtherHookBegins => self.supersede(),
            Event::HookCrashed { count, error } => self.crashed(count, &error),
            Event::ConfigurationDeleted => self.open_run().phase = Phase::Migrating,
            Event::ConfigurationRecreated => self.open_run().ending = Some(Ending::Migrated),
            Event::TaskStarted(task) => self.open_run().task_started(task),
            Event::TaskFailed(result) => self.task_failed(&result),
            Event::FailureIgnored => self.open_run().failure_ignored(),
            Event::TaskRetried { .. } | Event::Rule => {}
            Event::AnsibleFailed(line) => self.ansible_failed(&line),
            Event::PlaybookEnded { failed } => self.playbook_ended(failed),
            Event::ComponentStarted(name) => self.open_run().component_started(name),
            Event::ComponentReported { name, status, count } => {
                self.open_run().component_reported(name, status, count);
            }
            Event::ComponentsCounted(count) => self.open_run().components_counted(count),
            Event::CollectingResults => self.collecting(),
            Event::ComponentFailure(component) => self.block = Some(Block::component_event(component)),
            Event::PlaybookFailed(playbook) => self.playbook_failed(playbook),
            Event::Traceback => self.run_at_hand().exception = Some(String::new()),
            Event::Welcome => self.welcome(),
        }
    }

    fn installer_started(&mut self) {
        self.supersede();
        self.installer_started = true;
        self.queued = 0;
    }

    fn run_begins(&mut self, at: Option<Timestamp>) {
        self.supersede();
        let is_retry = self.last.as_ref().is_some_and(|run| run.ending == Some(Ending::Crashed));
        if !is_retry {
            self.queued = self.queued.saturating_sub(1);
        }
        self.before = self.last.replace(Run::new(at));
        self.runs = self.runs.saturating_add(1);
    }

    fn supersede(&mut self) {
        if let Some(run) = &mut self.last {
            run.superseded();
        }
    }

    /// The run that the line belongs to. Where its beginning was not read, it is taken to have begun before.
    fn open_run(&mut self) -> &mut Run {
        if self.last.as_ref().is_none_or(|run| run.ending.is_some()) {
            self.before = self.last.take();
            self.runs = self.runs.saturating_add(1);
        }
        self.last.get_or_insert_with(|| Run::new(None))
    }

    /// Python prints what it collected when it exits, and the next run may have begun by then: a run that has not come
    /// to its components cannot have printed a component's failure.
    fn run_that_printed(&mut self) -> &mut Run {
        let is_early = |run: &Run| matches!(run.phase, Phase::Starting | Phase::Preparing { .. });
        let is_before = self.last.as_ref().is_some_and(is_early);
        match &mut self.before {
            Some(before) if is_before && !is_early(before) => before,
            _ => self.last.get_or_insert_with(|| Run::new(None)),
        }
    }

    /// The last run even where its end was seen: it may crash after its banner, and is tried again then.
    fn run_at_hand(&mut self) -> &mut Run {
        self.last.get_or_insert_with(|| Run::new(None))
    }

    /// Failures are printed right after "Collecting" into a buffer of 8 KiB that is written out at exit: what comes
    /// later than that is the process's last word. Where it comes at once (an unbuffered Python), nothing follows from it.
    fn end_if_printed_late(&mut self) {
        let printed = self.last_line;
        let Some(run) = self.last.as_mut().filter(|run| run.ending.is_none()) else { return };
        let (Some(finished), Some(printed)) = (run.all_finished, printed) else { return };
        let failed = |it: &&Failure| matches!(it.origin, Origin::Component(_));
        let all_told =
            run.failures.iter().filter(failed).all(|it| it.task.is_some() || !it.message.is_empty());
        if all_told && printed.duration_since(finished) > PRINTED_AT_ONCE_WITHIN {
            run.ending = Some(Ending::Stopped);
        }
    }

    fn crashed(&mut self, count: u32, error: &str) {
        let run = self.run_at_hand();
        let exception = run.exception.take().filter(|exception| !exception.is_empty());
        let message = exception.unwrap_or_else(|| presentable(error));
        run.failed(Failure { origin: Origin::Crash { count }, task: None, message });
        run.ending = Some(Ending::Crashed);
    }

    fn task_failed(&mut self, result: &str) {
        if result.trim() == "{" {
            self.block = Some(Block::task_result(result));
        } else {
            self.open_run().task_failed(message_of_result(result));
        }
    }

    /// A playbook that Ansible gives up has an exit code that ends the run, as a failed task has (ks-installer
    /// `controller/installRunner.py@v3.4.1`, `preInstallTasks`).
    fn ansible_failed(&mut self, line: &str) {
        let run = if self.has_stopped() { self.run_at_hand() } else { self.open_run() };
        run.failed_outside_of_tasks(presentable(line));
    }

    /// A recap tells nothing more of a run that is over: it follows an error too, where a file that a playbook includes
    /// cannot be read.
    fn playbook_ended(&mut self, failed: bool) {
        if !self.has_stopped() {
            self.open_run().playbook_ended(failed);
        }
    }

    fn has_stopped(&self) -> bool {
        self.last.as_ref().is_some_and(|run| run.ending == Some(Ending::Stopped))
    }

    fn collecting(&mut self) {
        let at = self.last_line;
        let run = self.open_run();
        run.last_line = at.or(run.last_line);
        run.configuring();
    }

    fn playbook_failed(&mut self, playbook: String) {
        let run = self.run_that_printed();
        run.failed(Failure { origin: Origin::Playbook(playbook), task: None, message: String::new() });
        run.ending = Some(Ending::Stopped);
    }

    /// The banner's closing line follows its heading: the same success.
    fn welcome(&mut self) {
        let succeeded = self.last.as_ref().is_some_and(|run| run.ending == Some(Ending::Succeeded));
        if succeeded {
            return;
        }
        let at = self.last_line;
        let run = self.open_run();
        run.last_line = at.or(run.last_line);
        run.ending = Some(Ending::Succeeded);
    }
}

/// Longer than the way from a print to the container's log, shorter than the two playbooks before the exit, which start
/// Ansible twice and wait for ks-console and ks-apiserver.
const PRINTED_AT_ONCE_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);
