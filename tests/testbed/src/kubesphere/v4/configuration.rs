//! kubesphere-config of 4: rendered as the chart does, and read as the controller does.
//!
//! Source: kubesphere `config/ks-core/templates/kubesphere-config.yaml@v4.1.1`, `@v4.1.3`.

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;

use crate::kubesphere::{Version, pace};

/// What goes into a rendering.
pub struct Rendering<'a> {
    pub version: Version,
    /// The chart's values with those that were given.
    pub values: &'a Value,
    pub role: &'a str,
    pub host_cluster_name: &'a str,
    pub jwt_secret: &'a str,
}

impl Rendering<'_> {
    /// The text of `data["kubesphere.yaml"]`.
    ///
    /// One key is added that the chart does not write, `clusterControllerResyncPeriod`, so that the controller and
    /// whoever waits for it keep the test bed's pace.
    pub fn text(&self) -> String {
        let values = self.values;
        let mut text = self.authentication();
        text += "s3:\n  endpoint: \"\"\n  region: us-east-1\n  disableSSL: true\n  forcePathStyle: true\n";
        text += "  accessKeyID: admin\n  secretAccessKey: admin\n  bucket: uploads\n";
        let _ = writeln!(text, "multicluster:\n  clusterRole: \"{}\"", self.role);
        let _ = writeln!(text, "  hostClusterName: \"{}\"", self.host_cluster_name);
        let period = pace::go_duration(pace::scaled(pace::RESYNC_OF_4));
        let _ = writeln!(text, "  clusterControllerResyncPeriod: {period}");
        if self.version.has_a_multicluster_section() {
            text += "kubeconfig:\n  # service-account-token client-certificate oidc-token webhook-token\n";
            text += "  authMode: client-certificate\n";
        }
        let kubectl = image(values, "kubectl");
        let _ = writeln!(text, "terminal:\n  kubectl:\n    image: \"{kubectl}\"");
        let _ = writeln!(text, "  node:\n    image: \"{kubectl}\"\n  uploadFileLimit: 100Mi");
        let _ = writeln!(text, "helmExecutor:\n  image: \"{}\"", image(values, "helmExecutor"));
        text += "  timeout: 10m\n  historyMax: 2\n  jobTTLAfterFinished: 0s\n";
        text += "extension:\n  imageRegistry: \"\"\nexperimental:\n  validationDirective: \"\"\n";
        text += "composedApp:\n  appSelector: \"\"\nkubesphere:\n  tls: false\n";
        text += "auditing:\n  auditLevel: Metadata\n  enable: false\n";
        text
    }

    fn authentication(&self) -> String {
        let given = &self.values["authentication"];
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let portal = &self.values["portal"];
        let url = format!("http://{}:{}", text(&portal["hostname"]), text(&portal["http"]["port"]));
        let age =
            if self.role == "member" { "0s".to_owned() } else { text(&given["issuer"]["accessTokenMaxAge"]) };
        format!(
            "authentication:\n  authenticateRateLimiterMaxTries: {}\n  authenticateRateLimiterDuration: {}\n  \
             loginHistoryRetentionPeriod: {}\n  multipleLogin: true\n  issuer:\n    url: \"{url}\"\n    jwtSecret: \
             \"{}\"\n    maximumClockSkew: {}\n    accessTokenMaxAge: {age}\n    accessTokenInactivityTimeout: {}\n",
            text(&given["authenticateRateLimiterMaxTries"]),
            text(&given["authenticationRateLimiterDuration"]),
            text(&given["loginHistoryRetentionPeriod"]),
            self.jwt_secret,
            text(&given["issuer"]["maximumClockSkew"]),
            text(&given["issuer"]["accessTokenInactivityTimeout"]),
        )
    }
}

/// The name of a component's image.
///
/// Source: kubesphere `config/ks-core/templates/_images.tpl@v4.1.3` (`common.images.image`).
pub(super) fn image(values: &Value, component: &str) -> String {
    let (global, root) = (&values["global"], &values[component]["image"]);
    let given = |value: &Value| {
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned).or_else(|| match value {
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let registry = given(&root["registry"]).or_else(|| given(&global["imageRegistry"])).unwrap_or_default();
    let tag = given(&root["tag"]).or_else(|| given(&global["tag"])).unwrap_or_default();
    format!("{registry}/{}:{tag}", given(&root["repository"]).unwrap_or_default())
}

/// What ks-controller-manager and helm take from a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `multicluster.clusterRole`.
    pub role: String,
    /// `multicluster.hostClusterName`; empty where there is none.
    pub host_cluster_name: String,
    /// `authentication.issuer.jwtSecret`.
    pub jwt_secret: String,
    /// `helmExecutor.image`.
    pub helm_image: String,
    /// How often a Cluster that is in order is looked at.
    pub resync: Duration,
}

impl Settings {
    /// Reads a configuration; one that cannot be parsed counts as empty.
    pub fn read(text: &str) -> Self {
        let parsed: Value = serde_yaml::from_str(text).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let section = &parsed["multicluster"];
        let period = section["clusterControllerResyncPeriod"].as_str().and_then(pace::parse_go_duration);
        Self {
            role: text(&section["clusterRole"]),
            host_cluster_name: text(&section["hostClusterName"]),
            jwt_secret: text(&parsed["authentication"]["issuer"]["jwtSecret"]),
            helm_image: text(&parsed["helmExecutor"]["image"]),
            resync: period.unwrap_or_else(|| pace::scaled(pace::RESYNC_OF_4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubesphere::v4::values;

    #[test]
    fn a_configuration_has_the_layout_of_4() {
        for version in Version::PLAYED_OF_4 {
            let values = values::shipped(version);
            let (role, host_cluster_name, jwt_secret) = ("member", "hub", "Abc");
            let rendering = Rendering { version, values: &values, role, host_cluster_name, jwt_secret };
            let parsed: Value = serde_yaml::from_str(&rendering.text()).unwrap();
            assert_eq!(parsed["authentication"]["issuer"]["accessTokenMaxAge"], "0s");
            assert_eq!(parsed["kubeconfig"].is_null(), version == Version::V4_1_1);
            let settings = Settings::read(&rendering.text());
            assert_eq!((settings.role.as_str(), settings.host_cluster_name.as_str()), ("member", "hub"));
            assert_eq!(settings.jwt_secret, "Abc");
            assert_eq!(settings.resync, Duration::from_secs(15));
        }
    }

    #[test]
    fn images_come_from_where_the_values_say() {
        let given =
            json!({"global": {"imageRegistry": "registry.example"}, "apiserver": {"image": {"tag": "mine"}}});
        let values = values::over(&values::shipped(Version::V4_1_3), &given);
        assert_eq!(image(&values, "apiserver"), "registry.example/kubesphere/ks-apiserver:mine");
        assert_eq!(image(&values, "kubectl"), "registry.example/kubesphere/kubectl:v1.27.16");
        let shipped = values::shipped(Version::V4_1_1);
        assert_eq!(image(&shipped, "controller"), "docker.io/kubesphere/ks-controller-manager:v4.1.1");
    }
}
