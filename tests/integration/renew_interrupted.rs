//! A renewal that does not come to its end, or is looked at half-way: the old credential holds until the new one is taken.

use serde_json::{Value, json};
use testbed::{
    Fault, Gate, Rule, block_on,
    kubesphere::{Version, objects},
};

use crate::{
    four_renew,
    renew::{accepts, assert_ready, import, renewing, scenario, stored_user, token_secrets},
    support::{Faulty, KubectlMc, Started, Watched, listing},
};

const UNJOIN: &str = "unjoin member1 --member-context member1 --context host --yes";
const ACCOUNT: &str = "/serviceaccounts/kubectl-mc-host";
const BINDING: &str = "/clusterrolebindings/kubectl-mc-host";

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

/// Starts a renewal that has seen the Cluster before an unjoin, and sees nothing of the account once the gate is open.
fn unjoined_meanwhile(bed: &Faulty) -> (Started, Gate) {
    let gate = Gate::closed();
    let look = Rule::on("GET", "kubectl-mc", Fault::Hold(gate.clone()));
    let hits = bed.before_member(1).add(look);
    let started = renew(bed, "").start();
    bed.wait_for("a look at the account", |_| hits.count() > 0);
    let _ = Watched::kubectl_mc(bed).words(UNJOIN).run().code(0);
    (started, gate)
}

#[test]
fn a_cluster_that_is_unjoined_meanwhile_leaves_no_account_of_the_renewals() {
    let bed = joined();
    let (started, gate) = unjoined_meanwhile(&bed);
    gate.open();
    let run = started.end().code(1);
    let _ = run.says("somebody else has deleted the Cluster \"member1\" meanwhile").stdout("");
    assert_eq!(left(&bed), Vec::<String>::new());
}

#[test]
fn an_account_that_a_colleague_makes_meanwhile_stays() {
    let bed = joined();
    let (started, looks) = unjoined_meanwhile(&bed);
    let withdraws = Gate::closed();
    let withdrawal = Rule::on("DELETE", "/secrets/", Fault::Hold(withdraws.clone()));
    let hits = bed.before_member(1).add(withdrawal);
    looks.open();
    bed.wait_for("the renewal takes its token back", |_| hits.count() > 0);
    let client = bed.member(1).client();
    let accounts = objects::objects(&client, "v1", "ServiceAccount", Some(objects::SYSTEM));
    block_on(async move {
        objects::remove(&accounts, "kubectl-mc-host").await.unwrap();
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "kubectl-mc-host", "namespace": objects::SYSTEM},
        });
        objects::create(&client, &account).await.unwrap();
    });
    withdraws.open();
    let _ = started.end().code(1);
    assert_eq!(left(&bed), ["serviceaccounts kubesphere-system/kubectl-mc-host"]);
}

/// What there is of ours on the member.
fn left(bed: &Watched) -> Vec<String> {
    listing(bed.member(1)).into_iter().filter(|object| object.contains("kubectl-mc")).collect()
}

/// Starts a renewal that sees one piece of the account before an unjoin removes all of it, and another piece after that.
fn planned_between(bed: &Faulty, before: &str, after: &'static str) -> Started {
    let (gate, marks) = (Gate::closed(), bed.marks());
    let is_late =
        move |method: &http::Method, uri: &http::Uri| method == "GET" && uri.path().ends_with(after);
    let rule = Rule::when(is_late, Fault::Hold(gate.clone()));
    let started = bed.start_until(after, renew(bed, ""), bed.before_member(1), rule);
    bed.wait_for("an answer about the other piece", |_| {
        let requests = bed.requests_since(&marks);
        requests.iter().any(|event| event.verb == "get" && event.request_uri.ends_with(before))
    });
    let _ = Watched::kubectl_mc(bed).words(UNJOIN).run().code(0);
    gate.open();
    started
}

/// It has the account's binding and a token made then, for an account that is gone.
#[test]
fn a_renewal_whose_account_is_removed_meanwhile_leaves_no_binding() {
    for begun in [joined, four_renew::faulty] {
        let bed = begun();
        let run = planned_between(&bed, ACCOUNT, BINDING).end().code(1).stdout("");
        let run = run.says("ClusterRoleBinding kubectl-mc-host created").says("not found");
        assert_eq!(left(&bed), Vec::<String>::new(), "{run}");
    }
}

/// It has the account and a token made then, which may do nothing.
#[test]
fn a_renewal_whose_binding_is_removed_meanwhile_leaves_no_account() {
    for begun in [joined, four_renew::faulty] {
        let bed = begun();
        let run = planned_between(&bed, BINDING, ACCOUNT).end().code(3).stdout("");
        let run = run.says("the credential for the host does not work");
        assert_eq!(left(&bed), Vec::<String>::new(), "{run}");
    }
}

/// Who is killed withdraws nothing.
#[test]
fn what_a_killed_renewal_leaves_of_an_unjoined_cluster_is_removed_by_another_unjoin() {
    for (before, after, leaves) in [(ACCOUNT, BINDING, "clusterrolebindings"), (BINDING, ACCOUNT, "secrets")]
    {
        let bed = four_renew::faulty();
        let unanswered = Fault::Applied(Box::new(Fault::Hang));
        let hits = bed.before_member(1).add(Rule::on("POST", "/secrets", unanswered));
        let started = planned_between(&bed, before, after);
        bed.wait_for("its token", |_| hits.count() > 0);
        let _ = started.signal("KILL");
        bed.before_member(1).clear();
        assert!(left(&bed).iter().any(|object| object.starts_with(leaves)), "{:?}", left(&bed));
        let _ = Watched::kubectl_mc(&bed).words(UNJOIN).run().code(0);
        assert_eq!(left(&bed), Vec::<String>::new());
    }
}
