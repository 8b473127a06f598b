//! `kubectl mc logs`.

mod installations;
mod source;

use std::{pin::pin, time::Duration};

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use kubesphere::{
    cluster_configuration::NAMESPACE,
    command::Kubectl,
    installer_log::{Failure, InstallerLog, Run, mask},
    side::Side,
};
use tokio::time::timeout;

use super::{
    contexts::{member_options, open, select_host, select_members},
    interrupt::interrupted,
};
use crate::{
    checks::installer_present::scale,
    cli::{Global, Logs, Runs},
    error::{Error, ErrorKind, logs_command},
    live::{
        connection::Connection,
        environment::Environment,
        follow::{Line, LogUnavailable, Manner, News, read},
        observe::{self, has_kubesphere_3},
    },
    output::{
        self,
        log_lines::LogLines,
        logs::{After, hints},
        ui::Ui,
        verdict,
    },
    plan::{
        conclusion::{Conclusion, conclude},
        installer_run::Triggers,
    },
};

/// The banner and a failure's details follow the line that decides: an end is one after so much silence.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// A log whose last line is older than this has settled before anybody looked.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// So many lines are shown as one.
const TAKEN_AT_ONCE: usize = 512;

/// Shows the log, follows it, and ends with the last run's verdict.
pub async fn run(logs: &Logs, global: &Global, ui: &Ui) -> Result<(), Error> {
    let environment = Environment::of_process();
    let context = match &logs.member {
        Some(member) => select_members(
            std::slice::from_ref(member),
            &member_options(global, &global.member),
            &environment,
        )?
        .remove(0),
        None => select_host(global, &environment)?,
    };
    let connection = open(vec![context], global, &environment, ui).await?.remove(0);
    let mut reader = Reader::new(logs, &connection, ui, LogLines::default());
    let interruption = tokio::select! {
        biased;
        result = reader.read() => match result {
            Err(error) if reader.is_without_installer => {
                // Boxed, because it is more state than a stack should carry around.
                return Box::pin(installations::run(logs, global, ui, connection, error)).await;
            }
            result => return result,
        },
        interruption = interrupted() => interruption,
    };
    if interruption.kind != ErrorKind::Interrupted {
        return Err(interruption);
    }
    if reader.caught_up {
        reader.say(&reader.conclusion());
    }
    Err(Error::new(ErrorKind::Interrupted, ""))
}

struct Reader<'a> {
    logs: &'a Logs,
    connection: &'a Connection,
    ui: &'a Ui,
    lines: LogLines,
    log: InstallerLog,
    /// What will be shown, in one piece: until all runs are known, the lines since the last one's first.
    held: Vec<String>,
    /// Before this, lines are not shown.
    shown_from: Option<Timestamp>,
    caught_up: bool,
    restarted: Option<Timestamp>,
    /// What makes the installer run, as it was after the last line.
    triggers: Option<Triggers>,
    /// The run that was last told of, and how many of its failures.
    told: (u32, usize),
    /// The line after which it was told that no other follows.
    told_silence_after: Option<Timestamp>,
    is_without_installer: bool,
}

impl<'a> Reader<'a> {
    fn new(logs: &'a Logs, connection: &'a Connection, ui: &'a Ui, lines: LogLines) -> Self {
        Self {
            logs,
            connection,
            ui,
            lines,
            log: InstallerLog::default(),
            held: Vec::new(),
            shown_from: None,
            caught_up: false,
            restarted: None,
            triggers: None,
            told: (0, 0),
            told_silence_after: None,
            is_without_installer: false,
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let manner = if self.logs.follow { Manner::Readily } else { Manner::Once };
        let mut news = pin!(read(self.connection.client.clone(), manner).ready_chunks(TAKEN_AT_ONCE));
        loop {
            match timeout(SETTLES_WITHIN, news.next()).await {
                Ok(Some(news)) => {
                    self.take_all(news).await?;
                    self.show()?;
                    if !self.has_settled() {
                        continue;
                    }
                }
                Ok(None) => break,
                Err(_silence) => {}
            }
            if self.caught_up && self.logs.follow && self.is_over().await {
                break;
            }
        }
        self.end().await
    }

    /// What was read before it failed is shown all the same.
    async fn take_all(&mut self, news: Vec<Result<News, LogUnavailable>>) -> Result<(), Error> {
        for item in news {
            match item {
                Ok(item) => self.take(item),
                Err(reason) => {
                    self.show_held()?;
                    self.is_without_installer = matches!(reason, LogUnavailable::NoInstaller);
                    return Err(unavailable(self.connection, &reason).await);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, news: News) {
        let side = &self.connection.side;
        match news {
            News::Line(line) => self.take_line(&line),
            News::CaughtUp => {
                self.caught_up = true;
                self.told = (self.log.runs(), 0);
            }
            News::Container { pod, started } => {
                self.restarted = started;
                self.triggers = None;
                if self.caught_up {
                    output::logs::show_container(self.ui, side, &pod);
                }
            }
            News::Waits(why) => output::logs::show_waiting(self.ui, side, &why, self.logs.follow),
            News::Resumed => output::logs::show_resumed(self.ui, side),
        }
    }

    fn take_line(&mut self, line: &Line) {
        let runs = self.log.runs();
        self.log.push(Some(line.at), &line.text);
        self.triggers = None;
        let begins_run = self.log.runs() > runs && self.log.last_run().is_some_and(|run| run.began.is_some());
        if begins_run && !self.caught_up && self.logs.run == Runs::Last {
            self.held.clear();
        }
        let (since, clock) = (self.logs.since, &self.connection.clock);
        let from =
            *self.shown_from.get_or_insert_with(|| since.map_or(Timestamp::MIN, |since| clock.now() - since));
        if line.at >= from {
            self.held.push(line.text.clone());
        }
    }

    fn show(&mut self) -> Result<(), Error> {
        if !self.caught_up && self.logs.run == Runs::Last {
            return Ok(());
        }
        self.show_held()
    }

    fn show_held(&mut self) -> Result<(), Error> {
        let held = std::mem::take(&mut self.held);
        self.lines.show(self.ui, held.iter().map(String::as_str))
    }

    fn has_settled(&self) -> bool {
        let last = self.log.last_line_at();
        let is_old = last.is_none_or(|last| self.now().duration_since(last) > SETTLED_AFTER);
        // Who crashes again and again is hardly ever silent.
        self.caught_up && (is_old || self.conclusion().is_given_up())
    }

    /// Whether nothing more will come.
    async fn is_over(&mut self) -> bool {
        self.look().await;
        let is_over = self.conclusion().is_final();
        self.tell_failures(is_over);
        self.tell_silence();
        is_over
    }

    /// Who follows a silent log sees at what it stands still.
    fn tell_silence(&mut self) {
        let last_line = self.log.last_line_at();
        if self.told_silence_after == last_line {
            return;
        }
        let conclusion = self.conclusion();
        if let Conclusion::Stalled(_) = conclusion {
            self.say(&conclusion);
            self.told_silence_after = last_line;
        }
    }

    /// Where the log shows an end, a change of the configuration may still be due. Without the permission to read it,
    /// the log alone decides.
    async fn look(&mut self) {
        if self.triggers.is_some() || !self.conclusion().is_final() {
            return;
        }
        let found = observe::configuration(self.connection).await.ok();
        let configuration = found.as_ref().and_then(|found| found.present());
        self.triggers = Some(Triggers { restarted_at: self.restarted, ..Triggers::of(configuration) });
    }

    fn conclusion(&self) -> Conclusion<'_> {
        let from_log = || Triggers { restarted_at: self.restarted, ..Triggers::default() };
        conclude(&self.log, &self.triggers.clone().unwrap_or_else(from_log), self.now())
    }

    /// What has failed since it was last told; the end's own verdict is told by itself.
    fn tell_failures(&mut self, is_over: bool) {
        let (told_run, _) = self.told;
        let runs = self.log.runs();
        let before = self.log.run_before().filter(|_| runs > told_run);
        if let Some(failed) = untold(self.told, before, runs.saturating_sub(1)) {
            self.warn(failed, After::AnotherRun);
        }
        if is_over {
            return;
        }
        if let Some(failed) = untold(self.told, self.log.last_run(), runs) {
            let after = if self.log.another_run_is_due() { After::AnotherTry } else { After::TheRest };
            self.warn(failed, after);
        }
        self.told = (runs, self.log.last_run().map_or(0, |run| run.failures.len()));
    }

    fn warn(&self, failures: &[Failure], after: After) {
        output::logs::warn_of_failures(self.ui, &self.connection.side, failures, after);
    }

    async fn end(&mut self) -> Result<(), Error> {
        self.look().await;
        let conclusion = self.conclusion();
        match &conclusion {
            Conclusion::Succeeded(_) => {
                self.say(&conclusion);
                Ok(())
            }
            conclusion => Err(self.error(conclusion)),
        }
    }

    fn error(&self, conclusion: &Conclusion<'_>) -> Error {
        let side = &self.connection.side;
        let kind = match conclusion {
            Conclusion::UnderWay(_) | Conclusion::Stalled(_) | Conclusion::Due(_) => ErrorKind::TimedOut,
            _ => ErrorKind::Obstacle,
        };
        let message = format!("{side}: {}", verdict::sentence(conclusion, self.now()));
        Error { hints: hints(side, conclusion), ..Error::new(kind, message) }
    }

    fn say(&self, conclusion: &Conclusion<'_>) {
        output::logs::show_conclusion(self.ui, &self.connection.side, conclusion, self.now());
    }

    fn now(&self) -> Timestamp {
        self.connection.clock.now()
    }
}

/// The failures of the run of this number that were not told yet.
fn untold((told_run, told): (u32, usize), run: Option<&Run>, number: u32) -> Option<&[Failure]> {
    let known = if number == told_run { told } else { 0 };
    let new = run.and_then(|run| run.failures.get(known..)).unwrap_or_default();
    (number >= told_run && !new.is_empty()).then_some(new)
}

/// As the request says it that failed, where one did.
fn unread(connection: &Connection, reason: &LogUnavailable) -> Error {
    let side = &connection.side;
    match reason.request_error(side) {
        Some(error) => error.into(),
        None => Error::new(ErrorKind::Obstacle, format!("{side}: {}", mask(&reason.to_string()))),
    }
}

async fn unavailable(connection: &Connection, reason: &LogUnavailable) -> Error {
    let side = &connection.side;
    let error = unread(connection, reason);
    match reason {
        LogUnavailable::NoInstaller => {
            error.hint(without_installer(side, has_kubesphere_3(connection).await))
        }
        LogUnavailable::ScaledDown => error.hint(format!("scale it to 1: `{}`", scale(side))),
        LogUnavailable::Forbidden { .. } | LogUnavailable::Unreadable { .. } => error,
        LogUnavailable::NoPod { .. } => error
            .hint(format!("look at its pod: `{}`", system(side).words("describe pods")))
            .hint(format!("wait for it: {}", logs_command(side))),
    }
}

/// The installer of KubeSphere 3 is to be kept off KubeSphere 4.
fn without_installer(side: &Side, has_kubesphere_3: Option<bool>) -> String {
    match has_kubesphere_3 {
        Some(true) => format!(
            "apply the kubesphere-installer.yaml of the KubeSphere version: `{}`",
            Kubectl::on(side).words("apply -f kubesphere-installer.yaml")
        ),
        Some(false) => format!(
            "KubeSphere 4 is installed, which comes by helm and has no ks-installer; see whether it works: `{}`",
            system(side).words("get pods")
        ),
        None => format!(
            "see which KubeSphere is installed, for version 4 has no ks-installer: `{}`",
            system(side).words("get deployments")
        ),
    }
}

fn system(side: &Side) -> Kubectl {
    Kubectl::on(side).namespace(NAMESPACE)
}
