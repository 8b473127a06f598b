//! kubesphere-config: rendered as the installer's template does, rewritten as the cluster controller does.

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;
use serde_yaml::{Mapping, Value as Yaml};

use super::{Version, pace};

/// What goes into one rendering of `kubesphere.yaml`.
pub struct Rendering<'a> {
    /// Whose template it is.
    pub version: Version,
    /// The spec that the run works on.
    pub spec: &'a Value,
    /// The value of Secret kubesphere-secret, which is where the template takes it from.
    pub jwt_secret: &'a str,
}

impl Rendering<'_> {
    /// The text of `data["kubesphere.yaml"]`.
    ///
    /// Booleans are Python's (`True`), as Jinja writes them; the jwtSecret stands in double quotes; blank lines and
    /// a trailing blank are the template's.
    ///
    /// Source: ks-installer `roles/ks-core/config/templates/kubesphere-config.yaml.j2` at each tag.
    pub fn text(&self) -> String {
        let mut text = self.authentication();
        text += "\n\n\n\n\n";
        text += "network:\n  ippoolType: none\n";
        text += &self.multicluster();
        text += "monitoring:\n";
        text += "  endpoint: http://prometheus-operated.kubesphere-monitoring-system.svc:9090\n";
        if self.version >= Version::V3_2 {
            text += "  enableGPUMonitoring: false\n";
            text += "gpu:\n  kinds: \n  - resourceName: nvidia.com/gpu\n    resourceType: GPU\n    default: True\n";
        }
        text += "notification:\n";
        text += "  endpoint: http://notification-manager-svc.kubesphere-monitoring-system.svc:19093\n\n\n";
        text += "gateway:\n  watchesPath: /var/helm-charts/watches.yaml\n";
        text += "  namespace: kubesphere-controls-system\n";
        if self.version >= Version::V3_3 {
            text += "  repository: kubesphere/nginx-ingress-controller\n  tag: v1.1.0\n";
            text += "terminal:\n  image: kubesphere/kubectl:v1.22.0\n  timeout: 600\n";
        }
        text
    }

    fn authentication(&self) -> String {
        let quoted = self.jwt_secret;
        let mut text = "authentication:\n  authenticateRateLimiterMaxTries: 10\n".to_owned();
        text += "  authenticateRateLimiterDuration: 10m0s\n  loginHistoryRetentionPeriod: 168h\n";
        text +=
            "  maximumClockSkew: 10s\n  multipleLogin: True\n  kubectlImage: kubesphere/kubectl:v1.22.0\n";
        let _ = writeln!(text, "  jwtSecret: \"{quoted}\"");
        text + &self.oauth_options()
    }

    /// 3.1 forgets the member's token age where options are given; 3.2 forgets the options; 3.3 writes both.
    ///
    /// Source: `kubesphere-config.yaml.j2@v3.1.1:12-17`, `@v3.2.1:12-27`, `@v3.3.2:12-23`.
    fn oauth_options(&self) -> String {
        const AGE: &str = "    accessTokenMaxAge: 0\n";
        const CLIENTS: &str = "    clients:\n    - name: kubesphere\n      secret: kubesphere\n      redirectURIs:\n      - '*'\n";
        let member = self.role() == "member";
        let given = self.given_oauth_options();
        let clients = if given.contains("clients:") { "" } else { CLIENTS };
        let options = match (self.version, member) {
            (Version::V3_0 | Version::V3_1, _) if !given.is_empty() => given,
            (Version::V3_0 | Version::V3_1 | Version::V3_2, true) => AGE.to_owned(),
            (Version::V3_0 | Version::V3_1, false) => return String::new(),
            (_, false) => given + clients,
            (_, true) => given + AGE + clients,
        };
        format!("  oauthOptions:\n{options}")
    }

    fn given_oauth_options(&self) -> String {
        let given = &self.spec["authentication"]["oauthOptions"];
        if given.is_null() {
            return String::new();
        }
        let yaml = serde_yaml::to_string(given).expect("JSON is YAML");
        yaml.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
    }

    fn multicluster(&self) -> String {
        let host = self.role() == "host";
        let mut text = String::new();
        if self.version.always_writes_the_role() {
            let _ = write!(text, "multicluster:\n  clusterRole: {}\n", self.role());
            text += if host { "" } else { "  enable: false\n" };
        } else if host {
            text += "multicluster:\n";
        }
        if host {
            text += "  enable: true\n  agentImage: kubesphere/tower:v0.2.0\n";
            text += "  proxyPublishService: tower.kubesphere-system.svc\n";
            text += &self.optional_fields();
        }
        text
    }

    /// 3.1 has no field in the spec for its resync; its key is written so that its pace is the test bed's.
    fn optional_fields(&self) -> String {
        if self.version <= Version::V3_1 {
            return format!(
                "  clusterControllerResyncSecond: {}\n",
                pace::go_duration(pace::scaled(pace::RESYNC))
            );
        }
        ["proxyPublishAddress", "clusterControllerResyncPeriod", "hostClusterName"]
            .into_iter()
            .filter_map(|name| Some((name, self.spec["multicluster"][name].as_str()?)))
            .filter(|(_, value)| !value.is_empty())
            .fold(String::new(), |text, (name, value)| format!("{text}  {name}: {value}\n"))
    }

    fn role(&self) -> &str {
        self.spec["multicluster"]["clusterRole"].as_str().unwrap_or("none")
    }
}

/// Names the cluster in its configuration and writes all of it anew, as Go's yaml.v2 prints the controller's struct:
/// fields in the struct's order, no needless quotes, durations as Go prints them (`0` becomes `0s`), fields that the
/// struct does not know are gone. Nothing is changed when the name stands there already.
///
/// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v3.4.1:548-575` (`setClusterNameInConfigMap`),
/// `pkg/apiserver/config/config.go@v3.4.1`.
pub fn named(text: &str, cluster: &str) -> Result<Option<String>, String> {
    let parsed: Yaml = serde_yaml::from_str(text).map_err(|error| format!("yaml: {error}"))?;
    if parsed["multicluster"]["clusterName"].as_str() == Some(cluster) {
        return Ok(None);
    }
    let mut rewritten = Mapping::new();
    for (section, fields) in STRUCT {
        let mut value = parsed.get(*section).cloned().unwrap_or(Yaml::Null);
        if *section == "multicluster" {
            value = with_name(value, cluster);
        }
        if !value.is_null() {
            rewritten.insert((*section).into(), in_order(value, fields));
        }
    }
    serde_yaml::to_string(&rewritten).map(Some).map_err(|error| error.to_string())
}

/// What the cluster controller and ks-apiserver take from a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// `multicluster.enable`.
    pub multicluster: bool,
    /// `multicluster.hostClusterName`, or `host`.
    pub host_cluster_name: String,
    /// How often every cluster is looked at.
    pub resync: Duration,
    /// The sections that are present, for configz.
    pub sections: Vec<String>,
}

impl Loaded {
    /// Reads a configuration; one that cannot be parsed counts as empty.
    pub fn read(text: &str, version: Version) -> Self {
        let parsed: Yaml = serde_yaml::from_str(text).unwrap_or(Yaml::Null);
        let section = &parsed["multicluster"];
        let key = if version <= Version::V3_1 {
            "clusterControllerResyncSecond"
        } else {
            "clusterControllerResyncPeriod"
        };
        let name = section["hostClusterName"].as_str().filter(|_| version.names_the_host());
        Self {
            multicluster: section["enable"].as_bool().unwrap_or(false),
            host_cluster_name: name.unwrap_or("host").to_owned(),
            resync: section[key].as_str().and_then(pace::parse_go_duration).unwrap_or(pace::RESYNC),
            sections: parsed.as_mapping().map(names).unwrap_or_default(),
        }
    }
}

const DURATIONS: [&str; 6] = [
    "authenticateRateLimiterDuration",
    "loginHistoryRetentionPeriod",
    "maximumClockSkew",
    "accessTokenMaxAge",
    "accessTokenInactivityTimeout",
    "clusterControllerResyncPeriod",
];

/// The sections in the order of Go's struct, each with the order of its fields where it matters.
const STRUCT: &[(&str, &[&str])] = &[
    ("devops", &[]),
    ("sonarQube", &[]),
    ("servicemesh", &[]),
    ("network", &[]),
    ("ldap", &[]),
    ("redis", &[]),
    ("s3", &[]),
    ("openpitrix", &[]),
    ("monitoring", &["endpoint", "enableGPUMonitoring"]),
    ("logging", &[]),
    (
        "authentication",
        &[
            "authenticateRateLimiterMaxTries",
            "authenticateRateLimiterDuration",
            "loginHistoryRetentionPeriod",
            "maximumClockSkew",
            "multipleLogin",
            "jwtSecret",
            "oauthOptions",
            "kubectlImage",
        ],
    ),
    (
        "multicluster",
        &[
            "enable",
            "proxyPublishService",
            "proxyPublishAddress",
            "agentImage",
            "clusterControllerResyncPeriod",
            "hostClusterName",
            "clusterName",
            "clusterRole",
        ],
    ),
    ("events", &[]),
    ("auditing", &[]),
    ("alerting", &[]),
    ("notification", &[]),
    ("gpu", &[]),
    ("gateway", &[]),
    ("terminal", &[]),
];

fn with_name(section: Yaml, cluster: &str) -> Yaml {
    let mut section = if let Yaml::Mapping(section) = section { section } else { Mapping::new() };
    section.insert("clusterName".into(), cluster.into());
    section.entry("enable".into()).or_insert(false.into());
    section.into()
}

fn in_order(value: Yaml, fields: &[&str]) -> Yaml {
    let Yaml::Mapping(mut rest) = value else { return value };
    let mut ordered = Mapping::new();
    for field in fields {
        if let Some(value) = rest.remove(*field) {
            ordered.insert((*field).into(), with_go_durations(field, value));
        }
    }
    if fields.is_empty() {
        ordered = rest;
    }
    ordered.into()
}

fn with_go_durations(field: &str, value: Yaml) -> Yaml {
    match value {
        Yaml::Mapping(fields) => fields
            .into_iter()
            .map(|(key, value)| {
                let value = with_go_durations(key.as_str().unwrap_or_default(), value);
                (key, value)
            })
            .collect::<Mapping>()
            .into(),
        Yaml::Number(ref number) if DURATIONS.contains(&field) => {
            pace::go_string(Duration::from_nanos(number.as_u64().unwrap_or_default())).into()
        }
        Yaml::String(ref text) if DURATIONS.contains(&field) => {
            pace::parse_go_duration(text).map_or(value.clone(), |duration| pace::go_string(duration).into())
        }
        other => other,
    }
}

fn names(sections: &Mapping) -> Vec<String> {
    sections.keys().filter_map(|key| key.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubesphere::specification::{merge, shipped};

    fn rendered(version: Version, changes: &Value) -> String {
        let mut spec = shipped(version);
        merge(&mut spec, changes);
        Rendering { version, spec: &spec, jwt_secret: "Abc" }.text()
    }

    fn parsed(text: &str) -> Yaml {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn a_member_shows_its_role_only_from_3_3_on() {
        let member = json!({"multicluster": {"clusterRole": "member"}});
        for version in Version::PLAYED {
            let config = parsed(&rendered(version, &member));
            assert_eq!(config["authentication"]["oauthOptions"]["accessTokenMaxAge"], Yaml::from(0));
            assert_eq!(config["authentication"]["jwtSecret"], Yaml::from("Abc"));
            let role = config["multicluster"]["clusterRole"].as_str();
            assert_eq!(role, (version >= Version::V3_3).then_some("member"));
        }
    }

    #[test]
    fn oauth_options_hide_the_member_in_3_1() {
        let member = json!({"multicluster": {"clusterRole": "member"},
                            "authentication": {"oauthOptions": {"accessTokenInactivityTimeout": "30m"}}});
        let age = |version| {
            parsed(&rendered(version, &member))["authentication"]["oauthOptions"]["accessTokenMaxAge"].clone()
        };
        assert_eq!(age(Version::V3_1), Yaml::Null);
        assert_eq!(age(Version::V3_2), Yaml::from(0));
        assert_eq!(age(Version::V3_4), Yaml::from(0));
    }

    #[test]
    fn a_host_is_enabled_in_every_version() {
        let host = json!({"multicluster": {"clusterRole": "host", "hostClusterName": "hub"}});
        for version in Version::PLAYED {
            let loaded = Loaded::read(&rendered(version, &host), version);
            assert!(loaded.multicluster);
            assert_eq!(loaded.host_cluster_name, if version == Version::V3_1 { "host" } else { "hub" });
            assert_eq!(loaded.resync, pace::scaled(pace::RESYNC));
        }
        assert!(!Loaded::read(&rendered(Version::V3_4, &json!({})), Version::V3_4).multicluster);
    }

    #[test]
    fn naming_rewrites_everything() {
        let text = rendered(Version::V3_4, &json!({"multicluster": {"clusterRole": "member"}}));
        assert!(text.starts_with("authentication:") && text.contains("jwtSecret: \"Abc\""));
        let renamed = named(&text, "m1").unwrap().unwrap();
        assert!(renamed.starts_with("network:"), "{renamed}");
        assert!(renamed.contains("  jwtSecret: Abc\n"));
        assert!(renamed.contains("accessTokenMaxAge: 0s\n"));
        assert!(renamed.contains("loginHistoryRetentionPeriod: 168h0m0s\n"));
        assert!(renamed.contains("  clusterName: m1\n  clusterRole: member\n"));
        assert_eq!(named(&renamed, "m1").unwrap(), None);
    }
}
