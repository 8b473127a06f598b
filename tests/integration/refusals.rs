//! What stops a join before the first change, on real control planes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::{ControllerScenario, Installation, Peculiarity, Role, Scenario, Version, objects},
};

use crate::{
    logs::patch_deployment,
    support::{Kubeconfig, KubectlMc, Run, Watched, by_plugin},
};

const VERSION: Version = Version::V3_4;

/// The command ends with code 3, says this, and has written nothing.
#[track_caller]
fn assert_refused(bed: &Watched, program: KubectlMc, said: &[&str]) -> Run {
    let mut run = program.run().code(3).stdout("").says(" failed; nothing was changed\n");
    for said in said {
        run = run.says(said);
    }
    bed.assert_untouched();
    run
}

/// `join member1` in this scenario is refused.
#[track_caller]
fn assert_join_refused(scenario: &Scenario, said: &[&str]) {
    let bed = Watched::lease(scenario);
    let program = bed.join("member1");
    assert_refused(&bed, program, said);
}

fn host(installation: Installation) -> Scenario {
    Scenario::new(VERSION).host(installation)
}

fn member(installation: Installation) -> Scenario {
    Scenario::new(VERSION).member(installation)
}

fn standalone() -> Installation {
    Installation::new(VERSION)
}

/// Registers a cluster on the bed's host, with a kubeconfig as a user would have given it.
fn register(bed: &Watched, name: &str, cluster: &Cluster) {
    let kubeconfig = cluster
        .front()
        .map_or_else(|| cluster.plane().kubeconfig_named(name), |front| front.kubeconfig().to_owned());
    let object = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": name},
        "spec": {"joinFederation": true, "provider": "",
                 "connection": {"type": "direct", "kubeconfig": STANDARD.encode(kubeconfig)}},
    });
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &object).await.unwrap() });
}

// Identity

#[test]
fn host_and_member_are_not_one_cluster_whatever_their_contexts_are_called() {
    let bed = Watched::shared();
    let program = bed.kubectl_mc_with(&Kubeconfig::of(bed).alias("other", "host")).join("other");
    let uid = format!("(the UID of kube-system is {} in both)", bed.host().uid());
    assert_refused(
        bed,
        program,
        &["error: host \"host\" and member \"other\" are the same cluster", &uid, "hint: "],
    );
}

#[test]
fn two_members_are_not_one_cluster() {
    let bed = Watched::shared();
    let program = bed.kubectl_mc_with(&Kubeconfig::of(bed).alias("other", "member1")).join("member1 other");
    assert_refused(bed, program, &["error: member \"member1\" and member \"other\" are the same cluster"]);
}

#[test]
fn a_member_is_not_registered_under_a_second_name() {
    for version in [Version::V3_1, Version::V3_2, Version::V3_3, Version::V3_4] {
        let role = |role| Installation::new(version).role(role);
        let bed = Watched::lease(&Scenario::new(version).host(role(Role::Host)).member(role(Role::Member)));
        register(&bed, "old", bed.member(1));
        let said = [
            "error: member \"member1\": it is registered on this host already, as \"old\" [member-registration]\n",
            "hint: keep that name, for a member cannot be renamed: `kubectl mc join member1 --context host --name old \
             --skip-check member-server-loopback`\n",
        ];
        assert_refused(&bed, bed.join("member1"), &said);
    }
}

#[test]
fn a_name_that_another_cluster_has_is_taken() {
    let members = vec![standalone().role(Role::Member), standalone()];
    let bed = Watched::lease(&host(standalone().role(Role::Host)).members(members));
    register(&bed, "edge", bed.member(1));
    let said = [
        "error: member \"member2\": the name \"edge\" is taken on the host: ",
        "hint: choose another with `--name`",
    ];
    assert_refused(&bed, bed.join("member2 --name edge"), &said);
    let own = ["error: member \"member2\": the name \"host\" is taken on the host: it is the host's own"];
    assert_refused(&bed, bed.join("member2 --name host"), &own);
    let said = ["error: host \"host\": the name \"edge\" is a member's"];
    let run = bed.join("member2 --host-cluster-name edge --dry-run=client").run().code(0);
    run.does_not_say(said[0])
        .says("warning: host \"host\": its Cluster already exists and is called \"host\"");
    bed.assert_untouched();
}

/// The way out is the same from both names.
#[test]
fn a_member_that_is_registered_twice_is_told_how_one_goes() {
    let bed = Watched::lease(&host(standalone().role(Role::Host)).member(standalone().role(Role::Member)));
    register(&bed, "member1", bed.member(1));
    register(&bed, "again", bed.member(1));
    for (words, other) in [("member1", "again"), ("member1 --name again", "member1")] {
        let said = [
            "error: member \"member1\": it is registered on this host 2 times, as \"",
            &format!("`kubectl mc unjoin {other} --context host --member-context member1`"),
        ];
        let _ = assert_refused(&bed, bed.join(words), &said).does_not_say("kubectl mc join");
    }
    let unjoin = "unjoin again --context host --member-context member1 --yes";
    let _ = bed.kubectl_mc().words(unjoin).run().code(0);
    bed.wait_for("one Cluster", |bed| bed.host().clusters().len() == 2);
    let _ = bed.join("member1").run().code(0);
}

#[test]
fn the_consoles_own_name_is_refused() {
    let bed = Watched::shared();
    let program = bed.kubectl_mc_with(&Kubeconfig::of(bed).alias("default", "member1")).join("default");
    let said = [
        "error: member \"default\": KubeSphere's console mistakes a Cluster \"default\" for the cluster that it runs on",
        "hint: choose another name with `--name`: `kubectl mc join default --context host --name NAME`",
    ];
    assert_refused(bed, program, &said);
}

// Roles

#[test]
fn a_host_is_never_made_a_member_nor_a_member_a_host() {
    let bed = Watched::lease(&host(standalone().role(Role::Host)).member(standalone().role(Role::Member)));
    let turned = "join host --context member1 --yes --skip-check member-server-loopback";
    let said = [
        "error: host \"member1\": it is a member and member \"host\" is a host: they are the wrong way round [host-role]",
        "hint: name the host with `--context host`, and \"member1\" as the member",
        "error: 1 check failed; nothing was changed\n",
    ];
    assert_refused(&bed, bed.kubectl_mc().words(turned), &said);
    let said = [
        "error: member \"member1\": it is a host, and a host is never made a member",
        "error: 1 check failed; nothing was changed\n",
    ];
    assert_join_refused(&host(standalone().role(Role::Host)).member(standalone().role(Role::Host)), &said);
}

#[test]
fn a_member_of_another_host_stays_that_hosts() {
    let said = "error: member \"member1\": it is a member of another host: ";
    let hint = "hint: if that host still uses it: remove it there first, by deleting its Cluster";
    let takeover = "hint: then, or if that host is gone, take it over: `kubectl mc prepare member member1 --context host --from-other-host`";
    let elsewhere = |version| Installation::new(version).role(Role::MemberElsewhere);
    let by_account = format!("{said}service account frankfurt-kubesphere");
    assert_join_refused(&member(elsewhere(Version::V3_4)), &[&by_account, hint, takeover]);
    let older = Scenario::new(Version::V3_2).member(elsewhere(Version::V3_2));
    assert_join_refused(&older, &[&by_account, hint, takeover]);
}

// KubeSphere

#[test]
fn a_cluster_without_kubesphere_is_refused() {
    let empty = standalone().with(Peculiarity::NoKubeSphere);
    let said = [
        "error: member \"member1\": KubeSphere is not installed [kubesphere-version]",
        "1 check failed; nothing was changed\n",
    ];
    assert_join_refused(&member(empty.clone()), &said);
    assert_join_refused(
        &host(empty),
        &["error: host \"host\": KubeSphere is not installed [kubesphere-version]"],
    );
}

#[test]
fn kubesphere_4_is_refused_with_what_differs() {
    let said = [
        "error: member \"member1\": KubeSphere 4 is installed: it has no ClusterConfiguration",
        "hint: join it to a host of KubeSphere 4",
    ];
    assert_join_refused(&member(Installation::new(Version::V4_1_3)), &said);
}

#[test]
fn kubesphere_before_3_1_is_refused() {
    let said = ["error: member \"member1\": KubeSphere v3.0.0 is older than 3.1", "hint: upgrade it"];
    assert_join_refused(&member(Installation::new(Version::V3_0)), &said);
}

#[test]
fn without_an_installer_nothing_would_take_effect() {
    let said = [
        "error: member \"member1\": Deployment ks-installer is missing in kubesphere-system",
        "hint: apply the",
    ];
    assert_join_refused(&member(standalone().with(Peculiarity::NoInstaller)), &said);
}

#[test]
fn an_installer_that_is_switched_off_or_has_no_pod_is_not_waited_for() {
    let bed = Watched::lease(&host(standalone()));
    patch_deployment(bed.host(), json!({"spec": {"replicas": 0}}));
    let scale = "hint: scale it to 1: `kubectl --context host -n kubesphere-system scale deployment ks-installer \
                 --replicas 1`";
    for program in [bed.join("member1"), bed.kubectl_mc().words("prepare host --context host --yes")] {
        let run = program.run().code(3).stdout("").says(scale);
        let _ = run.says("error: host \"host\": Deployment ks-installer is scaled to 0 replicas");
    }
}

/// Kubernetes takes a patch of what stands beside it, and refuses whatever is to be created in it.
#[test]
fn a_namespace_that_is_being_deleted_stops_it_on_either_side() {
    let bed = Watched::lease(&host(standalone()));
    for (cluster, side) in [(bed.member(1), "member \"member1\""), (bed.host(), "host \"host\"")] {
        let metadata = json!({"name": "kube-federation-system", "finalizers": ["example.org/stuck"]});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        let client = cluster.client();
        block_on(async move {
            objects::create(&client, &namespace).await.unwrap();
            let namespaces = objects::objects(&client, "v1", "Namespace", None);
            objects::remove(&namespaces, "kube-federation-system").await.unwrap();
        });
        let said = [
            &*format!("error: {side}: namespace kube-federation-system is being deleted (Terminating)"),
            "what holds it: its finalizers example.org/stuck",
            "wait --for=delete --timeout=10m namespace/kube-federation-system`",
        ];
        let run = bed.join("member1").run().code(3).stdout("");
        let _ = said.iter().fold(run, |run, said| run.says(said));
    }
    assert!(bed.configuration_patches().iter().all(|patches| *patches == 0));
}

#[test]
fn a_secret_that_cannot_be_shared_is_refused() {
    let with = |secret: &str| host(standalone().with(Peculiarity::JwtSecret(secret.to_owned())));
    let said = [
        "error: host \"host\": its jwtSecret cannot be shared: it is empty",
        "hint: set spec.authentication.",
    ];
    assert_join_refused(&with(""), &said);
    let said = [
        "cannot be shared: it holds a character outside `A-Z a-z 0-9 . _ ~ -`",
        "which breaks the installer's",
    ];
    assert_join_refused(&with("it's;a-$(secret)"), &said);
}

#[test]
fn another_resource_called_cc_is_refused_and_can_be_skipped() {
    let bed = Watched::lease(&member(standalone().with(Peculiarity::ShortNameClash)));
    let said = ["error: member \"member1\": ", "has the short name `cc` too", "[short-name-cc]"];
    assert_refused(&bed, bed.join("member1"), &said);
    let run = bed.join("member1 --skip-check short-name-cc --dry-run=client").run().code(0);
    run.says("warning: member \"member1\": ").says("(skipped) [short-name-cc]");
}

#[test]
fn a_host_before_3_3_waits_in_vain_for_a_member_with_kubernetes_1_24() {
    for version in [Version::V3_1, Version::V3_2] {
        let scenario = Scenario::new(version).controller(ControllerScenario::NoTokenSecrets);
        let said = [
            "makes no token Secrets for service accounts, which a host with KubeSphere v3.",
            "hint: upgrade the host to",
        ];
        assert_join_refused(&scenario, &said);
    }
}

#[test]
fn version_3_1_always_calls_its_host_host() {
    let bed = Watched::lease(&Scenario::new(Version::V3_1));
    let said =
        ["error: host \"host\": KubeSphere 3.1 always calls its host's Cluster \"host\"", "hint: leave out"];
    assert_refused(&bed, bed.join("member1 --host-cluster-name europe"), &said);
}

#[test]
fn host_and_member_do_not_share_a_name() {
    let bed = Watched::shared();
    let said =
        ["error: host \"host\": the name \"member1\" is a member's", "1 check failed; nothing was changed\n"];
    assert_refused(bed, bed.join("member1 --host-cluster-name member1"), &said);
    let said = ["error: member \"member1\": the name \"host\" will be the host's own Cluster's"];
    assert_refused(bed, bed.join("member1 --name host"), &said);
}

// What would be stored

#[test]
fn a_loopback_server_is_refused_unless_it_is_skipped() {
    let bed = Watched::shared();
    let program = bed.kubectl_mc().words("join member1 --context host --yes");
    let said = [
        "is this machine's loopback: the host's pods would reach themselves [member-server-loopback]",
        "hint: if both clusters really run on this machine, pass `--skip-check member-server-loopback`",
    ];
    assert_refused(bed, program, &said);
    let run = bed.join("member1 --dry-run=client").run().code(0);
    run.says("warning: member \"member1\": its server ").says("(skipped) [member-server-loopback]");
}

/// `join member1` with another user, or changed cluster, in its context.
#[track_caller]
fn assert_context_refused(kubeconfig: &Kubeconfig, said: &str) {
    let bed = Watched::shared();
    let said =
        [&format!("error: member \"member1\": its context cannot be stored on the host: {said}"), "hint: "];
    assert_refused(bed, bed.kubectl_mc_with(kubeconfig).join("member1 --credentials context"), &said);
}

#[test]
fn a_plugins_credentials_cannot_be_stored() {
    let bed = Watched::shared();
    let kubeconfig = Kubeconfig::of(bed).user("member1", by_plugin(bed, "member1"));
    assert_context_refused(&kubeconfig, "its user gets credentials from the program `sh`");
}

#[test]
fn an_auth_providers_credentials_cannot_be_stored() {
    let bed = Watched::shared();
    let user = json!({"auth-provider": {"name": "gcp", "config": {}}});
    let program = bed.kubectl_mc_with(&Kubeconfig::of(bed).user("member1", user)).join("member1");
    program.run().code(3).stdout("").says("member \"member1\": ").says("auth-provider").says("hint: ");
    bed.assert_untouched();
}

#[test]
fn an_unverified_server_cannot_be_stored() {
    let insecure = json!({"insecure-skip-tls-verify": true, "certificate-authority-data": null});
    let kubeconfig = Kubeconfig::of(Watched::shared()).cluster("member1", &insecure);
    assert_context_refused(&kubeconfig, "`insecure-skip-tls-verify` is set");
}

#[test]
fn another_name_for_the_servers_certificate_cannot_be_stored() {
    let named = json!({"tls-server-name": "localhost"});
    let kubeconfig = Kubeconfig::of(Watched::shared()).cluster("member1", &named);
    assert_context_refused(&kubeconfig, "`tls-server-name: localhost` is set");
}

#[test]
fn a_host_of_3_3_takes_no_token() {
    let bed = Watched::lease(&Scenario::new(Version::V3_3));
    let kubeconfig =
        Kubeconfig::of(&bed).user("member1", json!({"token": administrators_token(bed.member(1))}));
    let said = [
        "error: member \"member1\": its context has a token, and a host with KubeSphere v3.3.2 never gets",
        "hint: let the member sign one: leave out `--credentials`, or say `--credentials auto`",
        "hint: or use a context with a client certificate, or upgrade the host to KubeSphere 3.4",
    ];
    assert_refused(&bed, bed.kubectl_mc_with(&kubeconfig).join("member1 --credentials context"), &said);
    let said = [
        "error: member \"member1\": a service account has a token, and a host with KubeSphere v3.3.2 never gets",
    ];
    assert_refused(&bed, bed.join("member1 --credentials service-account"), &said);
}

fn administrators_token(cluster: &Cluster) -> String {
    let metadata = json!({"name": "operator", "namespace": "default"});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "default"}],
    });
    let ask =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}});
    let ask = http::Request::post("/api/v1/namespaces/default/serviceaccounts/operator/token")
        .body(ask.to_string());
    let client = cluster.client();
    let answer: Value = block_on(async move {
        objects::create(&client, &account).await.unwrap();
        objects::create(&client, &binding).await.unwrap();
        client.request(ask.unwrap().map(String::into_bytes)).await.unwrap()
    });
    answer["status"]["token"].as_str().unwrap().to_owned()
}

// Several at once

#[test]
fn all_obstacles_are_said_at_once_and_one_members_obstacle_stops_all() {
    let members = vec![standalone(), standalone().with(Peculiarity::NoKubeSphere)];
    let bed = Watched::lease(&host(standalone().with(Peculiarity::NoInstaller)).members(members));
    let program = bed.kubectl_mc().words("join member1 member2 --context host --yes");
    let said = [
        "error: host \"host\": Deployment ks-installer is missing",
        "error: member \"member2\": KubeSphere is not installed",
        "error: member \"member1\": its server ",
        "error: member \"member2\": its server ",
        "error: 4 checks failed; nothing was changed\n",
    ];
    assert_refused(&bed, program, &said);
}

#[test]
fn a_member_that_does_not_answer_stops_all() {
    let bed = Watched::shared();
    let gone = json!({"server": "https://127.0.0.1:9"});
    let kubeconfig = Kubeconfig::of(bed).copy("gone", "member1").cluster("gone", &gone);
    let said =
        ["error: member \"gone\": ", "the connection to 127.0.0.1:9 was refused", "is the cluster running"];
    let run = assert_refused(bed, bed.kubectl_mc_with(&kubeconfig).join("member1 gone"), &said);
    let retries = run.stderr.matches("warning: member \"gone\": trying again: ").count();
    assert_eq!(retries, 1, "many requests wait for it, and once is enough\n{run}");
}
