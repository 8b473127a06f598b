//! When a configuration is in effect and when a Cluster is joined: predicates over what was observed.
//!
//! What is awaited is a state, not the installer's banner: most failures end without one, and configuration
//! is often in effect although none appears (ks-installer `controller/installRunner.py@v3.4.1`).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    cluster::{Condition, ConditionType, RegisteredCluster},
    cluster_configuration::ClusterConfiguration,
    jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig,
    role::Role,
    versions::{Differences, Generation, Version},
};

/// How far something awaited has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is there.
    Done,
    /// It is not, and what the installer has still to do.
    Pending(String),
    /// The installer has done its part; what the host's controller has still to do. No run helps with that.
    Registering(String),
}

impl Progress {
    fn pending<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self::Pending(reason.into()))
    }

    /// Whether it is there.
    pub fn is_done(&self) -> bool {
        *self == Self::Done
    }

    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Pending(missing) | Self::Registering(missing) => Some(missing),
        }
    }
}

impl From<Result<(), Self>> for Progress {
    fn from(result: Result<(), Self>) -> Self {
        result.map_or_else(|unfinished| unfinished, |()| Self::Done)
    }
}

/// What a cluster shows of its configuration's effect.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// KubeSphere's version.
    pub version: Option<Version>,
    pub configuration: Option<&'a ClusterConfiguration>,
    pub config: Option<&'a KubesphereConfig>,
    /// The host's own Cluster, on a host.
    pub host_cluster: Option<&'a RegisteredCluster>,
}

/// Whether a cluster works as a host that signs with `secret`.
///
/// `multicluster.enable` is written even where installing kubefed failed, so kubefed's own traces are asked
/// for too: the component's status, or a host Cluster that kubefed took in
/// (ks-installer `playbooks/multicluster.yaml:8-10`, `roles/ks-multicluster`).
pub fn host_in_effect(effect: Evidence<'_>, secret: &JwtSecret) -> Progress {
    host(effect, secret).into()
}

fn host(effect: Evidence<'_>, secret: &JwtSecret) -> Result<(), Progress> {
    let Some(config) = effect.config else { return Progress::pending("kubesphere-config is missing") };
    if config.jwt_secret.as_ref() != Some(secret) {
        return Progress::pending("kubesphere-config does not carry the jwtSecret of the configuration yet");
    }
    if !config.multicluster_enabled {
        return Progress::pending("kubesphere-config does not enable multicluster yet");
    }
    if config.role.as_ref().is_some_and(|role| *role != Role::Host) {
        return Progress::pending("kubesphere-config does not carry the role host yet");
    }
    let federated = |cluster: &RegisteredCluster| {
        cluster.condition(ConditionType::Federated).is_some_and(|condition| condition.is_true)
    };
    let kubefed = effect.configuration.is_some_and(ClusterConfiguration::multicluster_enabled);
    match effect.host_cluster {
        _ if !kubefed && !effect.host_cluster.is_some_and(federated) => {
            Progress::pending("kubefed is not installed yet")
        }
        Some(_) => Ok(()),
        None => Err(Progress::Registering("the host's own Cluster is not registered yet".to_owned())),
    }
}

/// Whether a cluster works as a member that accepts what is signed with `secret`.
pub fn member_in_effect(effect: Evidence<'_>, secret: &JwtSecret) -> Progress {
    member(effect, secret).into()
}

fn member(effect: Evidence<'_>, secret: &JwtSecret) -> Result<(), Progress> {
    let Some(config) = effect.config else { return Progress::pending("kubesphere-config is missing") };
    if config.jwt_secret.as_ref() != Some(secret) {
        return Progress::pending("kubesphere-config does not carry the host's jwtSecret yet");
    }
    if shows_member(effect, config) {
        Ok(())
    } else {
        Progress::pending("kubesphere-config does not carry the role member yet")
    }
}

/// The member's role as each version shows it: named from 3.3, before as tokens that never age; in 3.1 with
/// `oauthOptions` of the user's own it leaves no trace at all (`kubesphere-config.yaml.j2@v3.1.1:12-17`).
fn shows_member(effect: Evidence<'_>, config: &KubesphereConfig) -> bool {
    let Some(version) = effect.version.map(Version::differences) else {
        return config.role == Some(Role::Member) || config.tokens_never_age;
    };
    let hidden = version.oauth_options_hide_role
        && effect.configuration.is_some_and(ClusterConfiguration::has_oauth_options);
    if version.config_names_role {
        config.role == Some(Role::Member)
    } else {
        config.tokens_never_age || hidden
    }
}

/// How far a Cluster has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Federated, Ready, the right cluster, its KubeSphere known.
    Joined,
    /// All of that, but its KubeSphere did not answer: Ready alone proves nothing about it
    /// (kubesphere `cluster_controller.go@v3.4.1`, where that failure is only logged).
    WithoutKubesphereVersion,
    /// Not yet, and what it waits for.
    Pending(String),
    /// Not yet, because the controller failed with it; it tries again.
    Failing(String),
    /// Another cluster answers at the stored address.
    OtherCluster(String),
}

/// How far the Cluster of the member with kube-system UID `uid` has come.
pub fn membership(cluster: Option<&RegisteredCluster>, uid: &str, host: &Differences) -> Membership {
    let Some(cluster) = cluster else { return Membership::Pending("the Cluster is not there".to_owned()) };
    if let Some(other) = cluster.member_uid().filter(|other| *other != uid) {
        return Membership::OtherCluster(other.to_owned());
    }
    if cluster.is_being_deleted() {
        return Membership::Pending("the Cluster is being deleted".to_owned());
    }
    if is_ignored(cluster, host) {
        return Membership::Pending(
            "spec.joinFederation is not true, so the controller ignores it".to_owned(),
        );
    }
    if host.generation == Generation::Four && cluster.is_untouched() {
        return Membership::Pending(
            "ks-controller-manager has not taken the Cluster up: it has not set its finalizer".to_owned(),
        );
    }
    let wanted: &[ConditionType] = match host.generation {
        Generation::Three => &JOINED,
        Generation::Four => &INSTALLED,
    };
    if let Some(unmet) = unmet(cluster, wanted) {
        return unmet.into();
    }
    if host.records_uid && cluster.member_uid().is_none() {
        return Membership::Pending("status.uid is not known yet".to_owned());
    }
    match cluster.kubesphere_version() {
        Some(_) => Membership::Joined,
        None => Membership::WithoutKubesphereVersion,
    }
}

/// Whether a host's controller leaves the Cluster alone for ever; KubeSphere 4 has no federation to join.
pub fn is_ignored(cluster: &RegisteredCluster, host: &Differences) -> bool {
    host.generation == Generation::Three && !cluster.joins_federation()
}

/// What a member of KubeSphere 3 has once it is joined, what tells more first: that Federated is False comes with the
/// error itself (kubesphere `cluster_controller.go@v3.4.1:415-445`), and with 3.3.0 Ready stays True all the while.
pub const JOINED: [ConditionType; 2] = [ConditionType::Federated, ConditionType::Ready];
/// What one of KubeSphere 4 has, which knows no kubefed.
pub const JOINED_4: [ConditionType; 1] = [ConditionType::Ready];
/// And one that its host has installed, which it was not before that: the host's own Cluster has no such condition
/// (kubesphere `cluster_controller.go@v4.1.3:374-410`).
pub const INSTALLED: [ConditionType; 2] = [ConditionType::CoreReady, ConditionType::Ready];

/// A condition that has to be true, and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// The controller has not written it.
    Unset(ConditionType),
    /// It is not true.
    Untrue(ConditionType, Condition),
}

/// The first of these conditions that is not true; one that says why comes before one that is not set.
pub fn unmet(cluster: &RegisteredCluster, wanted: &[ConditionType]) -> Option<Unmet> {
    let all = wanted.iter().filter_map(|wanted| match cluster.condition(*wanted) {
        None => Some(Unmet::Unset(*wanted)),
        Some(found) if found.is_true => None,
        Some(found) => Some(Unmet::Untrue(*wanted, found)),
    });
    let (telling, silent): (Vec<_>, Vec<_>) = all.partition(|unmet| matches!(unmet, Unmet::Untrue(..)));
    telling.into_iter().chain(silent).next()
}

impl From<Unmet> for Membership {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Unset(condition) => {
                Self::Pending(format!("the controller has not set {} yet", condition.as_str()))
            }
            Unmet::Untrue(condition, found) => {
                Self::Failing(format!("{} is False: {}", condition.as_str(), found.why()))
            }
        }
    }
}

/// How long one look of the controller may take: the wait for a service account's token alone 30 s
/// (kubesphere `join.go@v3.4.1`).
const LOOKS_WITHIN: Duration = Duration::from_secs(30);

/// When the controller has last written whether the member is joined, by its own clock.
///
/// It writes these conditions anew at each look (kubesphere `cluster_controller.go@v3.4.1`).
pub fn last_look(cluster: &RegisteredCluster) -> Option<Timestamp> {
    let written =
        JOINED.iter().filter_map(|condition| cluster.condition(*condition)?.updated_at.parse().ok());
    written.max()
}

/// Whether a look this long ago is older than the next but one should be: the controller is down, or its writes are
/// refused, as the webhook of 3.4 does once a member is gone.
pub fn is_stale(looked_at: Timestamp, now: Timestamp, resync: Duration) -> bool {
    let lasts = resync.saturating_mul(2).saturating_add(LOOKS_WITHIN);
    SignedDuration::try_from(lasts).is_ok_and(|lasts| now.duration_since(looked_at) > lasts)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Evidence, Membership, Progress, host_in_effect, member_in_effect, membership};
    use crate::{
        cluster::RegisteredCluster,
        cluster_configuration::ClusterConfiguration,
        jwt_secret::JwtSecret,
        kubesphere_config::KubesphereConfig,
        versions::{Differences, Version},
    };

    fn effect<'a>(
        version: &str,
        config: &'a KubesphereConfig,
        configuration: &'a ClusterConfiguration,
    ) -> Evidence<'a> {
        Evidence {
            version: Version::parse(version),
            configuration: Some(configuration),
            config: Some(config),
            host_cluster: None,
        }
    }

    fn member_of(version: &str, config: &str, spec: &Value) -> Progress {
        let config = KubesphereConfig::parse(config).unwrap();
        let configuration = ClusterConfiguration::new(json!({"spec": spec}));
        member_in_effect(effect(version, &config, &configuration), &JwtSecret::new("abc"))
    }

    #[test]
    fn a_members_role_shows_itself_in_each_version_its_own_way() {
        let named = "{authentication: {jwtSecret: abc}, multicluster: {clusterRole: member}}";
        let ageless = "{authentication: {jwtSecret: abc, oauthOptions: {accessTokenMaxAge: 0}}}";
        let bare = "{authentication: {jwtSecret: abc}}";
        let oauth = json!({"authentication": {"oauthOptions": {"clients": []}}});
        assert!(member_of("v3.4.1", named, &json!({})).is_done());
        assert!(!member_of("v3.4.1", ageless, &json!({})).is_done());
        assert!(member_of("v3.2.1", ageless, &json!({})).is_done());
        assert!(!member_of("v3.2.1", bare, &oauth).is_done());
        assert!(member_of("v3.1.1", bare, &oauth).is_done());
        assert!(!member_of("v3.1.1", bare, &json!({})).is_done());
    }

    #[test]
    fn another_secret_is_not_in_effect() {
        let other = "{authentication: {jwtSecret: xyz}, multicluster: {clusterRole: member}}";
        let Progress::Pending(reason) = member_of("v3.4.1", other, &json!({})) else { panic!("done") };
        assert_eq!(reason, "kubesphere-config does not carry the host's jwtSecret yet");
    }

    #[test]
    fn a_host_needs_kubefed_and_its_own_cluster() {
        let config = KubesphereConfig::parse(
            "{authentication: {jwtSecret: abc}, multicluster: {enable: true, clusterRole: host}}",
        )
        .unwrap();
        let secret = JwtSecret::new("abc");
        let bare = ClusterConfiguration::new(json!({}));
        let cluster = RegisteredCluster::new(json!({"metadata": {"name": "host"}}));
        let without_kubefed = Evidence { host_cluster: Some(&cluster), ..effect("v3.4.1", &config, &bare) };
        let enabled = ClusterConfiguration::new(json!({"status": {"multicluster": {"status": "enabled"}}}));
        let complete = Evidence { configuration: Some(&enabled), ..without_kubefed };
        let without_cluster = Evidence { host_cluster: None, ..complete };
        assert_eq!(
            host_in_effect(without_cluster, &secret),
            Progress::Registering("the host's own Cluster is not registered yet".to_owned())
        );
        assert_eq!(
            host_in_effect(without_kubefed, &secret),
            Progress::Pending("kubefed is not installed yet".to_owned())
        );
        assert_eq!(host_in_effect(complete, &secret), Progress::Done);
        assert!(!host_in_effect(complete, &JwtSecret::new("xyz")).is_done());
    }

    fn cluster(status: &Value) -> RegisteredCluster {
        RegisteredCluster::new(json!({"spec": {"joinFederation": true}, "status": status}))
    }

    #[test]
    fn a_cluster_is_joined_when_everything_is_true() {
        let conditions =
            json!([{"type": "Federated", "status": "True"}, {"type": "Ready", "status": "True"}]);
        let ready = cluster(&json!({"uid": "u", "kubeSphereVersion": "v3.4.1", "conditions": conditions}));
        let silent = cluster(&json!({"uid": "u", "conditions": conditions}));
        let nameless = cluster(&json!({"kubeSphereVersion": "v3.1.1", "conditions": conditions}));
        let of = |cluster, uid, version| membership(Some(cluster), uid, &differences(version));
        assert_eq!(of(&ready, "u", "v3.4.1"), Membership::Joined);
        assert_eq!(of(&ready, "x", "v3.4.1"), Membership::OtherCluster("u".to_owned()));
        assert_eq!(of(&silent, "u", "v3.4.1"), Membership::WithoutKubesphereVersion);
        assert_eq!(of(&nameless, "u", "v3.1.1"), Membership::Joined);
        assert!(matches!(of(&nameless, "u", "v3.3.2"), Membership::Pending(_)));
    }

    #[test]
    fn a_member_of_4_is_installed_before_it_is_ready() {
        let told = |conditions: Value| {
            let status = json!({"uid": "u", "kubeSphereVersion": "v4.1.3", "conditions": conditions});
            let cluster = RegisteredCluster::new(json!({"spec": {}, "status": status}));
            membership(Some(&cluster), "u", &differences("v4.1.3"))
        };
        let (core, ready) =
            (json!({"type": "KSCoreReady", "status": "True"}), json!({"type": "Ready", "status": "True"}));
        assert_eq!(told(json!([core, ready])), Membership::Joined);
        let pending = |what: &str| Membership::Pending(format!("the controller has not set {what} yet"));
        assert_eq!(told(json!([ready])), pending("KSCoreReady"));
        assert_eq!(told(json!([core])), pending("Ready"));
        let unreachable =
            json!({"type": "Ready", "status": "False", "reason": "Ready", "message": "dial tcp"});
        assert_eq!(told(json!([unreachable])), Membership::Failing("Ready is False: dial tcp".to_owned()));
    }

    fn differences(version: &str) -> Differences {
        Version::parse(version).unwrap().differences()
    }

    #[test]
    fn the_controllers_reason_is_told() {
        let refused = cluster(&json!({"conditions": [
            {"type": "Federated", "status": "False", "reason": "connection refused", "message": "Cluster can not join"},
        ]}));
        let expected = Membership::Failing("Federated is False: connection refused".to_owned());
        assert_eq!(membership(Some(&refused), "u", &differences("v3.4.1")), expected);
    }
}
