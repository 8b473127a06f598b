//! `kubectl mc get --watch`: what changes is shown, and nothing else.

use std::time::Duration;

use jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Deserializer, Value, json};
use testbed::{
    Fault, Rule, block_on,
    kubesphere::{ControllerScenario, Installation, Role, Scenario, Version, objects},
};

use crate::support::{Faulty, Kubeconfig, Registered, Watched, user_who_may};

/// Of 3.3, because the webhook of 3.4 denies every update while its controller is down.
fn host_alone() -> Scenario {
    let host = Installation::new(Version::V3_3).role(Role::Host);
    Scenario::new(Version::V3_3).host(host).members(Vec::new()).controller(ControllerScenario::Down)
}

fn patch(bed: &Watched, name: &'static str, patch: Value) {
    let clusters = objects::clusters(&bed.host().client());
    let sent =
        async move { clusters.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop) };
    block_on(sent).unwrap();
}

fn delete(bed: &Watched, name: &'static str) {
    let clusters = objects::clusters(&bed.host().client());
    block_on(async move { clusters.delete(name, &DeleteParams::default()).await.map(drop) }).unwrap();
}

/// What the controller writes when it has looked once more.
fn looked(status: &str, reason: &str) -> Value {
    let at = Timestamp::now().to_string();
    let condition =
        |kind: &str| json!({"type": kind, "status": status, "reason": reason, "lastUpdateTime": at});
    json!({"status": {"conditions": [condition("Federated"), condition("Ready")]}})
}

#[test]
fn a_watch_shows_what_says_something_new_across_cuts_and_compactions() {
    let bed = Faulty::lease(&host_alone());
    for name in ["edge-1", "edge-2"] {
        Registered::new(name).create(bed.host());
    }
    let gone = bed.before_host().add(Rule::on("GET", "watch=true", Fault::Gone).times(1));
    let started = bed.kubectl_mc().words("get --context host -w").start_shown();
    started.until_shown("edge-2");
    patch(&bed, "edge-1", looked("True", ""));
    patch(&bed, "edge-1", looked("False", "dial tcp 10.0.0.1:6443: connect: connection refused"));
    started.until_shown("connection refused");
    bed.before_host().cut_connections();
    delete(&bed, "edge-2");
    started.until_shown("Deleted");
    bed.before_host().cut_connections();
    Registered::new("edge-3").ready(Duration::from_secs(720)).create(bed.host());
    started.until_shown("edge-3");
    let run = started.signal("INT").code(130);
    let told: Vec<String> = run.stdout.lines().map(first_three).collect();
    let expected = [
        "NAME ROLE READY",
        "edge-1 member True",
        "edge-2 member True",
        "edge-1 member False",
        "edge-2 member Deleted",
        "edge-3 member Stale",
    ];
    assert_eq!(told, expected, "{run}");
    let starts: Vec<_> = run.stdout.lines().map(|line| line.find("member").or(line.find("ROLE"))).collect();
    assert!(starts.iter().all(|start| *start == starts[0]), "later rows stand below the first\n{run}");
    assert_eq!(gone.count(), 1);
    bed.assert_untouched();
}

fn first_three(line: &str) -> String {
    line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_watch_prints_an_object_for_each_change() {
    let bed = Watched::lease(&host_alone());
    Registered::new("edge-1").create(bed.host());
    let start = |form: &str| bed.kubectl_mc().words("get --context host -w -o").words(form).start_shown();
    let (json, yaml, names) = (start("json"), start("yaml"), start("name"));
    for started in [&json, &yaml, &names] {
        started.until_shown("edge-1");
    }
    patch(&bed, "edge-1", looked("False", "EOF"));
    for started in [&json, &yaml] {
        started.until_shown("EOF");
    }
    names.until_shown("edge-1\ncluster.cluster.kubesphere.io/edge-1\n");
    let run = json.signal("INT").code(130);
    let objects: Vec<Value> = Deserializer::from_str(&run.stdout).into_iter().map(Result::unwrap).collect();
    let ready: Vec<&Value> = objects.iter().map(|object| &object["clusters"][0]["ready"]).collect();
    assert_eq!(ready, ["True", "False"], "{run}");
    let run = yaml.signal("INT").code(130);
    assert_eq!(run.stdout.matches("\n---\n").count(), 1, "{run}");
    let _ = names.signal("INT").code(130);
}

#[test]
fn who_may_only_list_watches_by_listing() {
    let bed = Watched::lease(&host_alone());
    Registered::new("edge-1").create(bed.host());
    let user = user_who_may(bed.host(), "lists-only", &["list clusters.cluster.kubesphere.io"]);
    let program = bed.kubectl_mc_with(&Kubeconfig::of(&bed).user("host", user));
    let started = program.words("get --context host --watch").start_shown();
    started.until_shown("edge-1");
    patch(&bed, "edge-1", looked("False", "EOF"));
    started.until_shown("EOF");
    let run = started.signal("INT").code(130);
    assert_eq!(run.stdout.lines().count(), 3, "{run}");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_watch_ends_with_its_reader_or_with_a_name_that_is_not_there() {
    let bed = Watched::lease(&host_alone());
    Registered::new("edge-1").create(bed.host());
    let watch = |words: &str| bed.kubectl_mc().words("get --context host --watch").words(words);
    let _ = watch("").run_unread().code(0);
    let run = watch("edge-1 nobody").run().code(1);
    assert!(run.stdout.contains("edge-1"), "{run}");
    let _ = run.says("clusters.cluster.kubesphere.io \"nobody\" not found");
}
