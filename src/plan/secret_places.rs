//! Where a cluster keeps its jwtSecret, and what stands there.

use std::fmt;

use kubesphere::{
    cluster_configuration::{self, ClusterConfiguration},
    devops_config,
    jwt_secret::JwtSecret,
    kubesphere_config::{self, KubesphereConfig},
    role::Role,
    side::Side,
};
use serde_json::Value as Json;

use super::observed::Seen;

/// Where the ClusterConfiguration asks for a secret.
const ASKED_AT: &str = "/spec/authentication/jwtSecret";

/// One of the objects that have the secret, or a copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The ConfigMap kubesphere-config: what is in effect.
    Config,
    /// The Secret kubesphere-secret, from which the ConfigMap is rendered.
    Secret,
    /// The ClusterConfiguration ks-installer: what the next run of the installer brings into effect.
    Configuration,
    /// The ConfigMap devops-config: what DevOps runs with.
    Devops,
}

impl Place {
    /// All of them, what is in effect first.
    pub const ALL: [Self; 4] = [Self::Config, Self::Secret, Self::Configuration, Self::Devops];

    /// The object's kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Config | Self::Devops => "ConfigMap",
            Self::Secret => "Secret",
            Self::Configuration => cluster_configuration::KIND,
        }
    }

    /// The object's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => kubesphere_config::NAME,
            Self::Secret => kubesphere_config::SECRET_NAME,
            Self::Configuration => cluster_configuration::NAME,
            Self::Devops => devops_config::NAME,
        }
    }

    /// The object's namespace.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Devops => devops_config::NAMESPACE,
            Self::Config | Self::Secret | Self::Configuration => cluster_configuration::NAMESPACE,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind(), self.name())
    }
}

/// What stands in a place that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Set(JwtSecret),
    /// The key is there and its value is empty: in a ClusterConfiguration that keeps the present secret.
    Empty,
    /// The key is missing.
    Unset,
}

impl Value {
    fn of(secret: Option<&JwtSecret>) -> Self {
        match secret {
            None => Self::Unset,
            Some(secret) if secret.expose().is_empty() => Self::Empty,
            Some(secret) => Self::Set(secret.clone()),
        }
    }
}

/// The secret that a cluster signs and checks tokens with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InEffect {
    pub secret: JwtSecret,
    /// Where it was seen: in kubesphere-config, or in the Secret that it is rendered from.
    pub place: Place,
}

/// What was seen of the places of one cluster.
#[derive(Clone, Debug)]
pub struct SecretPlaces {
    pub side: Side,
    /// The UID of its namespace kube-system, where it may be read.
    pub uid: Option<String>,
    pub config: Seen<KubesphereConfig>,
    /// The secret in the Secret kubesphere-secret.
    pub secret: Seen<JwtSecret>,
    /// The ClusterConfiguration ks-installer.
    pub configuration: Seen<ClusterConfiguration>,
    pub devops: Seen<KubesphereConfig>,
}

impl SecretPlaces {
    /// A cluster of which nothing could be seen, and why.
    pub fn unseen(side: Side, why: &str) -> Self {
        Self {
            side,
            uid: None,
            config: Seen::Unreadable(why.to_owned()),
            secret: Seen::Unreadable(why.to_owned()),
            configuration: Seen::Unreadable(why.to_owned()),
            devops: Seen::Unreadable(why.to_owned()),
        }
    }

    /// Where this cluster's KubeSphere has it: 4 in one place only, whatever an upgrade from 3.4 has left (kubesphere
    /// `config/ks-core/templates/kubesphere-config.yaml@v4.1.3`).
    pub fn places(&self) -> &'static [Place] {
        if self.is_version_4() { &[Place::Config] } else { &Place::ALL }
    }

    /// The key of the secret in kubesphere-config.
    pub fn key(&self) -> &'static str {
        if self.is_version_4() { "authentication.issuer.jwtSecret" } else { "authentication.jwtSecret" }
    }

    /// What stands in a place.
    pub fn value(&self, place: Place) -> Seen<Value> {
        let of_config = |config: KubesphereConfig| Seen::Present(Value::of(config.effective_secret()));
        match place {
            Place::Config => self.config.clone().and_then(of_config),
            Place::Devops => self.devops.clone().and_then(of_config),
            Place::Secret => self.secret.clone().and_then(|secret| Seen::Present(Value::of(Some(&secret)))),
            Place::Configuration => self.configuration.clone().and_then(|found| asked(&found)),
        }
    }

    /// The secret in a place, where there is one.
    pub fn secret_in(&self, place: Place) -> Option<JwtSecret> {
        match self.value(place) {
            Seen::Present(Value::Set(secret)) => Some(secret),
            _ => None,
        }
    }

    /// The secret in effect: kubesphere-config's, else the copy that it is rendered from. An empty one in
    /// kubesphere-config is none: ks-apiserver does not start with it (kubesphere #5376).
    pub fn in_effect(&self) -> Option<InEffect> {
        let place = match self.value(Place::Config) {
            Seen::Present(Value::Set(_) | Value::Empty) => Place::Config,
            _ => Place::Secret,
        };
        self.secret_in(place).map(|secret| InEffect { secret, place })
    }

    /// Whether there is no trace of KubeSphere.
    pub fn is_without_kubesphere(&self) -> bool {
        self.config == Seen::Absent && self.configuration == Seen::Absent
    }

    /// Whether this is KubeSphere 4, which keeps its secret under `authentication.issuer` and hands it to its members
    /// itself (kubesphere `pkg/controller/cluster/helper.go@v4.1.3`).
    pub fn is_version_4(&self) -> bool {
        self.config.present().is_some_and(KubesphereConfig::has_issuer)
    }

    /// Whether the cluster asks to be, or works as, a member.
    pub fn is_member(&self) -> bool {
        let asks = self.configuration.present().map(ClusterConfiguration::role);
        let works = self.config.present().and_then(|config| config.role.clone());
        [asks, works].contains(&Some(Role::Member))
    }

    /// Whether the cluster asks to be, or works as, a host; `None` where neither can be read.
    pub fn is_host(&self) -> Option<bool> {
        let asks = self.configuration.present().map(|found| found.role() == Role::Host);
        let works = self
            .config
            .present()
            .map(|config| config.multicluster_enabled || config.role == Some(Role::Host));
        asks.max(works)
    }
}

fn asked(configuration: &ClusterConfiguration) -> Seen<Value> {
    match configuration.object().pointer(ASKED_AT) {
        None | Some(Json::Null) => Seen::Present(Value::Unset),
        Some(Json::String(text)) => Seen::Present(Value::of(Some(&JwtSecret::new(text)))),
        Some(_) => Seen::Malformed("spec.authentication.jwtSecret is not a text".to_owned()),
    }
}

/// A healthy cluster with this secret in effect, to change into what a test is about.
#[cfg(test)]
pub fn fixture(side: Side, secret: &str) -> SecretPlaces {
    SecretPlaces {
        uid: Some(side.to_string()),
        side,
        config: config_with(secret),
        secret: Seen::Present(JwtSecret::new(secret)),
        configuration: configuration_asking(&serde_json::json!({"authentication": {"jwtSecret": ""}})),
        devops: Seen::Absent,
    }
}

/// kubesphere-config, or devops-config, with this secret.
#[cfg(test)]
pub fn config_with(secret: &str) -> Seen<KubesphereConfig> {
    let text = format!("authentication: {{jwtSecret: {}}}", serde_json::json!(secret));
    Seen::Present(KubesphereConfig::parse(&text).unwrap())
}

/// A ClusterConfiguration with this spec.
#[cfg(test)]
pub fn configuration_asking(spec: &Json) -> Seen<ClusterConfiguration> {
    Seen::Present(ClusterConfiguration::new(serde_json::json!({ "spec": spec })))
}

#[cfg(test)]
mod tests {
    use kubesphere::{kubesphere_config::KubesphereConfig, side::Side};
    use serde_json::json;

    use super::{Place, Value, config_with, configuration_asking, fixture};
    use crate::plan::observed::Seen;

    fn host() -> super::SecretPlaces {
        fixture(Side::host("prod"), "abc")
    }

    #[test]
    fn a_missing_key_and_an_empty_value_are_told_apart() {
        let mut host = host();
        assert_eq!(host.value(Place::Configuration), Seen::Present(Value::Empty));
        for spec in [json!({}), json!({"authentication": {}}), json!({"authentication": {"jwtSecret": null}})]
        {
            host.configuration = configuration_asking(&spec);
            assert_eq!(host.value(Place::Configuration), Seen::Present(Value::Unset));
        }
        host.configuration = configuration_asking(&json!({"authentication": {"jwtSecret": 42}}));
        assert!(matches!(host.value(Place::Configuration), Seen::Malformed(_)));
        assert_eq!(host.value(Place::Devops), Seen::Absent);
    }

    #[test]
    fn the_copy_stands_in_only_where_kubesphere_config_tells_nothing() {
        let mut host = host();
        assert_eq!(host.in_effect().unwrap().place, Place::Config);
        let without = Seen::Present(KubesphereConfig::parse("multicluster: {}").unwrap());
        for config in [Seen::Absent, Seen::Unreadable("forbidden".to_owned()), without] {
            host.config = config;
            assert_eq!(host.in_effect().unwrap().place, Place::Secret);
        }
        host.config = config_with("");
        assert_eq!(host.in_effect(), None);
    }

    #[test]
    fn a_member_is_known_by_what_it_asks_for_or_works_as() {
        let mut host = host();
        assert!(!host.is_member());
        host.configuration = configuration_asking(&json!({"multicluster": {"clusterRole": "member"}}));
        assert!(host.is_member());
        host.configuration = Seen::Unreadable("forbidden".to_owned());
        assert!(!host.is_member());
        let working = KubesphereConfig::parse("multicluster: {clusterRole: member}").unwrap();
        host.config = Seen::Present(working);
        assert!(host.is_member());
    }
}
