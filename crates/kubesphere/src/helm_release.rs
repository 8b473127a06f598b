//! What helm keeps of a release: one Secret for each revision.

use serde::Deserialize;
use serde_json::Value;

use super::{jwt_secret::JwtSecret, known_secrets::learn_named};

/// The key of the record in its Secret.
pub const KEY: &str = "release";
/// How helm marks what belongs to a release (helm `pkg/action/validate.go@v3.16.2`).
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "Helm");
pub const RELEASE_NAME: &str = "meta.helm.sh/release-name";
pub const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// What helm leaves when it uninstalls a release (helm `pkg/action/resource_policy.go@v3.16.2`).
pub const POLICY: &str = "helm.sh/resource-policy";
pub const KEEP: &str = "keep";

/// The order in which helm deletes what a release consists of; other kinds come last, by their names
/// (helm `pkg/releaseutil/kind_sorter.go@v3.16.2`, `UninstallOrder`).
const ORDER: [&str; 36] = [
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// What a revision of ks-core says of itself, without the secrets that stand beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelmRelease {
    /// The host's secret, with which it was installed.
    pub secret: Option<JwtSecret>,
    /// What it consists of, in the order in which it is deleted.
    pub objects: Vec<ListedObject>,
    /// What its hooks are made of: helm deletes them by their own rules.
    pub hooks: Vec<ListedObject>,
}

/// An object as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// `v1`, `apps/v1`, …
    pub api_version: String,
    pub kind: String,
    /// Where the manifest says one.
    pub namespace: Option<String>,
    pub name: String,
    /// Whether it stays when the release goes.
    pub is_kept: bool,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    manifest: String,
    #[serde(default)]
    hooks: Vec<Hook>,
    #[serde(default)]
    config: Value,
}

#[derive(Deserialize)]
struct Hook {
    #[serde(default)]
    manifest: String,
}

impl HelmRelease {
    /// Reads the record, unpacked. The error names no content.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let record: Record = serde_json::from_slice(json).map_err(|_| "it is not helm's JSON".to_owned())?;
        learn_named(&record.config);
        let secret = record.config.pointer("/authentication/issuer/jwtSecret").and_then(Value::as_str);
        let mut objects = listed(&record.manifest)?;
        objects.sort_by_key(|object| place(&object.kind));
        let hooks = record.hooks.iter().map(|hook| listed(&hook.manifest)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { secret: secret.map(JwtSecret::new), objects, hooks: hooks.into_iter().flatten().collect() })
    }
}

/// Those of one kind stay in the order of the manifest.
fn place(kind: &str) -> (usize, String) {
    let known = ORDER.iter().position(|known| *known == kind);
    known.map_or_else(|| (ORDER.len(), kind.to_owned()), |place| (place, String::new()))
}

/// The objects of a manifest; a template that renders to nothing leaves an empty document.
fn listed(manifest: &str) -> Result<Vec<ListedObject>, String> {
    let documents = serde_yaml::Deserializer::from_str(manifest).map(Value::deserialize);
    let documents: Vec<Value> =
        documents.collect::<Result<_, _>>().map_err(|_| "its manifest is not YAML".to_owned())?;
    documents.iter().filter(|document| !document.is_null()).map(listed_object).collect()
}

fn listed_object(document: &Value) -> Result<ListedObject, String> {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let needed = |pointer: &str| text(pointer).ok_or_else(|| "its manifest has no objects".to_owned());
    let policy = document.pointer("/metadata/annotations").and_then(|all| all[POLICY].as_str());
    Ok(ListedObject {
        api_version: needed("/apiVersion")?,
        kind: needed("/kind")?,
        namespace: text("/metadata/namespace"),
        name: needed("/metadata/name")?,
        is_kept: policy.is_some_and(|policy| policy.trim().eq_ignore_ascii_case(KEEP)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::HelmRelease;

    const MANIFEST: &str = "---\n# Source: ks-core/templates/user.yaml\napiVersion: iam.kubesphere.io/v1beta1\nkind: User\n\
        metadata: {name: admin}\n---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: x}\n---\n\
        apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {helm.sh/resource-policy: ' Keep'}}\n---\n\
        apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ks-agent}\n";

    #[test]
    fn a_record_tells_its_objects_in_the_order_of_their_deletion() {
        let hook = json!({"manifest": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: after}"});
        let config = json!({"authentication": {"issuer": {"jwtSecret": "the-secret-of-a-host"}}});
        let record = json!({"manifest": MANIFEST, "hooks": [hook], "config": config});
        let release = HelmRelease::read(record.to_string().as_bytes()).unwrap();
        let names: Vec<&str> = release.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["ks-agent", "b", "a", "admin"]);
        let kept: Vec<bool> = release.objects.iter().map(|object| object.is_kept).collect();
        assert_eq!(kept, [false, false, true, false]);
        assert_eq!(release.objects[1].namespace.as_deref(), Some("x"));
        assert_eq!(release.hooks[0].name, "after");
        assert_eq!(release.secret.unwrap().expose(), "the-secret-of-a-host");
    }

    #[test]
    fn what_is_no_record_is_told_without_its_content() {
        for (record, why) in [
            ("{}x", "it is not helm's JSON"),
            (r#"{"manifest": "a: ["}"#, "its manifest is not YAML"),
            (r#"{"manifest": "kind: Secret"}"#, "its manifest has no objects"),
        ] {
            assert_eq!(HelmRelease::read(record.as_bytes()).unwrap_err(), why);
        }
    }
}
