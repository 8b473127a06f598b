//! `kubectl mc prepare`, and the single steps that together are a join.

use serde_json::{Value, json};
use testbed::kubesphere::{Installation, InstallerScenario, Peculiarity, Role, Scenario, Version};

use crate::support::{Kubeconfig, KubectlMc, ON_HOST, ON_MEMBER, Watched, user_who_may, without};

/// Of what a join does in every version, its single steps do no more in any of them.
const VERSIONS: [Version; 2] = [Version::V3_1, Version::V3_4];
const PATCHED_HOST: &str =
    "clusterconfiguration.installer.kubesphere.io/ks-installer patched on host \"host\"\n";
const PATCHED_MEMBER: &str =
    "clusterconfiguration.installer.kubesphere.io/ks-installer patched on member \"member1\"\n";

fn standalone(version: Version) -> Installation {
    Installation::new(version)
}

/// A host and a standalone cluster.
fn with_host(version: Version) -> Scenario {
    Scenario::new(version).host(standalone(version).role(Role::Host))
}

fn prepare(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc().words("prepare").words(words).words("--context host --yes")
}

fn secret_of_host(bed: &Watched) -> String {
    bed.host().configured("authentication.jwtSecret").as_str().unwrap().to_owned()
}

#[test]
fn the_single_steps_are_a_join() {
    for version in VERSIONS {
        let bed = Watched::lease(&Scenario::new(version));
        prepare(&bed, "host")
            .run()
            .code(0)
            .stdout(PATCHED_HOST)
            .says("host \"host\": the role host is in effect");
        assert_eq!(bed.configuration_patches(), [1, 0], "{version}");
        prepare(&bed, "member member1")
            .run()
            .code(0)
            .stdout(PATCHED_MEMBER)
            .says("the role member is in effect");
        assert_eq!(bed.writes().len(), 2, "{version}: no Cluster yet");
        let import =
            "import member1 --context host --yes --skip-check member-server-loopback --credentials context";
        bed.kubectl_mc()
            .words(import)
            .run()
            .code(0)
            .stdout("cluster.cluster.kubesphere.io/member1 created\n");
        bed.assert_joined(1, "member1");
        let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        assert_eq!((bed.configuration_patches(), bed.writes().len()), (vec![1, 1], 3), "{version}");
    }
}

#[test]
fn a_step_that_is_done_is_not_done_again() {
    let member = standalone(Version::V3_4).role(Role::Member);
    let bed = Watched::lease(&with_host(Version::V3_4).member(member));
    let unchanged = "clusterconfiguration.installer.kubesphere.io/ks-installer unchanged on";
    prepare(&bed, "host").run().code(0).stdout(&format!("{unchanged} host \"host\"\n"));
    prepare(&bed, "member member1").run().code(0).stdout(&format!("{unchanged} member \"member1\"\n"));
    let dry = prepare(&bed, "member member1 --dry-run=client").run().code(0);
    dry.stdout(&format!("{unchanged} member \"member1\" (dry run)\n"));
    bed.assert_untouched();
}

#[test]
fn dry_runs_show_the_step_and_store_nothing() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    for (mode, suffix) in [("client", " (dry run)\n"), ("server", " (server dry run)\n")] {
        let line = PATCHED_HOST.replace('\n', suffix);
        let run =
            prepare(&bed, &format!("host --host-cluster-name frankfurt --dry-run={mode}")).run().code(0);
        run.stdout(&line)
            .says("spec.multicluster.clusterRole: none → host")
            .says("spec.multicluster.hostClusterName: <unset> → frankfurt")
            .says("which cannot be undone")
            .does_not_say("create Cluster");
        bed.assert_untouched();
    }
}

#[test]
fn the_object_says_which_part_it_was() {
    let bed = Watched::shared();
    for (words, kind, clusters) in [
        ("prepare host", "PrepareHost", 1),
        ("prepare member member1", "PrepareMember", 2),
        ("import member1", "Import", 2),
    ] {
        let words = format!("{words} --context host --dry-run=client -o json");
        let run = bed.kubectl_mc().words(&words).run();
        let object: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"));
        assert_eq!((&object["kind"], object["clusters"].as_array().unwrap().len()), (&json!(kind), clusters));
        let outcome = object["results"].as_array().unwrap().len();
        assert_eq!(outcome, usize::from(kind == "PrepareHost"), "{run}");
    }
    bed.assert_untouched();
}

#[test]
fn the_hosts_name_is_given_with_its_role() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let _ = prepare(&bed, "host --host-cluster-name frankfurt").run().code(0);
    assert_eq!(bed.host().cluster("frankfurt")["metadata"]["name"], "frankfurt");
    assert_eq!(bed.configuration_patches(), [1, 0]);
}

#[test]
fn a_member_is_prepared_by_one_who_cannot_reach_the_host() {
    for version in VERSIONS {
        let bed = Watched::lease(&with_host(version));
        let member = Kubeconfig::of(&bed).cluster("host", &json!({"server": "https://127.0.0.1:9"}));
        let program = bed.kubectl_mc_with(&member).words("prepare member member1 --yes --jwt-secret-stdin");
        let _ = program.stdin(&format!("{}\n", secret_of_host(&bed))).run().code(0).stdout(PATCHED_MEMBER);
        assert_eq!(bed.member(1).configured("authentication.jwtSecret"), secret_of_host(&bed), "{version}");
        assert_eq!((bed.configuration_patches(), bed.writes().len()), (vec![0, 1], 1), "{version}");
        let of_host = bed.requests().iter().filter(|request| request.resource == "clusters").count();
        assert_eq!(of_host, 0, "the host was not asked");
        let _ = bed
            .kubectl_mc()
            .words("import member1 --context host --yes --skip-check member-server-loopback")
            .run()
            .code(0);
        bed.assert_joined(1, "member1");
    }
}

#[test]
fn a_secret_that_cannot_be_one_is_refused_before_anything_is_asked() {
    let program = || {
        let kubeconfig = Kubeconfig::of_nobody().text();
        KubectlMc::new(&kubeconfig, Vec::new()).words("prepare member member1 --yes --jwt-secret-stdin")
    };
    for (text, why) in [("", "it is empty"), ("error: no context", "it holds a character outside")] {
        let run = program().stdin(text).run().code(3).stdout("");
        run.says("error: stdin: the jwtSecret cannot be used: ").says(why).does_not_say("no context");
    }
    let _ = program().run().code(3).says("it is empty");
}

#[test]
fn a_named_host_and_its_secret_are_not_both_taken() {
    let kubeconfig = Kubeconfig::of_nobody().text();
    let words = "prepare member member1 --yes --context host --jwt-secret-stdin";
    let run = KubectlMc::new(&kubeconfig, Vec::new()).words(words).run().code(2).stdout("");
    run.says("--context names the host, which is not asked").says("leave out --context");
}

#[test]
fn a_host_to_be_is_not_made_a_member_of_itself() {
    let bed = Watched::shared();
    let program = bed.kubectl_mc().words("prepare member host --yes --jwt-secret-stdin");
    let secret = secret_of_host(bed);
    let run = program.stdin(&secret).run().code(3).stdout("");
    run.says("is it the host itself? [member-role]");
    bed.assert_untouched();
}

#[test]
fn without_a_yes_a_piped_secret_leaves_nobody_to_ask() {
    let bed = Watched::shared();
    let program = bed.kubectl_mc().words("prepare member member1 --jwt-secret-stdin");
    let run = program.stdin(&secret_of_host(bed)).run().code(2).stdout("");
    run.says("there is no terminal to ask at")
        .says("hint: read the plan above, then run the same command with `--yes`\n");
    bed.assert_untouched();
}

#[test]
fn a_member_of_another_host_is_taken_over_only_when_that_is_said() {
    for version in [Version::V3_2, Version::V3_4] {
        let bed = Watched::lease(&with_host(version).member(standalone(version).role(Role::MemberElsewhere)));
        let refused = prepare(&bed, "member member1").run().code(3).stdout("");
        refused
            .says("it is a member of another host")
            .says("prepare member member1 --context host --from-other-host`");
        bed.assert_untouched();
        let taken = prepare(&bed, "member member1 --from-other-host").run().code(0).stdout(PATCHED_MEMBER);
        taken.says("warning: member \"member1\": it is taken over from another host, which loses it");
        let _ = bed.join("member1").run().code(0);
        bed.assert_joined(1, "member1");
        assert_eq!(bed.configuration_patches(), [0, 1], "{version}");
    }
}

#[test]
fn a_host_is_not_taken_over_whatever_is_said() {
    let bed = Watched::lease(&with_host(Version::V3_4).member(standalone(Version::V3_4).role(Role::Host)));
    let run = prepare(&bed, "member member1 --from-other-host").run().code(3).stdout("");
    run.says("it is a host, and a host is never made a member");
    let given = bed.kubectl_mc().words("prepare member member1 --yes --jwt-secret-stdin --from-other-host");
    let run = given.stdin(&secret_of_host(&bed)).run().code(3).stdout("");
    run.says("it is a host, and a host is never made a member");
    bed.assert_untouched();
}

#[test]
fn a_member_is_prepared_for_a_host_and_nothing_else() {
    let bed = Watched::shared();
    let run = prepare(bed, "member member1").run().code(3).stdout("");
    run.says("error: host \"host\": it is not a host: its role is none [host-role]")
        .says("make it one first: `kubectl mc prepare host --context host`");
    let same = Kubeconfig::of(bed).alias("other", "host");
    let run = bed.kubectl_mc_with(&same).words("prepare member other --context host --yes").run().code(3);
    run.says("are the same cluster");
    bed.assert_untouched();
}

#[test]
fn only_a_named_context_becomes_a_host_without_a_question() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words("prepare host --yes").run().code(3).stdout("");
    run.says("`--yes` alone does not make it a host").says("hint: say so with `--context host`");
    let unasked = bed.kubectl_mc().words("prepare host").run().code(2).stdout("");
    unasked.says("hint: read the plan above, then run the same command with `--yes --context host`");
    bed.assert_untouched();
}

#[test]
fn a_member_is_never_made_a_host() {
    let bed = Watched::lease(
        &Scenario::new(Version::V3_4).host(standalone(Version::V3_4).role(Role::MemberElsewhere)),
    );
    let run = prepare(&bed, "host").run().code(3).stdout("");
    run.says("it is a member of another host, and a member is never made a host");
    bed.assert_untouched();
}

#[test]
fn what_is_no_kubesphere_is_not_prepared() {
    let empty = standalone(Version::V3_4).with(Peculiarity::NoKubeSphere);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(empty.clone()).member(empty));
    let said = "KubeSphere is not installed [kubesphere-version]";
    let _ = prepare(&bed, "host").run().code(3).says(&format!("host \"host\": {said}"));
    let given =
        bed.kubectl_mc().words("prepare member member1 --yes --jwt-secret-stdin").stdin("gfIwilcc0WjNGKJ5");
    let _ = given.run().code(3).says(&format!("member \"member1\": {said}"));
    bed.assert_untouched();
}

#[test]
fn an_installer_that_fails_ends_the_step_with_its_reason_and_the_next_one_restarts_it() {
    let failing = standalone(Version::V3_4).installer(InstallerScenario::StorageClassMissing);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(failing));
    let run = prepare(&bed, "host").run().code(1);
    let _ = run.says("error: host \"host\": ").says("Stopping if default StorageClass was not found");
    let _ = prepare(&bed, "host").run().code(0).says("Deployment ks-installer restarted");
    assert_eq!(bed.configuration_patches(), [1, 0]);
}

#[test]
fn killed_after_its_patch_a_step_goes_on() {
    let member = standalone(Version::V3_4).installer(InstallerScenario::Slow);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).member(member));
    let started = prepare(&bed, "host").start();
    bed.until_writes(1);
    let _ = started.signal("KILL");
    let _ = prepare(&bed, "host").run().code(0);
    let started = prepare(&bed, "member member1").start();
    bed.until_writes(2);
    let _ = started.signal("INT").code(130).says("run the same command again");
    let _ = prepare(&bed, "member member1").run().code(0);
    assert_eq!(bed.configuration_patches(), [1, 1]);
}

#[test]
fn a_time_that_is_up_is_told_and_the_step_goes_on() {
    let bed = Watched::lease(
        &Scenario::new(Version::V3_4).host(standalone(Version::V3_4).installer(InstallerScenario::Slow)),
    );
    let run = prepare(&bed, "host --timeout 4s").run().code(4);
    let _ =
        run.says("error: host \"host\": timed out").says("hint: run the same command again: it continues");
    let _ = prepare(&bed, "host").run().code(0);
    assert_eq!(bed.configuration_patches(), [1, 0]);
}

#[test]
fn the_rights_of_the_other_side_are_not_asked_for() {
    let bed = Watched::lease(&with_host(Version::V3_4));
    // Just what `kubectl mc prepare member --help` says.
    let reading = without(&without(&ON_HOST, ON_HOST[3]), ON_HOST[6]);
    let kubeconfig = Kubeconfig::of(&bed)
        .user("host", user_who_may(bed.host(), "reader", &reading))
        .user("member1", user_who_may(bed.member(1), "preparer", &ON_MEMBER));
    let program = bed.kubectl_mc_with(&kubeconfig).words("prepare member member1 --context host --yes");
    let _ = program.run().code(0).stdout(PATCHED_MEMBER);
    let blind = Kubeconfig::of(&bed)
        .user("member1", user_who_may(bed.member(1), "blind", &without(&ON_MEMBER, ON_MEMBER[3])));
    let text = format!("{}x", secret_of_host(&bed));
    let program = bed
        .kubectl_mc_with(&blind)
        .words("prepare member member1 --yes --jwt-secret-stdin --from-other-host");
    let run = program.stdin(&text).run().code(3).stdout("");
    run.says("its user may not patch clusterconfigurations.installer.kubesphere.io");
}
