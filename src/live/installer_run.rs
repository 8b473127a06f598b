//! Whether the installer is at work on a cluster, read once.

use kubesphere::installer_log::InstallerLog;

use super::{
    connection::Connection,
    follow::{LogUnavailable, TailBounds, installer_log_tail},
};
use crate::plan::{
    installer_run::{Triggers, judge},
    observed::{InstallerRun, Observed},
};

/// Reads the end of the installer's log.
pub async fn observe(connection: &Connection, observed: &Observed) -> InstallerRun {
    if observed.installer.present().is_some_and(|installer| installer.is_rolling) {
        return InstallerRun::UnderWay("its pod is being replaced".to_owned());
    }
    let triggers = Triggers::of(observed.configuration.present());
    match installer_log_tail(&connection.client, TailBounds::default()).await {
        Ok(lines) => {
            let mut log = InstallerLog::default();
            for line in &lines {
                log.push(Some(line.at), &line.text);
            }
            judge(&log, &triggers, connection.clock.now())
        }
        Err(LogUnavailable::NoPod { why }) => InstallerRun::UnderWay(match why.as_str() {
            "" => "its pod has not started yet".to_owned(),
            why => format!("its pod has not started yet: {why}"),
        }),
        Err(LogUnavailable::NoInstaller | LogUnavailable::ScaledDown) => {
            InstallerRun::Idle { last_failure: None }
        }
        Err(unavailable) => {
            triggers.without_log(format!("its log cannot be read ({unavailable})"), connection.clock.now())
        }
    }
}
