//! `kubectl mc join`, from the states in which people have their clusters.

use serde_json::json;
use testbed::{
    Fault, Rule, block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects},
};

use crate::support::{Faulty, Watched};

#[test]
fn two_standalone_clusters_become_host_and_member() {
    for version in Version::PLAYED {
        let bed = Watched::lease(&Scenario::new(version));
        let run = bed.join("member1").run().code(0);
        assert!(run.stdout.ends_with("cluster.cluster.kubesphere.io/member1 created\n"), "{run}");
        bed.assert_joined(1, "member1");
        assert_eq!(bed.configuration_patches(), [1, 1], "{version}");
        let marks = bed.marks();
        let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        let requests = bed.requests_since(&marks);
        assert!(requests.iter().all(|request| !request.changes()), "{version}: {requests:?}");
        assert!(requests.len() <= 24, "{version}: {} requests", requests.len());
    }
}

#[test]
fn every_write_names_its_field_manager() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let _ = bed.join("member1").run().code(0);
    let requests = bed.requests();
    let stored = requests.iter().filter(|request| request.changes() && request.verb != "delete");
    let (named, unnamed): (Vec<_>, Vec<_>) =
        stored.partition(|request| request.request_uri.contains("fieldManager=kubectl-mc"));
    assert!(named.len() >= 6 && unnamed.is_empty(), "{unnamed:?}");
}

/// One member is new, and one was prepared, by hand or by a join that came no further.
#[test]
fn a_host_takes_members_new_and_prepared() {
    for version in [Version::V3_1, Version::V3_4] {
        let host = Installation::new(version).role(Role::Host);
        let members = vec![Installation::new(version), Installation::new(version).role(Role::Member)];
        let bed = Watched::lease(&Scenario::new(version).host(host).members(members));
        let _ = bed.join("member1 member2").run().code(0);
        bed.assert_joined(1, "member1");
        bed.assert_joined(2, "member2");
        assert_eq!(bed.configuration_patches(), [0, 1, 0], "{version}");
    }
}

/// What is asked for about a member that is joined is set, and nothing else of its Cluster.
#[test]
fn what_is_asked_for_about_a_joined_member_is_a_step_of_the_plan() {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let member = Installation::new(Version::V3_4).role(Role::Member);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).member(member));
    let _ = bed.join("member1 --alias First --label team=a").run().code(0);
    let said = |key: &str| bed.host().cluster("member1")["metadata"]["annotations"][key].clone();
    let describing = "member1 --alias Second --provider vendor";
    let changes = [
        "host \"host\": patch Cluster member1\n",
        "metadata.annotations[kubesphere.io/alias-name]: First → Second\n",
        "spec.provider: \"\" → vendor\n",
    ];
    for dry_run in ["client", "server"] {
        let run = bed.join(&format!("{describing} --dry-run={dry_run}")).run().code(0);
        let run = changes.iter().fold(run, |run, change| run.says(change));
        assert!(run.stdout.starts_with("cluster.cluster.kubesphere.io/member1 patched ("), "{run}");
        assert_eq!(said("kubesphere.io/alias-name"), "First");
    }
    let _ = bed.join(describing).run().code(0).stdout("cluster.cluster.kubesphere.io/member1 patched\n");
    assert_eq!(said("kubesphere.io/alias-name"), "Second");
    assert_eq!(bed.host().cluster("member1")["metadata"]["labels"]["team"], "a", "nobody asked for another");
    bed.assert_joined(1, "member1");
    let _ = bed.join(describing).run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
}

/// The host goes on with the kubeconfig that it has, and what was asked for is told with the command that stores it.
#[test]
fn what_a_join_cannot_change_of_a_joined_member_is_told_with_the_renewal_that_can() {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let member = Installation::new(Version::V3_4).role(Role::Member);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).member(member));
    let _ = bed.join("member1").run().code(0);
    let stored = || bed.host().cluster("member1")["spec"]["connection"].clone();
    let before = stored();
    let server = bed.member(1).server();
    let same = bed.join(&format!("member1 --member-server {server} --credentials auto")).run().code(0);
    assert!(!same.stderr.contains("[member-registration]"), "{same}");
    let words = "member1 --alias Other --member-server https://127.0.0.1:9 --credentials context";
    let run = bed.join(words).run().code(0).stdout("cluster.cluster.kubesphere.io/member1 patched\n");
    let told = "warning: member \"member1\": it is registered already, so";
    let run = run
        .says(&format!(
            "{told} `--member-server` has no effect on the host: it reaches the member at {server} "
        ))
        .says(&format!(
            "{told} `--credentials` has no effect on the host: it has a token that was made for it"
        ));
    let renewal = "kubectl mc renew member1 --context host --member-context member1 --member-server \
                   https://127.0.0.1:9 --credentials context --skip-check member-server-loopback`";
    let _ = run.says(renewal);
    assert_eq!(stored(), before);
}

/// What Kubernetes would refuse of a Cluster is refused before anything is done.
#[test]
fn what_no_cluster_can_say_is_refused_before_anything_is_asked() {
    let bed = Watched::shared();
    for words in [
        vec!["--label", "bad key=x"],
        vec!["--label", "a=x y"],
        vec!["--annotation", "bad key=v"],
        vec!["--group", "Großer Stall"],
        vec!["--region", "x y"],
    ] {
        let run = bed.join("member1").args(&words).run().code(2).stdout("");
        run.says("cannot be").says("hint: use letters, digits");
    }
    let run = bed.join("member1 --label cluster-role.kubesphere.io/host=").run().code(2).stdout("");
    let _ = run.says("it makes a Cluster the host's own").says("hint: leave that label out");
    let run = bed.join("member1 --annotation kubesphere.io/config-hash=a").run().code(2).stdout("");
    let _ = run.says("the host installs it again").says("hint: leave that annotation out");
    let run = bed.join("member1 --annotation cluster.kubesphere.io/label-ids=a").run().code(2).stdout("");
    let _ = run.says("the host takes it off, and each join would set it again");
    for number in ["0", "abc"] {
        let run = bed.join(&format!("member1 --parallel {number}")).run().code(2).stdout("");
        let _ = run.says("it must be a whole number from 1 on");
    }
    bed.assert_untouched();
}

const MEMBER1: &str = "/apis/cluster.kubesphere.io/v1alpha1/clusters/member1";

fn joined() -> Faulty {
    let [host, member] = [Role::Host, Role::Member].map(|role| Installation::new(Version::V3_4).role(role));
    let bed = Faulty::lease(&Scenario::new(Version::V3_4).host(host).member(member));
    let _ = bed.join("member1 --alias First").run().code(0);
    bed
}

/// What only the server knows to refuse is its word, and no colleague's change.
#[test]
fn a_description_that_the_server_refuses_is_not_blamed_on_others() {
    let bed = joined();
    // An API server takes 256 KiB of annotations (apimachinery `pkg/api/validation/objectmeta.go@v0.34.0`).
    let long = ["a", "b", "c"].map(|key| format!("{key}={}", "x".repeat(100_000)));
    let annotations = long.iter().flat_map(|value| ["--annotation", value.as_str()]);
    let run = bed.join("member1").args(annotations).run().code(1);
    let run = run.says("patch clusters/member1: the server refuses it as invalid");
    let _ = run.does_not_say("somebody else");
}

#[test]
fn a_description_whose_answer_was_lost_is_found_done() {
    let bed = joined();
    let lost = bed.before_host().add(Rule::on("PATCH", MEMBER1, Fault::CutAfterBytes(0)).times(1));
    let run = bed.join("member1 --alias Second").run().code(0);
    let _ = run.stdout("cluster.cluster.kubesphere.io/member1 patched\n");
    assert_eq!(lost.count(), 1);
    assert_eq!(
        bed.host().cluster("member1")["metadata"]["annotations"]["kubesphere.io/alias-name"],
        "Second"
    );
}

#[test]
fn what_a_colleague_says_of_a_member_meanwhile_is_left() {
    let bed = joined();
    let alias =
        || bed.host().cluster("member1")["metadata"]["annotations"]["kubesphere.io/alias-name"].clone();
    let run = bed.run_with(bed.join("member1 --alias Second"), bed.before_host(), "PATCH", MEMBER1, || {
        let patch = json!({"metadata": {"annotations": {"kubesphere.io/alias-name": "Theirs"}}});
        let api = objects::clusters(&bed.host().client());
        block_on(async move { objects::merge(&api, "member1", &patch).await }).unwrap();
    });
    let _ = run.code(1).says("somebody else has changed the Cluster \"member1\" meanwhile");
    assert_eq!(alias(), "Theirs");
}
