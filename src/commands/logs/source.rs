//! The logs of a host of KubeSphere 4 in which it tells of what it installs.

use jiff::Timestamp;
use kubesphere::core_log::{self, HelmLog};

use crate::{
    cli::Runs,
    live::{
        connection::Connection,
        controller_process::controller_log,
        follow::{Line, Polled},
    },
    output::log_lines::LogLines,
};

/// A log, and what of it is shown.
pub(super) struct Source {
    pub(super) log: Polled,
    pub(super) lines: LogLines,
    helm: HelmLog,
}

impl Source {
    pub(super) fn of(host: &Connection, job: Option<&str>) -> Self {
        let log = match job {
            // kubesphere `staging/src/kubesphere.io/utils/helm/executor.go`, createInstallJob
            Some(job) => Polled::of(host.client.clone(), format!("job-name={job}"), "helm"),
            None => controller_log(host),
        };
        Self { log, lines: LogLines::default(), helm: HelmLog::default() }
    }

    /// What is shown of new lines: all of a Job's but values, and of the controller's what is about this Cluster, or any.
    pub(super) fn told<'l>(
        &mut self,
        new: &'l [Line],
        (is_job, cluster): (bool, Option<&str>),
        (runs, from): (Runs, Option<Timestamp>),
    ) -> Vec<&'l str> {
        let mut told: Vec<&str> = Vec::new();
        for line in new {
            let text = line.text.as_str();
            let shown = if is_job {
                self.helm.shown(text)
            } else {
                core_log::is_about(text, cluster).then_some(text)
            };
            // Of several tries of one Cluster the last one counts, and how the one before has failed.
            if !is_job && runs == Runs::Last && cluster.is_some() && core_log::begins(text, cluster) {
                let failure = told.iter().rposition(|text| core_log::fails(text));
                told = failure.map(|place| told[place]).into_iter().collect();
            }
            told.extend(shown.filter(|_| from.is_none_or(|from| line.at >= from)));
        }
        told
    }
}
