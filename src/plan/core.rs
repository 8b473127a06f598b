//! The chart ks-core, which a host of KubeSphere 4 installs on its members by helm, and what it leaves there.

use jiff::{SignedDuration, Timestamp};
use kubesphere::{
    cluster_configuration::NAMESPACE, command::Kubectl, jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig, side::Side, versions::Version,
};

use super::{
    observed::{Observed, Seen},
    surroundings::Surroundings,
};

/// No helm is at work on a release for longer: the host gives its own 5 minutes, and a Job 10
/// (kubesphere `pkg/controller/cluster/helper.go@v4.1.3`, `config/ks-core/values.yaml` (`helmExecutor.timeout`)).
pub const HELM_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The annotations of the namespace kubesphere-system that tell how its host calls a member, and itself
/// (kubesphere `staging/src/kubesphere.io/api/cluster/v1alpha1@v4.1.3`).
pub const NAME_ANNOTATION: &str = "cluster.kubesphere.io/name";
pub const HOST_ANNOTATION: &str = "cluster.kubesphere.io/host-cluster";

/// What was seen of it on a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Whose member the cluster is; absent where there is no namespace to tell it.
    pub claim: Seen<Claim>,
    /// Helm's newest record of the release ks-core.
    pub release: Seen<CoreRelease>,
}

/// What a host writes on its members' namespace kubesphere-system, and on its own
/// (kubesphere `cluster_controller.go@v4.1.3`, syncClusterName).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// How the host calls the cluster.
    pub name: String,
    /// How the host calls itself.
    pub host: String,
}

impl Claim {
    /// Whether nobody says that the cluster is theirs.
    pub fn is_nobodys(&self) -> bool {
        *self == Self::default()
    }
}

/// One of helm's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreRelease {
    /// Counted from 1.
    pub revision: u32,
    /// `deployed`, `failed`, `pending-install`, `superseded`, …
    pub status: String,
    /// When helm began with it.
    pub since: Option<Timestamp>,
    /// The same by helm's own clock, in whole seconds (helm `pkg/storage/driver/secrets.go@v3.16.2`).
    pub began: Option<Timestamp>,
}

impl CoreRelease {
    /// Whether a helm is, or was, at work on it: no other one touches it then.
    pub fn is_pending(&self) -> bool {
        self.status.starts_with("pending-")
    }

    pub fn has_failed(&self) -> bool {
        self.status == "failed"
    }

    pub fn is_deployed(&self) -> bool {
        self.status == "deployed"
    }

    /// Whether nobody can be at work on it any more.
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        self.is_pending() && self.since.is_some_and(|since| now.duration_since(since) > HELM_WITHIN)
    }

    /// Whether somebody may be at work on it.
    pub fn is_at_work(&self, now: Timestamp) -> bool {
        self.is_pending() && !self.is_abandoned(now)
    }

    /// Whether the host's controller, which has helm built in up to 4.1.3, was restarted while it was at work on it; `oldest` is
    /// when its oldest process began, on whose node's clock helm goes as well.
    pub fn is_orphaned(&self, oldest: Timestamp) -> bool {
        self.is_pending() && self.began.is_some_and(|began| began < oldest)
    }

    /// The command that rids a cluster of it, so that helm goes on from the revision before.
    pub fn removal(&self, side: &Side) -> Kubectl {
        let secret = format!("sh.helm.release.v1.ks-core.v{}", self.revision);
        Kubectl::on(side).namespace(NAMESPACE).words("delete secret").word(&secret)
    }
}

/// A host of KubeSphere 4, as its members know it.
#[derive(Clone, Debug)]
pub struct HostIdentity {
    /// How it calls itself.
    pub name: String,
    /// What its members accept.
    pub secret: JwtSecret,
    /// What it installs on them.
    pub version: Option<Version>,
}

impl HostIdentity {
    /// Nothing where its configuration cannot be read, or has no secret.
    pub fn of(host: &Observed) -> Option<Self> {
        let config = host.config.present()?;
        let secret = config.issuer_secret.clone().filter(|secret| !secret.expose().is_empty())?;
        let own = || host.host_cluster().map(|cluster| cluster.name().to_owned());
        let name = config.host_cluster_name.clone().or_else(own).unwrap_or_else(|| "host".to_owned());
        Some(Self { name, secret, version: host.kubesphere_version() })
    }
}

/// What shows on a member whether its host has done all that it does.
#[derive(Clone, Copy, Debug)]
pub struct OnMember<'a> {
    pub config: &'a Seen<KubesphereConfig>,
    pub core: Option<&'a Core>,
    /// The version that ks-apiserver tells through the Service proxy.
    pub answer: Option<&'a Seen<String>>,
}

impl<'a> OnMember<'a> {
    pub fn of(member: &'a Observed) -> Self {
        let Surroundings { core, ks_apiserver, .. } = &member.surroundings;
        Self { config: &member.config, core: core.as_ref(), answer: ks_apiserver.as_ref() }
    }

    /// What is missing for a member that the host calls by this name; what may not be read, or was not, is not.
    ///
    /// Ready alone proves less: it is written before the claim, and by whichever host looked last
    /// (kubesphere `cluster_controller.go@v4.1.3`).
    pub fn missing(&self, name: &str, host: &HostIdentity) -> Option<String> {
        self.missing_secret(host).or_else(|| self.missing_answer()).or_else(|| self.missing_claim(name, host))
    }

    fn missing_secret(&self, host: &HostIdentity) -> Option<String> {
        let is_other = |config: &KubesphereConfig| config.issuer_secret.as_ref() != Some(&host.secret);
        match self.config {
            Seen::Absent => Some("kubesphere-config is missing on the member".to_owned()),
            Seen::Present(config) if is_other(config) => {
                Some("the member's kubesphere-config does not carry the host's jwtSecret".to_owned())
            }
            _ => None,
        }
    }

    fn missing_answer(&self) -> Option<String> {
        match self.answer? {
            Seen::Malformed(why) => Some(format!("the member's ks-apiserver does not answer: {why}")),
            Seen::Absent => Some("Service ks-apiserver is missing on the member".to_owned()),
            Seen::Present(_) | Seen::Unreadable(_) => None,
        }
    }

    /// That the member does not say whose it is.
    pub fn missing_claim(&self, name: &str, host: &HostIdentity) -> Option<String> {
        let is_ours = |claim: &Claim| claim.name == name && claim.host == host.name;
        match self.core.map(|core| &core.claim) {
            Some(Seen::Present(claim)) if is_ours(claim) => None,
            Some(Seen::Present(_) | Seen::Absent | Seen::Malformed(_)) => {
                Some("the member's namespace kubesphere-system is not annotated with its host yet".to_owned())
            }
            Some(Seen::Unreadable(_)) | None => None,
        }
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
