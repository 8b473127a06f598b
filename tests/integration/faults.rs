//! Installers that fail, servers that go away and answers that never come.

use std::time::Duration;

use testbed::{
    Fault, Rule,
    kubesphere::{
        ApiserverScenario, Installation, InstallerScenario, Lasting, Peculiarity, Role, Scenario, Version,
    },
};

use crate::support::{Faulty, Watched};

/// Nothing is made on the member besides: credentials have their own tests.
const MEMBER: &str = "member1 --credentials context";
const CONFIGURATION: &str = "clusterconfigurations/ks-installer";
/// In the address of a creation.
const CLUSTERS: &str = "/clusters?";
/// How our requests introduce themselves.
const OURS: &str = "kubectl-mc/";
const PATCHED: &str =
    "clusterconfiguration.installer.kubesphere.io/ks-installer patched on member \"member1\"\n";
const RESTARTED: &str = "deployment.apps/ks-installer restarted on member \"member1\"\n";
const CREATED: &str = "cluster.cluster.kubesphere.io/member1 created\n";

fn installing(installer: InstallerScenario) -> Installation {
    Installation::new(Version::V3_4).installer(installer)
}

fn with_member(member: Installation) -> Scenario {
    Scenario::new(Version::V3_4).host(Installation::new(Version::V3_4).role(Role::Host)).member(member)
}

/// Runs without banner, crashes, re-creations and unreadable logs whose configuration takes effect all the same.
#[test]
fn what_takes_effect_without_a_banner_is_joined_with_one_patch() {
    for installer in [
        InstallerScenario::Recreated,
        InstallerScenario::ComponentFailed,
        InstallerScenario::HookCrashed,
        InstallerScenario::ResultInfoFailed,
        InstallerScenario::LogUnreadable,
    ] {
        let bed = Watched::lease(&with_member(installing(installer)));
        let _ = bed.join(MEMBER).run().code(0).stdout(&format!("{PATCHED}{CREATED}"));
        bed.assert_joined(1, "member1");
        assert_eq!(bed.configuration_patches(), [0, 1], "{}", installer.name());
    }
}

#[test]
fn a_run_under_way_is_waited_for_before_patching() {
    let bed = Watched::lease(&with_member(installing(InstallerScenario::UnderWay)));
    let _ =
        bed.join(MEMBER).run().code(0).says("a run of the installer is under way and is waited for first");
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [0, 1]);
    let log = bed.member(1).installer_log();
    let runs: Vec<_> = log.split("TASK_RUN HookRun@KUBE_EVENTS").skip(1).collect();
    assert_eq!(runs.len(), 2, "{log}");
    assert!(runs[0].contains("Welcome to KubeSphere"), "patched before its end:\n{log}");
}

#[test]
fn an_earlier_failed_run_is_restarted_as_a_step_of_the_plan() {
    let bed = Watched::lease(&with_member(installing(InstallerScenario::FailedBefore)));
    let dry = bed.join(&format!("{MEMBER} --dry-run=client")).run().code(0);
    assert!(dry.stderr.contains("restart Deployment ks-installer"), "{dry}");
    bed.assert_untouched();
    let _ = bed.join(MEMBER).run().code(0).stdout(&format!("{RESTARTED}{CREATED}"));
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [0, 0]);
}

#[test]
fn a_failed_run_names_its_task_and_the_same_command_restarts_the_installer() {
    let bed = Watched::lease(&with_member(installing(InstallerScenario::StorageClassMissing)));
    let _ = bed
        .join(MEMBER)
        .run()
        .code(1)
        .stdout(PATCHED)
        .says("Stopping if default StorageClass was not found")
        .says("`kubectl mc logs member1`");
    let _ = bed.join(MEMBER).run().code(0).stdout(&format!("{RESTARTED}{CREATED}"));
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

#[test]
fn a_restart_that_fails_again_is_an_error_and_not_repeated() {
    let member = installing(InstallerScenario::ConfigNeverWritten).lasting(Lasting::Forever);
    let bed = Watched::lease(&with_member(member));
    for expected in [PATCHED, RESTARTED] {
        let _ = bed.join(MEMBER).run().code(1).stdout(expected).says("playbook ks-config.yaml");
    }
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

#[test]
fn a_host_without_kubefed_is_an_error_and_then_a_restart() {
    let bed =
        Watched::lease(&Scenario::new(Version::V3_4).host(installing(InstallerScenario::MulticlusterFailed)));
    let run = bed.join(MEMBER).run().code(1);
    assert!(run.stderr.contains("component multicluster") && run.stderr.contains("kubefed"), "{run}");
    assert_eq!(bed.configuration_patches(), [1, 0], "no member is touched before its host stands");
    let run = bed.join(MEMBER).run().code(0);
    assert!(run.stdout.contains("deployment.apps/ks-installer restarted on host"), "{run}");
    bed.assert_joined(1, "member1");
}

#[test]
fn a_member_whose_kubesphere_is_silent_is_joined_with_a_warning() {
    let member = Installation::new(Version::V3_4).role(Role::Member).apiserver(ApiserverScenario::Silent);
    let bed = Watched::lease(&with_member(member));
    let _ = bed
        .join(MEMBER)
        .run()
        .code(0)
        .stdout(CREATED)
        .says("does not know its KubeSphere version")
        .says("ks-apiserver does not answer");
}

#[test]
fn why_a_cluster_is_not_federated_is_told_while_waiting_and_once() {
    let member = Installation::new(Version::V3_4).role(Role::Member).with(Peculiarity::NoWorkspaces);
    let bed = Watched::lease(&with_member(member));
    let run = bed.join(&format!("{MEMBER} --timeout 12s")).run().code(4).says("ks-controller-manager");
    let reason = "Federated is False: the server could not find the requested resource";
    assert_eq!(
        run.stderr
            .matches(&format!("{reason} (get workspaces.tenant.kubesphere.io); the controller"))
            .count(),
        1,
        "{run}"
    );
    assert_eq!(run.stderr.matches(reason).count(), 2, "again as the last reason\n{run}");
}

#[test]
fn a_timeout_tells_the_last_reason_the_installers_last_word_and_where_to_look() {
    let bed = Watched::lease(&with_member(installing(InstallerScenario::Slow)));
    let _ = bed
        .join(&format!("{MEMBER} --timeout 4s"))
        .run()
        .code(4)
        .says("kubesphere-config does not carry the host's jwtSecret yet")
        .says("the installer's last word: ")
        .says("`kubectl mc logs member1`")
        .says("run the same command again");
    let _ = bed.join(MEMBER).run().code(0);
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

/// As while etcd elects a leader, after a run of the installer, which renews the webhooks' certificates, and behind a proxy that
/// loses answers.
#[test]
fn what_fails_within_a_server_or_on_the_way_is_asked_again() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).in_memory());
    let (host, member) = (bed.host().plane().faults(), bed.member(1).plane().faults());
    let review = "selfsubjectaccessreviews";
    let twice = |method, path, fault| Rule::on(method, path, fault).by(OURS).times(2);
    let met = [
        host.add(twice("POST", CLUSTERS, Fault::WebhookUnknown)),
        host.add(twice("POST", review, Fault::status(502))),
        member.add(twice("GET", "configmaps/kubesphere-config", Fault::status(500))),
        member.add(twice("PATCH", CONFIGURATION, Fault::status(500))),
        member.add(Rule::on("POST", review, Fault::Drop).by(OURS).times(1)),
    ];
    let _ = bed.join(MEMBER).run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(met.map(|met| met.count()), [2, 2, 2, 2, 1]);
    assert_eq!(bed.configuration_patches(), [1, 1], "what was answered in a server's place is not counted");
}

#[test]
fn a_creation_that_is_unanswered_when_the_time_is_up_goes_on_with_the_next_command() {
    let member = Installation::new(Version::V3_4).role(Role::Member);
    let bed = Watched::lease(&with_member(member).in_memory());
    let faults = bed.host().plane().faults();
    let met = faults
        .add(Rule::on("POST", CLUSTERS, Fault::Applied(Box::new(Fault::status(503)))).by(OURS).times(1));
    faults.add(Rule::on("POST", CLUSTERS, Fault::status(503)).by(OURS));
    let run = bed.join(&format!("{MEMBER} --timeout 30s")).run().code(4);
    drop(run.says("create clusters/member1: the server is unavailable").says("run the same command again"));
    assert_eq!(met.count(), 1);
    faults.clear();
    let _ = bed.join(MEMBER).run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.stored(), ["create clusters/member1"]);
}

#[test]
fn api_servers_that_restart_in_the_middle_are_waited_for() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let started = bed.join(MEMBER).start();
    bed.until_writes(1);
    bed.host().plane().restart_apiserver().unwrap();
    bed.until_writes(2);
    bed.member(1).plane().restart_apiserver().unwrap();
    let _ = started.end().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches().iter().sum::<usize>(), 2);
}

#[test]
fn watches_that_break_are_compacted_or_forbidden_are_no_matter() {
    for fault in [Fault::CutAfter(Duration::from_millis(50)), Fault::Gone, Fault::status(403)] {
        let bed = Faulty::lease(&with_member(Installation::new(Version::V3_4)));
        for front in [bed.before_host(), bed.before_member(1)] {
            front.add(Rule::on("GET", "watch=true", fault.clone()));
        }
        let _ = bed.join(&format!("{MEMBER} --timeout 60s")).run().code(0);
        bed.assert_joined(1, "member1");
        assert_eq!(bed.configuration_patches(), [0, 1]);
    }
}

#[test]
fn servers_that_are_unavailable_now_and_then_are_asked_again() {
    let bed = Faulty::lease(&with_member(Installation::new(Version::V3_4)));
    bed.before_member(1).add(Rule::on("PATCH", CONFIGURATION, Fault::status(503)).times(1));
    bed.before_host().add(Rule::on("POST", "/clusters", Fault::status(503)).times(1));
    bed.before_host().add(Rule::on("GET", "/clusters", Fault::status(503)).times(2));
    let _ = bed.join(MEMBER).run().code(0).stdout(&format!("{PATCHED}{CREATED}"));
    bed.assert_joined(1, "member1");
}

/// The patch and the creation arrive, their answers do not.
#[test]
fn answers_that_are_lost_are_looked_for() {
    let bed = Faulty::lease(&with_member(Installation::new(Version::V3_4)));
    bed.before_member(1).add(Rule::on("PATCH", CONFIGURATION, Fault::CutAfterBytes(10)).times(1));
    bed.before_host().add(Rule::on("POST", "/clusters", Fault::CutAfterBytes(10)).times(1));
    let _ = bed.join(MEMBER).run().code(0).stdout(&format!("{PATCHED}{CREATED}"));
    bed.assert_joined(1, "member1");
    assert_eq!(bed.configuration_patches(), [0, 1]);
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let bed = Faulty::lease(&with_member(Installation::new(Version::V3_4).role(Role::Member)));
    bed.before_host().add(Rule::on("POST", "/clusters", Fault::Hang));
    let _ = bed.join(&format!("{MEMBER} --timeout 4s")).run().code(4).says("run the same command again");
}
