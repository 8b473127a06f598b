//! The chart ks-core: the objects that it makes of its values.
//!
//! Source: kubesphere `config/ks-core/templates@v4.1.1`, `@v4.1.3`.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    configuration::{Rendering, Settings, image},
    release, values, webhooks,
};
use crate::kubesphere::{
    Version,
    objects::SYSTEM,
    secret::{self, Confidential},
};

/// Of the many roles and templates that every cluster gets, one of each kind.
const OF_EACH_KIND: [(&str, &str); 5] = [
    ("BuiltinRole", "cluster-viewer"),
    ("GlobalRole", "platform-admin"),
    ("GlobalRoleBinding", "authenticated"),
    ("RoleTemplate", "cluster-view-nodes"),
    ("Category", "cluster-resources-management"),
];

/// One rendering of the chart.
pub(super) struct Chart {
    pub(super) version: Version,
    /// The values that were given.
    pub(super) given: Value,
    values: Value,
    role: String,
    host_cluster_name: String,
    jwt_secret: String,
}

impl Chart {
    /// The chart of this version with these values, on a cluster where this configuration is found: it stands in for
    /// what nobody gave.
    ///
    /// Source: kubesphere `config/ks-core/templates/_helpers.tpl@v4.1.3` (`multicluster.role`,
    /// `multicluster.hostClusterName`, `jwtSecret`).
    pub(super) fn new(version: Version, given: Value, found: &Settings) -> Self {
        let values = values::over(&values::shipped(version), &given);
        let section = if version.has_a_multicluster_section() { &values["multicluster"] } else { &values };
        let first = |given: &Value, found: &str, default: &str| {
            let candidates = [given.as_str().unwrap_or_default(), found, default];
            candidates.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
        };
        let found_role = if found.role == "none" { "host" } else { &found.role };
        let issuer = &values["authentication"]["issuer"];
        Self {
            role: first(&section["role"], found_role, "host"),
            host_cluster_name: first(&section["hostClusterName"], &found.host_cluster_name, "host"),
            jwt_secret: first(&issuer["jwtSecret"], &found.jwt_secret, &secret::random_jwt_secret()),
            version,
            given,
            values,
        }
    }

    /// What helm keeps of the chart itself.
    pub(super) fn kept(&self) -> Value {
        json!({
            "metadata": {"name": release::NAME, "version": self.version.chart(), "apiVersion": "v2",
                         "appVersion": self.version.release(), "type": "application",
                         "description": "A Helm chart for KubeSphere Core components"},
            "lock": null, "templates": [], "values": values::shipped(self.version), "schema": null, "files": null,
        })
    }

    /// All objects, in helm's order of installation and with its marks; the certificate of the webhooks is another one
    /// in each rendering.
    pub(super) fn objects(&self, confidential: &Confidential) -> Vec<Value> {
        confidential.add(self.jwt_secret.clone());
        let mut objects = self.accounts();
        let (certificate, authority) = webhooks::certificate(confidential);
        objects.insert(1, certificate);
        objects.push(self.configuration());
        objects.extend(self.services());
        objects.extend(self.deployments());
        objects.extend(self.custom_resources());
        objects.extend(webhooks::configurations(&authority));
        objects.into_iter().map(marked).collect()
    }

    /// Images that hooks use.
    pub(super) fn hook_image(&self) -> String {
        image(&self.values, "kubectl")
    }

    fn is_host(&self) -> bool {
        self.role == "host"
    }

    fn account(&self) -> &str {
        self.values["serviceAccount"]["name"].as_str().unwrap_or("kubesphere")
    }

    fn accounts(&self) -> Vec<Value> {
        let account = self.account();
        let labels = json!({
            "helm.sh/chart": format!("{}-{}", release::NAME, self.version.chart()),
            "app.kubernetes.io/name": release::NAME, "app.kubernetes.io/instance": release::NAME,
            "app.kubernetes.io/version": self.version.release(),
        });
        let mut token_labels = labels.clone();
        token_labels["kubesphere.io/service-account-token"] = "".into();
        vec![
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "labels": labels}}),
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                "metadata": {"name": format!("{account}-sa-token"), "labels": token_labels,
                             "annotations": {"kubernetes.io/service-account.name": account}},
            }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": account},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}],
            }),
        ]
    }

    fn text(&self) -> String {
        let Self { version, values, role, host_cluster_name, jwt_secret, .. } = self;
        Rendering { version: *version, values, role, host_cluster_name, jwt_secret }.text()
    }

    fn configuration(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubesphere-config"},
               "data": {"kubesphere.yaml": self.text()}})
    }

    /// A member's agent answers for both processes. The console gets any port of the nodes: a control plane that is used
    /// again has not given the chart's 30880 back.
    fn services(&self) -> Vec<Value> {
        let selected = |name: &str| {
            let app = if self.is_host() { name } else { "ks-agent" };
            if self.version.has_a_multicluster_section() {
                json!({"app": app})
            } else {
                json!({"app": app, "tier": "backend"})
            }
        };
        let port = |port: u16, target: u16| json!({"port": port, "protocol": "TCP", "targetPort": target});
        let mut services = vec![
            self.service("ks-apiserver", &selected("ks-apiserver"), "ClusterIP", &port(80, 9090)),
            self.service(
                "ks-controller-manager",
                &selected("ks-controller-manager"),
                "ClusterIP",
                &port(443, 8443),
            ),
        ];
        if self.is_host() {
            let mut port = port(80, 8000);
            port["name"] = "nginx".into();
            services.push(self.service("ks-console", &json!({"app": "ks-console"}), "NodePort", &port));
        }
        services
    }

    fn service(&self, name: &str, selector: &Value, kind: &str, port: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "labels": {"app": name, "version": self.version.release()}},
            "spec": {"selector": selector, "type": kind, "ports": [port]},
        })
    }

    fn deployments(&self) -> Vec<Value> {
        let apiserver = ("ks-apiserver", image(&self.values, "apiserver"));
        let controller = ("ks-controller-manager", image(&self.values, "controller"));
        if !self.is_host() {
            return vec![self.deployment("ks-agent", &[apiserver, controller])];
        }
        let mut deployments = vec![
            self.deployment("ks-apiserver", &[apiserver]),
            self.deployment("ks-controller-manager", &[controller]),
            self.deployment("ks-console", &[("ks-console", image(&self.values, "console"))]),
        ];
        if self.values["ksExtensionRepository"]["enabled"] == true {
            let museum = ("extensions-museum", image(&self.values, "ksExtensionRepository"));
            deployments.push(self.deployment("extensions-museum", &[museum]));
        }
        deployments
    }

    /// Pods are replaced when the configuration changes.
    fn deployment(&self, name: &str, containers: &[(&str, String)]) -> Value {
        let tier = if name == "ks-console" { "frontend" } else { "backend" };
        let labels = json!({"app": name, "tier": tier});
        let sum = Sha256::digest(self.text());
        let sum = sum.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let replicas =
            if name == "ks-agent" { self.values["agent"]["replicaCount"].clone() } else { 1.into() };
        let containers: Vec<Value> = containers
            .iter()
            .map(|(name, image)| json!({"name": name, "image": image, "imagePullPolicy": "IfNotPresent"}))
            .collect();
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "labels": {"app": name, "version": self.version.release()}},
            "spec": {
                "replicas": replicas, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels, "annotations": {"checksum/config": sum}},
                    "spec": {"serviceAccountName": self.account(), "containers": containers},
                },
            },
        })
    }

    /// The administrator, his role in a cluster, one of each other kind, and on a host the workspace of the system.
    fn custom_resources(&self) -> Vec<Value> {
        let iam = "iam.kubesphere.io/v1beta1";
        let rule = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
        let mut objects = vec![
            json!({
                "apiVersion": iam, "kind": "User",
                "metadata": {"name": "admin", "annotations": {"iam.kubesphere.io/uninitialized": "true",
                             "iam.kubesphere.io/globalrole": "platform-admin", "kubesphere.io/creator": "system"}},
                "spec": {"email": "admin@kubesphere.io"}, "status": {"state": "Active"},
            }),
            json!({"apiVersion": iam, "kind": "ClusterRole", "metadata": {"name": "cluster-admin"}, "rules": rule}),
        ];
        objects.extend(
            OF_EACH_KIND
                .map(|(kind, name)| json!({"apiVersion": iam, "kind": kind, "metadata": {"name": name}})),
        );
        if self.is_host() {
            objects.push(json!({
                "apiVersion": "tenant.kubesphere.io/v1beta1", "kind": "WorkspaceTemplate",
                "metadata": {"name": "system-workspace", "labels": {"kubesphere.io/protected-resource": "true"},
                             "annotations": {"kubesphere.io/creator": "admin"}},
                "spec": {"placement": {"clusterSelector": {}}, "template": {"spec": {"manager": "admin"}}},
            }));
        }
        objects
    }
}

/// With the release's namespace, where it has one, and with what says whose it is.
///
/// Source: helm `pkg/action/validate.go@v3.16.2` (`setMetadataVisitor`).
fn marked(mut object: Value) -> Value {
    const WITHOUT_NAMESPACE: [&str; 6] = [
        "ClusterRole",
        "ClusterRoleBinding",
        "MutatingWebhookConfiguration",
        "User",
        "ValidatingWebhookConfiguration",
        "WorkspaceTemplate",
    ];
    let is_of_each_kind = OF_EACH_KIND.iter().any(|(kind, _)| object["kind"] == *kind);
    if !is_of_each_kind && !WITHOUT_NAMESPACE.iter().any(|kind| object["kind"] == *kind) {
        object["metadata"]["namespace"] = SYSTEM.into();
    }
    object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm".into();
    object["metadata"]["annotations"]["meta.helm.sh/release-name"] = release::NAME.into();
    object["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = SYSTEM.into();
    object
}

/// Whether helm may take an object into this release.
pub(super) fn is_owned(object: &Value) -> bool {
    object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        && object["metadata"]["annotations"]["meta.helm.sh/release-name"] == release::NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(version: Version, given: Value, found: &Settings) -> Vec<Value> {
        Chart::new(version, given, found).objects(&Confidential::default())
    }

    fn find(objects: &[Value], kind: &str, name: &str) -> Value {
        let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
        objects.iter().find(is_it).cloned().unwrap_or_default()
    }

    #[test]
    fn a_member_has_an_agent_behind_the_service_of_the_apiserver() {
        for version in Version::PLAYED_OF_4 {
            let given = values::of_member(version, b"", "Abc").unwrap();
            let objects = rendered(version, given, &Settings::default());
            let service = find(&objects, "Service", "ks-apiserver");
            assert_eq!(service["spec"]["selector"]["app"], "ks-agent");
            let agent = find(&objects, "Deployment", "ks-agent");
            assert_eq!(agent["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 2);
            assert!(find(&objects, "Deployment", "ks-apiserver").is_null());
            assert!(find(&objects, "WorkspaceTemplate", "system-workspace").is_null());
            assert!(objects.iter().all(is_owned));
        }
    }

    #[test]
    fn what_nobody_gives_is_taken_from_the_configuration_that_is_there() {
        let found = Settings {
            role: "none".to_owned(),
            host_cluster_name: "hub".to_owned(),
            jwt_secret: "Abc".to_owned(),
            ..Settings::default()
        };
        let text = |objects: &[Value]| {
            let map = find(objects, "ConfigMap", "kubesphere-config");
            Settings::read(map["data"]["kubesphere.yaml"].as_str().unwrap())
        };
        let settings = text(&rendered(Version::V4_1_3, json!({}), &found));
        assert_eq!((settings.role.as_str(), settings.host_cluster_name.as_str()), ("host", "hub"));
        assert_eq!(settings.jwt_secret, "Abc");
        let settings = text(&rendered(Version::V4_1_3, json!({}), &Settings::default()));
        assert_eq!((settings.role.as_str(), settings.host_cluster_name.as_str()), ("host", "host"));
        assert_eq!(settings.jwt_secret.len(), 32);
        let settings = text(&rendered(Version::V4_1_1, json!({"role": "member"}), &found));
        assert_eq!(settings.role, "member");
    }
}
