//! The least JSON Patch that makes a ClusterConfiguration ask for what is wanted.

use serde_json::{Value, json};

use crate::{
    cluster_configuration::ClusterConfiguration, confidential::fingerprint, jwt_secret::JwtSecret, role::Role,
};

/// The one leaf whose values are shown as fingerprints and never travel in a guard.
const SECRET_PATH: &str = "/spec/authentication/jwtSecret";

/// What a ClusterConfiguration shall ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `spec.multicluster.clusterRole`.
    pub role: Role,
    /// `spec.multicluster.hostClusterName`, where it shall be set.
    pub host_cluster_name: Option<String>,
    /// `spec.authentication.jwtSecret`, where it shall be set.
    pub jwt_secret: Option<JwtSecret>,
}

/// A value as people may see it: `none`, `"none"`, `sha256:0a1b2c3d`, or absent.
pub type Shown = Option<String>;

/// One leaf of the spec that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The leaf, as `spec.multicluster.clusterRole`.
    pub field: String,
    /// What stands there now.
    pub old: Shown,
    /// What will stand there.
    pub new: String,
}

impl Change {
    /// Whether it gives the cluster a jwtSecret.
    pub fn sets_jwt_secret(&self) -> bool {
        self.field.ends_with("jwtSecret")
    }
}

/// A guarded JSON Patch. Its operations may hold the secret: they are for the request's body only.
#[derive(Clone, PartialEq)]
pub struct ConfigurationPatch {
    /// What changes, for people.
    pub changes: Vec<Change>,
    guards: Vec<Value>,
    operations: Vec<Value>,
}

impl std::fmt::Debug for ConfigurationPatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ConfigurationPatch").field("changes", &self.changes).finish_non_exhaustive()
    }
}

/// A place of the spec that holds something else than the mapping that belongs there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is not a mapping")]
pub struct NotAMapping {
    /// The field, as `spec.multicluster`.
    pub field: String,
}

impl ConfigurationPatch {
    /// The difference between what the configuration asks for and what is wanted; `None` if there is none.
    pub fn between(
        configuration: &ClusterConfiguration,
        wanted: &Wanted,
    ) -> Result<Option<Self>, NotAMapping> {
        let mut patch = Self { changes: Vec::new(), guards: Vec::new(), operations: Vec::new() };
        let object = configuration.object();
        patch.compare("/spec", object.get("spec"), &wanted.as_spec())?;
        if patch.replaces_secret(configuration) {
            let guard = json!({"op": "test", "path": "/metadata/resourceVersion", "value": configuration.resource_version()});
            patch.guards.push(guard);
        }
        Ok((!patch.changes.is_empty()).then_some(patch))
    }

    /// The JSON Patch document: first every guard, then the operations.
    pub fn document(&self) -> Value {
        self.guards.iter().chain(&self.operations).cloned().collect()
    }

    /// The operations without their guards, to apply locally.
    ///
    /// The Rust json-patch refuses a null `test` of an absent key, which the API server accepts.
    pub fn operations(&self) -> Value {
        self.operations.iter().cloned().collect()
    }

    fn compare(&mut self, path: &str, current: Option<&Value>, wanted: &Value) -> Result<(), NotAMapping> {
        match (current.filter(|value| !value.is_null()), wanted) {
            (None, _) => self.add(path, wanted),
            (Some(Value::Object(fields)), Value::Object(wanted)) => {
                for (key, wanted) in wanted {
                    self.compare(&format!("{path}/{key}"), fields.get(key), wanted)?;
                }
            }
            (Some(_), Value::Object(_)) => return Err(NotAMapping { field: field(path) }),
            (Some(current), wanted) if current == wanted => {}
            (Some(current), wanted) => self.replace(path, current, wanted),
        }
        Ok(())
    }

    /// Adds the topmost missing parent with all that is wanted below it.
    fn add(&mut self, path: &str, wanted: &Value) {
        self.guards.push(json!({"op": "test", "path": path, "value": null}));
        self.operations.push(json!({"op": "add", "path": path, "value": wanted}));
        self.record_added(path, wanted);
    }

    fn record_added(&mut self, path: &str, wanted: &Value) {
        match wanted {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, value)| self.record_added(&format!("{path}/{key}"), value));
            }
            leaf => self.changes.push(Change { field: field(path), old: None, new: shown(path, leaf) }),
        }
    }

    fn replace(&mut self, path: &str, current: &Value, wanted: &Value) {
        if path != SECRET_PATH || is_empty_text(current) {
            self.guards.push(json!({"op": "test", "path": path, "value": current}));
        }
        self.operations.push(json!({"op": "replace", "path": path, "value": wanted}));
        self.changes.push(Change {
            field: field(path),
            old: Some(shown(path, current)),
            new: shown(path, wanted),
        });
    }

    fn replaces_secret(&self, configuration: &ClusterConfiguration) -> bool {
        let touches = self.operations.iter().any(|operation| operation["path"] == SECRET_PATH);
        touches && configuration.object().pointer(SECRET_PATH).is_some_and(|value| !is_empty_text(value))
    }
}

impl Wanted {
    /// The fields of the spec that shall be set.
    pub fn as_spec(&self) -> Value {
        let mut spec = json!({"multicluster": {"clusterRole": self.role.as_str()}});
        if let Some(name) = &self.host_cluster_name {
            spec["multicluster"]["hostClusterName"] = json!(name);
        }
        if let Some(secret) = &self.jwt_secret {
            spec["authentication"] = json!({"jwtSecret": secret.expose()});
        }
        spec
    }
}

fn is_empty_text(value: &Value) -> bool {
    value.as_str() == Some("")
}

fn field(path: &str) -> String {
    path.trim_start_matches('/').replace('/', ".")
}

fn shown(path: &str, value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        _ if path == SECRET_PATH => {
            fingerprint(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{ConfigurationPatch, Wanted};
    use crate::{cluster_configuration::ClusterConfiguration, jwt_secret::JwtSecret, role::Role};

    fn member() -> Wanted {
        Wanted { role: Role::Member, host_cluster_name: None, jwt_secret: Some(JwtSecret::new("s3cret")) }
    }

    fn between(spec: &Value, wanted: &Wanted) -> Option<ConfigurationPatch> {
        let object = json!({"metadata": {"resourceVersion": "7"}, "spec": spec});
        ConfigurationPatch::between(&ClusterConfiguration::new(object), wanted).unwrap()
    }

    #[test]
    fn a_fresh_installation_gets_two_guarded_replacements() {
        let spec = json!({"authentication": {"jwtSecret": ""}, "multicluster": {"clusterRole": "none"}});
        assert_eq!(
            between(&spec, &member()).unwrap().document(),
            json!([
                {"op": "test", "path": "/spec/authentication/jwtSecret", "value": ""},
                {"op": "test", "path": "/spec/multicluster/clusterRole", "value": "none"},
                {"op": "replace", "path": "/spec/authentication/jwtSecret", "value": "s3cret"},
                {"op": "replace", "path": "/spec/multicluster/clusterRole", "value": "member"},
            ])
        );
    }

    #[test]
    fn only_the_topmost_missing_parent_is_added() {
        assert_eq!(
            between(&json!({"authentication": {"adminPassword": "x"}}), &member()).unwrap().document(),
            json!([
                {"op": "test", "path": "/spec/authentication/jwtSecret", "value": null},
                {"op": "test", "path": "/spec/multicluster", "value": null},
                {"op": "add", "path": "/spec/authentication/jwtSecret", "value": "s3cret"},
                {"op": "add", "path": "/spec/multicluster", "value": {"clusterRole": "member"}},
            ])
        );
    }

    #[test]
    fn an_old_secret_is_guarded_by_the_resource_version_and_never_sent() {
        let spec =
            json!({"authentication": {"jwtSecret": "0ther"}, "multicluster": {"clusterRole": "member"}});
        let patch = between(&spec, &member()).unwrap();
        assert_eq!(
            patch.document(),
            json!([
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "replace", "path": "/spec/authentication/jwtSecret", "value": "s3cret"},
            ])
        );
        assert!(!patch.document().to_string().contains("0ther"));
    }

    #[test]
    fn what_is_wanted_already_needs_no_patch() {
        let spec =
            json!({"authentication": {"jwtSecret": "s3cret"}, "multicluster": {"clusterRole": "member"}});
        assert_eq!(between(&spec, &member()), None);
    }

    #[test]
    fn a_missing_key_is_added_empty() {
        let host = Wanted {
            role: Role::Host,
            host_cluster_name: Some("eu".to_owned()),
            jwt_secret: Some(JwtSecret::new("")),
        };
        let patch = between(&json!({"authentication": {}, "multicluster": null}), &host).unwrap();
        assert_eq!(
            patch.operations(),
            json!([
                {"op": "add", "path": "/spec/authentication/jwtSecret", "value": ""},
                {"op": "add", "path": "/spec/multicluster", "value": {"clusterRole": "host", "hostClusterName": "eu"}},
            ])
        );
    }

    #[test]
    fn changes_and_debug_show_fingerprints() {
        let spec = json!({"authentication": {"jwtSecret": "0ther"}, "multicluster": {"clusterRole": "none"}});
        let patch = between(&spec, &member()).unwrap();
        let shown = format!("{patch:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("0ther"), "{shown}");
        assert!(patch.changes[0].old.as_ref().unwrap().starts_with("sha256:"));
    }

    #[test]
    fn a_parent_that_is_no_mapping_is_refused() {
        let object = ClusterConfiguration::new(json!({"spec": {"multicluster": "host"}}));
        let error = ConfigurationPatch::between(&object, &member()).unwrap_err();
        assert_eq!(error.to_string(), "`spec.multicluster` is not a mapping");
    }

    fn any_spec() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            "[a-z]{0,5}".prop_map(Value::from),
            any::<bool>().prop_map(Value::from)
        ];
        let branch = prop::collection::btree_map("[a-z]{1,4}", leaf.clone(), 0..4);
        let section = |key: &'static str| {
            let value = prop::option::of(leaf.clone());
            (branch.clone(), value).prop_map(move |(mut fields, value)| {
                fields.extend(value.map(|value| (key.to_owned(), value)));
                json!(fields)
            })
        };
        let sections = (
            prop::option::of(section("jwtSecret")),
            prop::option::of(section("clusterRole")),
            prop::option::of(leaf.clone()),
        );
        sections.prop_map(|(authentication, multicluster, other)| {
            let named =
                [("authentication", authentication), ("multicluster", multicluster), ("other", other)];
            named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
        })
    }

    proptest! {
        #[test]
        fn the_patch_brings_what_is_wanted_and_touches_nothing_else(spec in any_spec()) {
            let mut object = json!({"metadata": {"resourceVersion": "7"}, "spec": spec});
            let configuration = ClusterConfiguration::new(object.clone());
            if let Some(patch) = ConfigurationPatch::between(&configuration, &member()).unwrap() {
                let operations: json_patch::Patch = serde_json::from_value(patch.operations()).unwrap();
                json_patch::patch(&mut object, &operations).unwrap();
            }
            let mut expected = spec.clone();
            for (parent, key, value) in [("authentication", "jwtSecret", "s3cret"), ("multicluster", "clusterRole", "member")] {
                if !expected[parent].is_object() {
                    expected[parent] = json!({});
                }
                expected[parent][key] = json!(value);
            }
            prop_assert_eq!(&object["spec"], &expected);
            prop_assert_eq!(ConfigurationPatch::between(&ClusterConfiguration::new(object), &member()).unwrap(), None);
        }
    }
}
