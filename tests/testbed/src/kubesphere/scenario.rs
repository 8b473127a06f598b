//! What a test bed is to be: which version in which role on each side, and what goes wrong there.

use std::{fmt, str::FromStr};

use serde_json::json;

use super::{Generation, Node, Peculiarity, Version, pace::Pace, v4::ReleaseStatus};
use crate::Kubernetes;

/// The role that an installation already plays when the bed is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `none`: a standalone installation. In 4 that is a host.
    None,
    /// `host`, with its host Cluster.
    Host,
    /// `member`, prepared with the bed's host's jwtSecret, registered nowhere. In 4 it was one of this host before.
    Member,
    /// `member` of a host outside the bed, where it is called [`Role::NAME_ELSEWHERE`]. In 4 that host calls itself
    /// `host`, as all do whom nobody gave another name.
    MemberElsewhere,
}

impl Role {
    /// What the other host calls its member.
    pub const NAME_ELSEWHERE: &str = "frankfurt";

    /// The value of `clusterRole`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
            Self::Member | Self::MemberElsewhere => "member",
        }
    }
}

/// What the clusters of a test bed are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clusters {
    /// Etcd, kube-apiserver and kube-controller-manager.
    Real,
    /// Servers in memory that answer as those do.
    InMemory,
}

impl Clusters {
    /// Where this variable is set, all clusters are real: what is shown in memory holds there as well.
    pub const ALL_REAL: &str = "KUBECTL_MC_CONTROL_PLANES";
}

impl Default for Clusters {
    fn default() -> Self {
        if std::env::var_os(Self::ALL_REAL).is_some() { Self::Real } else { Self::InMemory }
    }
}

/// How the installer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallerScenario {
    /// Every run succeeds.
    Healthy,
    /// The storage class assertion of the first play fails: exit 0, no banner, nothing written.
    StorageClassMissing,
    /// The task monitoring fails: no banner, but the configuration is written.
    ComponentFailed,
    /// The task multicluster fails at kubefed: no banner, the configuration is written, kubefed is missing.
    MulticlusterFailed,
    /// The hook crashes before its first play and is run again after a delay.
    HookCrashed,
    /// The next run deletes and re-creates the ClusterConfiguration; what is written meanwhile is lost.
    Recreated,
    /// A run is under way when the bed is handed out.
    UnderWay,
    /// The spec already says what is wanted, but the run for it failed before it took effect.
    FailedBefore,
    /// `ks-config.yaml` fails: nothing of the configuration is ever written.
    ConfigNeverWritten,
    /// Every step takes [`InstallerScenario::SLOWNESS`] times as long.
    Slow,
    /// `result-info.yaml` fails after the configuration was written: no banner, `status.core.version` stays.
    ResultInfoFailed,
    /// The kubelet does not hand out the installer's log.
    LogUnreadable,
}

impl InstallerScenario {
    /// How much slower [`InstallerScenario::Slow`] is.
    pub const SLOWNESS: u32 = 8;

    /// How much slower [`InstallerScenario::UnderWay`] and [`InstallerScenario::Recreated`] are, so that a run is still
    /// under way when somebody looks, or comes between.
    pub const LONG_ENOUGH: u32 = 6;

    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Healthy,
        Self::StorageClassMissing,
        Self::ComponentFailed,
        Self::MulticlusterFailed,
        Self::HookCrashed,
        Self::Recreated,
        Self::UnderWay,
        Self::FailedBefore,
        Self::ConfigNeverWritten,
        Self::Slow,
        Self::ResultInfoFailed,
        Self::LogUnreadable,
    ];

    /// The name by which it is picked.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::StorageClassMissing => "storage-class-missing",
            Self::ComponentFailed => "component-failed",
            Self::MulticlusterFailed => "multicluster-failed",
            Self::HookCrashed => "hook-crashed",
            Self::Recreated => "recreated",
            Self::UnderWay => "under-way",
            Self::FailedBefore => "failed-before",
            Self::ConfigNeverWritten => "config-never-written",
            Self::Slow => "slow",
            Self::ResultInfoFailed => "result-info-failed",
            Self::LogUnreadable => "log-unreadable",
        }
    }
}

/// Whether a failure is over after the installer's pod was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// A new pod does better. A crash of the hook is over with its first retry.
    UntilRestart,
    /// It never gets better.
    Forever,
}

/// How the host's cluster controller behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllerScenario {
    /// As KubeSphere's own code has it.
    Healthy,
    /// ks-controller-manager is down: nothing happens to a Cluster.
    Down,
    /// The member makes no token Secrets for its service accounts, as Kubernetes from 1.24 on: hosts before 3.3 time
    /// out. Such a member's apiserver tells its true version.
    NoTokenSecrets,
}

impl ControllerScenario {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Healthy, Self::Down, Self::NoTokenSecrets];

    /// The name by which it is picked.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Down => "controller-down",
            Self::NoTokenSecrets => "no-token-secrets",
        }
    }
}

/// How a cluster's ks-apiserver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiserverScenario {
    /// It answers.
    Healthy,
    /// Its pod is not ready: the Service proxy answers 503.
    Silent,
}

impl ApiserverScenario {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Healthy, Self::Silent];

    /// The name by which it is picked.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Silent => "ks-apiserver-silent",
        }
    }
}

/// One cluster's KubeSphere.
#[derive(Clone, Debug)]
pub struct Installation {
    pub version: Version,
    /// Its role at the start.
    pub role: Role,
    /// How its installer behaves.
    pub installer: InstallerScenario,
    /// How long the installer's failure lasts.
    pub lasting: Lasting,
    /// How its ks-apiserver behaves.
    pub apiserver: ApiserverScenario,
    /// How its time passes.
    pub pace: Pace,
    /// What is peculiar to it.
    pub peculiarities: Vec<Peculiarity>,
}

impl Installation {
    /// A healthy standalone installation.
    pub fn new(version: Version) -> Self {
        Self {
            version,
            role: Role::None,
            installer: InstallerScenario::Healthy,
            lasting: Lasting::UntilRestart,
            apiserver: ApiserverScenario::Healthy,
            pace: Pace::Divided,
            peculiarities: Vec::new(),
        }
    }

    /// A cluster without KubeSphere, for a host of this version.
    pub fn bare(version: Version) -> Self {
        Self::new(version).with(Peculiarity::NoKubeSphere)
    }

    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// With an installer that behaves like this.
    #[must_use]
    pub fn installer(mut self, installer: InstallerScenario) -> Self {
        self.installer = installer;
        self
    }

    /// With a failure of the installer that lasts so long.
    #[must_use]
    pub fn lasting(mut self, lasting: Lasting) -> Self {
        self.lasting = lasting;
        self
    }

    /// With a ks-apiserver that behaves like this.
    #[must_use]
    pub fn apiserver(mut self, apiserver: ApiserverScenario) -> Self {
        self.apiserver = apiserver;
        self
    }

    /// With something peculiar to it.
    #[must_use]
    pub fn with(mut self, peculiarity: Peculiarity) -> Self {
        self.peculiarities.push(peculiarity);
        self
    }

    /// Whether it is a host from the start, with its own Cluster.
    pub(crate) fn is_host(&self) -> bool {
        match self.version.generation() {
            Generation::Three => self.role == Role::Host,
            Generation::Four => {
                matches!(self.role, Role::None | Role::Host) && !self.has(&Peculiarity::NoKubeSphere)
            }
        }
    }

    /// Whether this is peculiar to it.
    pub(crate) fn has(&self, peculiarity: &Peculiarity) -> bool {
        self.peculiarities.contains(peculiarity)
    }
}

/// A host, its members, and what goes wrong.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The host cluster.
    pub host: Installation,
    /// The member clusters.
    pub members: Vec<Installation>,
    /// How the host's cluster controller behaves.
    pub controller: ControllerScenario,
    /// Which Kubernetes the host runs; members run the newest.
    pub host_kubernetes: Kubernetes,
    pub clusters: Clusters,
}

impl Scenario {
    /// What is to be joined with this version, all healthy: a standalone host and a standalone member of 3, a host of 4
    /// and a cluster without KubeSphere.
    pub fn new(version: Version) -> Self {
        let (host, member) = match version.generation() {
            Generation::Three => (Installation::new(version), Installation::new(version)),
            Generation::Four => (Installation::new(version).role(Role::Host), Installation::bare(version)),
        };
        Self {
            host,
            members: vec![member],
            controller: ControllerScenario::Healthy,
            host_kubernetes: Kubernetes::default(),
            clusters: Clusters::default(),
        }
    }

    /// A host, and members that have its secret and the role already, in memory and at once. At the test bed's pace the
    /// host would look at a thousand of them every two seconds.
    pub fn prepared(version: Version, members: usize) -> Self {
        let rarely = Peculiarity::Spec(json!({"multicluster": {"clusterControllerResyncPeriod": "1h"}}));
        Self::new(version)
            .host(Installation::new(version).role(Role::Host).with(rarely))
            .members(vec![Installation::new(version).role(Role::Member); members])
            .in_memory()
            .at_once()
    }

    #[must_use]
    pub fn host(mut self, host: Installation) -> Self {
        self.host = host;
        self
    }

    /// With this as the only member.
    #[must_use]
    pub fn member(mut self, member: Installation) -> Self {
        self.members = vec![member];
        self
    }

    /// With these members.
    #[must_use]
    pub fn members(mut self, members: Vec<Installation>) -> Self {
        self.members = members;
        self
    }

    /// With a cluster controller that behaves like this.
    #[must_use]
    pub fn controller(mut self, controller: ControllerScenario) -> Self {
        self.controller = controller;
        self
    }

    /// On real control planes: for what is to be shown of Kubernetes itself.
    #[must_use]
    pub fn on_control_planes(mut self) -> Self {
        self.clusters = Clusters::Real;
        self
    }

    /// On servers in memory, whatever the environment says: for what is done to these themselves.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.clusters = Clusters::InMemory;
        self
    }

    /// With everything that takes time happening at once.
    #[must_use]
    pub fn at_once(self) -> Self {
        self.all(|installation| Installation { pace: Pace::AtOnce, ..installation })
    }

    /// With this done to each installation.
    #[must_use]
    pub fn all(self, change: impl Fn(Installation) -> Installation) -> Self {
        let members = self.members.into_iter().map(&change).collect();
        Self { host: change(self.host), members, ..self }
    }

    #[must_use]
    pub fn host_kubernetes(mut self, kubernetes: Kubernetes) -> Self {
        self.host_kubernetes = kubernetes;
        self
    }

    /// The scenario of this name with clusters of one version.
    ///
    /// A name alone concerns the side where it tells most: `multicluster-failed`, `node-cut-off` and the controller the
    /// host, all others the member. `host:NAME` and `member:NAME` say it.
    pub fn named(name: &str, version: Version) -> Result<Self, String> {
        let scenario = Self::new(version);
        if let Some(controller) = find(&ControllerScenario::ALL, ControllerScenario::name, name) {
            return Ok(scenario.controller(controller));
        }
        let (side, rest) = match name.split_once(':') {
            Some((side @ ("host" | "member"), rest)) => (side, rest),
            _ if name == InstallerScenario::MulticlusterFailed.name() || name == NODE_CUT_OFF => {
                ("host", name)
            }
            _ => ("member", name),
        };
        let base = if side == "host" { &scenario.host } else { &scenario.members[0] };
        let installation = base.clone().behaving(rest).ok_or_else(|| unknown(name))?;
        let scenario = if name == LEFTOVER_WORKSPACE {
            let federated = Peculiarity::FederatedWorkspace(WORKSPACE.to_owned());
            scenario.host(Installation::new(version).role(Role::Host).with(federated))
        } else {
            scenario
        };
        Ok(if side == "host" { scenario.host(installation) } else { scenario.member(installation) })
    }

    /// The names that [`Scenario::named`] knows, each once and without a side.
    pub fn names() -> Vec<&'static str> {
        let installer = InstallerScenario::ALL.map(InstallerScenario::name).into_iter();
        let controller = ControllerScenario::ALL.map(ControllerScenario::name).into_iter().skip(1);
        let apiserver = ApiserverScenario::ALL.map(ApiserverScenario::name).into_iter().skip(1);
        installer
            .chain(controller)
            .chain(apiserver)
            .chain([LEFTOVER_WORKSPACE, NODE_CUT_OFF, MEMBER_ELSEWHERE])
            .chain([IMAGE_MISSING, SLOW_PODS, PENDING_RELEASE])
            .collect()
    }
}

impl Installation {
    fn behaving(self, name: &str) -> Option<Self> {
        if let Some(installer) = find(&InstallerScenario::ALL, InstallerScenario::name, name) {
            return Some(self.installer(installer));
        }
        if let Some(apiserver) = find(&ApiserverScenario::ALL, ApiserverScenario::name, name) {
            return Some(self.apiserver(apiserver));
        }
        match name {
            LEFTOVER_WORKSPACE => Some(self.with(Peculiarity::LeftoverWorkspace(WORKSPACE.to_owned()))),
            NODE_CUT_OFF => Some(self.with(Peculiarity::Node(Node::TimedOut))),
            MEMBER_ELSEWHERE => Some(Self::new(self.version).role(Role::MemberElsewhere)),
            IMAGE_MISSING => Some(self.with(Peculiarity::ImageMissing("ks-apiserver".to_owned()))),
            SLOW_PODS => Some(self.with(Peculiarity::SlowPods)),
            PENDING_RELEASE => Some(self.with(Peculiarity::Release(ReleaseStatus::PendingInstall))),
            _ => None,
        }
    }
}

impl FromStr for Scenario {
    type Err = String;

    /// Reads `NAME`, `host:NAME` or `member:NAME`, each optionally followed by `@VERSION`; the version is 3.4.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('@') {
            Some((name, version)) => Self::named(name, version.parse()?),
            None => Self::named(text, Version::V3_4),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} {}", self.host.version, self.host.installer.name())?;
        for member in &self.members {
            write!(f, ", member {} {}", member.version, member.installer.name())?;
        }
        write!(f, ", controller {}", self.controller.name())
    }
}

/// A workspace of an earlier host is in the way of the join.
const LEFTOVER_WORKSPACE: &str = "leftover-workspace";
/// A second node of the host gets no answer from the member.
const NODE_CUT_OFF: &str = "node-cut-off";
const WORKSPACE: &str = "team-a";
const MEMBER_ELSEWHERE: &str = "member-elsewhere";
/// The image of ks-apiserver cannot be pulled any more.
const IMAGE_MISSING: &str = "image-missing";
const SLOW_PODS: &str = "slow-pods";
/// An install by helm has broken off.
const PENDING_RELEASE: &str = "pending-release";

fn find<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, name: &str) -> Option<T> {
    all.iter().copied().find(|item| name_of(*item) == name)
}

fn unknown(name: &str) -> String {
    format!("no scenario `{name}`; known are {}", Scenario::names().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known() {
        for name in Scenario::names() {
            name.parse::<Scenario>().unwrap();
        }
        let host = "host:slow@3.2".parse::<Scenario>().unwrap().host;
        assert_eq!((host.installer, host.version), (InstallerScenario::Slow, Version::V3_2));
        assert!("slowly".parse::<Scenario>().unwrap_err().contains("known are healthy"));
    }
}
