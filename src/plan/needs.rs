//! What a configuration still needs, and what a host needs to know a member.

use kubesphere::{
    cluster_configuration::ClusterConfiguration,
    jwt_secret::JwtSecret,
    readiness::{Evidence, Membership, Progress, host_in_effect, member_in_effect, membership},
    role::Role,
    side::Side,
};
use serde_json::Value;

use super::{
    configuration_patch::{ConfigurationPatch, NotAMapping, Wanted},
    credential::HostUid,
    credential_step::CredentialStep,
    intent::{ClusterIntent, HostIntent, Intent},
    observed::{InstallerRun, Observed, Seen},
};

/// What the configurations need, as far as an operation asks.
#[derive(Clone, Debug)]
pub struct Needs {
    /// The secret that the members will share with the host.
    pub secret: JwtSecret,
    configurations: Vec<(Side, ConfigurationNeed)>,
}

impl Needs {
    pub fn new(secret: JwtSecret) -> Self {
        Self { secret, configurations: Vec::new() }
    }

    #[must_use]
    pub fn and(mut self, side: &Side, need: ConfigurationNeed) -> Self {
        self.configurations.push((side.clone(), need));
        self
    }

    /// What this cluster's configuration needs, where that is asked.
    pub fn of(&self, side: &Side) -> Option<&ConfigurationNeed> {
        self.configurations.iter().find_map(|(of, need)| (of == side).then_some(need))
    }
}

/// What it takes to bring a configuration into effect.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigurationNeed {
    InEffect,
    /// The configuration asks for what is wanted and a run of the installer is under way: it is waited for,
    /// and where it leaves no effect behind, the installer is restarted.
    Await,
    /// The installer has done its part; the host's controller is waited for.
    AwaitController,
    /// The configuration is changed.
    Patch(ConfigurationPatch),
    /// The configuration asks for what is wanted, but an earlier run left it without effect: only a restart
    /// of the installer runs it again.
    Restart,
}

/// What it takes for the host to know a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    Joined,
    /// Its Cluster is there and not ready yet.
    Await,
    /// Its Cluster is created.
    Create,
}

/// Why no plan can be made; each stands as an obstacle among the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplannable {
    /// A side has no readable ClusterConfiguration, or the host no secret.
    NotObserved,
    /// There is no Cluster of the name that was given.
    NoCluster { name: String },
    /// A configuration is not shaped as KubeSphere's are.
    Malformed {
        /// Whose.
        side: Side,
        error: NotAMapping,
    },
}

impl ConfigurationNeed {
    /// Whether this step makes the installer run, or waits for a run.
    pub fn runs_installer(&self) -> bool {
        !matches!(self, Self::InEffect | Self::AwaitController)
    }
}

/// The secret that members will share with their host: the given one, or the host's.
pub fn shared_secret(intent: &Intent, host: Option<&Observed>) -> Result<JwtSecret, Unplannable> {
    if let Some(given) = &intent.given_secret {
        return Ok(given.clone());
    }
    let host = host.ok_or(Unplannable::NotObserved)?;
    let step = host_need(&intent.host, host)?;
    signing_secret(host, &step).ok_or(Unplannable::NotObserved)
}

/// What the host's configuration needs.
pub fn host_need(intent: &HostIntent, host: &Observed) -> Result<ConfigurationNeed, Unplannable> {
    let configuration = host.configuration.present().ok_or(Unplannable::NotObserved)?;
    let progress = host_progress(host);
    let run_follows = !progress.is_done() || configuration.role() != Role::Host;
    let wanted = Wanted {
        role: Role::Host,
        host_cluster_name: effective_cluster_name(intent, host).map(str::to_owned),
        jwt_secret: fresh_secret(intent, host)
            .or_else(|| (run_follows && lacks_only_the_key(configuration)).then(|| JwtSecret::new(""))),
    };
    step(host, configuration, &wanted, &progress)
}

/// What a member's configuration needs to share `secret` with its host.
pub fn member_need(member: &Observed, secret: &JwtSecret) -> Result<ConfigurationNeed, Unplannable> {
    let configuration = member.configuration.present().ok_or(Unplannable::NotObserved)?;
    let progress = member_progress(member, secret);
    // No secret in the configuration keeps the one in effect, so it needs no change of its own; but a run that
    // follows fails on a missing key.
    let run_follows = configuration.role() != Role::Member;
    let is_kept = configuration.has_jwt_secret_key() || !run_follows;
    let keeps = progress.is_done() && configuration.jwt_secret().is_none() && is_kept;
    let wanted =
        Wanted { role: Role::Member, host_cluster_name: None, jwt_secret: (!keeps).then(|| secret.clone()) };
    step(member, configuration, &wanted, &progress)
}

/// What the host needs to know a member.
pub fn registration(name: &str, host: &Observed, uid: &str) -> Registration {
    let Some(cluster) = host.cluster_named(name) else { return Registration::Create };
    match membership(Some(cluster), uid, &host.differences()) {
        Membership::Joined | Membership::WithoutKubesphereVersion => Registration::Joined,
        Membership::Pending(_) | Membership::Failing(_) | Membership::OtherCluster(_) => Registration::Await,
    }
}

/// What it takes to have the credential that the host stores of a member.
pub fn credential_step(cluster: &ClusterIntent, host: &Observed, member: &Observed) -> CredentialStep {
    let kind = cluster.credential.kind(host.kubesphere_version());
    let step = CredentialStep::new(kind, HostUid::new(&host.uid), member.account.as_ref());
    let lacks_namespace = member.surroundings.core.as_ref().is_some_and(|core| core.claim == Seen::Absent);
    if lacks_namespace { step.in_new_namespace() } else { step }
}

/// How far a cluster is a host, with the secret that its configuration asks for, or else the one in effect.
pub fn host_progress(host: &Observed) -> Progress {
    let asked = host.configuration.present().and_then(ClusterConfiguration::jwt_secret);
    match asked.as_ref().or_else(|| host.effective_secret()) {
        Some(secret) => host_in_effect(effect(host), secret),
        None => Progress::Pending("kubesphere-config has no jwtSecret yet".to_owned()),
    }
}

/// How far a cluster is a member that shares `secret` with its host.
pub fn member_progress(member: &Observed, secret: &JwtSecret) -> Progress {
    member_in_effect(effect(member), secret)
}

/// What an observed cluster shows of its configuration's effect.
pub fn effect(observed: &Observed) -> Evidence<'_> {
    Evidence {
        version: observed.kubesphere_version(),
        configuration: observed.configuration.present(),
        config: observed.config.present(),
        host_cluster: observed.host_cluster(),
    }
}

/// The secret that the host will sign with once its step is done: a run brings the configuration's own
/// into effect where it has one (ks-installer `roles/ks-core/init-token/tasks/main.yaml:19-70`).
pub fn signing_secret(host: &Observed, step: &ConfigurationNeed) -> Option<JwtSecret> {
    let asked = host.configuration.present().and_then(ClusterConfiguration::jwt_secret);
    asked.filter(|_| step.runs_installer()).or_else(|| host.effective_secret().cloned())
}

/// The host cluster name that can still take effect: none, once the host's Cluster stands.
pub fn effective_cluster_name<'a>(intent: &'a HostIntent, host: &Observed) -> Option<&'a str> {
    intent.cluster_name.as_deref().filter(|_| host.host_cluster().is_none())
}

/// The secret that the host is still to be given. Whoever has given it another one meanwhile has done what was asked for.
fn fresh_secret(intent: &HostIntent, host: &Observed) -> Option<JwtSecret> {
    let rotation = intent.rotation.as_ref().filter(|rotation| rotation.replaces(host))?;
    Some(rotation.secrets.fresh.clone())
}

/// Every run fails where `authentication` is there without `jwtSecret`; an empty one keeps the present secret
/// (ks-installer `roles/ks-core/init-token/tasks/main.yaml:29`).
fn lacks_only_the_key(configuration: &ClusterConfiguration) -> bool {
    let authentication = configuration.object().pointer("/spec/authentication");
    authentication.is_some_and(Value::is_object) && !configuration.has_jwt_secret_key()
}

fn step(
    observed: &Observed,
    configuration: &ClusterConfiguration,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<ConfigurationNeed, Unplannable> {
    let patch = ConfigurationPatch::between(configuration, wanted)
        .map_err(|error| Unplannable::Malformed { side: observed.side.clone(), error })?;
    Ok(patch.map_or_else(|| without_patch(progress, &observed.run), ConfigurationNeed::Patch))
}

/// What a configuration needs that asks for what is wanted.
pub(super) fn without_patch(progress: &Progress, run: &InstallerRun) -> ConfigurationNeed {
    match (progress, run) {
        (Progress::Done, _) => ConfigurationNeed::InEffect,
        (Progress::Registering(_), _) => ConfigurationNeed::AwaitController,
        (Progress::Pending(_), InstallerRun::UnderWay(_) | InstallerRun::Unknown { is_likely: true, .. }) => {
            ConfigurationNeed::Await
        }
        (Progress::Pending(_), _) => ConfigurationNeed::Restart,
    }
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
