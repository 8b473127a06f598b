//! Whether the installer is at work on a cluster, read once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kubesphere::installer_log::InstallerLog;
use tokio::time::timeout_at;

use super::{
    connection::Connection,
    follow::{Asked, Line, LogUnavailable, TailBounds, find_of, installer_log_tail},
    observe::{config, configuration},
    time_limit::within,
};
use crate::plan::{
    installer_run::{Triggers, judge},
    observed::{Installer, InstallerContainer, InstallerRun, Observed, Seen},
};

/// A node writes the log's times, an API server those of its answers.
const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_secs(60);

/// What is told beside a result must not hold it up.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What the end of the installer's log tells.
struct Told {
    run: InstallerRun,
    /// Whose log it is.
    container: Option<InstallerContainer>,
    last_line: Option<Timestamp>,
}

impl Told {
    fn without_log(run: InstallerRun) -> Self {
        Self { run, container: None, last_line: None }
    }

    /// Whether a run may have ended while, or after, something was read at this time, so that it does not show yet what that
    /// run has brought into effect, and would look like one that has failed.
    fn may_outdate(&self, read_at: Timestamp) -> bool {
        let is_over = self.last_line.is_some_and(|last| last + CLOCKS_DIFFER_BY < read_at);
        matches!(self.run, InstallerRun::Idle { .. }) && !is_over
    }
}

/// The end of the installer's log, and the container that has written it.
pub(super) struct Reading {
    container: Result<InstallerContainer, LogUnavailable>,
    lines: Result<Vec<Line>, LogUnavailable>,
}

/// Reads the end of the log; where it was read `before`, of the same container without waiting until that is found again.
pub(super) async fn read(
    connection: &Connection,
    installer: &Installer,
    before: Option<&InstallerContainer>,
) -> Reading {
    let client = &connection.client;
    let of = async |container| installer_log_tail(client, container, TailBounds::default()).await;
    let known = async {
        match before {
            Some(before) => Some((before, of(before).await)),
            None => None,
        }
    };
    let (container, known) = tokio::join!(find_of(client, installer), known);
    let lines = match (&container, known) {
        (Ok(container), Some((before, lines))) if container.is(before) => lines,
        (Ok(container), _) => of(container).await,
        (Err(_), _) => Ok(Vec::new()),
    };
    Reading { container, lines }
}

/// Adds what the end of the installer's log tells, where it was not read already.
///
/// Where it is not in effect what is wanted, what was read beside the log may be what stood there before a run that has just
/// ended. And where somebody has changed the configuration meanwhile, the log was read too early to show that run.
pub(super) async fn observe(
    connection: &Connection,
    observed: &mut Observed,
    mut triggers: Triggers,
    mut reading: Option<Reading>,
    is_in_effect: bool,
) {
    loop {
        let told = tell(connection, observed, &triggers, reading.take()).await;
        let is_outdated = !is_in_effect && told.may_outdate(observed.clock.now);
        (observed.run, observed.container, observed.last_line) = (told.run, told.container, told.last_line);
        if !is_outdated {
            return;
        }
        let before = observed.configuration.clone();
        read_again(connection, observed).await;
        let seen = triggers.clone().seeing_configuration(&before, &observed.configuration);
        if seen == triggers {
            return;
        }
        triggers = seen;
    }
}

async fn read_again(connection: &Connection, observed: &mut Observed) {
    let (config, configuration) = tokio::join!(config(connection), configuration(connection));
    if let (Ok(config), Ok(configuration)) = (config, configuration) {
        (observed.config, observed.configuration) = (config, configuration);
    }
}

async fn tell(
    connection: &Connection,
    observed: &Observed,
    triggers: &Triggers,
    reading: Option<Reading>,
) -> Told {
    let installer = match &observed.installer {
        Seen::Present(installer) if installer.is_rolling => {
            return Told::without_log(InstallerRun::UnderWay("its pod is being replaced".to_owned()));
        }
        Seen::Present(installer) => installer,
        Seen::Absent => return Told::without_log(InstallerRun::Idle { last_failure: None }),
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            let why = format!("its log cannot be read ({}: {why})", Asked::Deployment);
            return Told::without_log(triggers.without_log(why, connection.clock.now()));
        }
    };
    let Reading { container, lines } = match reading {
        Some(reading) => reading,
        None => read(connection, installer, None).await,
    };
    let container = match container {
        Ok(container) => container,
        Err(unavailable) => return Told::without_log(without_log(unavailable, triggers, connection)),
    };
    let (run, last_line) = match lines.map(|lines| log_of(&lines)) {
        Ok(log) => (judge(&log, triggers, connection.clock.now()), log.last_line_at()),
        Err(unavailable) => (without_log(unavailable, triggers, connection), None),
    };
    Told { run, container: Some(container), last_line }
}

/// What is left of a run of this cluster's installer, where its log tells: only that it goes on, or has failed.
pub async fn left(connection: &Connection, observed: Observed) -> Observed {
    let Some(installer) = observed.installer.present() else { return observed };
    let reading =
        timeout_at(within(ANSWERS_WITHIN), read(connection, installer, observed.container.as_ref())).await;
    let run = match reading.ok().and_then(|reading| reading.lines.ok()) {
        Some(lines) => judge(&log_of(&lines), &Triggers::default(), connection.clock.now()),
        None => InstallerRun::NotAsked,
    };
    let is_told = matches!(run, InstallerRun::UnderWay(_) | InstallerRun::Idle { .. });
    Observed { run: if is_told { run } else { InstallerRun::NotAsked }, ..observed }
}

fn log_of(lines: &[Line]) -> InstallerLog {
    let mut log = InstallerLog::default();
    for line in lines {
        log.push(Some(line.at), &line.text);
    }
    log
}

fn without_log(unavailable: LogUnavailable, triggers: &Triggers, connection: &Connection) -> InstallerRun {
    match unavailable {
        LogUnavailable::NoPod { why, is_for_good: true } => InstallerRun::NoPod(why),
        LogUnavailable::NoPod { why, is_for_good: false } => InstallerRun::UnderWay(match why.as_str() {
            "" => "its pod has not started yet".to_owned(),
            why => format!("its pod has not started yet: {why}"),
        }),
        LogUnavailable::NoInstaller | LogUnavailable::ScaledDown => InstallerRun::Idle { last_failure: None },
        unavailable => {
            triggers.without_log(format!("its log cannot be read ({unavailable})"), connection.clock.now())
        }
    }
}
