//! `check`, on real control planes: it reports everything and writes nothing.

use std::collections::BTreeSet;

use kubectl_mc::checks::every_check;
use serde_json::{Value, json};
use testbed::{
    Fault, Rule,
    bed::condition,
    block_on,
    kubesphere::{
        ApiserverScenario, ControllerScenario, Installation, InstallerScenario, Peculiarity, Role, Scenario,
        Version, objects,
    },
};

use crate::support::{Faulty, Kubeconfig, KubectlMc, Run, Watched, user_who_may};

/// `check` with what a bed on one machine needs, and every row.
fn check(bed: &Watched, words: &str) -> KubectlMc {
    checking(bed.kubectl_mc(), words)
}

fn checking(program: KubectlMc, words: &str) -> KubectlMc {
    program.words("check").words(words).words("-o wide --context host --skip-check member-server-loopback")
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

/// The lines of the report with this verdict, blanks reduced to one.
fn lines(run: &Run, verdict: &str) -> Vec<String> {
    let lines = run.stdout.lines().filter(|line| line.starts_with(&format!("{verdict} ")));
    lines.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).collect()
}

/// What the report says besides what holds.
fn trouble(run: &Run) -> Vec<String> {
    ["unknown", "warning", "failure"].iter().flat_map(|verdict| lines(run, verdict)).collect()
}

fn sum(run: &Run) -> &str {
    run.stdout.lines().last().unwrap_or_default()
}

/// The ids of the checks with this verdict, each once.
fn ids(run: &Run, verdict: &str) -> Vec<String> {
    let ids = lines(run, verdict).into_iter().map(|line| line.split(' ').next().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.dedup();
    ids
}

/// The checks of this many that were asked all hold.
#[track_caller]
fn assert_all_well(run: &Run, skipped: &[&str]) {
    assert_eq!(trouble(run), Vec::<String>::new(), "{run}");
    assert_eq!(ids(run, "skipped"), skipped, "{run}");
    let all = every_check().count();
    assert_eq!(sum(run), format!("{all} checks: {} skipped, {} passed", skipped.len(), all - skipped.len()));
}

const LOOPBACK: &str = "member-server-loopback member \"member1\": its server";

#[test]
fn a_healthy_pair_before_a_join_has_nothing_in_its_way() {
    let bed = Watched::shared();
    let run = check(bed, "member1").run().code(0);
    let trouble = trouble(&run);
    assert!(trouble.len() == 1 && trouble[0].starts_with(LOOPBACK), "{run}");
    assert!(run.stdout.starts_with("SIDE     CONTEXT   SERVER"), "{run}");
    let restarts = lines(&run, "ok").into_iter().filter(|line| line.starts_with("restarts "));
    assert_eq!(restarts.count(), 2, "of both clusters\n{run}");
    assert_eq!(
        ids(&run, "skipped"),
        [
            "renewed-cluster",
            "host-cluster-name",
            "host-in-effect",
            "ks-core-release",
            "leftover-cluster-webhook",
            "member-in-effect",
            "prepared",
            "rotated-members",
            "recent-rotation",
            "member-readiness",
            "access-token-max-age",
            "member-credential-lifetime",
            "expected-state",
            "member-reachable",
        ]
    );
    assert_says(&run, "skipped", "host-in-effect the cluster is not a host yet");
    assert_says(&run, "skipped", "member-reachable ask for it with `--reachability=nodes`");
    let all = every_check().count();
    assert_eq!(sum(&run), format!("{all} checks: 14 skipped, {} passed, 1 warning", all - 15));
    assert_eq!(run.stderr, "");
    bed.assert_untouched();
}

#[test]
fn the_host_is_checked_alone() {
    for role in [Role::None, Role::Host] {
        let bed = Watched::lease(&Scenario::new(Version::V3_4).host(installation(role)).members(Vec::new()));
        let run = check(&bed, "").run().code(0);
        assert_eq!(trouble(&run), Vec::<String>::new(), "{run}");
        let ok = ids(&run, "ok");
        assert!(!ok.iter().any(|id| id.starts_with("member-") && id != "member-reachable"), "{run}");
        assert_eq!(ok.contains(&"host-in-effect".to_owned()), role == Role::Host, "{run}");
        assert_says(&run, "skipped", "member-versions no member is named");
        assert_says(&run, "skipped", "different-clusters only one cluster is named");
        bed.assert_untouched();
    }
}

#[test]
fn one_object_has_every_check_with_its_id_and_the_exit_code() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words("check member1 --context host -o json").run().code(3);
    let object = json_of(&run);
    assert_eq!((&object["apiVersion"], &object["kind"]), (&json!("kubectl-mc/v1alpha1"), &json!("Check")));
    let findings = object["findings"].as_array().unwrap();
    let ids: BTreeSet<&str> = findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    assert_eq!(ids, every_check().map(|check| check.id).collect());
    let prepared = findings.iter().find(|finding| finding["id"] == "prepared").unwrap();
    assert_eq!(
        (&prepared["verdict"], &prepared["message"]),
        (&json!("skipped"), &json!("only `import` needs what others have prepared"))
    );
    let failed: Vec<_> = findings.iter().filter(|finding| finding["verdict"] == "failure").collect();
    assert_eq!(failed.len(), 1, "{run}");
    assert_eq!(failed[0]["id"], "member-server-loopback");
    assert_eq!(failed[0]["cluster"], json!({"side": "member", "context": "member1"}));
    assert_eq!(object["error"]["exitCode"], 3);
    assert_eq!(object["clusters"][1]["uid"], bed.member(1).uid());
    assert_eq!(run.stderr, "");
    let yaml = bed.kubectl_mc().words("check member1 --context host -o yaml").run().code(3);
    assert_eq!(serde_yaml::from_str::<Value>(&yaml.stdout).unwrap(), object);
    bed.assert_untouched();
}

#[test]
fn a_report_tells_cluster_by_cluster_what_failed_and_counts_what_passed() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words("check member1 --context host").run().code(3);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let host = format!("host \"host\" at {}: role none, KubeSphere v3.4.1, Kubernetes ", bed.host().server());
    assert!(lines[0].starts_with(&host) && lines[1].ends_with(" passed") && lines[2].is_empty(), "{run}");
    assert!(lines[3].starts_with("member \"member1\" at ") && lines[3].ends_with(", 1 node"), "{run}");
    assert!(lines[4].starts_with("  failure member-server-loopback: its server "), "{run}");
    assert!(lines[6].starts_with("      hint: if both clusters really run on this machine"), "{run}");
    assert!(lines[7].ends_with(" passed") && lines[8].is_empty(), "{run}");
    assert!(lines[9].starts_with("1 failure, ") && lines.len() == 10, "{run}");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_cluster_that_does_not_answer_hides_no_other() {
    let bed = Watched::shared();
    let dead = json!({"server": "https://127.0.0.1:9"});
    let rights = ["get namespaces", "get configmaps", "get clusterconfigurations.installer.kubesphere.io"];
    let user = user_who_may(bed.member(1), "check-beside-the-dead", &rights);
    let kubeconfig = Kubeconfig::of(bed).copy("gone", "member1").cluster("gone", &dead).user("member1", user);
    let run = checking(bed.kubectl_mc_with(&kubeconfig), "gone member1").run().code(3);
    let failures = lines(&run, "failure");
    assert!(failures.iter().any(|line| line.starts_with("api-reachable member \"gone\": get ")), "{run}");
    assert_says(
        &run,
        "failure",
        "permissions member \"member1\": its user may not patch clusterconfigurations",
    );
    assert_says(&run, "unknown", "default-storage-class member \"member1\": whether the StorageClass");
    assert_says(&run, "ok", "member-versions member \"member1\": the member is not newer than the host");
    assert_says(&run, "unknown", "member-versions member \"gone\": it gave no usable answer");
    bed.assert_untouched();
}

#[test]
fn where_nobody_answers_nothing_is_told() {
    let bed = Watched::shared();
    let kubeconfig = Kubeconfig::of(bed).cluster("host", &json!({"server": "https://127.0.0.1:9"}));
    let run = checking(bed.kubectl_mc_with(&kubeconfig), "").run().code(3);
    assert_eq!(ids(&run, "ok"), Vec::<String>::new(), "{run}");
    for id in ["host-role", "permissions", "member-versions", "leftover-probe-pods", "cluster-webhook"] {
        assert!(ids(&run, "unknown").contains(&id.to_owned()), "{id}\n{run}");
    }
    let (skipped, unknown) = (ids(&run, "skipped").len(), ids(&run, "unknown").len());
    let all = every_check().count();
    assert_eq!(skipped + unknown + 1, all, "{run}");
    assert_eq!(sum(&run), format!("{all} checks: {skipped} skipped, {unknown} unknown, 1 failure"));
}

#[test]
fn what_may_not_be_read_is_unknown_with_why() {
    let bed = Watched::shared();
    let rights = [
        "get namespaces",
        "get configmaps",
        "get clusterconfigurations.installer.kubesphere.io",
        "patch clusterconfigurations.installer.kubesphere.io",
    ];
    let user = user_who_may(bed.member(1), "check-reader", &rights);
    let kubeconfig = Kubeconfig::of(bed).user("member1", user);
    let run = checking(bed.kubectl_mc_with(&kubeconfig), "member1").run().code(3);
    let unknown = lines(&run, "unknown");
    for said in [
        "permissions member \"member1\": how many nodes it has: forbidden",
        "installer-present member \"member1\": whether Deployment ks-installer is there: forbidden",
        "member-leftovers member \"member1\": whether workspaces of a former host are left: forbidden",
        "member-leftovers member \"member1\": whether namespaces of a former host are left: forbidden",
        "jwt-secret-places member \"member1\": whether the same jwtSecret stands in Secret kubesphere-secret (forbidden for user \"check-reader\")",
        "default-storage-class member \"member1\": whether the StorageClass that the installer asserts is there: forbidden",
        "ks-apiserver member \"member1\": whether its ks-apiserver answers: forbidden",
    ] {
        assert!(unknown.iter().any(|line| line.starts_with(said)), "{said}\n{run}");
    }
    let failures = lines(&run, "failure");
    let rights =
        failures.iter().all(|line| line.starts_with("permissions member \"member1\": its user may not "));
    assert!(rights && failures.len() >= 3, "what the host's credential takes\n{run}");
    bed.assert_untouched();
}

#[test]
fn a_name_that_cannot_be_a_clusters_is_a_finding() {
    let bed = Watched::shared();
    let kubeconfig = Kubeconfig::of(bed).alias("admin@blue", "member1");
    let program = || checking(bed.kubectl_mc_with(&kubeconfig), "admin@blue");
    let run = program().run().code(0);
    assert_says(
        &run,
        "warning",
        "cluster-name member \"admin@blue\": \"admin@blue\" cannot be a Cluster's name",
    );
    assert!(
        run.stdout
            .contains("hint: join it under another: `kubectl mc join admin@blue --context host --name blue`"),
        "{run}"
    );
    let named = program().words("--name blue").run().code(0);
    assert!(!named.stdout.contains("cannot be a Cluster's name"), "{named}");
}

#[test]
fn what_is_typed_wrongly_is_refused() {
    let bed = Watched::shared();
    for (words, said) in [
        ("check member1 --skip-check permissions", "unknown or non-skippable check \"permissions\""),
        ("check member1 member1", "MEMBER \"member1\" is named twice"),
        ("check membr1", "did you mean \"member1\"?"),
    ] {
        let _ = bed.kubectl_mc().words(words).run().code(2).stdout("").says(said);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let bed = Watched::shared();
    let run = check(bed, "member1").run_unread().code(0);
    assert_eq!(run.stderr, "");
}

fn installation(role: Role) -> Installation {
    Installation::new(Version::V3_4).role(role)
}

/// The report has a line with this verdict that begins like this.
#[track_caller]
fn assert_says(run: &Run, verdict: &str, said: &str) {
    assert!(lines(run, verdict).iter().any(|line| line.starts_with(said)), "no {verdict} {said}\n{run}");
}

/// A host and a prepared member that have been joined, and the marks after that.
fn joined(scenario: &Scenario) -> Faulty {
    let bed = Faulty::lease(scenario);
    let _ = bed.join("member1").run().code(0);
    bed
}

fn prepared(member: Installation) -> Scenario {
    Scenario::new(Version::V3_4).host(installation(Role::Host)).member(member.role(Role::Member))
}

// Before a join

#[test]
fn what_stands_in_the_way_of_a_join_is_told_at_once() {
    let argo = json!({"annotations": {"argocd.argoproj.io/tracking-id": "ks:installer.kubesphere.io"}});
    let host = installation(Role::Host)
        .with(Peculiarity::KubefedDown)
        .with(Peculiarity::FederatedWorkspace("team-a".to_owned()));
    let member = installation(Role::None)
        .apiserver(ApiserverScenario::Silent)
        .with(Peculiarity::NoDefaultStorageClass)
        .with(Peculiarity::Metadata(argo))
        .with(Peculiarity::DevOps)
        .with(Peculiarity::LeftoverWorkspace("team-a".to_owned()))
        .with(Peculiarity::LeftoverWorkspace("team-b".to_owned()))
        .with(Peculiarity::LeftoverProject("project-b".to_owned()));
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).member(member));
    let run = check(&bed, "member1").run().code(3);
    for said in [
        "default-storage-class member \"member1\": no StorageClass is the default one: ",
        "managed-elsewhere member \"member1\": its ClusterConfiguration is managed by Argo CD, which takes back",
        "member-leftovers member \"member1\": a former host's workspaces are left that this host has too and does not place on this cluster, so it cannot join: team-a",
        "federation-health host \"host\": Deployment kubefed-controller-manager in kube-federation-system is not available",
        "federation-health host \"host\": nobody answers webhook validations.core.kubefed.io: ",
        "ks-apiserver member \"member1\": its ks-apiserver does not answer through the API server: ",
    ] {
        assert_says(&run, "failure", said);
    }
    for said in [
        "jwt-secret-places member \"member1\": DevOps is installed and keeps its jwtSecret of now: ",
        "member-leftovers member \"member1\": a former host's workspaces are left: team-b; ",
        "member-leftovers member \"member1\": a former host's kubefed managed these namespaces, and what manages workspaces here may delete them: project-b",
    ] {
        assert_says(&run, "warning", said);
    }
    assert!(run.stdout.contains("`spec.multicluster.clusterRole: member`"), "{run}");
    assert!(!run.stderr.contains("deprecated"), "{run}");
    let refused = bed.join("member1").run().code(3).says("[default-storage-class]\n");
    let refused = refused.says("[managed-elsewhere]\n").says("[member-leftovers]\n");
    let _ =
        refused.says("[federation-health]\n").says("warning: member \"member1\": its ks-apiserver does not");
    let skipped = "--skip-check default-storage-class,managed-elsewhere,member-leftovers,federation-health";
    let _ = bed.join("member1 --dry-run=client").words(skipped).run().code(0);
    bed.assert_untouched();
}

#[test]
fn a_failed_installation_of_kubefed_is_in_the_way_of_a_host() {
    let host = installation(Role::None).with(Peculiarity::KubefedFailed);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).members(Vec::new()));
    let run = check(&bed, "").run().code(3);
    assert_says(
        &run,
        "failure",
        "federation-health host \"host\": helm's release kubefed in kube-federation-system is failed",
    );
    bed.assert_untouched();
}

#[test]
fn a_run_that_failed_before_is_told() {
    let failed = |role: Role| installation(role).installer(InstallerScenario::FailedBefore);
    let bed =
        Watched::lease(&Scenario::new(Version::V3_4).host(failed(Role::None)).member(failed(Role::None)));
    let run = check(&bed, "member1").run().code(3);
    let said = "its configuration is not in effect (kubesphere-config does not";
    assert_says(&run, "failure", &format!("host-in-effect host \"host\": {said}"));
    assert_says(&run, "failure", &format!("member-in-effect member \"member1\": {said}"));
    let run = bed.join("member1 --dry-run=client").run().code(0);
    let _ = run
        .says(&format!("warning: host \"host\": {said}"))
        .says("the installer is restarted [host-in-effect]");
    bed.assert_untouched();
}

#[test]
fn a_newer_member_is_worth_a_warning() {
    let bed = Watched::lease(&Scenario::new(Version::V3_3).member(installation(Role::None)));
    let run = check(&bed, "member1").run().code(0);
    assert_says(
        &run,
        "warning",
        "member-versions member \"member1\": its KubeSphere v3.4.1 is newer than the host's v3.3.2",
    );
}

#[test]
fn oauth_options_of_3_1_are_foreseen_to_age_tokens() {
    let options = json!({"authentication": {"oauthOptions": {"accessTokenInactivityTimeout": "30m"}}});
    let member = Installation::new(Version::V3_1).with(Peculiarity::Spec(options));
    let bed = Watched::lease(&Scenario::new(Version::V3_1).member(member));
    let run = check(&bed, "member1").run().code(0);
    assert_says(
        &run,
        "warning",
        "access-token-max-age member \"member1\": KubeSphere 3.1 does not set accessTokenMaxAge",
    );
}

#[test]
fn clocks_that_differ_are_told_and_can_be_skipped() {
    let bed = Faulty::lease(&Scenario::new(Version::V3_4));
    bed.before_member(1).add(Rule::when(|_, _| true, Fault::Ahead(-95)));
    let run = checking(bed.kubectl_mc(), "member1").run().code(3);
    let failures = lines(&run, "failure");
    assert!(
        failures.len() == 1 && failures[0].starts_with("clock-skew member \"member1\": its clock is 9"),
        "{run}"
    );
    assert!(failures[0].contains(" s behind the host's: "), "{run}");
    assert_says(&run, "warning", "clock-skew member \"member1\": this machine's clock is 9");
    let words = "check member1 --context host --skip-check member-server-loopback,clock-skew";
    let _ = bed.kubectl_mc().words(words).run().code(0);
}

// After a join

#[test]
fn a_joined_pair_is_all_well_under_whatever_name() {
    for version in [Version::V3_1, Version::V3_2, Version::V3_3, Version::V3_4] {
        let role = |role| Installation::new(version).role(role);
        let bed = Watched::lease(&Scenario::new(version).host(role(Role::Host)).member(role(Role::Member)));
        let _ = bed.join("member1 --name frankfurt").run().code(0);
        let (marks, written) = (bed.marks(), bed.writes().len());
        let run = bed.kubectl_mc().words("check member1 --context host -o wide").run().code(0);
        assert_all_well(
            &run,
            &[
                "renewed-cluster",
                "host-cluster-name",
                "ks-core-release",
                "leftover-cluster-webhook",
                "prepared",
                "rotated-members",
                "recent-rotation",
                "member-credential-lifetime",
                "member-server-loopback",
                "member-server-address",
                "member-server-certificate",
                "restarts",
                "expected-state",
                "member-reachable",
            ],
        );
        assert_eq!(bed.writes().len(), written, "{version}");
        assert!(!bed.requests_since(&marks).is_empty());
    }
}

#[test]
fn what_has_drifted_since_a_join_is_told_with_what_mends_it() {
    let bed = joined(&prepared(installation(Role::None).with(Peculiarity::EarlierName("old".to_owned()))));
    let role = json!({"spec": {"multicluster": {"clusterRole": "none"}}});
    bed.member(1).patch_cluster_configuration(role);
    let run = checking(bed.kubectl_mc(), "member1").run().code(3);
    assert_says(
        &run,
        "failure",
        "member-in-effect member \"member1\": its configuration has changed: spec.multicluster.clusterRole is none, not member",
    );
    let join = "`kubectl mc join member1 --context host --skip-check member-server-loopback`";
    assert!(run.stdout.contains(&format!("hint: set it right: {join}")), "{run}");
    assert_says(
        &run,
        "warning",
        "member-leftovers member \"member1\": service accounts of earlier names are left",
    );
    // Its kubeconfig leads through the proxy, and so does what the host has stored.
    let direct = Kubeconfig::of(&bed);
    let run = checking(bed.kubectl_mc_with(&direct), "member1").run().code(3);
    assert_says(
        &run,
        "warning",
        "member-readiness member \"member1\": the host reaches it at https://127.0.0.1:",
    );
}

#[test]
fn a_member_that_the_host_cannot_reach_any_more_is_told_with_the_controllers_reason() {
    // On 3.4 the webhook keeps the controller from writing it: there readiness only becomes stale.
    let [host, member] = [Role::Host, Role::Member].map(|role| Installation::new(Version::V3_3).role(role));
    let bed = joined(&Scenario::new(Version::V3_3).host(host).member(member));
    bed.before_member(1).close();
    bed.wait_for("a member that is not ready", |bed| {
        condition(&bed.host().cluster("member1"), "Ready") == Some("False")
    });
    let direct = Kubeconfig::of(&bed);
    let run = checking(bed.kubectl_mc_with(&direct), "member1").run().code(3);
    assert_says(
        &run,
        "failure",
        "member-readiness member \"member1\": its Cluster \"member1\" is not ready: Federated is False: ",
    );
}

#[test]
fn readiness_that_nobody_repeats_is_stale() {
    let host = installation(Role::Host);
    let scenario = Scenario::new(Version::V3_4).host(host).member(installation(Role::Member));
    let bed = Watched::lease(&scenario.controller(ControllerScenario::Down));
    let at = "2026-01-03T10:00:00Z";
    let written = |kind: &str, status: &str, message: &str| json!({"type": kind, "status": status, "reason": kind, "message": message, "lastUpdateTime": at});
    let object = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "member1"},
        "spec": {"joinFederation": true, "connection": {"type": "direct"}},
        "status": {"uid": bed.member(1).uid(), "conditions": [
            written("Federated", "True", ""), written("Ready", "True", ""),
            written("KubeConfigCertExpiresInSevenDays", "True", "2026-01-09 10:00:00 +0000 UTC")]},
    });
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &object).await.unwrap() });
    let run = check(&bed, "member1").run().code(3);
    let stored =
        "the kubeconfig that the host has stored in its Cluster \"member1\" no longer works: none is stored";
    assert_says(&run, "failure", &format!("member-credential member \"member1\": {stored}"));
    assert_says(
        &run,
        "warning",
        "host-in-effect host \"host\": the host's own Cluster is not registered yet",
    );
    for said in [
        "whether its Cluster \"member1\" is ready was last said ",
        "its Cluster \"member1\" is ready, but the member's ks-apiserver does not answer the host",
        "the client certificate in its Cluster \"member1\" expires within a week, or has expired: 2026-01-09 10:00:00 +0000 UTC",
    ] {
        assert_says(&run, "warning", &format!("member-readiness member \"member1\": {said}"));
    }
    bed.assert_untouched();
}

#[test]
fn tokens_that_age_and_a_stale_devops_are_told_of_a_joined_member() {
    let bed = joined(&prepared(installation(Role::None).with(Peculiarity::DevOps)));
    let text = bed.member(1).configuration().replace("accessTokenMaxAge: 0s", "accessTokenMaxAge: 2h0m0s");
    assert!(text.contains("2h0m0s"), "{text}");
    let api = objects::config_maps(&bed.member(1).client());
    let patch = json!({"data": {"kubesphere.yaml": text}});
    block_on(async move { objects::merge(&api, "kubesphere-config", &patch).await.unwrap() });
    let run = checking(bed.kubectl_mc(), "member1").run().code(3);
    assert_says(
        &run,
        "failure",
        "access-token-max-age member \"member1\": authentication.oauthOptions.accessTokenMaxAge is not 0",
    );
    assert_says(
        &run,
        "warning",
        "jwt-secret-places member \"member1\": ConfigMap devops-config has another jwtSecret",
    );
}

#[test]
fn a_no_op_join_does_not_look_closer() {
    let bed = joined(&prepared(installation(Role::None)));
    let marks = bed.marks();
    let _ = bed.join("member1").run().code(0);
    let asked: Vec<String> =
        bed.requests_since(&marks).iter().map(|event| event.request_uri.clone()).collect();
    for closer in ["storageclasses", "validatingwebhook", "workspaces", "devops-config", "/proxy/", "/pods"] {
        assert!(!asked.iter().any(|uri| uri.contains(closer)), "{closer}: {asked:?}");
    }
}
