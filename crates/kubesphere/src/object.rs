//! Objects of Kubernetes, named once for requests, plans, results and messages.

use std::fmt;

use super::{cluster::RegisteredCluster, cluster_webhook, command::Kubectl, side::Side};

/// A kind of object, with what requests and messages need of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKind {
    /// The API group, empty for the core.
    pub group: &'static str,
    /// The API version.
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
}

impl ObjectKind {
    /// A kind of this group and version.
    pub const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self { group, version, kind, plural }
    }

    /// A kind that a server has told of. What names it is kept until the program ends.
    pub fn told(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        let [group, version, kind, plural] = [group, version, kind, plural].map(leaked);
        Self { group, version, kind, plural }
    }

    pub const POD: Self = Self::new("", "v1", "Pod", "pods");
    pub const SERVICE_ACCOUNT: Self = Self::new("", "v1", "ServiceAccount", "serviceaccounts");
    pub const SECRET: Self = Self::new("", "v1", "Secret", "secrets");
    pub const CONFIG_MAP: Self = Self::new("", "v1", "ConfigMap", "configmaps");
    pub const NAMESPACE: Self = Self::new("", "v1", "Namespace", "namespaces");
    pub const DEPLOYMENT: Self = Self::new("apps", "v1", "Deployment", "deployments");
    pub const CLUSTER_ROLE: Self =
        Self::new("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles");
    pub const CLUSTER_ROLE_BINDING: Self =
        Self::new("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings");
    pub const CERTIFICATE_REQUEST: Self =
        Self::new("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests");
    pub const VALIDATING_WEBHOOK: Self = Self::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    );
    pub const KUBEFED_CLUSTER: Self =
        Self::new("core.kubefed.io", "v1beta1", "KubeFedCluster", "kubefedclusters");
    /// KubeSphere's own, not Cluster API's or KubeKey's.
    pub const CLUSTER: Self = Self::new("cluster.kubesphere.io", "v1alpha1", "Cluster", "clusters");
    pub const CLUSTER_CONFIGURATION: Self =
        Self::new("installer.kubesphere.io", "v1alpha1", "ClusterConfiguration", "clusterconfigurations");

    /// The configuration of the webhook that KubeSphere 3.4 puts before every update of a Cluster.
    pub fn cluster_webhook() -> ObjectRef {
        Self::VALIDATING_WEBHOOK.named(cluster_webhook::CONFIGURATION)
    }

    /// The plural with its group, as RBAC and kubectl name it.
    pub fn qualified(self) -> String {
        with_group(self.plural, self.group)
    }

    /// The singular with its group, as kubectl's results name it.
    pub fn singular(self) -> String {
        with_group(&self.kind.to_ascii_lowercase(), self.group)
    }

    /// The object of this name; cluster-wide, unless [`ObjectRef::in_namespace`] says otherwise.
    pub fn named(self, name: impl Into<String>) -> ObjectRef {
        ObjectRef { kind: self, namespace: None, name: name.into() }
    }
}

fn leaked(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn with_group(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// One object, whether it exists or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    pub kind: ObjectKind,
    /// Absent for kinds that are cluster-wide.
    pub namespace: Option<&'static str>,
    pub name: String,
}

impl ObjectRef {
    /// The object of the same name in this namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: &'static str) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// The object of the same name in a namespace that a server has told of.
    #[must_use]
    pub fn in_told_namespace(self, namespace: &str) -> Self {
        self.in_namespace(leaked(namespace))
    }

    /// The command that deletes it on this cluster.
    pub fn deletion(&self, side: &Side) -> String {
        let kubectl = Kubectl::on(side).namespace(self.namespace);
        kubectl.words("delete").words(&self.kind.qualified()).word(&self.name).to_string()
    }

    /// For sentences: `ServiceAccount kube-federation-system/member1-kubesphere`.
    pub fn in_words(&self) -> String {
        let namespace = self.namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("{} {namespace}{}", self.kind.kind, self.name)
    }
}

/// For results and `-o json`: `serviceaccount/member1-kubesphere`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind.singular(), self.name)
    }
}

/// One object as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingObject {
    pub object: ObjectRef,
    /// Only this very object is meant, and no later one of the same name.
    pub uid: String,
}

impl ExistingObject {
    pub fn of_cluster(cluster: &RegisteredCluster) -> Self {
        Self { object: ObjectKind::CLUSTER.named(cluster.name()), uid: cluster.object_uid().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_as_kubectl_names_it() {
        let cluster = ObjectKind::CLUSTER.named("edge-1");
        assert_eq!(cluster.to_string(), "cluster.cluster.kubesphere.io/edge-1");
        assert_eq!(cluster.in_words(), "Cluster edge-1");
        let secret = ObjectKind::SECRET.named("s").in_namespace("kubesphere-system");
        assert_eq!(secret.to_string(), "secret/s");
        assert_eq!(secret.in_words(), "Secret kubesphere-system/s");
        assert_eq!(
            secret.deletion(&Side::member("my edge")),
            "kubectl --context 'my edge' -n kubesphere-system delete secrets s"
        );
        let role = ObjectKind::CLUSTER_ROLE.named("kubefed-controller-manager:edge-kubesphere");
        assert_eq!(
            role.deletion(&Side::member("a")),
            "kubectl --context a delete clusterroles.rbac.authorization.k8s.io kubefed-controller-manager:edge-kubesphere"
        );
        assert_eq!(ObjectKind::CLUSTER_ROLE.qualified(), "clusterroles.rbac.authorization.k8s.io");
    }
}
