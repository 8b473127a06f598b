//! Users who may do little.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{bed::Cluster, block_on, kubesphere::objects, pki::Validity};

/// What a join that changes everything asks of the host's user, as `VERB RESOURCE.GROUP`.
pub const ON_HOST: [&str; 7] = [
    "get namespaces",
    "get configmaps",
    "get clusterconfigurations.installer.kubesphere.io",
    "patch clusterconfigurations.installer.kubesphere.io",
    "list clusters.cluster.kubesphere.io",
    "get clusters.cluster.kubesphere.io",
    "create clusters.cluster.kubesphere.io",
];

/// What probing from the host's nodes needs besides; without it reachability stays unknown.
pub const PROBING: [&str; 5] = ["list nodes", "create pods", "list pods", "delete pods", "list events"];

/// What it asks of the member's.
pub const ON_MEMBER: [&str; 4] = [
    "get namespaces",
    "get configmaps",
    "get clusterconfigurations.installer.kubesphere.io",
    "patch clusterconfigurations.installer.kubesphere.io",
];

/// The authorizer sees a new binding a moment later.
const TAKES_EFFECT_WITHIN: Duration = Duration::from_secs(60);
/// A certificate that outlives every test.
const VALID_FOR: Duration = Duration::from_secs(3600);

/// These rights but one.
pub fn without<'a>(rights: &[&'a str], one: &str) -> Vec<&'a str> {
    rights.iter().copied().filter(|right| *right != one).collect()
}

/// A new user of this cluster who may do this and nothing else, as it stands in a kubeconfig.
pub fn user_who_may(cluster: &Cluster, name: &str, rights: &[&str]) -> Value {
    let rules: Vec<Value> = rights.iter().map(|right| rule(right)).collect();
    let metadata = json!({"name": name});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata,
                      "rules": rules});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    });
    let client = cluster.client();
    block_on(async move {
        objects::create(&client, &role).await.unwrap();
        objects::create(&client, &binding).await.unwrap();
    });
    await_effect(cluster, name, &rules[0], None);
    user(cluster, name)
}

/// A user of this cluster, as it stands in a kubeconfig.
pub fn user(cluster: &Cluster, name: &str) -> Value {
    let text = cluster.plane().kubeconfig_for(name, None, Validity::lasting(VALID_FOR)).unwrap();
    let kubeconfig: Value = serde_yaml::from_str(&text).unwrap();
    kubeconfig["users"][0]["user"].clone()
}

fn rule(right: &str) -> Value {
    let (verb, what) = right.split_once(' ').unwrap();
    let (resource, group) = what.split_once('.').unwrap_or((what, ""));
    json!({"verbs": [verb], "apiGroups": [group], "resources": [resource]})
}

/// Waits until the user may do what the rule says first.
pub(super) fn await_effect(cluster: &Cluster, user: &str, rule: &Value, namespace: Option<&str>) {
    let named = rule["resources"][0].as_str().unwrap();
    let (resource, subresource) = named.split_once('/').unwrap_or((named, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {},
        "spec": {"user": user, "resourceAttributes": {
            "verb": rule["verbs"][0], "group": rule["apiGroups"][0], "resource": resource,
            "subresource": subresource, "namespace": namespace.unwrap_or_default(),
            "name": rule["resourceNames"][0].as_str().unwrap_or_default(),
        }},
    });
    let begun = Instant::now();
    loop {
        let (client, review) = (cluster.client(), review.clone());
        let answer = block_on(async move { objects::create(&client, &review).await.unwrap() });
        if answer.data["status"]["allowed"] == true {
            return;
        }
        assert!(begun.elapsed() < TAKES_EFFECT_WITHIN, "the rights of {user} take no effect");
        std::thread::sleep(Duration::from_millis(20));
    }
}
