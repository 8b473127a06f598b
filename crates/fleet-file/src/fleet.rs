//! What a fleet file says. The comments are the descriptions in its JSON Schema.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// The version that `apiVersion` names.
pub const API_VERSION: &str = "kubectl-mc/v1alpha1";
/// What `kind` names.
pub const KIND: &str = "Fleet";

/// A host of KubeSphere and its members, for `kubectl mc join -f` and the other commands that take `-f`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FleetDocument {
    /// The version of this form
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: ApiVersion,
    /// The kind of file
    #[serde(rename = "kind")]
    pub(super) _kind: Kind,
    /// The cluster that the members belong to; without it --context, or the current-context
    #[serde(default)]
    pub(super) host: Option<Host>,
    /// What holds for every member that says nothing else
    #[serde(default)]
    pub(super) defaults: Option<Defaults>,
    /// The members
    #[schemars(length(min = 1))]
    pub(super) members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum ApiVersion {
    #[serde(rename = "kubectl-mc/v1alpha1")]
    V1Alpha1,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum Kind {
    Fleet,
}

/// The cluster that the members belong to
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Host {
    /// Its context; --context on the command line overrides it
    #[serde(default)]
    pub context: Option<String>,
    /// Path of the kubeconfig that has the context; relative to this file. --kubeconfig overrides it
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub kubeconfig: Option<PathBuf>,
    /// Name of the host's own Cluster; takes effect only while the cluster becomes a host
    #[serde(default)]
    pub cluster_name: Option<String>,
}

/// What holds for every member that says nothing else
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Defaults {
    /// Path of the kubeconfig that has the members' contexts; relative to this file
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The credential that is stored on the host
    #[serde(default)]
    pub(super) credentials: Option<Credentials>,
    /// Tag in the console: production, development, testing, demo
    #[serde(default)]
    pub(super) group: Option<String>,
    /// Who provides the clusters, such as "Amazon EKS"
    #[serde(default)]
    pub(super) provider: Option<String>,
    /// Region label
    #[serde(default)]
    pub(super) region: Option<String>,
    /// Labels of the Clusters; a member's own are added
    #[serde(default)]
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// Annotations of the Clusters; a member's own are added
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
    /// Ids of checks whose failures become warnings; a member's own are added
    #[serde(default)]
    pub(super) skip_checks: Option<Vec<String>>,
    /// Values for the chart ks-core, with which a host of KubeSphere 4 installs the members; a member's own take their place
    #[serde(default, rename = "config")]
    #[schemars(with = "Option<Map<String, Value>>")]
    _config: Option<IgnoredAny>,
}

/// A member: its context, and what its Cluster on the host says
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Its context; without it the current-context of its own kubeconfig
    #[serde(default)]
    pub context: Option<String>,
    /// Path of the kubeconfig that has the context; relative to this file
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub kubeconfig: Option<PathBuf>,
    /// Name of its Cluster on the host; without it the context's name
    #[serde(default)]
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub name: Option<String>,
    /// Alias that the console shows in place of the name
    #[serde(default)]
    pub alias: Option<String>,
    /// Description in the console
    #[serde(default)]
    pub description: Option<String>,
    /// Tag in the console: production, development, testing, demo
    #[serde(default)]
    pub group: Option<String>,
    /// Who provides the cluster, such as "Amazon EKS"
    #[serde(default)]
    pub provider: Option<String>,
    /// Region label
    #[serde(default)]
    pub region: Option<String>,
    /// Labels of the Cluster
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations of the Cluster
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The credential that is stored on the host
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// The address that the host is to reach it by, as https://ADDRESS:PORT; without it the context's
    #[serde(default)]
    pub server: Option<String>,
    /// Path of the file with the certificate authority that the host is to trust; relative to this file
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub certificate_authority: Option<PathBuf>,
    /// The name to expect in the server's certificate
    #[serde(default)]
    pub tls_server_name: Option<String>,
    /// Ids of checks whose failures become warnings
    #[serde(default)]
    pub skip_checks: Option<Vec<String>>,
    /// Values for the chart ks-core, with which a host of KubeSphere 4 installs it
    #[serde(default, rename = "config")]
    #[schemars(with = "Option<Map<String, Value>>")]
    _config: Option<IgnoredAny>,
}

/// The credential that is stored on the host
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Credentials {
    /// A service account made for the host; a client certificate if the host has KubeSphere 3.3
    Auto,
    /// The certificate or token that the member's context has
    Context,
    /// A service account made for the host
    ServiceAccount,
}

impl Member {
    /// The name of its Cluster, as far as the file says it.
    pub fn cluster_name(&self) -> &str {
        self.name.as_deref().or(self.context.as_deref()).unwrap_or_default()
    }

    /// With what holds where it says nothing itself.
    pub(super) fn with(self, defaults: &Defaults) -> Self {
        Self {
            kubeconfig: self.kubeconfig.or_else(|| defaults.kubeconfig.clone()),
            credentials: self.credentials.or(defaults.credentials),
            group: self.group.or_else(|| defaults.group.clone()),
            provider: self.provider.or_else(|| defaults.provider.clone()),
            region: self.region.or_else(|| defaults.region.clone()),
            labels: merged(defaults.labels.as_ref(), self.labels),
            annotations: merged(defaults.annotations.as_ref(), self.annotations),
            skip_checks: added(defaults.skip_checks.as_ref(), self.skip_checks),
            ..self
        }
    }
}

fn merged(
    defaults: Option<&BTreeMap<String, String>>,
    own: Option<BTreeMap<String, String>>,
) -> Option<BTreeMap<String, String>> {
    let Some(defaults) = defaults else { return own };
    let mut all = defaults.clone();
    all.extend(own.into_iter().flatten());
    Some(all)
}

fn added(defaults: Option<&Vec<String>>, own: Option<Vec<String>>) -> Option<Vec<String>> {
    let mut all = defaults.cloned().unwrap_or_default();
    for check in own.into_iter().flatten() {
        if !all.contains(&check) {
            all.push(check);
        }
    }
    (!all.is_empty()).then_some(all)
}
