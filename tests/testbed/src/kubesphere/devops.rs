//! DevOps, as far as it has a jwtSecret of its own.

use serde_json::json;
use serde_yaml::{Mapping, Value as Yaml};

use super::{Peculiarity, Role, Version, fixture::Facts, objects, secret, site::Site};

/// The namespace of ks-devops.
pub const NAMESPACE: &str = "kubesphere-devops-system";

/// Whether this version's DevOps is ks-devops, which has its own configuration; before, it was part of
/// ks-controller-manager.
fn has_configuration(version: Version) -> bool {
    version >= Version::V3_2
}

/// DevOps as it was installed with the cluster: a member was none then, and had another secret than its host's.
pub async fn install_long_ago(site: &Site, facts: &Facts) -> kube::Result<()> {
    if !site.installation.has(&Peculiarity::DevOps) {
        return Ok(());
    }
    let secret = match site.installation.role {
        Role::Member | Role::MemberElsewhere => secret::random_jwt_secret(),
        Role::None | Role::Host => facts.jwt_secret.clone(),
    };
    install(site, &secret).await
}

/// What helm and the init containers leave: a ConfigMap with the secret of the moment, which nothing writes again.
///
/// Source: ks-installer `roles/ks-devops/tasks/ci.yaml`; ks-devops-helm-chart `charts/ks-devops/templates/config.yaml`.
pub async fn install(site: &Site, jwt_secret: &str) -> kube::Result<()> {
    if !has_configuration(site.version()) {
        return Ok(());
    }
    let token = secret::static_token(jwt_secret);
    site.confidential.add(jwt_secret);
    site.confidential.add(token.clone());
    let client = site.client();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    objects::ensure(&client, &namespace).await?;
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "devops-config", "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "devops", "meta.helm.sh/release-namespace": NAMESPACE},
        },
        "data": {"kubesphere.yaml": configuration(jwt_secret, &token)},
    });
    objects::ensure(&client, &object).await
}

/// The chart's text after the init container has parsed it as maps of texts and written it again: keys in order,
/// numbers as texts, comments gone, the last line without its end.
///
/// Source: ks-devops `cmd/tools/jwt/app/jwt_root.go` (`updateToken`).
fn configuration(jwt_secret: &str, token: &str) -> String {
    let section = |fields: &[(&str, &str)]| -> Yaml {
        let fields = fields.iter().map(|(key, value)| (Yaml::from(*key), Yaml::from(*value)));
        fields.collect::<Mapping>().into()
    };
    let authentication = section(&[
        ("authenticateRateLimiterDuration", "10m0s"),
        ("authenticateRateLimiterMaxTries", "10"),
        ("jwtSecret", jwt_secret),
        ("loginHistoryRetentionPeriod", "168h"),
        ("maximumClockSkew", "10s"),
    ]);
    let devops = section(&[
        ("host", "http://devops-jenkins.kubesphere-devops-system"),
        ("maxConnections", "100"),
        ("namespace", NAMESPACE),
        ("password", token),
        ("username", "admin"),
        ("workerNamespace", "kubesphere-devops-worker"),
    ]);
    let sections = Mapping::from_iter([("authentication".into(), authentication), ("devops".into(), devops)]);
    serde_yaml::to_string(&sections).expect("texts are YAML").trim_end().to_owned()
}
