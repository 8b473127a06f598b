//! Dry runs: what would be done, and nothing that is stored.

use testbed::kubesphere::{Installation, Role, Scenario, Version};

use crate::support::Watched;

/// What a join of two standalone clusters comes to, before each line's suffix.
const LINES: [&str; 6] = [
    "serviceaccount/kubectl-mc-host created on member \"member1\"",
    "clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host created on member \"member1\"",
    "secret/kubectl-mc-host-token-HOST created on member \"member1\"",
    "clusterconfiguration.installer.kubesphere.io/ks-installer patched on host \"host\"",
    "clusterconfiguration.installer.kubesphere.io/ks-installer patched on member \"member1\"",
    "cluster.cluster.kubesphere.io/member1 created",
];

/// `host`: how the UID of its kube-system begins.
fn lines(host: &str, suffix: &str) -> String {
    LINES.map(|line| format!("{line} ({suffix})\n")).concat().replace("HOST", &host[..8])
}

#[test]
fn the_clients_dry_run_shows_the_plan_and_writes_nothing() {
    let bed = Watched::shared();
    let run = bed.join("member1 --dry-run=client").run().code(0).stdout(&lines(bed.host().uid(), "dry run"));
    run.says(&format!(
        "1. host \"host\": probe {} from 1 node with short-lived pods",
        bed.member(1).server()
    ))
    .says("2. member \"member1\": create ServiceAccount kubesphere-system/kubectl-mc-host bound to cluster-admin")
    .says("3. host \"host\": patch ClusterConfiguration ks-installer")
    .says("spec.multicluster.clusterRole: none → host")
    .says("4. member \"member1\": patch ClusterConfiguration ks-installer")
    .says("5. host \"host\": create Cluster member1 with the token of ServiceAccount ");
    bed.assert_untouched();
}

#[test]
fn a_dry_run_asks_nobody_and_needs_no_terminal() {
    let bed = Watched::shared();
    let words = "join member1 --skip-check member-server-loopback --dry-run=client";
    bed.kubectl_mc()
        .words(words)
        .run()
        .code(0)
        .stdout(&lines(bed.host().uid(), "dry run"))
        .does_not_say("Proceed?");
    bed.assert_untouched();
}

#[test]
fn the_servers_dry_run_writes_only_what_is_not_stored() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    bed.join("member1 --dry-run=server").run().code(0).stdout(&lines(bed.host().uid(), "server dry run"));
    bed.assert_untouched();
    let writes = bed.requests().into_iter().filter(|event| event.is_write() && !event.is_review());
    let rehearsed: Vec<_> = writes.map(|event| (event.verb, event.resource, event.dry_run)).collect();
    let dry = |verb: &str, resource: &str| (verb.to_owned(), resource.to_owned(), true);
    let patch = dry("patch", "clusterconfigurations");
    let account =
        ["serviceaccounts", "clusterrolebindings", "secrets"].map(|resource| dry("create", resource));
    assert_eq!(
        rehearsed,
        [&[dry("create", "pods"), patch.clone(), dry("create", "clusters")], &account[..], &[patch]].concat()
    );
}

#[test]
fn a_dry_run_of_what_is_done_says_so() {
    let bed =
        Watched::lease(&Scenario::new(Version::V3_4).host(Installation::new(Version::V3_4).role(Role::Host)));
    bed.join("member1").run().code(0);
    let marks = bed.marks();
    for (mode, suffix) in [("client", "dry run"), ("server", "server dry run")] {
        let run = bed.join(&format!("member1 --dry-run={mode}")).run().code(0);
        run.stdout(&format!("cluster.cluster.kubesphere.io/member1 unchanged ({suffix})\n"));
    }
    assert!(bed.requests_since(&marks).iter().all(|event| !event.is_write()), "nothing to ask rights for");
}
