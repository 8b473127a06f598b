//! `kubectl mc import`: the Cluster of a prepared member.

use testbed::kubesphere::{Installation, InstallerScenario, Role, Scenario, Version};

use crate::support::{Kubeconfig, KubectlMc, ON_HOST, Watched, user_who_may, without};

const CREATED: &str = "cluster.cluster.kubesphere.io/member1 created\n";

fn of(role: Role) -> Installation {
    Installation::new(Version::V3_4).role(role)
}

fn prepared() -> Scenario {
    Scenario::new(Version::V3_4).host(of(Role::Host)).member(of(Role::Member))
}

fn import(bed: &Watched, words: &str) -> KubectlMc {
    let options = "--context host --yes --skip-check member-server-loopback --credentials context";
    let words = format!("import {words} {options}");
    bed.kubectl_mc().words(&words)
}

#[test]
fn a_prepared_member_is_registered_under_its_name_with_what_it_says_and_then_unchanged() {
    let bed = Watched::lease(&prepared());
    let words = "member1 --name paris --alias Paris --region eu-west --label tier=edge";
    let run = import(&bed, words).run().code(0).stdout("cluster.cluster.kubesphere.io/paris created\n");
    run.says("1. host \"host\": probe https://127.0.0.1:")
        .says("2. host \"host\": create Cluster paris with the credential of context member1")
        .says("Cluster paris is ready")
        .does_not_say("ks-installer");
    let cluster = bed.host().cluster("paris");
    assert_eq!(cluster["metadata"]["annotations"]["kubesphere.io/alias-name"], "Paris");
    assert_eq!(cluster["metadata"]["labels"]["tier"], "edge");
    assert_eq!(bed.writes(), ["create clusters/paris"]);
    let _ = import(&bed, words).run().code(0).stdout("cluster.cluster.kubesphere.io/paris unchanged\n");
    assert_eq!(bed.writes().len(), 1);
}

#[test]
fn what_is_not_prepared_is_not_imported() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(of(Role::Host)));
    let run = import(&bed, "member1").run().code(3).stdout("");
    run.says("error: member \"member1\": it is not prepared: spec.authentication.jwtSecret is ")
        .says("spec.multicluster.clusterRole is none, not member [prepared]\n")
        .says("hint: `kubectl mc prepare member member1 --context host`\n")
        .says("error: 1 check failed; nothing was changed\n");
    bed.assert_untouched();
}

#[test]
fn a_cluster_that_is_no_host_gets_no_members() {
    let bed = Watched::shared();
    let run = import(bed, "member1").run().code(3).stdout("");
    run.says("error: host \"host\": it is not a host: its role is none [host-role]")
        .says("error: member \"member1\": it is not prepared: ");
    bed.assert_untouched();
}

#[test]
fn a_taken_name_and_a_second_name_are_refused() {
    let bed = Watched::lease(&prepared());
    let _ = import(&bed, "member1").run().code(0).stdout(CREATED);
    let marks = bed.marks();
    let _ = import(&bed, "member1 --name other")
        .run()
        .code(3)
        .says("it is registered on this host already, as \"member1\"");
    let _ = import(&bed, "member1 --name host").run().code(3).says("it is the host's own");
    let _ = import(&bed, "member1 --name Paris!").run().code(2).says("\"Paris!\" cannot be a Cluster's name");
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

#[test]
fn a_member_of_another_host_is_not_imported() {
    let bed =
        Watched::lease(&Scenario::new(Version::V3_4).host(of(Role::Host)).member(of(Role::MemberElsewhere)));
    let _ = import(&bed, "member1").run().code(3).stdout("").says("it is a member of another host");
    bed.assert_untouched();
}

#[test]
fn preparations_that_are_under_way_are_waited_for() {
    let slow = || Installation::new(Version::V3_4).installer(InstallerScenario::Slow);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(of(Role::Host)).member(slow()));
    let prepare = "prepare member member1 --context host --yes --wait=false";
    let _ = bed.kubectl_mc().words(prepare).run().code(0).says("kubectl mc prepare member member1");
    let run = import(&bed, "member1").run().code(0).stdout(CREATED);
    run.says("member \"member1\": the role member is in effect");
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

#[test]
fn without_waiting_the_cluster_is_created_and_the_same_command_waits() {
    let bed = Watched::lease(&prepared());
    let run = import(&bed, "member1 --wait=false").run().code(0).stdout(CREATED);
    let _ = run.says("not done yet").says("kubectl mc import member1");
    let _ = import(&bed, "member1").run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.writes(), ["create clusters/member1"]);
}

#[test]
fn dry_runs_show_the_cluster_and_store_nothing() {
    let bed = Watched::lease(&prepared());
    let line = |suffix| CREATED.replace('\n', suffix);
    import(&bed, "member1 --dry-run=client").run().code(0).stdout(&line(" (dry run)\n"));
    import(&bed, "member1 --dry-run=server").run().code(0).stdout(&line(" (server dry run)\n"));
    bed.assert_untouched();
}

#[test]
fn an_import_needs_the_right_to_create_and_none_to_change_a_configuration() {
    let bed = Watched::lease(&prepared());
    let words =
        "import member1 --context host --yes --skip-check member-server-loopback --credentials context";
    let as_user = |name: &str, missing| {
        let user = user_who_may(bed.host(), name, &without(&ON_HOST, missing));
        bed.kubectl_mc_with(&Kubeconfig::of(&bed).user("host", user)).words(words)
    };
    let refused = as_user("reader", "create clusters.cluster.kubesphere.io").run().code(3).stdout("");
    let _ = refused.says("error: host \"host\": its user may not create clusters.cluster.kubesphere.io");
    bed.assert_untouched();
    let importer = as_user("importer", "patch clusterconfigurations.installer.kubesphere.io");
    let _ = importer.run().code(0).stdout(CREATED);
}
