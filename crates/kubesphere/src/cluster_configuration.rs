//! The ClusterConfiguration `ks-installer`, as a typed view over its JSON: unknown fields survive.

use serde_json::Value;

use super::{
    jwt_secret::JwtSecret,
    known_secrets::learn_named,
    kubesphere_config::is_zero,
    management::{self, Tool},
    role::Role,
    versions::Version,
    wiped::Wiped,
};

/// The namespace of everything that belongs to KubeSphere's installation.
pub const NAMESPACE: &str = "kubesphere-system";
/// The name of the one ClusterConfiguration, and of the installer's Deployment.
pub const NAME: &str = "ks-installer";
/// The API group of ClusterConfigurations (ks-installer `deploy/kubesphere-installer.yaml`).
pub const GROUP: &str = "installer.kubesphere.io";
/// The API version of ClusterConfigurations.
pub const VERSION: &str = "v1alpha1";
pub const KIND: &str = "ClusterConfiguration";
/// The plural, as requests name it.
pub const PLURAL: &str = "clusterconfigurations";
/// The short name that the installer itself uses with kubectl, and that other resources take too.
pub const SHORT_NAME: &str = "cc";

/// The secret, as managedFields name it.
const OWNED_JWT_SECRET: &str = "/f:spec/f:authentication/f:jwtSecret";
/// Where `kubectl apply` keeps the object that it was given.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A ClusterConfiguration as the API server gave it.
#[derive(Clone, PartialEq)]
pub struct ClusterConfiguration {
    object: Wiped,
    jwt_secret_given_at: Option<String>,
}

impl ClusterConfiguration {
    /// Takes the whole object, whose secrets nothing that is printed has from now on.
    pub fn new(mut object: Value) -> Self {
        let given_at = management::written_at(&object, OWNED_JWT_SECRET).map(str::to_owned);
        management::forget_owned_fields(&mut object);
        learn_named(&object);
        let applied = object["metadata"]["annotations"][LAST_APPLIED].as_str();
        applied.and_then(|text| serde_json::from_str(text).ok()).iter().for_each(learn_named);
        Self { object: object.into(), jwt_secret_given_at: given_at }
    }

    /// The whole object, for the planner.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// The role that the configuration asks for.
    pub fn role(&self) -> Role {
        Role::parse(self.text("/spec/multicluster/clusterRole").unwrap_or_default())
    }

    /// The secret that the configuration asks for; `None` where it is absent or empty, which keeps the
    /// present one (ks-installer `roles/ks-core/init-token/tasks/main.yaml:19-70`).
    pub fn jwt_secret(&self) -> Option<JwtSecret> {
        self.text("/spec/authentication/jwtSecret").filter(|text| !text.is_empty()).map(JwtSecret::new)
    }

    /// When we have last written it, where the secret that it asks for is one that we have set. Whoever re-creates the object, as
    /// the installer may, takes that away.
    pub fn jwt_secret_given_at(&self) -> Option<&str> {
        self.jwt_secret_given_at.as_deref()
    }

    /// Whether the key that the installer's conditions read is there
    /// (`init-token/tasks/main.yaml:29` fails on a missing one).
    pub fn has_jwt_secret_key(&self) -> bool {
        self.object.pointer("/spec/authentication/jwtSecret").is_some_and(|value| !value.is_null())
    }

    /// `spec.multicluster.hostClusterName`.
    pub fn host_cluster_name(&self) -> Option<&str> {
        self.text("/spec/multicluster/hostClusterName").filter(|text| !text.is_empty())
    }

    /// Whether the user configured `spec.authentication.oauthOptions`.
    pub fn has_oauth_options(&self) -> bool {
        self.object.pointer("/spec/authentication/oauthOptions").is_some_and(|options| !options.is_null())
    }

    /// Whether these ask for tokens that never age themselves.
    pub fn oauth_options_never_age(&self) -> bool {
        self.object.pointer("/spec/authentication/oauthOptions/accessTokenMaxAge").is_some_and(is_zero)
    }

    /// Whether the installer has finished the multicluster component (written once, on hosts).
    pub fn multicluster_enabled(&self) -> bool {
        self.text("/status/multicluster/status") == Some("enabled")
    }

    /// `status.core.version`: there only after a run that came to its end.
    pub fn installed_version(&self) -> Option<Version> {
        self.text("/status/core/version").and_then(Version::parse)
    }

    /// The label `version`, the least reliable source: 3.1.1 says v3.1.0.
    pub fn labelled_version(&self) -> Option<Version> {
        self.text("/metadata/labels/version").and_then(Version::parse)
    }

    /// The `StorageClass` that each run asserts; `None` where the default one is
    /// (ks-installer `roles/preinstall/tasks/precheck.yaml@v3.4.1`).
    pub fn storage_class(&self) -> Option<&str> {
        self.text("/spec/persistence/storageClass").filter(|name| !name.is_empty())
    }

    /// The tool that keeps the object, where there is one.
    pub fn tool(&self) -> Option<Tool> {
        management::tool(&self.object)
    }

    /// The role in the file that was applied last, where `kubectl apply` or a tool has left it.
    pub fn last_applied_role(&self) -> Option<Role> {
        let annotations = self.object.pointer("/metadata/annotations")?;
        let text = annotations.get(LAST_APPLIED)?.as_str()?;
        let applied: Value = serde_json::from_str(text).ok()?;
        Some(Role::parse(applied.pointer("/spec/multicluster/clusterRole")?.as_str()?))
    }

    /// The object's UID, which changes when the installer re-creates it.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid").unwrap_or_default()
    }

    /// The object's resourceVersion.
    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion").unwrap_or_default()
    }

    /// What the installer is to bring about. Only a change of it makes the installer run.
    pub fn spec(&self) -> Option<&Value> {
        self.object.get("spec")
    }

    /// When each manager of fields of the spec has last written, as RFC 3339 text of the server's clock, in whole seconds;
    /// and whether it has fields of the status too, so that it may have written those.
    pub fn spec_writes(&self) -> impl Iterator<Item = (&str, bool)> {
        let entries = self.object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let owns = |entry: &Value, field: &str| entry.get("fieldsV1").and_then(|it| it.get(field)).is_some();
        let of_spec = entries.into_iter().flatten().filter(move |entry| owns(entry, "f:spec"));
        of_spec.filter_map(move |entry| Some((entry.get("time")?.as_str()?, owns(entry, "f:status"))))
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.object.pointer(pointer)?.as_str()
    }
}

impl std::fmt::Debug for ClusterConfiguration {
    /// The object holds the secret, so only what is harmless is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ClusterConfiguration")
            .field("role", &self.role())
            .field("jwt_secret", &self.jwt_secret())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ClusterConfiguration;
    use crate::role::Role;

    #[test]
    fn an_empty_object_asks_for_nothing() {
        let configuration = ClusterConfiguration::new(json!({}));
        assert_eq!(configuration.role(), Role::None);
        assert!(configuration.jwt_secret().is_none());
        assert!(!configuration.has_jwt_secret_key());
        assert!(!configuration.multicluster_enabled());
    }

    #[test]
    fn an_empty_secret_asks_for_none_but_its_key_is_there() {
        let configuration = ClusterConfiguration::new(json!({"spec": {"authentication": {"jwtSecret": ""}}}));
        assert!(configuration.jwt_secret().is_none());
        assert!(configuration.has_jwt_secret_key());
    }

    #[test]
    fn the_writes_of_the_spec_are_found_among_the_managers() {
        let configuration = ClusterConfiguration::new(json!({"metadata": {"managedFields": [
            {"manager": "kubectl-patch", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}, "f:status": {}}},
            {"manager": "kubectl-mc", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"manager": "installer", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:status": {}}},
        ]}}));
        let writes: Vec<_> = configuration.spec_writes().collect();
        assert_eq!(writes, [("2026-01-01T00:00:00Z", true), ("2026-01-02T00:00:00Z", false)]);
    }

    #[test]
    fn when_we_have_set_the_secret_is_told_by_whose_it_is() {
        let given_at = |manager: &str, owned: Value| {
            let entry =
                json!({"manager": manager, "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": owned}});
            let configuration = ClusterConfiguration::new(json!({"metadata": {"managedFields": [entry]}}));
            configuration.jwt_secret_given_at().map(str::to_owned)
        };
        let secret = || json!({"f:authentication": {"f:jwtSecret": {}}});
        assert_eq!(given_at("kubectl-mc", secret()).as_deref(), Some("2026-01-02T00:00:00Z"));
        assert_eq!(given_at("kubectl-edit", secret()), None);
        assert_eq!(given_at("kubectl-mc", json!({"f:multicluster": {"f:clusterRole": {}}})), None);
    }
}
