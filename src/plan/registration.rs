//! What a host's Cluster says of its member, and how much of it can be believed.
//!
//! Times are kept as they are, and only told as "ago" or "in" when they are shown: two of these are equal when they say
//! the same, however much later the second was made.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    confidential::is_confidential,
    installer_log::mask,
    kubesphere_config::{DEFAULT_RESYNC, DEFAULT_RESYNC_4, KubesphereConfig},
    readiness::{JOINED, JOINED_4, Unmet, is_stale, last_look, unmet},
    versions::{Generation, Version},
};

use super::{
    installation::{Stage, stage},
    lifetime::DAY,
    stored_credential::{End, StoredCredential, stored_credential},
};

/// What ends sooner is told with its reason: KubeSphere's own condition has the same seven days.
const ENDS_SOON: i64 = 7 * DAY;
/// Longer annotations are no description: KubeSphere takes 256 letters.
const LONGEST_ANNOTATION: usize = 256;

/// What the host's Clusters are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard<'a> {
    /// The host's time.
    pub now: Timestamp,
    /// How often its controller looks at each Cluster.
    pub resync: Duration,
    /// Whether its KubeSphere is 4 or newer: without kubefed, and without `joinFederation`.
    pub is_version_4: bool,
    /// How it calls itself, where that alone tells its own Cluster.
    host_name: Option<&'a str>,
}

impl<'a> Standard<'a> {
    /// By the host's configuration, where that can be read, else by the version that its own Cluster tells.
    pub fn new(now: Timestamp, config: Option<&'a KubesphereConfig>, version: Option<&str>) -> Self {
        let version = version.and_then(Version::parse);
        let is_version_4 = version.is_some_and(|version| version.generation() == Generation::Four)
            || config.is_some_and(KubesphereConfig::has_issuer);
        let by_version = if is_version_4 { DEFAULT_RESYNC_4 } else { DEFAULT_RESYNC };
        let host_name = config.and_then(KubesphereConfig::name_of_own_cluster);
        Self { now, resync: config.map_or(by_version, |config| config.resync), is_version_4, host_name }
    }

    fn is_hosts(&self, cluster: &RegisteredCluster) -> bool {
        self.host_name.map_or_else(|| cluster.is_host(), |name| cluster.name() == name)
    }
}

/// Whether a member is ready, as far as its host can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It was lately found ready, and its KubeSphere has answered.
    Ready,
    /// It was lately found ready, but its KubeSphere has never answered: Ready alone proves nothing about that
    /// (kubesphere `cluster_controller.go@v3.4.1`, where the failure is only logged).
    KubesphereSilent,
    /// It was lately found not ready, and why in the controller's own words.
    NotReady(String),
    /// Its host has not installed KubeSphere 4 on it, or is about to do it again.
    Installing {
        /// Since when it could.
        since: Option<Timestamp>,
    },
    /// Its host has failed to install KubeSphere 4 on it, why, and does not try again by itself.
    NotInstalled(String),
    /// Its agent is not connected, and why in its own words.
    AgentAway(String),
    /// Nobody has looked for so long that what was said then is worth little.
    Stale {
        /// When somebody did.
        since: Timestamp,
        /// What was wrong then.
        said: Option<String>,
    },
    /// It was not looked at yet, and what for it waits.
    Waiting(Awaited),
    /// It was not looked at in all the time since it was created.
    Overlooked {
        /// When it was created.
        since: Timestamp,
    },
    /// Nobody will look at it, and why.
    Ignored(Unheeded),
    /// It is being deleted.
    Deleting {
        /// Since when, where that can be read.
        since: Option<Timestamp>,
        /// What that waits for.
        finalizers: Vec<String>,
    },
    /// It is gone.
    Deleted,
}

impl Readiness {
    /// As the column READY has it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ready | Self::KubesphereSilent => "True",
            Self::NotReady(_) | Self::AgentAway(_) | Self::NotInstalled(_) => "False",
            Self::Installing { .. } => "Installing",
            Self::Stale { .. } => "Stale",
            Self::Waiting(_) => "Waiting",
            Self::Overlooked { .. } | Self::Ignored(_) => "Unknown",
            Self::Deleting { .. } => "Deleting",
            Self::Deleted => "Deleted",
        }
    }
}

/// What a Cluster waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    Agent,
    /// The controller's first look.
    FirstLook,
    /// A condition that the controller sets.
    Condition(ConditionType),
}

/// Why nobody will look at a Cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheeded {
    /// It does not join the federation.
    NotFederated,
    /// It stores no kubeconfig.
    WithoutKubeconfig,
    /// What it stores is no kubeconfig; a parse error is only logged (kubesphere `cluster_controller.go@v3.4.1`).
    UnreadableKubeconfig,
    /// Nobody can tell how old its conditions are: it was written by hand.
    UndatedConditions,
}

/// How near the end of a stored credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Far, or nothing is known of one.
    Lasts,
    /// Within seven days.
    Soon,
    Ended,
}

/// What a member said when it was asked itself, through what the host has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The right cluster answered.
    Answered,
    /// Some cluster answered, and the host knows no UID that would tell which one.
    AnsweredUnproven,
    /// It answered, and has another jwtSecret in effect than its host.
    OtherSecret,
    /// It answered, and why it is not known whether it has its host's jwtSecret.
    SecretUntold(String),
    /// What is stored is refused or cannot be used, and why. The host fares no better.
    Refused(String),
    /// This machine got no answer, and why. The host may well get one.
    Failed(String),
    /// Another cluster answered, the one with this UID.
    OtherCluster(String),
    /// It was not asked: its agent's proxy answers inside the host only.
    NotAsked,
}

/// One Cluster of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub name: String,
    /// Whether it is the host's own.
    pub is_host: bool,
    /// Whether the member is ready.
    pub readiness: Readiness,
    /// When the controller has last said so. Left out of [`Self::says_the_same_as`].
    pub looked_at: Option<Timestamp>,
    /// The version of its Kubernetes.
    pub kubernetes: Option<String>,
    /// The version of its KubeSphere.
    pub kubesphere: Option<String>,
    /// How many nodes it has.
    pub nodes: Option<u64>,
    /// Where the host reaches it.
    pub endpoint: Option<String>,
    /// Where what is stored leads instead.
    pub leads_elsewhere: Option<String>,
    /// Whether it is joined directly, not by an agent.
    pub is_direct: bool,
    /// What the host has stored.
    pub credential: StoredCredential,
    /// How near the end of that is.
    pub expiry: Expiry,
    /// What the controller says of that end, where what is stored does not tell.
    pub said_to_expire: Option<String>,
    /// Other Clusters for the same member.
    pub twins: Vec<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// The UID of the member's kube-system.
    pub uid: Option<String>,
    /// Who runs it, for people.
    pub provider: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// Its annotations, those left out that may hold a secret.
    pub annotations: BTreeMap<String, String>,
    /// What the member itself said, where it was asked.
    pub probe: Option<Probe>,
}

impl Registration {
    /// What a label says, or an annotation.
    pub fn described(&self, key: &str) -> Option<&str> {
        let found = self.labels.get(key).or_else(|| self.annotations.get(key))?;
        (!found.is_empty()).then_some(found.as_str())
    }

    /// Whether both say the same. That the controller has looked again says nothing new.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        *self == Self { looked_at: self.looked_at, ..other.clone() }
    }

    /// The last that is to be said of it.
    #[must_use]
    pub fn gone(self) -> Self {
        Self { readiness: Readiness::Deleted, ..self }
    }
}

/// Judges all Clusters, by name.
pub fn registrations(clusters: &[RegisteredCluster], standard: &Standard<'_>) -> Vec<Registration> {
    together(clusters.iter().map(|cluster| registration(cluster, standard)).collect())
}

/// All of them by name, each with its twins.
pub fn together(mut all: Vec<Registration>) -> Vec<Registration> {
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, uid) in all.iter().filter_map(|one| Some((&one.name, one.uid.as_ref()?))) {
        named.entry(uid.clone()).or_default().push(name.clone());
    }
    for one in &mut all {
        let same = one.uid.as_ref().and_then(|uid| named.get(uid)).into_iter().flatten();
        one.twins = same.filter(|name| **name != one.name).cloned().collect();
    }
    all
}

/// Judges one, whatever the others are.
pub fn registration(cluster: &RegisteredCluster, standard: &Standard<'_>) -> Registration {
    let kubeconfig = cluster.stored_kubeconfig();
    let mut credential = stored_credential(kubeconfig.as_ref(), cluster.is_direct());
    if standard.is_version_4 && credential.end == End::Unknown {
        credential.end = cluster.certificate_ends().map_or(End::Unknown, |at| End::At(at.as_second()));
    }
    let expiry = expiry(&credential, standard.now);
    let expires = cluster.condition(ConditionType::CertificateExpires).filter(|found| found.is_true);
    let is_untold = matches!(credential.end, End::Unknown | End::None);
    let stored = kubeconfig.as_ref().and_then(|kubeconfig| kubeconfig.server());
    let elsewhere = stored.filter(|server| cluster.is_direct() && !cluster.leads_to(server));
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Registration {
        name: cluster.name().to_owned(),
        is_host: standard.is_hosts(cluster),
        readiness: readiness(cluster, kubeconfig.is_some(), standard),
        looked_at: last_look(cluster),
        kubernetes: owned(cluster.kubernetes_version()),
        kubesphere: owned(cluster.kubesphere_version()),
        nodes: cluster.nodes(),
        endpoint: owned(cluster.endpoint().or(stored)),
        leads_elsewhere: owned(elsewhere),
        is_direct: cluster.is_direct(),
        credential,
        expiry,
        said_to_expire: expires.filter(|_| is_untold).map(|found| found.message),
        twins: Vec::new(),
        created_at: cluster.created_at().parse().ok(),
        uid: owned(cluster.member_uid()),
        provider: owned(cluster.provider()),
        labels: cluster.labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        annotations: harmless_annotations(cluster),
        probe: None,
    }
}

fn expiry(credential: &StoredCredential, now: Timestamp) -> Expiry {
    match credential.end {
        End::At(end) if end <= now.as_second() => Expiry::Ended,
        End::At(end) if end - now.as_second() < ENDS_SOON => Expiry::Soon,
        _ => Expiry::Lasts,
    }
}

/// An annotation may hold anything, such as the whole object with its kubeconfig (`kubectl apply`) or a secret of a
/// tool: what is not surely harmless is left out.
fn harmless_annotations(cluster: &RegisteredCluster) -> BTreeMap<String, String> {
    let sanitize = cluster.annotations().filter(|(key, value)| {
        let is_short =
            value.chars().count() <= LONGEST_ANNOTATION && !value.trim_start().starts_with(['{', '[']);
        is_short && !is_confidential(key) && mask(value) == *value
    });
    sanitize.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn readiness(cluster: &RegisteredCluster, has_kubeconfig: bool, standard: &Standard<'_>) -> Readiness {
    if cluster.is_being_deleted() {
        let finalizers = cluster.finalizers().into_iter().map(str::to_owned).collect();
        return Readiness::Deleting {
            since: cluster.deleted_at().and_then(|at| at.parse().ok()),
            finalizers,
        };
    }
    if !standard.is_version_4 && !cluster.joins_federation() {
        return Readiness::Ignored(Unheeded::NotFederated);
    }
    if let Some(agent) = without_agent(cluster) {
        return agent;
    }
    if !has_kubeconfig {
        return Readiness::Ignored(match cluster.kubeconfig_base64() {
            None => Unheeded::WithoutKubeconfig,
            Some(_) => Unheeded::UnreadableKubeconfig,
        });
    }
    if let Some(unready) = not_installed(cluster, standard) {
        return unready;
    }
    let wanted: &[ConditionType] = if standard.is_version_4 { &JOINED_4 } else { &JOINED };
    let unmet = unmet(cluster, wanted);
    let Some(looked_at) = last_look(cluster) else { return unlooked_at(cluster, unmet, standard) };
    let silent = cluster.kubesphere_version().is_none();
    if is_stale(looked_at, standard.now, standard.resync) {
        return Readiness::Stale { since: looked_at, said: unmet.and_then(said) };
    }
    match unmet {
        Some(Unmet::Untrue(_, found)) => Readiness::NotReady(found.why().to_owned()),
        Some(Unmet::Unset(condition)) => Readiness::Waiting(Awaited::Condition(condition)),
        None if silent => Readiness::KubesphereSilent,
        None => Readiness::Ready,
    }
}

/// Until a host of KubeSphere 4 has installed its member, no look at it gets as far as to say anything of it but that it cannot be
/// reached.
fn not_installed(cluster: &RegisteredCluster, standard: &Standard<'_>) -> Option<Readiness> {
    match stage(cluster).filter(|_| standard.is_version_4)? {
        Stage::Failed(why) => Some(Readiness::NotInstalled(why)),
        Stage::UnderWay(None) => Some(Readiness::Installing { since: cluster.created_at().parse().ok() }),
        Stage::UnderWay(Some(_)) | Stage::Installed | Stage::NotTakenUp => None,
    }
}

/// The condition is the agent's own; before it has ever been there, nothing is stored.
fn without_agent(cluster: &RegisteredCluster) -> Option<Readiness> {
    if cluster.is_direct() {
        return None;
    }
    match cluster.condition(ConditionType::AgentAvailable) {
        Some(agent) if !agent.is_true => Some(Readiness::AgentAway(agent.why().to_owned())),
        None if cluster.kubeconfig_base64().is_none() => Some(Readiness::Waiting(Awaited::Agent)),
        _ => None,
    }
}

fn said(unmet: Unmet) -> Option<String> {
    match unmet {
        Unmet::Untrue(_, found) => Some(found.why().to_owned()),
        Unmet::Unset(_) => None,
    }
}

fn unlooked_at(cluster: &RegisteredCluster, unmet: Option<Unmet>, standard: &Standard<'_>) -> Readiness {
    let created: Option<Timestamp> = cluster.created_at().parse().ok();
    let overdue = created.filter(|created| is_stale(*created, standard.now, standard.resync));
    match (unmet, overdue) {
        (None | Some(Unmet::Untrue(..)), _) => Readiness::Ignored(Unheeded::UndatedConditions),
        (Some(Unmet::Unset(_)), Some(since)) => Readiness::Overlooked { since },
        (Some(Unmet::Unset(_)), None) => Readiness::Waiting(Awaited::FirstLook),
    }
}
