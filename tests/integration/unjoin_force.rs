//! Members that are gone behind the webhook of 3.4: nothing is sent without `--force`, and with it the webhook is as it was
//! in the end, whatever happens in between.

use http::{Method, Uri};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use testbed::{
    Fault, Kubernetes, Rule, block_on,
    kubesphere::{
        ControllerScenario, Installation, Peculiarity, Role, Scenario, Version, objects,
        webhook::CONFIGURATION,
    },
};

use crate::support::{Faulty, Kubeconfig, KubectlMc, Run, Started, Watched, user_who_may, without};

const ANNOTATION: &str = "kubectl-mc/narrowed-webhook";
const NARROW: &str = "patch validatingwebhookconfigurations/cluster.kubesphere.io";
const DELETE: &str = "delete clusters/member1";
const TOUCH: &str = "patch clusters/member1";
pub(crate) const FORCE: &str = "unjoin member1 --context host --force --yes";
const DELETED: &str = "cluster.cluster.kubesphere.io \"member1\" deleted\n";

/// Members that only have to be registered, and can be gone.
pub(crate) fn scenario(members: usize) -> Scenario {
    let installed = |role| Installation::new(Version::V3_4).role(role);
    let members = vec![installed(Role::Member).with(Peculiarity::BehindProxy); members];
    Scenario::new(Version::V3_4).host(installed(Role::Host)).members(members)
}

/// With member1 joined, and then gone.
pub(crate) fn with_dead_member(bed: &Watched) {
    let _ = bed.join("member1 --reachability off --credentials context").run().code(0);
    bed.member(1).kill();
}

fn dead(scenario: &Scenario) -> Watched {
    let bed = Watched::lease(scenario);
    with_dead_member(&bed);
    bed
}

pub(crate) fn force(bed: &Watched) -> KubectlMc {
    bed.kubectl_mc().words(FORCE)
}

/// The webhook's configuration, without what every write changes.
pub(crate) fn configuration(bed: &Watched) -> Value {
    let api = objects::validating_webhooks(&bed.host().client());
    let mut object =
        serde_json::to_value(block_on(async move { api.get(CONFIGURATION).await }).unwrap()).unwrap();
    for field in ["resourceVersion", "generation", "managedFields"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    object
}

fn change_configuration(bed: &Watched, change: Value) {
    let api = objects::validating_webhooks(&bed.host().client());
    let patch = Patch::Strategic(change);
    block_on(async move { api.patch(CONFIGURATION, &PatchParams::default(), &patch).await }).unwrap();
}

pub(crate) fn is_narrowed(bed: &Watched) -> bool {
    configuration(bed)["metadata"]["annotations"][ANNOTATION].is_string()
}

/// Our writes on the host since the member was joined.
fn writes_after_join(bed: &Watched) -> Vec<String> {
    let writes = bed.writes();
    let joined = writes.iter().position(|write| write == "create clusters/member1").unwrap();
    writes[joined + 1..].to_vec()
}

/// Without the ones that the controller needs more or less often.
fn main_writes(bed: &Watched) -> Vec<String> {
    let mut writes = writes_after_join(bed);
    writes.retain(|write| write != TOUCH);
    writes
}

pub(crate) fn is_gone(bed: &Watched) -> bool {
    bed.host().cluster("member1").is_null()
}

#[track_caller]
pub(crate) fn assert_taken_out(bed: &Watched, before: &Value) {
    assert!(is_gone(bed), "{}", bed.dump());
    assert_eq!(configuration(bed), *before);
    let client = bed.host().client();
    let namespace = Some("kube-federation-system");
    let federated = objects::objects(&client, "core.kubefed.io/v1beta1", "KubeFedCluster", namespace);
    let secrets = objects::objects(&client, "v1", "Secret", namespace);
    let left = block_on(async move {
        (federated.get_opt("member1").await.unwrap(), secrets.get_opt("member1-secret").await.unwrap())
    });
    assert!(left.0.is_none() && left.1.is_none());
}

#[test]
fn without_force_nothing_is_sent_and_with_it_the_cluster_goes() {
    for (kubernetes, said) in [
        (Kubernetes::default(), "by a match condition that leaves out Cluster member1 alone"),
        (
            Kubernetes::V1_27,
            "off for updates of all Clusters, because this Kubernetes keeps no match conditions",
        ),
    ] {
        let bed = dead(&scenario(1).host_kubernetes(kubernetes));
        let before = configuration(&bed);
        for words in ["--yes", "--yes --dry-run=server", ""] {
            let run = bed.kubectl_mc().words("unjoin member1 --context host").words(words).run();
            let _ = run.code(3).stdout("").says("connection refused").says("--force");
        }
        let foreseen = bed.kubectl_mc().words(FORCE).words("--dry-run=client").run().code(0).says(said);
        let _ = foreseen.stdout("cluster.cluster.kubesphere.io \"member1\" deleted (dry run)\n");
        let rehearsed = bed.kubectl_mc().words(FORCE).words("--dry-run=server").run().code(0);
        let _ = rehearsed
            .says(said)
            .stdout("cluster.cluster.kubesphere.io \"member1\" deleted (server dry run)\n");
        assert_eq!((writes_after_join(&bed), configuration(&bed)), (Vec::new(), before.clone()));

        let run = force(&bed).run().code(0).stdout(DELETED).says(said).says("webhook restored");
        let _ = run.says("What remains on the member \"member1\"");
        assert_taken_out(&bed, &before);
        assert_eq!(main_writes(&bed), [NARROW, DELETE, NARROW]);
        let _ = bed.kubectl_mc().words("check --context host").run().code(0);
    }
}

#[test]
fn what_is_alive_or_unguarded_goes_without_narrowing() {
    for version in [Version::V3_3, Version::V3_4] {
        let installed = |role| Installation::new(version).role(role);
        let bed = Watched::lease(
            &Scenario::new(version).host(installed(Role::Host)).member(installed(Role::Member)),
        );
        let _ = bed.join("member1 --reachability off --credentials context").run().code(0);
        if version == Version::V3_3 {
            bed.member(1).kill();
        }
        let _ = force(&bed).run().code(0).stdout(DELETED).does_not_say("narrow");
        assert_eq!(writes_after_join(&bed), [DELETE]);
    }
}

/// Under way: the webhook is narrowed, and the Cluster is not deleted yet.
fn started_and_narrowed(bed: &Faulty) -> Started {
    let deletion = Rule::on("DELETE", "/clusters/member1", Fault::Hang);
    let command = bed.kubectl_mc().words(FORCE);
    let started = bed.start_until("the deletion", command, bed.before_host(), deletion);
    assert!(is_narrowed(bed));
    started
}

#[test]
fn what_a_killed_command_left_is_reported_and_restored_by_the_next_that_writes() {
    let bed = Faulty::lease(&scenario(2));
    with_dead_member(&bed);
    let before = configuration(&bed);
    let _ = started_and_narrowed(&bed).signal("KILL");
    let check = bed.kubectl_mc().words("check --context host").run();
    assert!(check.stdout.contains("  warning cluster-webhook: "), "{check}");
    assert!(check.stdout.contains("lets every update of Cluster member1 pass since"), "{check}");

    let join = || bed.join("member2 --reachability off --credentials context");
    let said = "restore what another command has narrowed, which is running or was killed: webhook validating-cluster.kubesphere.io lets";
    let _ = join().words("--dry-run=client").run().code(0).says(said);
    let _ = join().words("--dry-run=server").run().code(0).says(said);
    assert!(is_narrowed(&bed), "only shown");
    let _ = join().run().code(0).says(said).says("webhook restored that another command had narrowed");
    assert_eq!(configuration(&bed), before);
    assert!(!is_gone(&bed));

    let _ = started_and_narrowed(&bed).signal("KILL");
    let run = bed.kubectl_mc().words("unjoin member1 --context host --yes").run().code(3);
    let _ = run.says("webhook restored").says("connection refused").says("--force");
    assert_eq!(configuration(&bed), before);
    assert!(bed.host().cluster("member1")["metadata"]["deletionTimestamp"].is_null());
    let _ = join().run().code(0);
    assert_eq!(force(&bed).run().code(0).stdout, DELETED);
    assert_taken_out(&bed, &before);
}

/// The installer renews the authority meanwhile, which stays.
#[test]
fn interrupted_refused_or_slow_the_webhook_is_restored_and_what_others_renewed_stays() {
    let bed = Faulty::lease(&scenario(1));
    with_dead_member(&bed);
    let before = configuration(&bed);
    for (signal, code) in [("INT", 130), ("TERM", 130)] {
        let _ =
            started_and_narrowed(&bed).signal(signal).code(code).says("webhook restored").says("interrupted");
        assert_eq!(configuration(&bed), before, "after {signal}");
    }

    bed.before_host().add(Rule::on("DELETE", "/clusters/member1", Fault::status(403)).times(1));
    let refused = bed.kubectl_mc().words(FORCE).run().code(1);
    let _ = refused.says("delete clusters/member1: forbidden").says("webhook restored");
    assert_eq!(configuration(&bed), before);

    bed.before_host().add(Rule::on("DELETE", "/clusters/member1", Fault::Hang).times(1));
    let late = bed.kubectl_mc().words(FORCE).words("--timeout 12s").run().code(4);
    let _ = late.says("webhook restored");
    assert_eq!(configuration(&bed), before);
    assert!(!is_gone(&bed));

    let renewed =
        |object: &mut Value| object["webhooks"][0]["clientConfig"]["caBundle"] = "LS0tLS1uZXc=".into();
    let command = bed.kubectl_mc().words(FORCE);
    let run = bed.run_with(command, bed.before_host(), "DELETE", "/clusters/member1", || {
        let mut change = json!({"webhooks": [{"name": before["webhooks"][0]["name"], "clientConfig": {}}]});
        renewed(&mut change);
        change_configuration(&bed, change);
    });
    let _ = run.code(0).stdout(DELETED);
    let mut expected = before;
    renewed(&mut expected);
    assert_taken_out(&bed, &expected);
}

#[test]
fn lost_answers_and_server_errors_do_not_leave_it_narrowed() {
    let bed = Faulty::lease(&scenario(1));
    with_dead_member(&bed);
    let before = configuration(&bed);
    let front = bed.before_host();
    let lost = front.add(Rule::when(is_stored_patch, Fault::CutAfterBytes(10)).times(1));
    let mut failing = None;
    let command = bed.kubectl_mc().words(FORCE);
    let run = bed.run_with(command, front, "DELETE", "/clusters/member1", || {
        assert!(is_narrowed(&bed));
        failing = Some(front.add(Rule::when(is_stored_patch, Fault::status(500)).times(3)));
    });
    let _ = run.code(0).stdout(DELETED).says("webhook restored");
    assert_eq!((lost.count(), failing.map(|failing| failing.count())), (1, Some(3)));
    assert_taken_out(&bed, &before);
}

fn is_stored_patch(method: &Method, uri: &Uri) -> bool {
    let uri = uri.to_string();
    method == Method::PATCH && uri.contains("/validatingwebhookconfigurations/") && !uri.contains("dryRun")
}

#[test]
fn what_cannot_be_restored_is_said_with_the_command_that_does_it() {
    let bed = Faulty::lease(&scenario(1));
    with_dead_member(&bed);
    let before = configuration(&bed);
    let front = bed.before_host();
    let command = bed.kubectl_mc().words(FORCE);
    let run = bed.run_with(command, front, "DELETE", "/clusters/member1", || {
        front.add(Rule::when(is_stored_patch, Fault::status(403)));
    });
    let run = run.code(1).stdout(DELETED).says("Cluster member1 is gone, but its webhook is not restored");
    let run =
        run.says("the webhook may stay narrowed: webhook validating-cluster.kubesphere.io lets every update");
    assert!(is_narrowed(&bed) && is_gone(&bed));
    let (_, command) = run.stderr.split_once("to restore it by hand: `kubectl ").unwrap();
    let command = command.split_once("`\n").unwrap().0;
    let kubeconfig = bed.kubeconfig().display();
    let line = format!("kubectl --kubeconfig {kubeconfig} {command}");
    let done = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(done.status.success(), "{line}\n{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(configuration(&bed), before);
}

#[test]
fn the_name_has_to_be_typed_and_yes_alone_does_not_do() {
    let bed = dead(&scenario(1));
    let before = configuration(&bed);
    let asked = || bed.kubectl_mc().words("unjoin member1 --context host --force --color never");
    let unasked = asked().run().code(2).stdout("");
    let _ = unasked.says("there is no terminal to ask at").says("`--force --yes`");
    for answer in ["y\n", "yes\n", "member2\n", "\n"] {
        let run = asked().answer(answer).code(5);
        assert!(run.stdout.contains("declined; nothing was changed"), "{run}");
    }
    assert_eq!(writes_after_join(&bed), Vec::<String>::new());
    let run = asked().answer("member1\n").code(0);
    assert!(run.stdout.contains("leaves out Cluster member1 alone"), "{run}");
    assert_taken_out(&bed, &before);
}

/// Somebody has deleted it with kubectl, and it hangs.
#[test]
fn one_that_hangs_in_its_deletion_is_let_go_without_another() {
    let bed = dead(&scenario(1));
    let before = configuration(&bed);
    let clusters = objects::clusters(&bed.host().client());
    block_on(async move { clusters.delete("member1", &DeleteParams::default()).await }).unwrap();
    let _ = bed.kubectl_mc().words("unjoin member1 --context host --yes").run().code(3).says("--force");
    let _ = force(&bed).run().code(0);
    assert_eq!(main_writes(&bed), [NARROW, NARROW]);
    assert_taken_out(&bed, &before);
}

#[test]
fn a_missing_right_is_told_before_the_first_change() {
    let bed = dead(&scenario(1));
    let patch = "patch validatingwebhookconfigurations.admissionregistration.k8s.io";
    let rights = [
        "get namespaces",
        "get configmaps",
        "get clusterconfigurations.installer.kubesphere.io",
        "list clusters.cluster.kubesphere.io",
        "get clusters.cluster.kubesphere.io",
        "delete clusters.cluster.kubesphere.io",
        "patch clusters.cluster.kubesphere.io",
        "get validatingwebhookconfigurations.admissionregistration.k8s.io",
        patch,
    ];
    let run = |name: &str, rights: &[&str]| -> Run {
        let kubeconfig = Kubeconfig::of(&bed).user("host", user_who_may(bed.host(), name, rights));
        bed.kubectl_mc_with(&kubeconfig).words(FORCE).run()
    };
    let _ = run("may-not-patch", &without(&rights, patch)).code(3).says(patch.split_once(' ').unwrap().1);
    assert_eq!(writes_after_join(&bed), Vec::<String>::new());
    let _ = run("may-patch", &rights).code(0);
    assert!(is_gone(&bed));
}

#[test]
fn without_a_controller_the_finalizer_is_taken_off() {
    let bed = Watched::lease(&scenario(1).controller(ControllerScenario::Down));
    let before = configuration(&bed);
    let cluster = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
        "metadata": {"name": "member1", "finalizers": ["finalizer.cluster.kubesphere.io"]},
        "spec": {"joinFederation": true, "connection": {"type": "direct"}},
    });
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &cluster).await }).unwrap();
    let run = force(&bed).run().code(0).stdout(DELETED);
    let _ = run.says("ks-controller-manager has not removed its finalizer from Cluster member1 within 30 s");
    assert_taken_out(&bed, &before);
}
