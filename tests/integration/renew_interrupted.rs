//! A renewal that does not come to its end, or is looked at half-way: the old credential holds until the new one is taken.

use serde_json::Value;
use testbed::{Fault, Gate, Rule, kubesphere::Version};

use crate::{
    renew::{accepts, assert_ready, import, renewing, scenario, stored_user, token_secrets},
    support::{Faulty, KubectlMc, Watched, listing},
};

/// A host of 3.4 and its member, joined with a service account's token, behind proxies.
fn joined() -> Faulty {
    let bed = Faulty::lease(&scenario(Version::V3_4));
    let _ = import(&bed, "").run().code(0);
    bed
}

fn renew(bed: &Faulty, words: &str) -> KubectlMc {
    renewing(bed.kubectl_mc(), &format!("member1 --member-context member1 {words}"))
}

/// When a condition of the Cluster was written, and when we have last written the Cluster: RFC 3339, in whole seconds.
pub(super) fn written(cluster: &Value, kind: &str) -> (String, String) {
    let conditions = cluster["status"]["conditions"].as_array().unwrap();
    let condition = conditions.iter().find(|condition| condition["type"] == kind).unwrap();
    let managed = cluster["metadata"]["managedFields"].as_array().unwrap().iter();
    let ours =
        managed.filter(|entry| entry["manager"] == "kubectl-mc").filter_map(|entry| entry["time"].as_str());
    (condition["lastUpdateTime"].as_str().unwrap().to_owned(), ours.max().unwrap().to_owned())
}

#[test]
fn the_old_token_goes_only_after_the_controller_has_looked_with_the_new_one() {
    let bed = joined();
    let old = stored_user(&bed)["token"].clone();
    let look = || {
        let cluster = bed.host().cluster("member1");
        for kind in ["Federated", "Ready"] {
            let (said, patched) = written(&cluster, kind);
            assert!(said >= patched, "{kind} was last said at {said}, before the patch at {patched}");
        }
        assert!(accepts(bed.member(1), &old), "it is not gone yet");
    };
    let run = bed.run_with(renew(&bed, ""), bed.before_member(1), "DELETE", "/secrets/", look);
    let _ = run.code(0);
    bed.wait_for("the old token has ended", |bed| !accepts(bed.member(1), &old));
}

#[test]
fn a_token_that_the_controller_cannot_take_leaves_the_old_one() {
    let bed = joined();
    let old = stored_user(&bed)["token"].clone();
    // From the renewal on, the host comes by this proxy, and cannot look after the member's federation.
    let path = "/serviceaccounts/member1-kubesphere";
    let hits = bed.before_member(1).add(Rule::on("GET", path, Fault::status(503)));
    let run = renew(&bed, "--timeout 20s").run().code(4);
    drop(run.says("timed out while waiting until its Cluster is ready").says("it makes another credential"));
    assert!(hits.count() > 0, "the controller has looked");
    assert_ne!(stored_user(&bed)["token"], old);
    assert!(accepts(bed.member(1), &old), "the old one holds");
}

#[test]
fn killed_before_each_of_its_later_writes_it_ends_with_one_credential() {
    let bed = joined();
    bed.killed_in(renew(&bed, ""), bed.before_host(), "PATCH", "/clusters/member1");
    assert_eq!(token_secrets(bed.member(1)).len(), 2, "the new one is not stored yet");
    bed.killed_in(renew(&bed, ""), bed.before_member(1), "DELETE", "/secrets/");
    let _ = renew(&bed, "").run().code(0);
    assert_eq!(token_secrets(bed.member(1)).len(), 1);
    assert!(accepts(bed.member(1), &stored_user(&bed)["token"]));
    assert_ready(&bed);
}

#[test]
fn a_cluster_that_is_unjoined_meanwhile_leaves_no_account_of_the_renewals() {
    let bed = joined();
    // It has seen the Cluster by then, and sees nothing of the account any more.
    let gate = Gate::closed();
    let hits = bed.before_member(1).add(Rule::on("GET", "kubectl-mc", Fault::Hold(gate.clone())));
    let started = renew(&bed, "").start();
    bed.wait_for("a look at the account", |_| hits.count() > 0);
    let unjoin = "unjoin member1 --member-context member1 --context host --yes";
    let _ = Watched::kubectl_mc(&bed).words(unjoin).run().code(0);
    gate.open();
    let run = started.end().code(1);
    let _ = run.says("somebody else has deleted the Cluster \"member1\" meanwhile").stdout("");
    let left = listing(bed.member(1)).into_iter().filter(|object| object.contains("kubectl-mc"));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
}
