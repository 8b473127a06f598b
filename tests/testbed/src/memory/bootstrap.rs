//! What a new cluster has: namespaces, their service accounts, and the roles that RBAC cannot do without.
//!
//! Source: `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`.

use serde_json::{Value, json};

use super::store::{GroupResource, Key, Store};
use crate::kubesphere::{clock, secret};

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn fill(store: &mut Store) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        put(
            store,
            ("", "v1", "namespaces"),
            &json!({
                "kind": "Namespace", "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            }),
        );
        put(
            store,
            ("", "v1", "serviceaccounts"),
            &json!({
                "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name},
            }),
        );
    }
    put(store, ("", "v1", "services"), &service());
    put(
        store,
        ("", "v1", "endpoints"),
        &json!({
            "kind": "Endpoints", "metadata": {"name": "kubernetes", "namespace": "default"},
            "subsets": [{"addresses": [{"ip": "10.0.2.15"}], "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}],
        }),
    );
    for (name, rules, subjects) in roles() {
        let metadata = json!({"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
                              "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}});
        put(
            store,
            (RBAC, "v1", "clusterroles"),
            &json!({"kind": "ClusterRole", "metadata": metadata, "rules": rules}),
        );
        if !subjects.is_empty() {
            let subjects: Vec<Value> = subjects
                .iter()
                .map(|group| json!({"kind": "Group", "apiGroup": RBAC, "name": group}))
                .collect();
            put(
                store,
                (RBAC, "v1", "clusterrolebindings"),
                &json!({
                    "kind": "ClusterRoleBinding", "metadata": metadata, "subjects": subjects,
                    "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
                }),
            );
        }
    }
}

fn put(store: &mut Store, (group, version, plural): (&str, &str, &str), object: &Value) {
    let mut object = object.clone();
    object["apiVersion"] =
        if group.is_empty() { version.into() } else { format!("{group}/{version}").into() };
    object["metadata"]["uid"] = secret::random_uuid().into();
    object["metadata"]["creationTimestamp"] = clock::now().into();
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    let key = Key::new(&GroupResource::new(group, plural), &text("namespace"), &text("name"));
    store.write(key, object);
}

fn service() -> Value {
    json!({
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default",
                     "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
                 "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
        "status": {"loadBalancer": {}},
    })
}

type Role = (&'static str, Value, &'static [&'static str]);

/// Name, rules, and the groups to whom the role is bound.
fn roles() -> Vec<Role> {
    let on = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    let paths = |paths: &[&str]| json!({"nonResourceURLs": paths, "verbs": ["get"]});
    let reading = ["get", "list", "watch"];
    let everything = json!([on(&["*"], &["*"], &["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}]);
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let reviews = json!([
        on(&["authorization.k8s.io"], &["selfsubjectaccessreviews", "selfsubjectrulesreviews"], &["create"]),
        on(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]),
    ]);
    let viewed = [
        "configmaps",
        "endpoints",
        "events",
        "namespaces",
        "pods",
        "pods/log",
        "serviceaccounts",
        "services",
    ];
    let workloads = ["daemonsets", "deployments", "replicasets", "statefulsets"];
    let view = json!([on(&[""], &viewed, &reading), on(&["apps"], &workloads, &reading)]);
    let edit = json!([on(&[""], &["*"], &["*"]), on(&["apps"], &workloads, &["*"])]);
    vec![
        ("cluster-admin", everything, &["system:masters"]),
        ("admin", edit.clone(), &[]),
        ("edit", edit, &[]),
        ("view", view, &[]),
        ("system:basic-user", reviews, &["system:authenticated"]),
        ("system:discovery", json!([paths(&discovery)]), &["system:authenticated"]),
        (
            "system:public-info-viewer",
            json!([paths(&["/healthz", "/livez", "/readyz", "/version", "/version/"])]),
            &["system:authenticated", "system:unauthenticated"],
        ),
    ]
}
