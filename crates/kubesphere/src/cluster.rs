//! The Cluster object `clusters.cluster.kubesphere.io`: how a host knows its members.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    core_values::CoreValues,
    go_base64,
    known_secrets::learn_encoded,
    management::{self, Tool},
    stored_kubeconfig::{self, StoredKubeconfig},
    wiped::Wiped,
};

/// The API group of Clusters.
pub const GROUP: &str = "cluster.kubesphere.io";
/// The API version of Clusters.
pub const VERSION: &str = "v1alpha1";
pub const KIND: &str = "Cluster";
/// The plural, as requests name it.
pub const PLURAL: &str = "clusters";
/// The label of the host's own Cluster (kubesphere `cluster_types.go@v3.4.1`).
pub const HOST_LABEL: &str = "cluster-role.kubesphere.io/host";
/// What the controller takes off when its part of a deletion is done (kubesphere `cluster_types.go@v3.4.1`).
pub const FINALIZER: &str = "finalizer.cluster.kubesphere.io";
/// The annotations in which the controller of KubeSphere 4 notes what helm has done. It installs a member again where the hash is
/// another one, or, after 4.1.3, where the action says so, and writes its own each time (kubesphere
/// `pkg/controller/cluster/helper.go@v4.1.3`, configChanged, `cluster_controller.go@04a29b5c6`, needInstall).
pub const HELM_ANNOTATIONS: [&str; 3] =
    ["kubesphere.io/config-hash", "kubesphere.io/install-core-jobname", "kubesphere.io/ks-core-action"];

/// The annotation whose Labels the controller of KubeSphere 4 gives a member, which it then takes off (kubesphere
/// `staging/src/kubesphere.io/api/cluster/v1alpha1/label_types.go@v4.1.3`, `pkg/controller/cluster/cluster_controller.go`,
/// syncClusterLabel).
pub const LABEL_IDS_ANNOTATION: &str = "cluster.kubesphere.io/label-ids";

/// The conditions that the cluster controller writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// kubefed took the member in.
    Federated,
    /// The member answers.
    Ready,
    /// The host has installed the chart ks-core on the member (from 4).
    CoreReady,
    /// The stored client certificate ends within a week; the message says when (from 3.3).
    CertificateExpires,
    /// The agent of a member that is joined by proxy is connected (tower writes it).
    AgentAvailable,
}

impl ConditionType {
    /// The condition's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Federated => "Federated",
            Self::Ready => "Ready",
            Self::CoreReady => "KSCoreReady",
            Self::CertificateExpires => "KubeConfigCertExpiresInSevenDays",
            Self::AgentAvailable => "AgentAvailable",
        }
    }
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether its status is `True`.
    pub is_true: bool,
    /// The reason: for Federated=False the raw Go error (kubesphere `cluster_controller.go@v3.4.1:415-445`).
    pub reason: String,
    pub message: String,
    /// When the controller last wrote it, as RFC 3339 text of its clock.
    pub updated_at: String,
}

impl Condition {
    /// Why the condition is not true, in the text that says most: KubeSphere 4 has the condition's name as reason, and
    /// the error in the message (kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3`).
    pub fn why(&self) -> &str {
        let names = [ConditionType::Ready, ConditionType::CoreReady].map(ConditionType::as_str);
        let says_nothing = self.reason.is_empty() || names.contains(&self.reason.as_str());
        if says_nothing { &self.message } else { &self.reason }
    }
}

/// A Cluster as the host has it.
#[derive(Clone, PartialEq)]
pub struct RegisteredCluster {
    object: Wiped,
    /// The UID of the kube-system namespace that the stored kubeconfig leads to, where it was asked.
    pub asked_uid: Option<String>,
}

impl RegisteredCluster {
    /// Takes the whole object, whose credential nothing that is printed has from now on.
    pub fn new(mut object: Value) -> Self {
        management::forget_owned_fields(&mut object);
        let cluster = Self { object: object.into(), asked_uid: None };
        let stored = cluster.text("/spec/connection/kubeconfig").filter(|stored| learn_encoded(stored));
        if let Some(text) = stored.and_then(go_base64::decoded) {
            stored_kubeconfig::learn_secrets(&text);
        }
        if let Some(text) = cluster.text("/spec/config").and_then(go_base64::decoded) {
            // For the secrets in it, which are hidden from now on.
            let _ = CoreValues::read(&String::from_utf8_lossy(&text));
        }
        cluster
    }

    pub fn object(&self) -> &Value {
        &self.object
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// The UID of the object itself.
    pub fn object_uid(&self) -> &str {
        self.text("/metadata/uid").unwrap_or_default()
    }

    /// The version of the object that a change may build on.
    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion").unwrap_or_default()
    }

    /// When the object was created, as RFC 3339 text of the server's clock.
    pub fn created_at(&self) -> &str {
        self.text("/metadata/creationTimestamp").unwrap_or_default()
    }

    /// Whether the object waits for its finalizer.
    pub fn is_being_deleted(&self) -> bool {
        self.text("/metadata/deletionTimestamp").is_some()
    }

    /// Whether this is the host's own Cluster.
    pub fn is_host(&self) -> bool {
        self.at("/metadata/labels").and_then(|labels| labels.get(HOST_LABEL)).is_some()
    }

    /// Whether it is joined by direct connection.
    pub fn is_direct(&self) -> bool {
        self.text("/spec/connection/type") == Some("direct")
    }

    /// Whether it is joined by an agent that dials the host.
    pub fn is_proxy(&self) -> bool {
        self.text("/spec/connection/type") == Some("proxy")
    }

    /// Whether the controller acts on it at all; with `false` it stays silent for ever.
    pub fn joins_federation(&self) -> bool {
        self.at("/spec/joinFederation") == Some(&Value::Bool(true))
    }

    /// The UID of the member's kube-system namespace: `status.uid` (from 3.3), else what the member said.
    pub fn member_uid(&self) -> Option<&str> {
        self.text("/status/uid").filter(|uid| !uid.is_empty()).or(self.asked_uid.as_deref())
    }

    /// The stored kubeconfig, still base64.
    pub fn kubeconfig_base64(&self) -> Option<SecretString> {
        self.text("/spec/connection/kubeconfig").filter(|text| !text.is_empty()).map(SecretString::from)
    }

    /// Whether both objects store the same kubeconfig.
    pub fn stores(&self, kubeconfig_base64: &SecretString) -> bool {
        self.text("/spec/connection/kubeconfig") == Some(kubeconfig_base64.expose_secret())
    }

    /// Whether it stores these values for the chart ks-core.
    pub fn stores_values(&self, values: &CoreValues) -> bool {
        self.text("/spec/config") == Some(values.encoded().expose_secret())
    }

    /// Whether its recorded endpoint is this server. The controller fills the endpoint from the stored kubeconfig
    /// (kubesphere `cluster_controller.go@v3.4.1`); before that it is the kubeconfig that tells.
    pub fn leads_to(&self, server: &str) -> bool {
        let endpoint = self.endpoint().map(str::to_owned).or_else(|| self.stored_server());
        endpoint.is_some_and(|endpoint| endpoint.trim_end_matches('/') == server.trim_end_matches('/'))
    }

    fn stored_server(&self) -> Option<String> {
        self.stored_kubeconfig()?.server().map(str::to_owned)
    }

    /// The recorded endpoint, which the host's dispatcher asks.
    pub fn endpoint(&self) -> Option<&str> {
        self.text("/spec/connection/kubernetesAPIEndpoint").filter(|endpoint| !endpoint.is_empty())
    }

    /// The tool that keeps the object, where there is one.
    pub fn tool(&self) -> Option<Tool> {
        management::tool(&self.object)
    }

    /// `status.kubeSphereVersion`, which is empty while the member's ks-apiserver does not answer.
    pub fn kubesphere_version(&self) -> Option<&str> {
        self.text("/status/kubeSphereVersion").filter(|version| !version.is_empty())
    }

    /// `status.kubernetesVersion`.
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.text("/status/kubernetesVersion").filter(|version| !version.is_empty())
    }

    /// How many nodes the controller has counted.
    pub fn nodes(&self) -> Option<u64> {
        self.at("/status/nodeCount")?.as_u64()
    }

    /// `spec.provider`, which is for people.
    pub fn provider(&self) -> Option<&str> {
        self.text("/spec/provider").filter(|provider| !provider.is_empty())
    }

    /// Since when the object waits for its finalizers.
    pub fn deleted_at(&self) -> Option<&str> {
        self.text("/metadata/deletionTimestamp")
    }

    /// What has to be done before a deletion is through.
    pub fn finalizers(&self) -> Vec<&str> {
        let finalizers = self.at("/metadata/finalizers").and_then(Value::as_array);
        finalizers.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether no controller has looked at it: the first thing that one writes is its finalizer
    /// (kubesphere `cluster_controller.go@v4.1.3:225-232`).
    pub fn is_untouched(&self) -> bool {
        let conditions = self.at("/status/conditions").and_then(Value::as_array);
        self.finalizers().is_empty() && conditions.is_none_or(Vec::is_empty)
    }

    /// The labels with their values.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts("/metadata/labels")
    }

    /// The annotations with their values. They may hold anything, the whole object with its kubeconfig too.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts("/metadata/annotations")
    }

    /// When the stored client certificate ends, where the controller says it: from 4 on in a message, with an empty status
    /// (kubesphere `pkg/controller/cluster/kubeconfig.go@v4.1.3:70-76`).
    pub fn certificate_ends(&self) -> Option<Timestamp> {
        let message = self.condition(ConditionType::CertificateExpires)?.message;
        Timestamp::strptime("%Y-%m-%d %H:%M:%S %z UTC", message).ok()
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        let found = self.annotations().find(|(name, _)| *name == key);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// The Job in which its host has last installed KubeSphere on it, after 4.1.3
    /// (kubesphere `cluster_controller.go@04a29b5c6`).
    pub fn install_job(&self) -> Option<&str> {
        self.annotation("kubesphere.io/install-core-jobname")
    }

    /// Whether its host is asked to install, or to upgrade, KubeSphere on it, after 4.1.3
    /// (kubesphere `cluster_controller.go@04a29b5c6`, needInstall).
    pub fn asks_for_installation(&self) -> bool {
        self.annotation("kubesphere.io/ks-core-action").is_some()
    }

    /// The stored kubeconfig, where there is one and it can be read.
    pub fn stored_kubeconfig(&self) -> Option<StoredKubeconfig> {
        StoredKubeconfig::parse(&go_base64::decoded(self.text("/spec/connection/kubeconfig")?)?)
    }

    /// A condition, where the controller has written it.
    pub fn condition(&self, condition: ConditionType) -> Option<Condition> {
        let conditions = self.at("/status/conditions")?.as_array()?;
        let found = conditions.iter().find(|entry| entry["type"] == condition.as_str())?;
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        Some(Condition {
            is_true: found["status"] == "True",
            reason: text("reason"),
            message: text("message"),
            updated_at: text("lastUpdateTime"),
        })
    }

    /// The same after a merge patch.
    #[must_use]
    pub fn patched(&self, patch: &Value) -> Self {
        let mut object = Value::clone(&self.object);
        json_patch::merge(&mut object, patch);
        Self { object: object.into(), asked_uid: self.asked_uid.clone() }
    }

    fn text(&self, place: &str) -> Option<&str> {
        self.at(place)?.as_str()
    }

    /// As [`Value::pointer`], which makes a text of each part of the way: of a thousand Clusters the names are asked a thousand
    /// times.
    fn at(&self, place: &str) -> Option<&Value> {
        place.split('/').skip(1).try_fold(&*self.object, |value, field| value.get(field))
    }

    fn texts(&self, place: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = self.at(place).and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }
}

impl std::fmt::Debug for RegisteredCluster {
    /// The object holds a kubeconfig, so only what is harmless is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RegisteredCluster")
            .field("name", &self.name())
            .field("member_uid", &self.member_uid())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde_json::json;

    use super::{ConditionType, RegisteredCluster};

    #[test]
    fn a_condition_says_why_in_its_reason() {
        let cluster = RegisteredCluster::new(json!({"status": {"conditions": [
            {"type": "Ready", "status": "True", "reason": "Ready", "message": "Cluster is available now"},
            {"type": "Federated", "status": "False", "reason": "dial tcp: connection refused", "message": "Cluster can not join"},
        ]}}));
        assert!(cluster.condition(ConditionType::Ready).unwrap().is_true);
        assert_eq!(
            cluster.condition(ConditionType::Federated).unwrap().why(),
            "dial tcp: connection refused"
        );
    }

    #[test]
    fn identity_is_the_status_or_what_the_member_said() {
        let mut cluster = RegisteredCluster::new(json!({"metadata": {"name": "a"}, "status": {"uid": ""}}));
        assert_eq!(cluster.member_uid(), None);
        cluster.asked_uid = Some("u-1".to_owned());
        assert_eq!(cluster.member_uid(), Some("u-1"));
    }

    #[test]
    fn where_it_leads_says_its_endpoint_or_else_its_kubeconfig() {
        let leads = |connection: serde_json::Value| {
            let cluster = RegisteredCluster::new(json!({"spec": {"connection": connection}}));
            ["https://a:6443", "https://b:6443/"].map(|server| cluster.leads_to(server))
        };
        let kubeconfig = STANDARD.encode("clusters: [{name: x, cluster: {server: 'https://b:6443'}}]");
        assert_eq!(leads(json!({"kubeconfig": kubeconfig})), [false, true]);
        let filled = json!({"kubeconfig": kubeconfig, "kubernetesAPIEndpoint": "https://a:6443"});
        assert_eq!(leads(filled), [true, false]);
        assert_eq!(leads(json!({})), [false, false]);
    }

    #[test]
    fn debug_shows_no_kubeconfig() {
        let cluster = RegisteredCluster::new(json!({"spec": {"connection": {"kubeconfig": "c2VjcmV0"}}}));
        assert!(!format!("{cluster:?}").contains("c2VjcmV0"));
    }
}
