//! What stays in namespaces when a member is taken out: the projects of the host's workspaces, and kubefed's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Uri};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use testbed::{
    Fault, Rule, block_on,
    kubesphere::{Installation, Peculiarity, Role, Version, objects},
};

use crate::{
    support::Run,
    unjoin::{host_of, joined, prepared, unjoin},
};

#[test]
fn namespaces_of_the_hosts_workspaces_are_released_where_that_is_asked_for() {
    let project = Peculiarity::FederatedProject { name: "shop".to_owned(), workspace: "team".to_owned() };
    let member = Installation::new(Version::V3_4).role(Role::Member).with(project);
    let bed = joined(&host_of(Version::V3_4).member(member));
    let asked =
        |words: &str| unjoin(&bed, "member1 --member-context member1 --dry-run=client").words(words).run();
    let _ = asked("").code(0).says("1 namespace in workspaces of the host, which are deleted together with");
    let run = asked("--release-namespaces").code(0);
    assert!(run.stdout.contains("namespace/shop patched on member \"member1\" (dry run)\n"), "{run}");
    let _ = unjoin(&bed, "member1 --member-context member1 --release-namespaces").run().code(0);
    let namespace = |name: &'static str| {
        let api = objects::objects(&bed.member(1).client(), "v1", "Namespace", None);
        block_on(async move { serde_json::to_value(api.get(name).await.unwrap().metadata).unwrap() })
    };
    let shop = namespace("shop");
    assert_eq!(
        (&shop["ownerReferences"], &shop["labels"]["kubesphere.io/workspace"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shop["labels"]["kubesphere.io/namespace"], "shop", "what is not the host's stays");
    assert_eq!(shop["labels"]["kubefed.io/managed"], Value::Null);
    assert_eq!(namespace("kubesphere-system")["labels"]["kubesphere.io/workspace"], "system-workspace");
}

#[test]
fn kubefeds_namespace_stays_while_somebody_elses_things_are_in_it() {
    let bed = joined(&prepared(Version::V3_4));
    let client = bed.member(1).client();
    let mine = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "mine", "namespace": objects::FEDERATION}});
    block_on(async move { objects::create(&client, &mine).await.unwrap() });
    let run = unjoin(&bed, "member1 --member-context member1").run().code(0);
    let run = run.says("Namespace kube-federation-system, because others are in it: configmaps/mine");
    assert!(!run.stdout.contains("namespace "), "{run}");
}

/// An unjoin of which this look into kubefed's namespace is refused once; then the same command again removes it.
fn refused_in_look(nth: usize) -> Run {
    let bed = joined(&prepared(Version::V3_4).in_memory());
    let looks = AtomicUsize::new(0);
    let this_one = move |method: &Method, uri: &Uri| {
        let is_look =
            *method == Method::GET && uri.path().ends_with("/namespaces/kube-federation-system/limitranges");
        is_look && looks.fetch_add(1, Ordering::Relaxed) == nth
    };
    let refusal = Rule::when(this_one, Fault::status(403)).by("kubectl-mc/").times(1);
    let met = bed.member(1).plane().faults().add(refusal);
    let words = "member1 --member-context member1";
    let run = unjoin(&bed, words).run();
    assert_eq!(met.count(), 1);
    let _ = unjoin(&bed, words).run().code(0);
    let namespaces = bed.member(1).plane().stored().unwrap().into_keys();
    let namespaces: Vec<_> = namespaces.filter(|key| key.starts_with("namespaces /kube-fed")).collect();
    assert!(namespaces.is_empty(), "{namespaces:?}");
    run
}

#[test]
fn a_namespace_whose_content_cannot_be_told_at_first_is_left_over() {
    let _ = refused_in_look(0)
        .code(3)
        .says("Namespace kube-federation-system, because it is not known to be empty: limitranges (forbidden")
        .says("left over: member \"member1\": namespace/kube-federation-system")
        .says("run the same command again");
}

#[test]
fn a_namespace_whose_content_cannot_be_told_at_last_is_left_to_the_same_command_again() {
    let untold =
        "what is in Namespace kube-federation-system cannot be told any more: limitranges (forbidden";
    let _ = refused_in_look(1).code(1).says(untold).says("run the same command again");
}

#[test]
fn kubefeds_objects_that_the_host_keeps_are_listed_as_residue() {
    let bed = joined(&prepared(Version::V3_4));
    let api = objects::objects(
        &bed.host().client(),
        "core.kubefed.io/v1beta1",
        "KubeFedCluster",
        Some(objects::FEDERATION),
    );
    let hold = Patch::Merge(json!({"metadata": {"finalizers": ["example.org/hold"]}}));
    let same = api.clone();
    block_on(async move { same.patch("member1", &PatchParams::default(), &hold).await.unwrap() });
    let run = unjoin(&bed, "member1 --member-context member1").run().code(3);
    let _ = run
        .says("left over: host \"host\": kubefedcluster.core.kubefed.io/member1")
        .says("hint: `kubectl --context host -n kube-federation-system delete kubefedclusters.core.kubefed.io member1`");
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    block_on(async move { api.patch("member1", &PatchParams::default(), &free).await.unwrap() });
    let _ = unjoin(&bed, "member1 --member-context member1").run().code(0);
}
