//! Whose a member is that is taken out, and members that are dead.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use testbed::{
    ClusterObject,
    bed::condition,
    block_on,
    kubesphere::{Installation, Peculiarity, Role, Version, objects},
};

use crate::{
    support::Watched,
    unjoin::{joined, prepared, role, unjoin, writes_since},
};

/// Somebody deletes the Cluster by hand.
fn delete_cluster(bed: &Watched, name: &'static str) {
    let api = objects::clusters(&bed.host().client());
    block_on(async move { objects::remove(&api, name).await.unwrap() });
    bed.wait_for("the Cluster is gone", |bed| bed.host().cluster(name).is_null());
}

fn stored_kubeconfig(bed: &Watched, name: &str) -> String {
    let text = bed.host().cluster(name)["spec"]["connection"]["kubeconfig"].as_str().unwrap().to_owned();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

#[test]
fn a_member_that_is_registered_twice_stays_one() {
    for version in [Version::V3_4, Version::V3_2] {
        let bed = joined(&prepared(version));
        bed.host().import("twin", &stored_kubeconfig(&bed, "member1"));
        bed.wait_for("the twin is ready", |bed| {
            condition(&bed.host().cluster("twin"), "Federated") == Some("True")
        });
        let marks = bed.marks();
        let run = unjoin(&bed, "twin --member-context member1").run().code(0);
        let run = run.says("it is registered on this host as \"member1\" too, and stays its member");
        assert_eq!(run.stdout.lines().count(), 5, "the Cluster, and what kubefed made for the name\n{run}");
        assert!(
            writes_since(&bed, &marks)
                .iter()
                .all(|write| write.starts_with("delete ") && write.contains("twin"))
        );
        let run = unjoin(&bed, "twin --member-context member1").run().code(3).stdout("");
        let run =
            run.says("it is registered on this host as \"member1\", and nothing is left there of the name");
        let _ =
            run.says("if it was meant: `kubectl mc unjoin member1 --context host --member-context member1`");
        bed.assert_joined(1, "member1");
    }
}

#[test]
fn without_its_cluster_a_member_with_another_secret_keeps_its_configuration() {
    let bed = joined(&prepared(Version::V3_4));
    delete_cluster(&bed, "member1");
    let secret = "Zq7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0Sg";
    bed.member(1).patch_cluster_configuration(json!({"spec": {"authentication": {"jwtSecret": secret}}}));
    bed.wait_for("the other secret", |bed| bed.member(1).configured("authentication.jwtSecret") == secret);
    let marks = bed.marks();
    let run = unjoin(&bed, "member1 --member-context member1").run().code(3);
    let _ = run
        .says("its jwtSecret is not this host's: another host has taken it, or this host's was renewed")
        .says("hint: if no other host has it: give it this host's with `kubectl mc prepare member member1 --context host --from-other-host`")
        .says("ClusterRoleBinding kubefed-controller-manager:member1-kubesphere, because it may be another host's")
        .says("left over: member \"member1\": serviceaccount/member1-kubesphere");
    let writes = writes_since(&bed, &marks);
    assert!(writes.iter().all(|write| write.starts_with("delete ")), "{writes:?}");
    assert_eq!(role(bed.member(1)), "member");
    let secret_of_host = format!("delete secrets/kubectl-mc-host-token-{}", &bed.host().uid()[..8]);
    assert!(writes.contains(&secret_of_host), "{writes:?}");
}

/// Its own host works with all of it.
#[test]
fn a_host_that_never_had_the_member_takes_nothing_from_it_and_says_so() {
    let another = Peculiarity::JwtSecret("anotherHostsSecretOfItsMembers00".to_owned());
    let of = |role| Installation::new(Version::V3_4).role(role);
    let members = vec![of(Role::Member).with(Peculiarity::BehindProxy), of(Role::Host).with(another)];
    let bed = joined(&prepared(Version::V3_4).members(members));
    let marks = bed.marks();
    let words = "unjoin member1 --member-context member1 --context member2 --yes";
    let run = bed.kubectl_mc().words(words).run().code(3);
    let run = run
        .says("error: member \"member1\": the host has no Cluster \"member1\", and another host has this member: ")
        .says("hint: name the host that has it with `--context`\n")
        .does_not_say("left over")
        .does_not_say(" delete ");
    assert_eq!(writes_since(&bed, &marks), Vec::<String>::new(), "{run}");
    bed.assert_joined(1, "member1");
}

#[test]
fn a_member_that_a_colleague_registers_anew_during_the_wait_is_left() {
    let bed = joined(&prepared(Version::V3_2));
    hold(&bed, &json!(["finalizer.cluster.kubesphere.io", "example.org/hold"]));
    let kubeconfig = stored_kubeconfig(&bed, "member1");
    let (marks, written) = (bed.marks(), bed.writes().len());
    let started = unjoin(&bed, "member1 --member-context member1").start();
    bed.until_writes(written + 1);
    bed.host().import("twin", &kubeconfig);
    bed.wait_for("the twin is ready", |bed| {
        condition(&bed.host().cluster("twin"), "Federated") == Some("True")
    });
    hold(&bed, &Value::Null);
    let _ = started
        .end()
        .code(3)
        .says("it was registered on this host as \"twin\" meanwhile")
        .says("nothing was changed there");
    assert_eq!(writes_since(&bed, &marks), ["delete clusters/member1"]);
}

#[test]
fn a_cluster_that_somebody_has_deleted_is_cleaned_on_the_member() {
    let bed = joined(&prepared(Version::V3_4));
    delete_cluster(&bed, "member1");
    let run = unjoin(&bed, "member1 --member-context member1").run().code(0);
    assert_eq!(run.stdout.lines().count(), 9, "{run}");
    assert_eq!(role(bed.member(1)), "none");
}

#[test]
fn a_deletion_under_way_is_waited_for_and_not_sent_again() {
    let bed = joined(&prepared(Version::V3_4));
    hold(&bed, &json!(["finalizer.cluster.kubesphere.io", "example.org/hold"]));
    let api = objects::clusters(&bed.host().client());
    block_on(async move { objects::remove(&api, "member1").await.unwrap() });
    bed.wait_for("the controller's finalizer to be gone", |bed| {
        bed.host().cluster("member1")["metadata"]["finalizers"] == json!(["example.org/hold"])
    });
    let marks = bed.marks();
    let started = unjoin(&bed, "member1").start();
    bed.wait_for("somebody watches", |_| {
        bed.requests_since(&marks).iter().any(|event| event.verb == "watch" && event.resource == "clusters")
    });
    hold(&bed, &Value::Null);
    let _ = started
        .end()
        .code(0)
        .stdout("")
        .says("wait until Cluster member1 is gone, which somebody has deleted");
    assert_eq!(writes_since(&bed, &marks), Vec::<String>::new());
}

/// Another finalizer than the controller's keeps the Cluster.
fn hold(bed: &Watched, finalizers: &Value) {
    let api = objects::clusters(&bed.host().client());
    let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    block_on(async move { api.patch("member1", &PatchParams::default(), &patch).await.unwrap() });
}

#[test]
fn an_agents_cluster_goes_and_its_agent_stays() {
    let bed = joined(&prepared(Version::V3_4));
    bed.host().create_clusters(vec![
        ClusterObject::new("far").with(&json!({"spec": {"connection": {"type": "proxy"}}})),
    ]);
    let _ = unjoin(&bed, "far")
        .run()
        .code(0)
        .stdout("cluster.cluster.kubesphere.io \"far\" deleted\n")
        .says("the agent: Deployment cluster-agent");
}

#[test]
fn what_gitops_keeps_is_said_to_come_back() {
    let bed = joined(&prepared(Version::V3_4));
    let labelled =
        Patch::Merge(json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "fleet"}}}));
    let api = objects::clusters(&bed.host().client());
    block_on(async move { api.patch("member1", &PatchParams::default(), &labelled).await.unwrap() });
    let run = unjoin(&bed, "member1 --dry-run=client").run().code(0);
    let _ =
        run.says("warning: host \"host\": the Cluster \"member1\" is managed by Flux, and would come back");
}

#[test]
fn without_the_webhook_a_dead_member_is_taken_out_and_what_remains_there_is_printed() {
    let bed = joined(&prepared(Version::V3_3));
    bed.member(1).kill();
    let _ = unjoin(&bed, "member1").run().code(0).says("What remains on the member \"member1\"");
    assert!(bed.host().cluster("member1").is_null());
}

#[test]
fn behind_the_webhook_a_dead_member_is_found_out_before_anything_is_sent() {
    let bed = joined(&prepared(Version::V3_4));
    bed.member(1).kill();
    let marks = bed.marks();
    let _ = unjoin(&bed, "member1")
        .run()
        .code(3)
        .stdout("")
        .says("error: host \"host\": its webhook would deny the deletion of the Cluster \"member1\"")
        .says("denied the request")
        .says("hint: if the member is gone for good: the same command with `--force`");
    let _ = unjoin(&bed, "member1 --dry-run=client")
        .run()
        .code(0)
        .says("probably not: it does not answer here through the kubeconfig that the host has stored");
    let _ = unjoin(&bed, "member1 --member-context member1 --force")
        .run()
        .code(3)
        .says("error: member \"member1\": ")
        .says("hint: if the member is gone for good: the same command without `--member-context`, with `--force`");
    assert_eq!(writes_since(&bed, &marks[..1]), Vec::<String>::new());
    assert_eq!(bed.host().cluster("member1")["metadata"]["deletionTimestamp"], Value::Null);
}

#[test]
fn a_member_that_dies_during_the_wait_ends_it_in_time_with_the_webhooks_words() {
    let bed = joined(&prepared(Version::V3_4));
    hold(&bed, &json!(["finalizer.cluster.kubesphere.io", "example.org/hold"]));
    let written = bed.writes().len();
    let started = unjoin(&bed, "member1 --timeout 15s").start();
    bed.until_writes(written + 1);
    bed.member(1).kill();
    let _ = started
        .end()
        .code(4)
        .says("timed out while waiting until ks-controller-manager removes the finalizer of the Cluster")
        .says("its webhook denies its deletion")
        .says("hint: look at the host's controller:")
        .says("with `--force`");
}
