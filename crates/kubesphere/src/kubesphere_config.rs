//! The ConfigMap `kubesphere-config`: what is in effect, as ks-apiserver reads it.

use std::time::Duration;

use serde_json::Value;

use super::{jwt_secret::JwtSecret, known_secrets::learn_named, role::Role};

pub const NAME: &str = "kubesphere-config";
/// The key whose value is a YAML text.
pub const KEY: &str = "kubesphere.yaml";
/// The Secret with the second copy of the jwtSecret (ks-installer `roles/ks-core/init-token`).
pub const SECRET_NAME: &str = "kubesphere-secret";
/// The key of the jwtSecret in that Secret.
pub const SECRET_KEY: &str = "secret";

/// How often the cluster controller looks at a Cluster again
/// (kubesphere `pkg/simple/client/multicluster/options.go@v3.4.1:28`).
pub const DEFAULT_RESYNC: Duration = Duration::from_secs(120);
/// And how often from KubeSphere 4 on (kubesphere `pkg/multicluster/options.go@v4.1.3`).
pub const DEFAULT_RESYNC_4: Duration = Duration::from_secs(900);

/// The parts of `kubesphere.yaml` that a join is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubesphereConfig {
    /// `authentication.jwtSecret`: the secret in effect.
    pub jwt_secret: Option<JwtSecret>,
    /// `authentication.issuer.jwtSecret`, where KubeSphere 4 has it.
    pub issuer_secret: Option<JwtSecret>,
    /// Whether `authentication.oauthOptions.accessTokenMaxAge` is 0, as the installer sets it on members.
    pub tokens_never_age: bool,
    /// `multicluster.enable`: the cluster controller runs.
    pub multicluster_enabled: bool,
    /// `multicluster.clusterRole`, from 3.3.
    pub role: Option<Role>,
    /// `multicluster.clusterName`, which a host's controller writes once the cluster is Ready (from 3.3).
    pub cluster_name: Option<String>,
    /// `multicluster.hostClusterName`: what a host calls itself.
    pub host_cluster_name: Option<String>,
    /// The cluster controller's resync period.
    pub resync: Duration,
    /// The resource version of the ConfigMap, where it was read from one.
    pub resource_version: Option<String>,
}

impl KubesphereConfig {
    /// Reads the text of `kubesphere.yaml`.
    ///
    /// A key that stands twice counts with its last value: the template of 3.3 writes
    /// `accessTokenMaxAge` twice where the user has set it too (`kubesphere-config.yaml.j2@v3.3.2:12-23`).
    /// The error names line and column, never content.
    pub fn parse(text: &str) -> Result<Self, String> {
        let yaml: Value = serde_yaml::from_str(text).map_err(|error| match error.location() {
            Some(at) => format!("not YAML at line {} column {}", at.line(), at.column()),
            None => "not YAML".to_owned(),
        })?;
        if !yaml.is_object() {
            return Err("not a mapping".to_owned());
        }
        learn_named(&yaml);
        let text_at = |pointer| yaml.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let issuer = yaml.pointer("/authentication/issuer/jwtSecret");
        let default_resync = if issuer.is_some() { DEFAULT_RESYNC_4 } else { DEFAULT_RESYNC };
        Ok(Self {
            jwt_secret: yaml.pointer("/authentication/jwtSecret").and_then(scalar_text).map(JwtSecret::new),
            issuer_secret: issuer.map(|secret| JwtSecret::new(scalar_text(secret).unwrap_or_default())),
            tokens_never_age: yaml
                .pointer("/authentication/oauthOptions/accessTokenMaxAge")
                .is_some_and(is_zero),
            multicluster_enabled: yaml.pointer("/multicluster/enable") == Some(&Value::Bool(true)),
            role: text_at("/multicluster/clusterRole").map(Role::parse),
            cluster_name: text_at("/multicluster/clusterName").map(str::to_owned),
            host_cluster_name: text_at("/multicluster/hostClusterName").map(str::to_owned),
            resync: resync(&yaml).unwrap_or(default_resync),
            resource_version: None,
        })
    }

    /// The name by which KubeSphere 4 finds its own Cluster; once it calls itself otherwise, its earlier one keeps the label of a
    /// host's (kubesphere `cluster_controller.go@v4.1.3:193`).
    pub fn name_of_own_cluster(&self) -> Option<&str> {
        self.host_cluster_name.as_deref().filter(|_| self.has_issuer())
    }

    /// The secret in effect, wherever this version keeps it.
    pub fn effective_secret(&self) -> Option<&JwtSecret> {
        self.issuer_secret.as_ref().or(self.jwt_secret.as_ref())
    }

    /// Whether it is KubeSphere 4's, which keeps its secret under `authentication.issuer`
    /// (kubesphere `config/ks-core/templates/kubesphere-config.yaml@v4.1.3`).
    pub fn has_issuer(&self) -> bool {
        self.issuer_secret.is_some()
    }
}

/// A generated secret of digits alone is a number to YAML where a template left out the quotes.
fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a duration is 0, as a number or as Go writes it.
pub(super) fn is_zero(age: &Value) -> bool {
    age.as_f64() == Some(0.0) || age.as_str().and_then(go_duration).is_some_and(|age| age.is_zero())
}

/// `clusterControllerResyncPeriod`; in 3.1 `clusterControllerResyncSecond`.
fn resync(yaml: &Value) -> Option<Duration> {
    let multicluster = yaml.get("multicluster")?;
    let value = ["clusterControllerResyncPeriod", "clusterControllerResyncSecond"]
        .iter()
        .find_map(|key| multicluster.get(key))?;
    value.as_str().and_then(go_duration).filter(|period| !period.is_zero())
}

/// Go's longest duration (`time.Duration` counts nanoseconds in 64 bits), some 292 years.
const LONGEST_DURATION: Duration = Duration::from_nanos(i64::MAX.cast_unsigned());

/// A duration as Go writes it: `2m0s`, `1h30m`, `1.5s`, `0`.
pub fn go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let (digits, tail) = rest.split_at(number);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        seconds += digits.parse::<f64>().ok()? * unit_seconds(&tail[..unit])?;
        rest = &tail[unit..];
    }
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= LONGEST_DURATION);
    duration.filter(|_| !text.is_empty())
}

fn unit_seconds(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1e-9),
        "us" | "µs" => Some(1e-6),
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DEFAULT_RESYNC, KubesphereConfig, go_duration};
    use crate::role::Role;

    const MEMBER_3_3: &str = r#"
authentication:
  authenticateRateLimiterMaxTries: 10
  jwtSecret: "abc"
  oauthOptions:
    accessTokenMaxAge: 1h
    clients: [{name: kubesphere}]
    accessTokenMaxAge: 0
multicluster:
  clusterRole: member
  enable: false
"#;

    #[test]
    fn a_key_that_stands_twice_counts_with_its_last_value() {
        let config = KubesphereConfig::parse(MEMBER_3_3).unwrap();
        assert!(config.tokens_never_age);
        assert_eq!(config.role, Some(Role::Member));
        assert!(!config.multicluster_enabled);
        assert_eq!(config.jwt_secret.unwrap().expose(), "abc");
        assert_eq!(config.resync, DEFAULT_RESYNC);
    }

    #[test]
    fn what_the_controller_wrote_again_reads_alike() {
        let text = "authentication:\n    jwtSecret: abc\n    oauthOptions:\n        accessTokenMaxAge: 0s\nmulticluster:\n    clusterControllerResyncPeriod: 2s\n    clusterName: member1\n    clusterRole: member\n";
        let config = KubesphereConfig::parse(text).unwrap();
        assert!(config.tokens_never_age);
        assert_eq!(config.cluster_name.as_deref(), Some("member1"));
        assert_eq!(config.resync, Duration::from_secs(2));
    }

    #[test]
    fn kubesphere_4_looks_less_often_unless_it_says_otherwise() {
        let resync = |multicluster: &str| {
            let text =
                format!("{{authentication: {{issuer: {{jwtSecret: abc}}}}, multicluster: {multicluster}}}");
            KubesphereConfig::parse(&text).unwrap().resync
        };
        assert_eq!(resync("{}"), Duration::from_secs(900));
        assert_eq!(resync("{clusterControllerResyncPeriod: 30s}"), Duration::from_secs(30));
    }

    #[test]
    fn a_malformed_text_is_described_without_its_content() {
        let error = KubesphereConfig::parse("authentication:\n  jwtSecret: \"abc\n").unwrap_err();
        assert!(error.starts_with("not YAML"), "{error}");
        assert!(!error.contains("abc"), "{error}");
        assert_eq!(KubesphereConfig::parse("plain").unwrap_err(), "not a mapping");
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(go_duration("2m0s"), Some(Duration::from_secs(120)));
        assert_eq!(go_duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(go_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(go_duration("0"), Some(Duration::ZERO));
        assert!(go_duration("2562047h").is_some());
        assert_eq!(go_duration("2562048h"), None, "Go cannot say it");
        for text in ["", "5", "s", "2x", "-1s"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
