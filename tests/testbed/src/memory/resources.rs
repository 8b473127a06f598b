//! The resources that are served: those of Kubernetes that anybody here asks for, and those of definitions.
//!
//! Source: `kubectl api-resources` of Kubernetes 1.34.

use std::sync::Arc;

use serde_json::Value;

use super::store::{GroupResource, Key, Store};

/// One resource of one version, as requests name it.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) kind: String,
    pub(super) short_names: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) is_namespaced: bool,
    /// As `status`, `log`.
    pub(super) subresources: Vec<String>,
    pub(super) source: Source,
}

/// What a resource comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Stored,
    /// Nothing is stored: it is answered, as an access review.
    Answered,
    /// A version of a `CustomResourceDefinition`.
    Defined(Arc<Value>),
}

impl Resource {
    pub(super) fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.plural)
    }

    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(super) fn has_status(&self) -> bool {
        self.subresources.iter().any(|subresource| subresource == "status")
    }

    pub(super) fn is_custom(&self) -> bool {
        matches!(self.source, Source::Defined(_))
    }

    /// The version of its definition, where it has one.
    pub(super) fn definition(&self) -> Option<&Value> {
        match &self.source {
            Source::Defined(version) => Some(version),
            Source::Stored | Source::Answered => None,
        }
    }

    pub(super) fn verbs(&self) -> &'static [&'static str] {
        match self.source {
            Source::Answered => &["create"],
            _ => &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }
    }
}

/// `group/version`, kind, plural, short names, n(amespaced) or c(luster-wide), subresources.
type Row = (&'static str, &'static str, &'static str, &'static str, char, &'static [&'static str]);

const STORED: &[Row] = &[
    ("v1", "ConfigMap", "configmaps", "cm", 'n', &[]),
    ("v1", "Endpoints", "endpoints", "ep", 'n', &[]),
    ("v1", "Event", "events", "ev", 'n', &[]),
    ("v1", "LimitRange", "limitranges", "limits", 'n', &[]),
    ("v1", "Namespace", "namespaces", "ns", 'c', &["finalize", "status"]),
    ("v1", "Node", "nodes", "no", 'c', &["proxy", "status"]),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", 'n', &["status"]),
    ("v1", "PersistentVolume", "persistentvolumes", "pv", 'c', &["status"]),
    ("v1", "Pod", "pods", "po", 'n', &["binding", "eviction", "exec", "log", "proxy", "status"]),
    ("v1", "ReplicationController", "replicationcontrollers", "rc", 'n', &["scale", "status"]),
    ("v1", "ResourceQuota", "resourcequotas", "quota", 'n', &["status"]),
    ("v1", "Secret", "secrets", "", 'n', &[]),
    ("v1", "ServiceAccount", "serviceaccounts", "sa", 'n', &["token"]),
    ("v1", "Service", "services", "svc", 'n', &["proxy", "status"]),
    (
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        "",
        'c',
        &[],
    ),
    (
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        "",
        'c',
        &[],
    ),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "crd crds",
        'c',
        &["status"],
    ),
    ("apps/v1", "DaemonSet", "daemonsets", "ds", 'n', &["status"]),
    ("apps/v1", "Deployment", "deployments", "deploy", 'n', &["scale", "status"]),
    ("apps/v1", "ReplicaSet", "replicasets", "rs", 'n', &["scale", "status"]),
    ("apps/v1", "StatefulSet", "statefulsets", "sts", 'n', &["scale", "status"]),
    ("batch/v1", "CronJob", "cronjobs", "cj", 'n', &["status"]),
    ("batch/v1", "Job", "jobs", "", 'n', &["status"]),
    (
        "certificates.k8s.io/v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        "csr",
        'c',
        &["approval", "status"],
    ),
    ("coordination.k8s.io/v1", "Lease", "leases", "", 'n', &[]),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", "", 'n', &[]),
    ("networking.k8s.io/v1", "Ingress", "ingresses", "ing", 'n', &["status"]),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol", 'n', &[]),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", "", 'c', &[]),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", "", 'c', &[]),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", "", 'n', &[]),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", "", 'n', &[]),
    ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "pc", 'c', &[]),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", "sc", 'c', &[]),
];

const ANSWERED: &[Row] = &[
    ("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", "", 'c', &[]),
    ("authentication.k8s.io/v1", "TokenReview", "tokenreviews", "", 'c', &[]),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", "", 'c', &[]),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", "", 'c', &[]),
    ("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", "", 'c', &[]),
];

/// The resource of `CustomResourceDefinitions`.
pub(super) fn definitions() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Every resource of every version that is served now.
pub(super) fn all(store: &Store) -> Vec<Resource> {
    let rows = STORED.iter().map(|row| built_in(row, Source::Stored));
    let answered = ANSWERED.iter().map(|row| built_in(row, Source::Answered));
    let defined = store.list(&definitions(), "");
    let defined = defined.iter().flat_map(|(_, definition)| versions(definition));
    rows.chain(answered).chain(defined).collect()
}

/// The resource of this group, version and plural.
pub(super) fn find(store: &Store, group: &str, version: &str, plural: &str) -> Option<Resource> {
    let definition = store.get(&Key::new(&definitions(), "", &format!("{plural}.{group}")));
    let defined = definition
        .and_then(|definition| versions(definition).into_iter().find(|resource| resource.version == version));
    defined.or_else(|| {
        let rows = STORED.iter().map(|row| (row, Source::Stored));
        let mut rows = rows.chain(ANSWERED.iter().map(|row| (row, Source::Answered)));
        let is_meant = |row: &Row| row.2 == plural && parted(row.0) == (group, version);
        rows.find(|(row, _)| is_meant(row)).map(|(row, source)| built_in(row, source))
    })
}

/// Whether anything of the group is served in this version.
pub(super) fn is_served(store: &Store, group: &str, version: &str) -> bool {
    all(store).iter().any(|resource| resource.group == group && resource.version == version)
}

fn parted(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

fn built_in(row: &Row, source: Source) -> Resource {
    let (api_version, kind, plural, short_name, scope, subresources) = *row;
    let (group, version) = parted(api_version);
    let in_all = ["Pod", "Service", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob"];
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        kind: kind.to_owned(),
        short_names: short_name.split_whitespace().map(str::to_owned).collect(),
        categories: if in_all.contains(&kind) { vec!["all".to_owned()] } else { Vec::new() },
        is_namespaced: scope == 'n',
        subresources: subresources.iter().map(|name| (*name).to_owned()).collect(),
        source,
    }
}

/// The versions of a definition that are served; one that is being deleted serves until it is gone.
fn versions(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let served =
        spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true);
    served
        .map(|version| Resource {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            kind: text(&names["kind"]),
            short_names: texts(&names["shortNames"]),
            categories: texts(&names["categories"]),
            is_namespaced: spec["scope"] == "Namespaced",
            subresources: version["subresources"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect(),
            source: Source::Defined(Arc::new(version.clone())),
        })
        .collect()
}
