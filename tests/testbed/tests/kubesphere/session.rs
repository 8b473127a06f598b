//! What stands on the clusters after joins: credentials that end, many Clusters, projects, a member that is none any more.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{
    Bed, ClusterObject,
    bed::condition,
    block_on,
    kubesphere::{ControllerScenario, Installation, Peculiarity, Role, Scenario, Version, objects, secret},
    pki::Validity,
};

use super::controller::{joinable, ready};
use crate::objects::{client, get, refused};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_credential_ends_and_a_new_one_is_taken_in_its_place() {
    let bed = Bed::lease(&joinable(Version::V3_4));
    let ended = bed.member(1).kubeconfig_holding(Validity::ended(DAY));
    assert_eq!(refused(get(&client(&ended, "test/1"), "/version")), 401);
    let within = Duration::from_secs(8);
    let begun = Instant::now();
    bed.host().import("m1", &bed.member(1).kubeconfig_holding(Validity::lasting(within)));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    let expiring = condition(&bed.host().cluster("m1"), "KubeConfigCertExpiresInSevenDays") == Some("True");
    assert!(expiring, "{}", bed.dump());
    std::thread::sleep((within + Duration::from_secs(1)).saturating_sub(begun.elapsed()));
    let api = objects::clusters(&bed.host().client());
    let patched = |patch: Value| {
        let api = api.clone();
        block_on(async move { objects::merge(&api, "m1", &patch).await })
    };
    let denied = patched(json!({"metadata": {"labels": {"a": "b"}}})).unwrap_err().to_string();
    assert!(denied.contains("denied the request: Unauthorized"), "{denied}");
    let good = bed.member(1).kubeconfig_holding(Validity::lasting(DAY));
    let stored = json!({"spec": {"connection": {"kubeconfig": secret::base64(good.as_bytes())}}});
    patched(stored).unwrap();
}

#[test]
fn a_context_of_the_bed_s_kubeconfig_is_replaced() {
    let bed = Bed::lease(&joinable(Version::V3_4));
    let path = bed.kubeconfig_with(&bed.member(1).kubeconfig_holding(Validity::ended(DAY)));
    let mut kubeconfig: Value = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(kubeconfig["current-context"], "host");
    for (context, code) in [("host", None), ("member1", Some(401))] {
        kubeconfig["current-context"] = context.into();
        let client = client(&serde_yaml::to_string(&kubeconfig).unwrap(), "test/1");
        let answer = get(&client, "/version");
        assert_eq!(answer.as_ref().err().map(|_| 401), code, "{answer:?}");
    }
}

#[test]
fn fifty_clusters_stand_on_a_host_as_they_are_written() {
    let bed = Bed::lease(&joinable(Version::V3_4).controller(ControllerScenario::Down));
    let at = "2026-01-03T10:00:00Z";
    let clusters = (1..=50).map(|number| {
        let kubeconfig = bed.member(1).kubeconfig_holding(Validity::lasting(DAY * number));
        ClusterObject::new(&format!("m{number}"))
            .kubeconfig(&kubeconfig)
            .label("cluster.kubesphere.io/group", "production")
            .condition("Federated", "True", ("", ""), at)
            .condition("Ready", "False", ("why", "not now"), at)
            .with(&json!({"status": {"uid": format!("uid-{number}"), "nodeCount": number}}))
    });
    bed.host().create_clusters(clusters.collect());
    let found = bed.host().clusters();
    assert_eq!(found.len(), 50);
    let last = bed.host().cluster("m50");
    assert_eq!((&last["status"]["nodeCount"], &last["status"]["uid"]), (&json!(50), &json!("uid-50")));
    assert_eq!(last["status"]["conditions"][1]["lastUpdateTime"], at);
    assert_eq!(last["status"]["conditions"][1]["reason"], "why");
}

#[test]
fn a_federated_project_belongs_to_a_workspace_and_the_system_s_namespaces_to_theirs() {
    let project =
        Peculiarity::FederatedProject { name: "project-a".to_owned(), workspace: "team-a".to_owned() };
    let member = Installation::new(Version::V3_4).role(Role::Member).with(project);
    let bed = Bed::lease(&Scenario::new(Version::V3_4).member(member));
    let client = bed.member(1).client();
    let namespaces = objects::objects(&client, "v1", "Namespace", None);
    let workspaces = objects::objects(&client, "tenant.kubesphere.io/v1alpha1", "Workspace", None);
    let (project, workspace, of_system) = block_on(async move {
        (
            namespaces.get("project-a").await.unwrap(),
            workspaces.get("team-a").await.unwrap(),
            objects::labelled(&namespaces, "kubesphere.io/workspace=system-workspace").await.unwrap(),
        )
    });
    let labels = project.metadata.labels.unwrap();
    assert_eq!(
        (&labels["kubesphere.io/workspace"][..], &labels["kubefed.io/managed"][..]),
        ("team-a", "true")
    );
    let owner = &project.metadata.owner_references.unwrap()[0];
    assert_eq!((Some(&owner.uid), owner.controller), (workspace.metadata.uid.as_ref(), Some(true)));
    assert_eq!(workspace.metadata.labels.unwrap()["kubefed.io/managed"], "true");
    let names: Vec<_> = of_system.iter().filter_map(|namespace| namespace.metadata.name.as_deref()).collect();
    assert!(names.contains(&"kubesphere-system") && names.contains(&"kube-system"), "{names:?}");
}

#[test]
fn a_member_that_is_none_any_more_has_a_secret_of_its_own() {
    for version in Version::PLAYED {
        let former = Installation::new(version).role(Role::MemberElsewhere);
        let bed = Bed::lease(&Scenario::new(version).host(former).members(Vec::new()));
        let host = bed.host();
        assert_eq!(host.configured("multicluster.clusterName").is_string(), version.identifies_members());
        let run = host.installer_log().matches("Welcome to KubeSphere!").count();
        let spec = json!({"authentication": {"jwtSecret": "Fresh"}, "multicluster": {"clusterRole": "none"}});
        host.patch_cluster_configuration(json!({"spec": spec}));
        bed.wait_for("another banner", |bed| {
            bed.host().installer_log().matches("Welcome to KubeSphere!").count() > run
        });
        assert_eq!(host.configured("authentication.jwtSecret"), "Fresh", "{version}");
        assert!(host.configured("authentication.oauthOptions.accessTokenMaxAge").is_null(), "{version}");
        assert!(host.configured("multicluster.clusterName").is_null(), "{version}");
        let role = host.configured("multicluster.clusterRole");
        assert_eq!(role.as_str(), version.always_writes_the_role().then_some("none"), "{version}");
        let secrets = objects::objects(&host.client(), "v1", "Secret", Some("kubesphere-system"));
        let kept = block_on(async move { secrets.get("kubesphere-secret").await }).unwrap();
        assert_eq!(kept.data["data"]["secret"], secret::base64(b"Fresh"), "{version}");
    }
}
