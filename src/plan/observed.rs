//! What was seen on a cluster: plain data for decisions and checks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubesphere::{
    cluster::RegisteredCluster,
    cluster_configuration::ClusterConfiguration,
    jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig,
    role::Role,
    side::Side,
    versions::{Differences, Generation, Version},
};

use super::{
    credential::Account, member_server::EndpointSeen, registration::Probe, superseded::Earlier,
    surroundings::Surroundings,
};

/// The outcome of one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is there.
    Present(T),
    /// The server says that it is not there.
    Absent,
    /// It could not be read, and why: mostly the reader lacks a permission.
    Unreadable(String),
    /// It is there, and what is wrong with its content.
    Malformed(String),
}

impl<T> Seen<T> {
    /// The value, where it was read.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unreadable(_) | Self::Malformed(_) => None,
        }
    }

    /// Why it could not be read.
    pub fn unreadable(&self) -> Option<&str> {
        match self {
            Self::Unreadable(reason) => Some(reason),
            Self::Present(_) | Self::Absent | Self::Malformed(_) => None,
        }
    }

    /// What its value says, where it was read.
    pub fn and_then<U>(self, read: impl FnOnce(T) -> Seen<U>) -> Seen<U> {
        match self {
            Self::Present(value) => read(value),
            Self::Absent => Seen::Absent,
            Self::Unreadable(reason) => Seen::Unreadable(reason),
            Self::Malformed(reason) => Seen::Malformed(reason),
        }
    }
}

/// The Deployment ks-installer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installer {
    /// The version that its image's tag names.
    pub version: Option<Version>,
    /// How many pods it asks for: 0 is an installer that somebody has switched off.
    pub replicas: i32,
    /// Whether its pod is being replaced: the new one runs everything again.
    pub is_rolling: bool,
    /// Whether nobody tries to start a pod any more, or each try is refused.
    pub has_given_up: bool,
    /// The label selector of its pods.
    pub selector: Option<String>,
    /// When it was last restarted by `kubectl rollout restart`, where the server tells by its own clock.
    pub restarted_at: Option<Timestamp>,
    /// What that command has written of its last restart.
    pub restart: Option<String>,
    /// The Deployment's.
    pub resource_version: String,
    /// Why it has no pod at all, where it says so.
    pub without_pods: String,
}

/// One life of the installer's container: a restart begins a new log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallerContainer {
    pub pod: String,
    /// The pod's.
    pub uid: String,
    pub restarts: i32,
    /// When it began, or the Deployment was told to have another one begin.
    pub started: Option<Timestamp>,
    /// Whether the kubelet still has the log of the life before.
    pub has_previous: bool,
    /// What keeps the next life from beginning, between two of them.
    pub trouble: Option<String>,
}

impl InstallerContainer {
    /// Whether this is the very same life, seen again.
    pub fn is(&self, other: &Self) -> bool {
        self.uid == other.uid && self.restarts == other.restarts
    }

    /// Whether this is a later life in the same pod, so that the other's log is its "previous" one.
    pub fn follows_in_pod(&self, other: &Self) -> bool {
        self.uid == other.uid && self.restarts > other.restarts
    }
}

/// Whether the installer is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallerRun {
    /// Nobody looked, because nothing depends on it.
    NotAsked,
    /// No run is under way and none is due.
    Idle {
        /// How the last run failed, where its log says so.
        last_failure: Option<String>,
    },
    /// A run is under way, or a change of the spec was not yet taken up.
    UnderWay(String),
    /// The Deployment has no pod that could run, and none is on its way; why, where that is known.
    NoPod(String),
    /// It cannot be told.
    Unknown {
        why: String,
        /// Whether the spec was changed so lately that a run may well be at work for it.
        is_likely: bool,
    },
}

/// Something that a step of the plan needs and the user may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub verb: String,
    /// The resource with its group, as RBAC names it: `clusterconfigurations.installer.kubesphere.io`.
    pub resource: String,
    /// The namespace, where the resource has one.
    pub namespace: Option<String>,
}

/// What a cluster's clock showed when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The cluster's time.
    pub now: Timestamp,
    /// By how many seconds it is ahead of this machine's; 0 where that is within what HTTP's dates can tell.
    pub ahead_seconds: i64,
}

/// What a first look at one cluster told, and what a closer one added where a change is planned.
#[derive(Clone, Debug)]
pub struct Observed {
    pub side: Side,
    /// The address that was asked.
    pub server: String,
    /// The API server's version, as it writes it.
    pub kubernetes: String,
    /// The UID of the namespace kube-system, which identifies the cluster.
    pub uid: String,
    /// The ClusterConfiguration ks-installer.
    pub configuration: Seen<ClusterConfiguration>,
    pub config: Seen<KubesphereConfig>,
    /// The jwtSecret in the Secret kubesphere-secret, from which the ConfigMap is rendered.
    pub secret: Seen<JwtSecret>,
    pub installer: Seen<Installer>,
    /// The version that the image of Deployment ks-apiserver names, where nothing better told one.
    pub apiserver_version: Option<Version>,
    /// The registered Clusters; on a member only of interest where it is a host itself.
    pub clusters: Seen<Vec<RegisteredCluster>>,
    /// Under which names a host's kubefed has joined this cluster: service accounts NAME-kubesphere in
    /// kube-federation-system (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
    pub joined_as: Seen<Vec<String>>,
    /// The cluster's clock.
    pub clock: Clock,
    /// Whether the installer is at work. Closer look.
    pub run: InstallerRun,
    /// The container whose log told that. Closer look.
    pub container: Option<InstallerContainer>,
    /// When the last line of that log was written. Closer look.
    pub last_line: Option<Timestamp>,
    /// Other resources with the short name `cc`. Closer look.
    pub short_name_clashes: Seen<Vec<String>>,
    /// Who the server takes the user for, where that matters and the server tells. Closer look.
    pub user: Option<String>,
    /// What the plan's steps need and the user may not do. Closer look.
    pub denied: Vec<Denied>,
    /// What its members said when they were asked through what it has stored, by their Clusters' names. Closer look.
    pub stored: BTreeMap<String, Probe>,
    /// What there is of the account whose credential a host stores. Closer look.
    pub account: Option<Account>,
    /// What there is of credentials that were made for the host before. Closer look.
    pub earlier: Option<Earlier>,
    /// What there is of the address that a host stores. Closer look.
    pub endpoint: Option<EndpointSeen>,
    /// What stands around its KubeSphere. Closer look.
    pub surroundings: Surroundings,
}

impl Observed {
    /// Without what only a closer look has added, which may be past.
    #[must_use]
    pub fn without_closer_look(self) -> Self {
        Self {
            run: InstallerRun::NotAsked,
            short_name_clashes: Seen::Absent,
            user: None,
            denied: Vec::new(),
            stored: BTreeMap::new(),
            account: None,
            earlier: None,
            endpoint: None,
            surroundings: Surroundings::default(),
            ..self
        }
    }

    /// How many nodes there are, where that was looked at and could be seen.
    pub fn nodes(&self) -> Option<usize> {
        self.surroundings.nodes.as_ref()?.present().copied()
    }

    /// KubeSphere's version, by the sources that can be had, the most reliable first
    /// (status.core.version, ks-apiserver's image, the installer's image, the label). An upgrade to 4 may leave the
    /// ClusterConfiguration of 3.4 behind, which says its old version for ever.
    pub fn kubesphere_version(&self) -> Option<Version> {
        let configuration = self.configuration.present().filter(|_| !self.has_issuer());
        configuration
            .and_then(ClusterConfiguration::installed_version)
            .or(self.apiserver_version)
            .or_else(|| self.installer.present().and_then(|installer| installer.version))
            .or_else(|| configuration.and_then(ClusterConfiguration::labelled_version))
    }

    /// Which KubeSphere it has; none where there is no trace of one.
    pub fn generation(&self) -> Option<Generation> {
        match self.kubesphere_version() {
            _ if self.has_issuer() => Some(Generation::Four),
            Some(version) => Some(version.generation()),
            None if self.configuration == Seen::Absent && self.config == Seen::Absent => None,
            None => Some(Generation::Three),
        }
    }

    /// What its KubeSphere does in its own way, or what is assumed of it where nothing names a version.
    pub fn differences(&self) -> Differences {
        let generation = self.generation().unwrap_or(Generation::Three);
        self.kubesphere_version().unwrap_or_else(|| generation.assumed()).differences()
    }

    fn has_issuer(&self) -> bool {
        self.config.present().is_some_and(KubesphereConfig::has_issuer)
    }

    /// The API server's version, where it can be read.
    pub fn kubernetes_version(&self) -> Option<Version> {
        Version::parse(&self.kubernetes)
    }

    /// The role that the configuration asks for, `none` where there is no configuration. KubeSphere 4 has it in
    /// kubesphere-config.
    pub fn role(&self) -> Role {
        match self.config.present().filter(|config| config.has_issuer()) {
            Some(config) => config.role.clone().unwrap_or(Role::None),
            None => self.configuration.present().map_or(Role::None, ClusterConfiguration::role),
        }
    }

    /// Why it is not known whether it is a host or a member: neither place that tells may be read, or the one that may says
    /// nothing.
    pub fn role_unread(&self) -> Option<&str> {
        let why = self.configuration.unreadable()?;
        (!self.is_host() && !self.is_member()).then_some(why)
    }

    /// The `StorageClass` that the configuration names.
    pub fn storage_class(&self) -> Option<String> {
        self.configuration.present()?.storage_class().map(str::to_owned)
    }

    /// Whether the cluster asks to be, or works as, a host.
    pub fn is_host(&self) -> bool {
        self.role() == Role::Host
            || self
                .config
                .present()
                .is_some_and(|config| config.multicluster_enabled || config.role == Some(Role::Host))
    }

    /// Whether the cluster asks to be, or works as, a member.
    pub fn is_member(&self) -> bool {
        self.role() == Role::Member
            || self.config.present().is_some_and(|config| config.role == Some(Role::Member))
    }

    /// The secret in effect: kubesphere-config's, else the copy it is rendered from.
    pub fn effective_secret(&self) -> Option<&JwtSecret> {
        let config = self.config.present().and_then(|config| config.jwt_secret.as_ref());
        config.or_else(|| self.secret.present())
    }

    /// The secret that it signs with, wherever its KubeSphere keeps that.
    pub fn signs_with(&self) -> Option<&JwtSecret> {
        let issuer = self.config.present().and_then(|config| config.issuer_secret.as_ref());
        issuer.filter(|secret| !secret.expose().is_empty()).or_else(|| self.effective_secret())
    }

    /// The secret that the configuration asks for, else the one in effect.
    pub fn wanted_secret(&self) -> Option<JwtSecret> {
        let asked = self.configuration.present().and_then(ClusterConfiguration::jwt_secret);
        asked.or_else(|| self.effective_secret().cloned())
    }

    /// The host's own Cluster.
    pub fn host_cluster(&self) -> Option<&RegisteredCluster> {
        match self.config.present().and_then(KubesphereConfig::name_of_own_cluster) {
            Some(name) => self.cluster_named(name),
            None => self.clusters.present()?.iter().find(|cluster| cluster.is_host()),
        }
    }

    pub fn cluster_named(&self, name: &str) -> Option<&RegisteredCluster> {
        self.clusters.present()?.iter().find(|cluster| cluster.name() == name)
    }

    /// Every Cluster that is the member with this kube-system UID.
    pub fn clusters_with_uid<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a RegisteredCluster> {
        let clusters = self.clusters.present().into_iter().flatten();
        clusters.filter(move |cluster| cluster.member_uid() == Some(uid))
    }
}

/// A cluster of which nothing was seen but its API server, to fill in what a test is about.
#[cfg(test)]
pub fn fixture(kubernetes: &str) -> Observed {
    Observed {
        side: Side::member("member1"),
        server: "https://10.0.0.1:6443".to_owned(),
        kubernetes: kubernetes.to_owned(),
        uid: "u".to_owned(),
        configuration: Seen::Absent,
        config: Seen::Absent,
        secret: Seen::Absent,
        installer: Seen::Present(Installer { replicas: 1, ..Installer::default() }),
        apiserver_version: None,
        clusters: Seen::Present(Vec::new()),
        joined_as: Seen::Absent,
        clock: Clock { now: Timestamp::UNIX_EPOCH, ahead_seconds: 0 },
        run: InstallerRun::NotAsked,
        container: None,
        last_line: None,
        short_name_clashes: Seen::Absent,
        user: None,
        denied: Vec::new(),
        stored: BTreeMap::new(),
        account: None,
        earlier: None,
        endpoint: None,
        surroundings: Surroundings::default(),
    }
}
