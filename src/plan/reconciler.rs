//! A configuration on its way into effect: what is seen of it becomes what to do next.
//!
//! There is no second set of rules for the way: whatever is seen, the plan is made again, by the same code as
//! before the first change.

use jiff::{SignedDuration, Timestamp};
use kubesphere::{
    cluster::RegisteredCluster, cluster_configuration::ClusterConfiguration, installer_log::InstallerLog,
    jwt_secret::JwtSecret, kubesphere_config::KubesphereConfig, role::Role,
};

use super::{
    configuration_patch::ConfigurationPatch,
    installer_run::{Sent, Triggers, judge, last_failure, stage},
    intent::HostIntent,
    needs::{ConfigurationNeed, Unplannable, host_need, host_progress, member_need, member_progress},
    observed::{InstallerRun, Observed, Seen},
    rotation::Secrets,
    unjoin::standalone::{standalone_need, standalone_progress},
};

/// What shall be brought into effect.
#[derive(Clone, Debug)]
pub enum Goal {
    /// The role host.
    Host(HostIntent),
    /// The role member, and the secret of its host.
    Member(JwtSecret),
    /// The role none, and no longer the secret of a former host.
    Standalone(Secrets),
}

impl Goal {
    pub fn role(&self) -> Role {
        match self {
            Self::Host(_) => Role::Host,
            Self::Member(_) => Role::Member,
            Self::Standalone(_) => Role::None,
        }
    }

    /// Whether a secret that it sets was made for it.
    pub fn brings_random_secret(&self) -> bool {
        match self {
            Self::Host(intent) => intent.rotation.is_some(),
            Self::Member(_) => false,
            Self::Standalone(_) => true,
        }
    }

    /// What it takes on this cluster.
    pub fn step(&self, observed: &Observed) -> Result<ConfigurationNeed, Unplannable> {
        match self {
            Self::Host(intent) => host_need(intent, observed),
            Self::Member(secret) => member_need(observed, secret),
            Self::Standalone(secrets) => standalone_need(observed, secrets),
        }
    }

    fn missing(&self, observed: &Observed) -> Option<String> {
        let progress = match self {
            Self::Host(_) => host_progress(observed),
            Self::Member(secret) => member_progress(observed, secret),
            Self::Standalone(secrets) => standalone_progress(observed, &secrets.former),
        };
        progress.missing().map(str::to_owned)
    }
}

/// Something seen on the way.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The ClusterConfiguration; absent while the installer re-creates it.
    Configuration(Seen<ClusterConfiguration>),
    Config(Seen<KubesphereConfig>),
    /// The host's Clusters, its own among them.
    Clusters(Vec<RegisteredCluster>),
    /// A line of the installer's log.
    Line {
        /// When it was written.
        at: Timestamp,
        text: String,
    },
    /// The log has nothing to read now, and why: mostly the installer's pod has not started.
    LogWaits(String),
    /// The log can be read, for the first time or again.
    LogReadable,
    /// The log cannot be read any longer, and why.
    LogUnreadable(String),
    /// The server does not let anything be seen at present.
    Interrupted {
        /// When that was noticed.
        at: Timestamp,
        why: String,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing: it is in effect.
    Finished,
    /// To wait, and what is missing.
    Wait(String),
    /// To change the configuration.
    Send(ConfigurationPatch),
    /// To restart the installer.
    Restart,
    /// To give up: the installer's run for it is over and left it without effect.
    GiveUp(String),
}

impl Next {
    /// Whether there is nothing to do but to wait.
    pub fn is_wait(&self) -> bool {
        matches!(self, Self::Wait(_))
    }
}

/// While nothing can be seen, that is noticed again and again, at longest after this.
const INTERRUPTION_LASTS: SignedDuration = SignedDuration::from_secs(10);

/// How often something may be sent: two people at the same object settle within a few tries, and two programs
/// that undo each other never do.
pub const ATTEMPTS: u32 = 5;

/// One cluster's configuration on its way.
#[derive(Debug)]
pub struct Reconciler {
    goal: Goal,
    observed: Observed,
    triggers: Triggers,
    log: InstallerLog,
    log_waits: Option<String>,
    log_unreadable: Option<String>,
    /// Whether we have changed something, so that only what the log tells from then on counts.
    log_counts: bool,
    /// Whether the last look at the cluster tells more of its installer than the log, which may still be on its
    /// way through old runs.
    look_counts: bool,
    interrupted: Option<(Timestamp, String)>,
    may_restart: bool,
    patched_uid: Option<String>,
    /// The version of the configuration that our patch has replaced: who shows it is late.
    replaced: Option<String>,
    /// The last line that was read before our change, which is after it whatever the whole seconds of managedFields say.
    read_before: Option<Timestamp>,
}

impl Reconciler {
    /// A reconciler that begins with what the plan was made of.
    pub fn new(goal: Goal, observed: Observed) -> Self {
        // Both steps say in the plan that they may restart the installer; a patch does not.
        let step = goal.step(&observed);
        let may_restart = matches!(step, Ok(ConfigurationNeed::Restart | ConfigurationNeed::Await));
        Self {
            goal,
            triggers: Triggers::on(&observed),
            observed,
            log: InstallerLog::default(),
            log_waits: None,
            log_unreadable: None,
            log_counts: false,
            look_counts: true,
            interrupted: None,
            may_restart,
            patched_uid: None,
            replaced: None,
            read_before: None,
        }
    }

    pub fn goal(&self) -> &Goal {
        &self.goal
    }

    pub fn role(&self) -> Role {
        self.goal.role()
    }

    /// What is known of the cluster.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// From when on the log counts: nothing before the last change of ours does.
    pub fn log_since(&self) -> Option<Timestamp> {
        let changed_at = || self.triggers.changed_at().max(self.triggers.restarted_at);
        self.log_counts.then(|| self.read_before.or_else(changed_at)).flatten()
    }

    /// What makes the installer run, where this is how the cluster is by now.
    pub fn triggers_on(&self, observed: &Observed) -> Triggers {
        self.triggers.clone().seeing(&self.observed.configuration, observed)
    }

    /// Takes what was seen.
    pub fn take(&mut self, observation: Observation) {
        match observation {
            Observation::Configuration(found) => self.configuration(found),
            Observation::Config(found) => self.observed.config = found,
            Observation::Clusters(found) => self.observed.clusters = Seen::Present(found),
            Observation::Line { at, .. } if self.read_before.is_some_and(|before| at <= before) => {}
            Observation::Line { at, text } => {
                self.log.push(Some(at), &text);
                self.look_counts = false;
            }
            Observation::LogWaits(why) => self.log_waits = Some(why),
            Observation::LogReadable => self.log_waits = None,
            Observation::LogUnreadable(why) => {
                self.log_unreadable = Some(why);
                self.look_counts = false;
            }
            Observation::Interrupted { at, why } => self.interrupted = Some((at, why)),
        }
    }

    /// Takes a fresh look at the whole cluster.
    pub fn look(&mut self, observed: Observed) {
        // The run that the other restart has begun is all that ours could begin.
        self.may_restart &= restart(&self.observed) == restart(&observed);
        self.triggers = self.triggers_on(&observed);
        self.observed = Observed {
            apiserver_version: observed.apiserver_version.or(self.observed.apiserver_version),
            ..observed
        };
        self.look_counts = true;
    }

    /// A change that is about to be sent.
    pub fn sending(&self, now: Timestamp) -> Sent {
        Sent { at: now, last_line: self.log.last_line_at().max(self.observed.last_line) }
    }

    /// The server has accepted our patch.
    pub fn patched(&mut self, configuration: ClusterConfiguration, sent: Sent) {
        self.patched_uid = Some(configuration.uid().to_owned());
        let replaced = self.observed.configuration.present().map(ClusterConfiguration::resource_version);
        let is_another = |version: &&str| !version.is_empty() && *version != configuration.resource_version();
        self.replaced = replaced.filter(is_another).map(str::to_owned);
        self.configuration(Seen::Present(configuration));
        (self.triggers.spec_changes, self.triggers.sent) = (Vec::new(), Some(sent));
        self.forget_log(sent);
    }

    /// The installer was restarted, at this time by the server's clock.
    pub fn restarted(&mut self, at: Timestamp, sent: Sent) {
        self.may_restart = false;
        self.triggers.restarted_at = Some(at);
        self.forget_log(sent);
    }

    /// Whether the configuration is another object than the one that we patched.
    pub fn was_recreated(&self) -> bool {
        let uid = self.observed.configuration.present().map(ClusterConfiguration::uid);
        self.patched_uid.is_some() && self.patched_uid.as_deref() != uid
    }

    /// Whether only the host's controller is awaited any more.
    pub fn awaits_controller(&self) -> bool {
        matches!(self.goal.step(&self.observed), Ok(ConfigurationNeed::AwaitController))
    }

    /// What to do next.
    pub fn next(&self, now: Timestamp) -> Next {
        if self.observed.configuration == Seen::Absent {
            return Next::Wait("the ClusterConfiguration is being re-created".to_owned());
        }
        let run = self.run(now);
        let busy = matches!(run, InstallerRun::UnderWay(_));
        let observed = Observed { run, ..self.observed.clone() };
        match self.goal.step(&observed) {
            Err(_) => Next::Wait(self.missing(now)),
            Ok(ConfigurationNeed::InEffect) => Next::Finished,
            Ok(ConfigurationNeed::Patch(_)) if busy => {
                Next::Wait("the end of the run that is under way".to_owned())
            }
            Ok(ConfigurationNeed::Patch(patch)) => Next::Send(patch),
            Ok(ConfigurationNeed::Await | ConfigurationNeed::AwaitController) => {
                Next::Wait(self.missing(now))
            }
            Ok(ConfigurationNeed::Restart) if self.may_restart => Next::Restart,
            Ok(ConfigurationNeed::Restart) => Next::GiveUp(self.why_without_effect(&observed.run, now)),
        }
    }

    /// What the installer does, or said last.
    pub fn installer(&self, now: Timestamp) -> Option<String> {
        self.log_waits
            .clone()
            .or_else(|| last_failure(&self.log).map(|failure| format!("failed: {failure}")))
            .or_else(|| self.log.last_run().map(|_| stage(&self.log, now)))
            .or_else(|| self.log_unreadable.as_ref().map(|why| format!("its log cannot be read ({why})")))
    }

    /// Whether the installer's run is over or not, as far as is known.
    pub fn run(&self, now: Timestamp) -> InstallerRun {
        match &self.log_unreadable {
            _ if self.look_counts => self.observed.run.clone(),
            Some(why) => self.triggers.without_log(format!("its log cannot be read ({why})"), now),
            None => judge(&self.log, &self.triggers, now),
        }
    }

    fn missing(&self, now: Timestamp) -> String {
        let missing = match &self.observed.config {
            Seen::Unreadable(why) | Seen::Malformed(why) => {
                format!("kubesphere-config cannot be read: {why}")
            }
            Seen::Absent | Seen::Present(_) => self.goal.missing(&self.observed).unwrap_or_default(),
        };
        match &self.interrupted {
            Some((at, why)) if now.duration_since(*at) < INTERRUPTION_LASTS => {
                format!("{missing}, as far as was seen before this: {why}")
            }
            _ => missing,
        }
    }

    fn why_without_effect(&self, run: &InstallerRun, now: Timestamp) -> String {
        match run {
            InstallerRun::Idle { last_failure: Some(failure) } => failure.clone(),
            _ => self.missing(now),
        }
    }

    fn configuration(&mut self, found: Seen<ClusterConfiguration>) {
        let version = found.present().map(ClusterConfiguration::resource_version);
        if version.is_some() && version == self.replaced.as_deref() {
            return;
        }
        let before = std::mem::replace(&mut self.observed.configuration, found);
        let triggers = std::mem::take(&mut self.triggers);
        self.triggers = triggers.seeing_configuration(&before, &self.observed.configuration);
    }

    fn forget_log(&mut self, sent: Sent) {
        self.read_before = sent.last_line;
        self.log = InstallerLog::default();
        self.log_waits = None;
        self.log_unreadable = None;
        self.log_counts = true;
        self.look_counts = false;
    }
}

/// What tells the installer's last restart from others.
fn restart(observed: &Observed) -> Option<&String> {
    observed.installer.present()?.restart.as_ref()
}

#[cfg(test)]
#[path = "reconciler_tests.rs"]
mod tests;
