//! Others who change the same clusters during a join.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kube::api::ListParams;
use serde_json::{Value, json};
use testbed::{
    Fault, Rule,
    bed::Cluster,
    block_on,
    kubesphere::{ControllerScenario, Installation, InstallerScenario, Role, Scenario, Version, objects},
};

use crate::{
    credentials::certificates_users,
    support::{Faulty, Watched},
};

const CONFIGURATION: &str = "clusterconfigurations/ks-installer";
const CLUSTERS: &str = "/apis/cluster.kubesphere.io/v1alpha1/clusters";

fn standing_host() -> Scenario {
    Scenario::new(Version::V3_4).host(Installation::new(Version::V3_4).role(Role::Host))
}

fn prepared_member() -> Installation {
    Installation::new(Version::V3_4).role(Role::Member)
}

/// A member that shares the secret of a host that is none yet.
fn member_of_a_host_to_be() -> Scenario {
    Scenario::new(Version::V3_4).member(prepared_member())
}

const STANDALONE_AGAIN: &str = "spec.multicluster.clusterRole: none → member";

/// A colleague takes the role from the member, once its host is being prepared.
fn take_role(member: &Cluster) {
    member.patch_cluster_configuration(json!({"spec": {"multicluster": {"clusterRole": "none"}}}));
}

#[test]
fn a_member_that_a_colleague_edits_while_the_host_is_prepared_is_not_changed_without_a_word() {
    let bed = Faulty::lease(&member_of_a_host_to_be().on_control_planes());
    let run = bed.run_with(bed.join("member1"), bed.before_host(), "PATCH", CONFIGURATION, || {
        take_role(bed.member(1));
    });
    let _ = run
        .code(3)
        .says("member \"member1\": it has changed since the plan was shown")
        .says(STANDALONE_AGAIN)
        .says("hint: run the same command again: it shows what it takes now");
    assert_eq!(bed.configuration_patches(), [1, 0]);
    assert_eq!(names(bed.host()), Vec::<String>::new());
    let _ = bed.join("member1").run().code(0).says(STANDALONE_AGAIN);
    bed.assert_joined(1, "member1");
}

#[test]
fn on_a_terminal_what_a_colleague_has_changed_is_shown_and_asked_for() {
    let bed = Watched::lease(&member_of_a_host_to_be().on_control_planes());
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            let is_host = |bed: &testbed::bed::Bed| {
                bed.host().cluster_configuration()["spec"]["multicluster"]["clusterRole"] == "host"
            };
            bed.wait_for("the host's patch", is_host);
            take_role(bed.member(1));
        });
        let words = "join member1 --context host --color never --skip-check member-server-loopback";
        bed.kubectl_mc().words(words).answers(&["yes\n", "yes\n"])
    });
    let run = run.code(0);
    let (first, second) =
        run.stdout.split_once("it has changed since the plan was shown").expect("it says so");
    assert!(
        !first.contains(
            "patch ClusterConfiguration ks-installer\r\n       spec.multicluster.clusterRole: none → member"
        ),
        "{run}"
    );
    assert!(second.contains(STANDALONE_AGAIN) && second.contains("Proceed? [y/N]"), "{run}");
    assert_eq!(bed.configuration_patches(), [1, 1]);
    bed.assert_joined(1, "member1");
}

/// Somebody else registers the cluster.
fn register(host: &Cluster, name: &str, member: &Cluster) {
    let kubeconfig = std::fs::read(member.plane().kubeconfig_path()).unwrap();
    let object = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": name},
        "spec": {"joinFederation": true, "connection": {"type": "direct", "kubeconfig": STANDARD.encode(kubeconfig)}},
    });
    let client = host.client();
    block_on(async move { objects::create(&client, &object).await }).unwrap();
}

fn names(host: &Cluster) -> Vec<String> {
    let name = |cluster: &Value| cluster["metadata"]["name"].as_str().unwrap().to_owned();
    host.clusters().iter().map(name).filter(|name| name != "host").collect()
}

#[test]
fn a_change_of_another_field_survives() {
    let bed = Faulty::lease(&standing_host().on_control_planes());
    let run = bed.run_with(bed.join("member1"), bed.before_member(1), "PATCH", CONFIGURATION, || {
        bed.member(1).patch_cluster_configuration(json!({"spec": {"alerting": {"enabled": true}}}));
    });
    let _ = run.code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.member(1).cluster_configuration()["spec"]["alerting"]["enabled"], true);
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

#[test]
fn a_change_of_the_same_field_is_noticed_and_planned_again() {
    let bed = Faulty::lease(&standing_host().on_control_planes());
    let run = bed.run_with(bed.join("member1"), bed.before_member(1), "PATCH", CONFIGURATION, || {
        let spec =
            json!({"authentication": {"jwtSecret": "SomebodyElsesSecret"}, "console": {"port": 30881}});
        bed.member(1).patch_cluster_configuration(json!({ "spec": spec }));
    });
    let _ = run
        .code(0)
        .says("somebody else changed the ClusterConfiguration meanwhile")
        .does_not_say("SomebodyElsesSecret");
    bed.assert_joined(1, "member1");
    assert_eq!(bed.member(1).cluster_configuration()["spec"]["console"]["port"], 30881);
}

#[test]
fn a_member_that_somebody_makes_a_host_is_left_alone() {
    let bed = Faulty::lease(&standing_host().on_control_planes());
    let run = bed.run_with(bed.join("member1"), bed.before_member(1), "PATCH", CONFIGURATION, || {
        bed.member(1).patch_cluster_configuration(json!({"spec": {"multicluster": {"clusterRole": "host"}}}));
    });
    let _ = run.code(3).says("a host is never made a member");
    assert_eq!(bed.member(1).cluster_configuration()["spec"]["multicluster"]["clusterRole"], "host");
    assert_eq!(names(bed.host()), Vec::<String>::new());
}

#[test]
fn who_takes_an_accepted_patch_back_is_not_fought() {
    let bed = Watched::lease(&standing_host().on_control_planes());
    let over = AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let member = bed.member(1);
                if member.cluster_configuration()["spec"]["multicluster"]["clusterRole"] == "member" {
                    member.patch_cluster_configuration(
                        json!({"spec": {"multicluster": {"clusterRole": "none"}}}),
                    );
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let run = bed.join("member1").run();
        over.store(true, Ordering::Relaxed);
        run
    });
    let _ = run.code(1).says("somebody else took the change of the ClusterConfiguration back");
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

#[test]
fn a_cluster_that_somebody_else_creates_for_the_same_member_is_waited_for() {
    let bed = Faulty::lease(&standing_host().member(prepared_member()).on_control_planes());
    let run = bed.run_with(bed.join("member1"), bed.before_host(), "POST", CLUSTERS, || {
        register(bed.host(), "member1", bed.member(1));
    });
    let _ = run.code(0).says("somebody else created the Cluster member1 meanwhile");
    bed.assert_joined(1, "member1");
}

#[test]
fn a_name_that_somebody_else_takes_for_another_member_is_refused() {
    let scenario = standing_host().members(vec![prepared_member(), prepared_member()]);
    let bed = Faulty::lease(&scenario.on_control_planes());
    let run = bed.run_with(bed.join("member1"), bed.before_host(), "POST", CLUSTERS, || {
        register(bed.host(), "member1", bed.member(2));
    });
    let _ =
        run.code(3).says("the name \"member1\" was taken on the host meanwhile").says(bed.member(2).uid());
}

#[test]
fn of_two_operators_with_two_names_exactly_one_registers_the_member() {
    for version in [Version::V3_1, Version::V3_4] {
        let host = Installation::new(version).role(Role::Host);
        let member = Installation::new(version).role(Role::Member);
        let bed = Watched::lease(&Scenario::new(version).host(host).member(member).on_control_planes());
        let runs = ["left", "right"].map(|name| bed.join(&format!("member1 --name {name}")).start());
        let runs = runs.map(crate::support::Started::end);
        let codes = runs.each_ref().map(|run| run.code.unwrap());
        assert!(codes == [0, 3] || codes == [3, 0], "{version}\n{}\n{}\n{}", runs[0], runs[1], bed.dump());
        let winner = if codes[0] == 0 { "left" } else { "right" };
        let loser = &runs[usize::from(codes[0] == 0)];
        assert!(
            loser.stderr.contains(&format!("registered as \"{winner}\""))
                || loser.stderr.contains(&format!("as \"{winner}\"")),
            "{loser}"
        );
        bed.wait_for("alone", |bed| names(bed.host()) == [winner]);
        bed.assert_joined(1, winner);
    }
}

/// What kubefed works with on a member, by the names of the Clusters that it is for.
fn known_to_kubefed(member: &Cluster) -> Vec<String> {
    let accounts = objects::objects(&member.client(), "v1", "ServiceAccount", Some("kube-federation-system"));
    let listed = block_on(async move { accounts.list(&ListParams::default()).await }).unwrap();
    let names = listed.into_iter().filter_map(|account| account.metadata.name);
    names.filter_map(|name| name.strip_suffix("-kubesphere").map(str::to_owned)).collect()
}

#[test]
fn a_member_that_a_colleague_registers_under_another_name_before_it_gets_no_second_cluster() {
    let bed = Faulty::lease(&standing_host().in_memory());
    let run =
        bed.run_with(bed.join("member1 --name late"), bed.before_member(1), "PATCH", CONFIGURATION, || {
            let _ = bed.join("member1 --name early").run().code(0);
        });
    let _ = run
        .code(3)
        .says("it was registered as \"early\" meanwhile; no Cluster \"late\" was created")
        .says("hint: continue with the name \"early\": `--name early`");
    assert_eq!(names(bed.host()), ["early"]);
    assert_eq!(known_to_kubefed(bed.member(1)), ["early"]);
}

/// However its name stands to the other one: that one's join has ended, and does not look again.
#[test]
fn a_cluster_that_is_withdrawn_leaves_nothing_on_the_member() {
    for late in ["another", "zulu"] {
        let bed = Faulty::lease(&standing_host().at_once().in_memory());
        let join = bed.join(&format!("member1 --name {late}"));
        let run = bed.run_with(join, bed.before_host(), "POST", CLUSTERS, || {
            let _ = bed.join("member1").run().code(0);
        });
        let run = run.code(3).says(&format!("the own Cluster \"{late}\" was withdrawn"));
        assert_eq!(names(bed.host()), ["member1"], "{run}");
        assert_eq!(known_to_kubefed(bed.member(1)), ["member1"], "{run}");
        bed.assert_joined(1, "member1");
    }
}

#[test]
fn of_two_joins_at_once_by_certificate_the_later_one_does_not_revoke_what_is_stored() {
    let [host, member] = [Role::Host, Role::Member].map(|role| Installation::new(Version::V3_3).role(role));
    let bed = Faulty::lease(&Scenario::new(Version::V3_3).host(host).member(member).at_once().in_memory());
    // As an earlier join has left it, so that both would replace its user.
    bed.killed_in(bed.join("member1"), bed.before_host(), "POST", CLUSTERS);
    let run = bed.run_with(bed.join("member1"), bed.before_host(), "POST", CLUSTERS, || {
        let _ = bed.join("member1").run().code(0);
    });
    let run = run.code(0).says("somebody else created the Cluster member1 meanwhile");
    assert_eq!(certificates_users(bed.member(1)).len(), 1, "{run}");
    bed.assert_joined(1, "member1");
    let _ = bed
        .kubectl_mc()
        .words("check member1 --context host --skip-check member-server-loopback")
        .run()
        .code(0);
}

/// Nobody else gets its key, and a join of a joined member makes no certificate in whose place it would go.
#[test]
fn a_join_by_certificate_that_ends_before_its_cluster_leaves_no_user_beside_a_colleagues() {
    let host = Installation::new(Version::V3_3).role(Role::Host);
    let bed = Faulty::lease(&Scenario::new(Version::V3_3).host(host).at_once().in_memory());
    let run = bed.run_with(bed.join("member1"), bed.before_member(1), "PATCH", CONFIGURATION, || {
        let _ = bed.join("member1").run().code(0);
        bed.member(1).patch_cluster_configuration(json!({"spec": {"multicluster": {"clusterRole": "host"}}}));
    });
    let run = run.code(3).says("a host is never made a member");
    assert_eq!(certificates_users(bed.member(1)).len(), 1, "{run}");
    let binding = "clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host-user created";
    assert!(run.stdout.starts_with(binding), "the colleague has only changed it: {run}");
}

fn waiting_for_its_cluster(meanwhile: impl FnOnce(&Watched)) -> crate::support::Run {
    // Not of 3.4: where nobody answers its webhook, nobody else can change a Cluster either.
    let [host, member] = [Role::Host, Role::Member].map(|role| Installation::new(Version::V3_3).role(role));
    let scenario = Scenario::new(Version::V3_3).host(host).member(member);
    let bed = Watched::lease(&scenario.controller(ControllerScenario::Down).on_control_planes());
    register(bed.host(), "host", bed.host());
    let label = json!({"metadata": {"labels": {"cluster-role.kubesphere.io/host": ""}}});
    let api = objects::clusters(&bed.host().client());
    block_on(async move { objects::merge(&api, "host", &label).await }).unwrap();
    let started = bed.join("member1 --credentials context").start();
    bed.until_writes(1);
    meanwhile(&bed);
    started.end()
}

#[test]
fn a_cluster_that_somebody_deletes_is_not_waited_for() {
    let run = waiting_for_its_cluster(|bed| {
        // The watch has seen it by then, or the first thing that it sees is a Cluster of nobody's.
        std::thread::sleep(Duration::from_millis(500));
        let api = objects::clusters(&bed.host().client());
        block_on(async move { objects::remove(&api, "member1").await }).unwrap();
    });
    let _ = run.code(1).says("the Cluster \"member1\" was deleted by somebody else meanwhile");
}

#[test]
fn another_cluster_behind_the_name_is_named() {
    let run = waiting_for_its_cluster(|bed| {
        let api = objects::clusters(&bed.host().client());
        let patch = json!({"status": {"uid": "4711"}});
        block_on(async move { objects::merge(&api, "member1", &patch).await }).unwrap();
    });
    let _ = run.code(1).says("points to another cluster").says("4711");
}

/// A migration that somebody else's change began works on what it read before our patch came.
#[test]
fn a_patch_that_the_installer_loses_is_sent_again_and_said_so() {
    let member = Installation::new(Version::V3_4).installer(InstallerScenario::Recreated);
    let bed = Faulty::lease(&standing_host().member(member).on_control_planes());
    let before = bed.member(1).cluster_configuration()["metadata"]["uid"].clone();
    let run = bed.run_with(bed.join("member1"), bed.before_member(1), "PATCH", CONFIGURATION, || {
        let member = bed.member(1);
        let runs = || member.installer_log().matches("HookRun@KUBE_EVENTS").count();
        let before = runs();
        member.patch_cluster_configuration(json!({"spec": {"alerting": {"enabled": true}}}));
        bed.wait_for("the migration", |_| runs() > before);
        // It reads at once and writes 1.8 s later: the patch comes between.
        std::thread::sleep(Duration::from_millis(100));
    });
    let after = bed.member(1).cluster_configuration();
    assert_ne!(after["metadata"]["uid"], before, "the scenario re-creates it");
    assert_eq!(after["spec"]["alerting"]["enabled"], true);
    let _ = run.code(0).says("re-created the ClusterConfiguration and lost the patch: it is sent again");
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [0, 2]);
}

/// Where the log was read before it came, that it has no run of it yet says nothing.
#[test]
fn a_change_that_comes_while_the_installer_is_looked_at_is_no_run_that_has_failed() {
    let bed = Watched::lease(&standing_host().in_memory());
    let (host, member) = (bed.host(), bed.member(1));
    // What has just ended may not be seen yet, so the configuration is read once more.
    member.write_installer_log(Timestamp::now(), "");
    let looks = AtomicUsize::new(0);
    let is_second = move |method: &http::Method, uri: &http::Uri| {
        let is_look = method == http::Method::GET && uri.path().ends_with(CONFIGURATION);
        is_look && looks.fetch_add(1, Ordering::Relaxed) == 1
    };
    let second = Rule::when(is_second, Fault::Delay(Duration::from_secs(5))).by("kubectl-mc/").times(1);
    let second = member.plane().faults().add(second);
    let words = "prepare member member1 --context host --yes --skip-check member-server-loopback";
    let mut started = bed.kubectl_mc().words(words).start();
    assert!(started.until(|| second.count() > 0));
    let secret = host.configured("authentication.jwtSecret");
    let spec = json!({"authentication": {"jwtSecret": secret}, "multicluster": {"clusterRole": "member"}});
    member.patch_cluster_configuration(json!({ "spec": spec }));
    let _ = started.end().code(0).does_not_say("left the configuration without effect");
    assert_eq!(bed.configuration_patches(), [0, 0]);
    assert_eq!(restarts(&bed), 0);
}

fn restarts(bed: &Watched) -> usize {
    let requests = bed.requests();
    requests.iter().filter(|event| event.verb == "patch" && event.resource == "deployments").count()
}
