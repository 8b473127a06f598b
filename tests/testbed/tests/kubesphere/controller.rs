//! The cluster controller: joins and failures, by version.

use serde_json::{Value, json};
use testbed::{
    Bed,
    bed::{condition, reason},
    block_on,
    kubesphere::{ControllerScenario, Installation, Peculiarity, Role, Scenario, Version, objects, secret},
};

use super::A_WHILE;

pub(crate) fn joinable(version: Version) -> Scenario {
    Scenario::new(version)
        .host(Installation::new(version).role(Role::Host))
        .member(Installation::new(version).role(Role::Member))
}

pub(crate) fn context(bed: &Bed, name: &str) -> String {
    let mut kubeconfig: Value =
        serde_yaml::from_str(&std::fs::read_to_string(bed.kubeconfig()).unwrap()).unwrap();
    kubeconfig["current-context"] = name.into();
    for list in ["clusters", "users", "contexts"] {
        let items = kubeconfig[list].as_array().unwrap();
        let wanted = if list == "users" { format!("{name}-admin") } else { name.to_owned() };
        kubeconfig[list] = items.iter().filter(|item| item["name"] == wanted.as_str()).cloned().collect();
    }
    serde_yaml::to_string(&kubeconfig).unwrap()
}

pub(crate) fn cluster(name: &str, kubeconfig: &str) -> Value {
    json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": name},
        "spec": {"provider": "", "joinFederation": true,
                 "connection": {"type": "direct", "kubeconfig": secret::base64(kubeconfig.as_bytes())}},
    })
}

pub(crate) fn create(bed: &Bed, object: Value) {
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &object).await }).unwrap();
}

pub(crate) fn ready(bed: &Bed, name: &str) -> bool {
    condition(&bed.host().cluster(name), "Ready") == Some("True")
}

#[test]
fn a_member_joins_in_every_version() {
    for version in Version::PLAYED {
        let bed = Bed::lease(&joinable(version));
        assert_eq!(bed.host().cluster("host")["metadata"]["labels"]["kubesphere.io/managed"], "true");
        create(&bed, cluster("m1", &context(&bed, "member1")));
        bed.wait_for("a ready member", |bed| ready(bed, "m1"));
        let joined = bed.host().cluster("m1");
        assert_eq!(condition(&joined, "Federated"), Some("True"));
        assert_eq!(joined["metadata"]["finalizers"], json!(["finalizer.cluster.kubesphere.io"]));
        assert_eq!(joined["spec"]["connection"]["kubernetesAPIEndpoint"], bed.member(1).server());
        assert_eq!(joined["status"]["kubeSphereVersion"], version.release());
        assert_eq!(joined["status"]["nodeCount"], 1);
        let uid = &joined["status"]["uid"];
        assert!(if version >= Version::V3_3 { uid == bed.member(1).uid() } else { uid.is_null() });
        let told = version.told_kubernetes();
        assert!(told.is_none_or(|told| joined["status"]["kubernetesVersion"] == told));
        if version >= Version::V3_3 {
            assert_eq!(condition(&joined, "KubeConfigCertExpiresInSevenDays"), Some("False"));
            bed.wait_for("the member's name", |bed| {
                bed.member(1).configured("multicluster.clusterName") == "m1"
            });
            assert_eq!(bed.member(1).configured("authentication.oauthOptions.accessTokenMaxAge"), "0s");
        }
    }
}

#[test]
fn an_unreachable_member_has_go_s_reason_and_a_new_kubeconfig_is_taken_at_once() {
    let bed = Bed::lease(&joinable(Version::V3_4));
    let good = context(&bed, "member1");
    create(&bed, cluster("m1", &good.replace(&bed.member(1).server(), "https://127.0.0.1:9")));
    bed.wait_for("a failed join", |bed| condition(&bed.host().cluster("m1"), "Ready") == Some("False"));
    let failed = bed.host().cluster("m1");
    assert_eq!(
        reason(&failed, "Federated"),
        Some(
            "Get \"https://127.0.0.1:9/api/v1/namespaces/kube-federation-system/serviceaccounts/m1-kubesphere\": dial \
             tcp 127.0.0.1:9: connect: connection refused"
        )
    );
    assert_eq!(reason(&failed, "Ready"), Some("Cluster join federation control plane failed"));
    assert!(
        failed["status"]["uid"].is_null() && failed["spec"]["connection"]["kubernetesAPIEndpoint"].is_null()
    );
    let api = objects::clusters(&bed.host().client());
    let patch = json!({"spec": {"connection": {"kubeconfig": secret::base64(good.as_bytes())}}});
    block_on(async move { objects::merge(&api, "m1", &patch).await }).unwrap();
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
}

#[test]
fn tokens_and_silent_clusters() {
    for version in [Version::V3_3, Version::V3_4] {
        let bed = Bed::lease(&joinable(version));
        create(&bed, cluster("m1", &with_token(&bed)));
        let mut silent = cluster("m2", &context(&bed, "member1"));
        silent["spec"]["joinFederation"] = false.into();
        create(&bed, silent);
        if version == Version::V3_4 {
            bed.wait_for("a ready member", |bed| ready(bed, "m1"));
            assert_eq!(
                condition(&bed.host().cluster("m1"), "KubeConfigCertExpiresInSevenDays"),
                Some("False")
            );
        } else {
            std::thread::sleep(A_WHILE);
            assert!(
                bed.host().cluster("m1")["status"].is_null(),
                "a token is never ready on 3.3:\n{}",
                bed.dump()
            );
        }
        bed.wait_for("a finalizer", |bed| bed.host().cluster("m2")["metadata"]["finalizers"].is_array());
        assert!(bed.host().cluster("m2")["status"].is_null());
    }
}

/// The member's kubeconfig with a token of an account that may do everything.
fn with_token(bed: &Bed) -> String {
    let client = bed.member(1).client();
    let token = block_on(async move {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "root", "namespace": "default"}});
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "root"},
            "subjects": [{"kind": "ServiceAccount", "name": "root", "namespace": "default"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        });
        let token = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "root", "namespace": "default", "annotations": {"kubernetes.io/service-account.name": "root"}},
        });
        for object in [account, binding, token] {
            objects::create(&client, &object).await.unwrap();
        }
        let secrets = objects::objects(&client, "v1", "Secret", Some("default"));
        loop {
            let found = secrets.get("root").await.unwrap();
            if let Some(token) = found.data["data"]["token"].as_str() {
                return secret::base64_decoded(token).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let mut kubeconfig: Value = serde_yaml::from_str(&context(bed, "member1")).unwrap();
    kubeconfig["users"][0]["user"] = json!({"token": String::from_utf8(token).unwrap()});
    serde_yaml::to_string(&kubeconfig).unwrap()
}

#[test]
fn reasons_of_members_that_are_not_prepared() {
    let bed = Bed::lease(&joinable(Version::V3_4).members(vec![
        Installation::new(Version::V3_4).with(Peculiarity::NoKubeSphere),
        Installation::new(Version::V3_4),
    ]));
    create(&bed, cluster("m1", &context(&bed, "member1")));
    bed.wait_for("a failed join", |bed| condition(&bed.host().cluster("m1"), "Federated") == Some("False"));
    let bare = bed.host().cluster("m1");
    let missing = "the server could not find the requested resource (get workspaces.tenant.kubesphere.io)";
    assert_eq!(reason(&bare, "Federated"), Some(missing));
}

#[test]
fn reasons_of_members_with_leftovers() {
    let conflict = Bed::lease(&Scenario::named("leftover-workspace", Version::V3_4).unwrap());
    create(&conflict, cluster("m1", &context(&conflict, "member1")));
    conflict
        .wait_for("a failed join", |bed| condition(&bed.host().cluster("m1"), "Federated") == Some("False"));
    let cluster = conflict.host().cluster("m1");
    assert!(
        reason(&cluster, "Federated")
            .unwrap()
            .starts_with("The workspace team-a is found in the target member cluster m1")
    );
}

#[test]
fn members_without_token_secrets_time_out_before_3_3() {
    let bed = Bed::lease(&joinable(Version::V3_2).controller(ControllerScenario::NoTokenSecrets));
    create(&bed, cluster("m1", &context(&bed, "member1")));
    bed.wait_for("a failed join", |bed| condition(&bed.host().cluster("m1"), "Federated") == Some("False"));
    assert_eq!(reason(&bed.host().cluster("m1"), "Federated"), Some("timed out waiting for the condition"));
    assert_eq!(condition(&bed.host().cluster("m1"), "Ready"), None);
}

#[test]
fn deletion_leaves_the_member_as_it_is() {
    let bed = Bed::lease(&joinable(Version::V3_4));
    create(&bed, cluster("m1", &context(&bed, "member1")));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    let api = objects::clusters(&bed.host().client());
    block_on(async move { objects::remove(&api, "m1").await }).unwrap();
    bed.wait_for("no cluster", |bed| bed.host().cluster("m1").is_null());
    let (host, member) = (bed.host().client(), bed.member(1).client());
    block_on(async move {
        let federation = Some("kube-federation-system");
        let accounts = objects::objects(&member, "v1", "ServiceAccount", federation);
        accounts.get("m1-kubesphere").await.unwrap();
        let roles = objects::objects(&member, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None);
        roles.get("kubefed-controller-manager:m1-kubesphere").await.unwrap();
        let secrets = objects::objects(&host, "v1", "Secret", federation);
        assert!(secrets.get_opt("m1-secret").await.unwrap().is_none());
    });
    assert_eq!(bed.member(1).configured("multicluster.clusterRole"), "member");
}

#[test]
fn a_standalone_cluster_becomes_a_host_by_its_installer() {
    let bed = Bed::lease(&Scenario::new(Version::V3_4));
    assert_eq!(bed.host().clusters(), Vec::<Value>::new());
    let host = json!({"spec": {"multicluster": {"clusterRole": "host", "hostClusterName": "hub"}}});
    bed.host().patch_cluster_configuration(host);
    bed.wait_for("a ready host", |bed| ready(bed, "hub"));
    assert_eq!(bed.host().configured("multicluster.hostClusterName"), "hub");
}
