//! Clusters: started, used, killed, and kubeconfigs for them.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use k8s_openapi::{
    api::core::v1::{ConfigMap, Namespace, Secret},
    api::rbac::v1::ClusterRoleBinding,
};
use kube::{Api, ResourceExt as _, api::DeleteParams};
use serde_json::json;
use testbed::{block_on, kubeconfig::Credentials, lease, pki::Validity};

use crate::objects::{client, create, create_config_map, get, in_default, refused};

const HOUR: Duration = Duration::from_secs(3600);

/// Asks until there is an answer; controllers take a moment.
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nothing came within 60 s");
}

#[test]
fn the_kubeconfig_is_private_and_its_context_is_the_name() {
    let planes = lease(1).unwrap();
    let path = planes[0].kubeconfig_path();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(path).unwrap().contains(&format!("current-context: {}\n", planes[0].name())));
    let named = client(&planes[0].kubeconfig_named("member"), "test/1");
    assert!(get(&named, "/version").unwrap().contains("\"gitVersion\": \"v1.34.3\""));
}

#[test]
fn another_user_is_known_and_may_only_what_is_bound_to_them() {
    let planes = lease(1).unwrap();
    let plane = &planes[0];
    let jane = client(&plane.kubeconfig_for("jane", Some("ops"), HOUR.into()).unwrap(), "test/1");
    let nodes = "/api/v1/nodes";
    assert_eq!(refused(get(&jane, nodes)), 403);
    let binding = json!({
        "metadata": {"name": "ops"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "ops"}],
    });
    create(Api::<ClusterRoleBinding>::all(plane.client()), binding);
    eventually(|| get(&jane, nodes).ok());
    let ended = client(&plane.kubeconfig_for("jane", None, Validity::ended(HOUR)).unwrap(), "test/1");
    assert!(get(&ended, nodes).is_err());
}

#[test]
fn controllers_issue_tokens_and_empty_namespaces() {
    let planes = lease(1).unwrap();
    let plane = &planes[0];
    let namespaces: Api<Namespace> = Api::all(plane.client());
    create(namespaces.clone(), json!({"metadata": {"name": "somewhere"}}));
    let secrets: Api<Secret> = Api::namespaced(plane.client(), "somewhere");
    let account = json!({"kubernetes.io/service-account.name": "default"});
    let secret = json!({"metadata": {"name": "token", "annotations": account}, "type": "kubernetes.io/service-account-token"});
    let asked = secrets.clone();
    eventually(|| get(&plane.client(), "/api/v1/namespaces/somewhere/serviceaccounts/default").ok());
    create(secrets, secret);
    let token = eventually(|| {
        let secrets = asked.clone();
        let secret = block_on(async move { secrets.get("token").await }).unwrap();
        secret.data.and_then(|mut data| data.remove("token"))
    });
    let token = Credentials::Token(String::from_utf8(token.0).unwrap());
    let account = client(&plane.kubeconfig_with("token", &token), "test/1");
    assert_eq!(refused(get(&account, "/api/v1/nodes")), 403);
    let deleted = namespaces.clone();
    block_on(async move { deleted.delete("somewhere", &DeleteParams::default()).await }).unwrap();
    eventually(|| {
        let namespaces = namespaces.clone();
        block_on(async move { namespaces.get_opt("somewhere").await }).unwrap().is_none().then_some(())
    });
}

#[test]
fn a_killed_apiserver_comes_back_with_its_state() {
    let planes = lease(1).unwrap();
    let plane = &planes[0];
    let uid = create_config_map(&plane.client(), "kept").uid();
    plane.kill_apiserver();
    assert!(get(&plane.client(), "/version").is_err());
    plane.restart_apiserver().unwrap();
    let maps: Api<ConfigMap> = in_default(&plane.client());
    assert_eq!(block_on(async move { maps.get("kept").await }).unwrap().uid(), uid);
}
