use std::fmt;

use jiff::Timestamp;

use super::line::clean;

/// What one line of the log says. Lines that say nothing about a run are no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// shell-operator started: a new process, whatever ran before is gone.
    InstallerStarted,
    /// A change of the ClusterConfiguration was seen; a run for it waits in the queue.
    RunQueued,
    /// A run begins, at the time that shell-operator wrote.
    RunBegins(Timestamp),
    /// shell-operator runs another hook (the schedule); its queue is serial, so no run is under way.
    OtherHookBegins,
    /// The hook ended with an error and is tried again after 5 s, for ever.
    HookCrashed {
        /// How often this run has failed so far.
        count: u32,
        /// What shell-operator said of it.
        error: String,
    },
    /// The run deleted the ClusterConfiguration, to create it anew in the version's own form.
    ConfigurationDeleted,
    /// The run re-created the ClusterConfiguration and ends; another run follows.
    ConfigurationRecreated,
    /// An Ansible task begins.
    TaskStarted(Task),
    /// An Ansible task failed, finally or to be ignored: the text after `=>`.
    TaskFailed(String),
    /// The failure just printed is ignored by the playbook.
    FailureIgnored,
    /// Ansible itself gave up, outside of any task: the whole line.
    AnsibleFailed(String),
    /// An Ansible task is tried again: no failure.
    TaskRetried {
        /// How many tries are left.
        left: u32,
    },
    PlaybookEnded {
        /// Whether a task failed or the machine could not be reached.
        failed: bool,
    },
    /// A component's playbook was started, beside the others.
    ComponentStarted(String),
    /// How a component's playbook stands.
    ComponentReported {
        /// The component, as the ClusterConfiguration calls it.
        name: String,
        status: ComponentStatus,
        /// How many components are finished; KubeSphere 3.0 says it in a line of its own.
        count: Option<Count>,
    },
    /// KubeSphere 3.0 only: how many components are finished.
    ComponentsCounted(Count),
    /// All components are finished; the configuration is written next, without a word.
    CollectingResults,
    /// A component's failure follows as JSON between two rules.
    ComponentFailure(String),
    /// 150 asterisks.
    Rule,
    /// One of the last two playbooks failed; the run is over.
    PlaybookFailed(String),
    /// A Python exception follows.
    Traceback,
    /// The banner: the run succeeded.
    Welcome,
}

impl Event {
    /// Whether a run follows that reads the ClusterConfiguration later than this. A change is told at once, also while a run
    /// is under way (shell-operator v1.0.0-beta.5 `pkg/shell-operator/operator.go`).
    pub(super) fn takes_up(&self) -> bool {
        matches!(self, Self::InstallerStarted | Self::RunQueued | Self::RunBegins(_))
    }
}

/// An Ansible task, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The role, for example `ks-core/init-token`.
    pub role: String,
    /// The name without the product's name before it.
    pub name: String,
}

impl Task {
    /// From a role and the name as the playbook writes it (`KubeSphere | Creating ks-core`).
    pub(super) fn new(role: &str, name: &str) -> Self {
        let name = name.rsplit(" | ").next().unwrap_or(name);
        Self { role: shorten(role), name: shorten(name) }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.role.is_empty() {
            return formatter.write_str(&self.name);
        }
        write!(formatter, "{}: {}", self.role, self.name)
    }
}

/// The state of a component's playbook: ansible-runner's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentStatus {
    /// Not finished.
    Running,
    /// Finished well.
    Successful,
    /// Any of `failed`, `canceled`, `timeout`, `error`.
    Failed,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Components that are finished, well or not.
    pub finished: u32,
    /// Components in this run.
    pub total: u32,
}

/// What the line says, if it says anything about a run. Colours and line ends are tolerated, a kubelet's timestamp is
/// not: take it off first with [`split_timestamp`](super::split_timestamp).
///
/// The lines stand in ks-installer `controller/installRunner.py@v3.4.1` (Python), shell-operator v1.0.0-beta.5
/// `pkg/shell-operator/operator.go`, and Ansible's default callback.
pub fn parse_line(line: &str) -> Option<Event> {
    let line = clean(line);
    match operator_line(&line) {
        Some((at, text)) => operator_event(at, text),
        None => python_event(line.trim_end()).or_else(|| ansible_event(line.trim_end())),
    }
}

/// Splits `<RFC3339 time> LEVEL    : text`. Only shell-operator writes such lines, so what other writers quote of them,
/// in a failed task's output for example, is never taken for a boundary.
pub(super) fn operator_line(line: &str) -> Option<(Timestamp, &str)> {
    let (time, rest) = line.split_once(' ')?;
    let (level, text) = rest.split_once(':')?;
    let level = level.trim_end();
    let is_level = !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_uppercase());
    is_level.then_some(())?;
    Some((time.parse().ok()?, text.trim()))
}

const RUNNER: &str = "kubesphere/installRunner.py";

fn operator_event(at: Timestamp, text: &str) -> Option<Event> {
    if text.starts_with("shell-operator ") {
        return Some(Event::InstallerStarted);
    }
    if let Some(hook) = text.strip_prefix("TASK_RUN HookRun@") {
        let ours = hook.strip_prefix("KUBE_EVENTS ") == Some(RUNNER);
        return Some(if ours { Event::RunBegins(at) } else { Event::OtherHookBegins });
    }
    if text.strip_prefix("QUEUE add TASK_HOOK_RUN@KUBE_EVENTS ") == Some(RUNNER) {
        return Some(Event::RunQueued);
    }
    hook_crashed(text)
}

fn hook_crashed(text: &str) -> Option<Event> {
    let hook = text.strip_prefix("TASK_RUN ")?;
    let (hook, crash) = hook.split_once("failed. Will retry after delay. Failed count is ")?;
    hook.contains(RUNNER).then_some(())?;
    let (count, error) = crash.split_once(". Error: ").unwrap_or((crash.trim_end_matches('.'), ""));
    Some(Event::HookCrashed { count: count.parse().ok()?, error: error.to_owned() })
}

fn python_event(line: &str) -> Option<Event> {
    match line {
        "Delete old cluster configuration successfully" => return Some(Event::ConfigurationDeleted),
        "Create cluster configuration successfully" => return Some(Event::ConfigurationRecreated),
        "Collecting installation results ..." => return Some(Event::CollectingResults),
        "Traceback (most recent call last):" => return Some(Event::Traceback),
        _ => {}
    }
    if is_welcome(line) {
        return Some(Event::Welcome);
    }
    if line.len() >= 100 && line.bytes().all(|byte| byte == b'*') {
        return Some(Event::Rule);
    }
    if let Some(playbook) = line.strip_prefix("Failed to ansible-playbook ") {
        return Some(Event::PlaybookFailed(shorten(playbook)));
    }
    component_event(line)
}

/// The banner's heading, or its closing line, for a log that begins in its middle.
fn is_welcome(line: &str) -> bool {
    if line.starts_with("###") && line.trim_matches(['#', ' ']) == "Welcome to KubeSphere!" {
        return true;
    }
    let Some(time) = line.strip_prefix("https://kubesphere.io  ") else { return false };
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    time.trim().len() == "2024-05-07 09:06:41".len() && digits(time) == 14
}

fn component_event(line: &str) -> Option<Event> {
    if let Some(name) = line.strip_prefix("Start installing ") {
        return Some(Event::ComponentStarted(shorten(name)));
    }
    if let Some(name) = line.strip_prefix("Task '").and_then(|rest| rest.strip_suffix("' failed:")) {
        return Some(Event::ComponentFailure(shorten(name)));
    }
    if let Some(report) = line.strip_prefix("task ") {
        return component_report(report);
    }
    let (total, finished) = line.strip_prefix("total: ")?.split_once("completed:")?;
    let count = Count { finished: finished.trim().parse().ok()?, total: total.trim().parse().ok()? };
    Some(Event::ComponentsCounted(count))
}

fn component_report(report: &str) -> Option<Event> {
    let (name, state) = report.split_once(" status is ")?;
    let (status, count) = state.split_once(' ').unwrap_or((state, ""));
    let status = match status {
        "successful" => ComponentStatus::Successful,
        "failed" | "canceled" | "timeout" | "error" => ComponentStatus::Failed,
        "running" | "starting" | "unstarted" => ComponentStatus::Running,
        _ => return None,
    };
    Some(Event::ComponentReported { name: shorten(name), status, count: parenthesised(count) })
}

/// `(2/4)`.
fn parenthesised(text: &str) -> Option<Count> {
    let (finished, total) = text.trim().strip_prefix('(')?.strip_suffix(')')?.split_once('/')?;
    Some(Count { finished: finished.parse().ok()?, total: total.parse().ok()? })
}

/// What Ansible begins the error with that ends a playbook (ansible `lib/ansible/utils/display.py@v2.8.20`, `error`).
/// What it goes on after it calls `[ERROR]: ` there.
const ANSIBLE_FAILED: &str = "ERROR! ";

fn ansible_event(line: &str) -> Option<Event> {
    if line == "...ignoring" {
        return Some(Event::FailureIgnored);
    }
    if line.starts_with(ANSIBLE_FAILED) {
        return Some(Event::AnsibleFailed(line.to_owned()));
    }
    if let Some(heading) = line.strip_prefix("TASK [") {
        return Some(Event::TaskStarted(task(
            heading.trim_end_matches('*').trim_end().trim_end_matches(']'),
        )));
    }
    if let Some(retry) = line.strip_prefix("FAILED - RETRYING: ") {
        let (_, left) = retry.rsplit_once('(')?;
        return Some(Event::TaskRetried { left: left.split(' ').next()?.parse().ok()? });
    }
    if line.starts_with("fatal: [") || line.starts_with("failed: [") {
        let (_, result) = line.split_once(" => ").unwrap_or((line, line));
        return Some(Event::TaskFailed(result.to_owned()));
    }
    recap(line)
}

fn task(heading: &str) -> Task {
    let (role, name) = heading.split_once(" : ").unwrap_or(("", heading));
    Task::new(role, name)
}

/// `localhost : ok=29 changed=21 unreachable=0 failed=0 …`.
fn recap(line: &str) -> Option<Event> {
    let (host, counts) = line.split_once(" : ")?;
    let counts = counts.trim_start();
    (counts.starts_with("ok=") && !host.trim().contains(' ')).then_some(())?;
    let failed = counts
        .split_whitespace()
        .filter_map(|count| count.split_once('='))
        .any(|(key, number)| matches!(key, "failed" | "unreachable") && number != "0");
    Some(Event::PlaybookEnded { failed })
}

/// Names are kept, and shown; a damaged line must not become a name of 64 KiB.
const MAX_NAME_CHARS: usize = 120;

fn shorten(name: &str) -> String {
    name.trim().chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_shell_operators_own_line_and_nothing_else() {
        let boundary =
            "2024-03-01T10:00:05+08:00 INFO     : TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py";
        let at = "2024-03-01T02:00:05Z".parse().unwrap();
        assert_eq!(parse_line(boundary), Some(Event::RunBegins(at)));
        assert_eq!(parse_line(&format!("\u{1b}[36m{boundary}\u{1b}[0m\r\n")), Some(Event::RunBegins(at)));
        assert_eq!(parse_line(&format!("    \"msg\": \"{boundary}\"")), None);
        assert_eq!(parse_line("TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py"), None);
        let schedule =
            boundary.replace("KUBE_EVENTS kubesphere/installRunner.py", "SCHEDULE kubesphere/schedule.sh");
        assert_eq!(parse_line(&schedule), Some(Event::OtherHookBegins));
    }

    #[test]
    fn a_crash_tells_its_count() {
        let line = "2024-03-01T10:00:05+08:00 ERROR    : TASK_RUN TASK_HOOK_RUN 'kubesphere/installRunner.py' on \
                    'KUBE_EVENTS' failed. Will retry after delay. Failed count is 3. Error: exit status 1";
        let crash = Event::HookCrashed { count: 3, error: "exit status 1".to_owned() };
        assert_eq!(parse_line(line), Some(crash));
    }

    #[test]
    fn components_are_told_in_both_styles() {
        let report =
            |status, count| Some(Event::ComponentReported { name: "network".to_owned(), status, count });
        let count = Count { finished: 2, total: 4 };
        assert_eq!(
            parse_line("task network status is successful  (2/4)"),
            report(ComponentStatus::Successful, Some(count))
        );
        assert_eq!(parse_line("task network status is timeout"), report(ComponentStatus::Failed, None));
        assert_eq!(parse_line("task network status is running"), report(ComponentStatus::Running, None));
        assert_eq!(parse_line("total: 4     completed:2"), Some(Event::ComponentsCounted(count)));
    }

    #[test]
    fn ansibles_lines_are_told_apart() {
        let task =
            Task { role: "ks-core/init-token".to_owned(), name: "Creating components token".to_owned() };
        assert_eq!(
            parse_line("TASK [ks-core/init-token : KubeSphere | Creating components token] *****"),
            Some(Event::TaskStarted(task))
        );
        assert_eq!(
            parse_line("FAILED - RETRYING: [localhost]: KubeSphere | Waiting (29 retries left)."),
            Some(Event::TaskRetried { left: 29 })
        );
        assert_eq!(parse_line("PLAY RECAP *****"), None);
        let recap = "localhost   : ok=9  changed=1  unreachable=0  failed=0  skipped=1  rescued=1  ignored=2";
        assert_eq!(parse_line(recap), Some(Event::PlaybookEnded { failed: false }));
        assert_eq!(
            parse_line(&recap.replace("unreachable=0", "unreachable=1")),
            Some(Event::PlaybookEnded { failed: true })
        );
    }

    #[test]
    fn ansibles_own_error_is_one_at_the_beginning_of_a_line_alone() {
        let line = "ERROR! the playbook: /a.yaml could not be found";
        assert_eq!(
            parse_line(&format!("\u{1b}[0;31m{line}\u{1b}[0m")),
            Some(Event::AnsibleFailed(line.to_owned()))
        );
        assert_eq!(parse_line(&format!("    \"msg\": \"{line}\"")), None);
        assert_eq!(parse_line("[ERROR]: a callback plugin failed"), None);
    }

    #[test]
    fn the_banner_is_its_heading_or_its_closing_line() {
        assert_eq!(parse_line("###              Welcome to KubeSphere!           ###"), Some(Event::Welcome));
        assert_eq!(parse_line("https://kubesphere.io             2024-03-01 10:08:00"), Some(Event::Welcome));
        assert_eq!(parse_line("Welcome to KubeSphere!"), None);
        assert_eq!(parse_line("https://kubesphere.io/docs"), None);
    }
}
