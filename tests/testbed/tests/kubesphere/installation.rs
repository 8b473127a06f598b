//! What an installation leaves, by version.

use serde_json::{Value, json};
use testbed::{
    Bed, block_on,
    kubesphere::{ApiserverScenario, Installation, Peculiarity, Role, Scenario, Version, devops, objects},
};

#[test]
fn each_version_looks_as_its_installer_left_it() {
    for version in Version::PLAYED {
        let bed = Bed::lease(&Scenario::new(version));
        let configuration = bed.host().cluster_configuration();
        let label = if version == Version::V3_1 { "v3.1.0" } else { version.release() };
        assert_eq!(configuration["metadata"]["labels"]["version"], label);
        assert_eq!(configuration["status"]["core"]["version"], version.release());
        assert!(configuration["status"]["multicluster"].is_null(), "only a host has it");
        assert_eq!(configuration["spec"]["authentication"]["jwtSecret"], "");
        let fields = configuration["metadata"]["managedFields"].as_array().unwrap();
        let created = configuration["metadata"]["creationTimestamp"].as_str().unwrap();
        assert!(fields.iter().all(|manager| manager["time"].as_str().unwrap() < created), "written long ago");
        let secret = bed.host().configured("authentication.jwtSecret");
        assert!(bed.secrets().iter().any(|known| secret == known.as_str()));
        assert_eq!(bed.host().configured("multicluster").is_null(), version <= Version::V3_2);
        let selector = if version >= Version::V3_3 { "app=ks-installer" } else { "app=ks-install" };
        let pods = objects::objects(&bed.host().client(), "v1", "Pod", Some("kubesphere-system"));
        let found = block_on(async move { objects::labelled(&pods, selector).await }).unwrap();
        assert_eq!(found.len(), 1, "{version}");
        assert_eq!(
            found[0].data["spec"]["containers"][0]["image"],
            format!("kubesphere/ks-installer:{}", version.release())
        );
    }
}

#[test]
fn the_log_is_served_by_the_apiserver_and_holds_the_password() {
    let bed = Bed::lease(&Scenario::new(Version::V3_4));
    let log = read_log(&bed, "");
    assert_eq!(log, bed.host().installer_log());
    assert!(log.contains("INFO     : TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py\n"));
    assert!(log.contains("task multicluster status is successful  (2/4)\n"), "{log}");
    assert!(log.contains("###              Welcome to KubeSphere!           ###\n"));
    assert!(bed.secrets().iter().any(|secret| log.contains(&format!("Password: {secret}\n"))));
    let last = read_log(&bed, "?tailLines=2&timestamps=true");
    assert_eq!(last.lines().count(), 2);
    assert!(last.contains("Z https://kubesphere.io             "), "{last}");
}

#[test]
fn ks_apiserver_answers_behind_the_service_proxy_unless_it_is_silent() {
    let silent = Installation::new(Version::V3_3).apiserver(ApiserverScenario::Silent);
    let bed = Bed::lease(
        &Scenario::new(Version::V3_4).host(Installation::new(Version::V3_4).role(Role::Host)).member(silent),
    );
    let proxy = "/api/v1/namespaces/kubesphere-system/services/:ks-apiserver:80/proxy/kapis";
    let version: Value =
        serde_json::from_str(&get(&bed.host().client(), &format!("{proxy}/version")).unwrap()).unwrap();
    assert_eq!(version["gitVersion"], "v3.4.1");
    let configz =
        get(&bed.host().client(), &format!("{proxy}/config.kubesphere.io/v1alpha2/configs/configz")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&configz).unwrap()["multicluster"], true);
    let refused = get(&bed.member(1).client(), &format!("{proxy}/version")).unwrap_err();
    assert!(objects::has_code(&refused, 503), "{refused}");
}

#[test]
fn a_member_of_another_host_shows_it() {
    let elsewhere = Installation::new(Version::V3_4).role(Role::MemberElsewhere);
    let other = Installation::new(Version::V3_4).with(Peculiarity::NoKubeSphere);
    let bed = Bed::lease(&Scenario::new(Version::V3_4).members(vec![elsewhere, other]));
    assert_eq!(bed.member(1).configured("multicluster.clusterName"), Role::NAME_ELSEWHERE);
    assert_eq!(bed.member(1).configured("multicluster.clusterRole"), "member");
    let accounts =
        objects::objects(&bed.member(1).client(), "v1", "ServiceAccount", Some("kube-federation-system"));
    block_on(async move { accounts.get("frankfurt-kubesphere").await }).unwrap();
    assert!(bed.member(2).cluster_configuration().is_null());
    bed.wait_for("two contexts", |bed| bed.member(2).context() == "member2");
}

/// The playbook is skipped where `status.devops.status` is `enabled` (ks-installer `playbooks/devops.yaml`).
#[test]
fn devops_keeps_the_secret_that_it_was_installed_with() {
    for version in [Version::V3_1, Version::V3_4] {
        let member = Installation::new(version).role(Role::Member).with(Peculiarity::DevOps);
        let bed = Bed::lease(&Scenario::new(version).member(member));
        assert_eq!(bed.member(1).cluster_configuration()["status"]["devops"]["status"], "enabled");
        let configuration = devops_configuration(&bed);
        if version == Version::V3_1 {
            assert_eq!(configuration, None);
            continue;
        }
        let configuration: Value = serde_yaml::from_str(&configuration.unwrap()).unwrap();
        let secret = &configuration["authentication"]["jwtSecret"];
        assert!(bed.secrets().iter().any(|known| secret == known.as_str()), "it is known as confidential");
        assert_ne!(*secret, bed.member(1).configured("authentication.jwtSecret"));

        let next = json!({"spec": {"authentication": {"jwtSecret": "Abcdefgh"}}});
        bed.member(1).patch_cluster_configuration(next);
        let banner = "Welcome to KubeSphere!";
        bed.wait_for("a second banner", |bed| bed.member(1).installer_log().matches(banner).count() == 2);
        assert_eq!(bed.member(1).configured("authentication.jwtSecret"), "Abcdefgh");
        let kept: Value = serde_yaml::from_str(&devops_configuration(&bed).unwrap()).unwrap();
        assert_eq!(kept, configuration);
    }
}

fn devops_configuration(bed: &Bed) -> Option<String> {
    let maps = objects::objects(&bed.member(1).client(), "v1", "ConfigMap", Some(devops::NAMESPACE));
    let found = block_on(async move { maps.get_opt("devops-config").await }).unwrap();
    found.map(|found| found.data["data"]["kubesphere.yaml"].as_str().unwrap().to_owned())
}

fn read_log(bed: &Bed, query: &str) -> String {
    let pods = objects::objects(&bed.host().client(), "v1", "Pod", Some("kubesphere-system"));
    let pods = block_on(async move { objects::labelled(&pods, "app=ks-installer").await }).unwrap();
    let pod = pods[0].metadata.name.clone().unwrap();
    get(&bed.host().client(), &format!("/api/v1/namespaces/kubesphere-system/pods/{pod}/log{query}")).unwrap()
}

fn get(client: &kube::Client, path: &str) -> kube::Result<String> {
    let (client, path) = (client.clone(), path.to_owned());
    block_on(async move { testbed::kubesphere::go_error::get_text(&client, &path).await })
}
