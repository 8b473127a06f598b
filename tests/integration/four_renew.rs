//! `kubectl mc renew` where the host has KubeSphere 4: its controller's first look may still go by the old kubeconfig.

use jiff::Timestamp;
use serde_json::Value;
use testbed::{
    Fault, Rule,
    bed::condition,
    block_on,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version, objects},
};

use crate::{
    four_join::register,
    renew::{accepts, assert_ready, renewing, stored_user, token_secrets},
    renew_interrupted::written,
    support::{Faulty, KubectlMc, Watched},
};

const SYNC_AT: &str = "kubesphere.io/syncAt";

fn renew(program: KubectlMc, words: &str) -> KubectlMc {
    renewing(program, &format!("member1 --member-context member1 {words}"))
}

fn joined(scenario: &Scenario, words: &str) -> Watched {
    let bed = Watched::lease(scenario);
    let _ = bed.join(&format!("member1 {words}")).run().code(0);
    bed
}

pub(super) fn faulty() -> Faulty {
    let bed = Faulty::lease(&Scenario::new(Version::V4_1_3));
    let _ = bed.join("member1").run().code(0);
    bed
}

/// The old token has ended, the new one is the only one, and helm has not run again.
#[track_caller]
fn assert_renewed(bed: &Watched, old: &Value) {
    let new = stored_user(bed)["token"].clone();
    assert!(new.is_string() && new != *old);
    bed.wait_for("the old token has ended", |bed| !accepts(bed.member(1), old));
    assert!(accepts(bed.member(1), &new));
    assert_eq!(token_secrets(bed.member(1)).len(), 1);
    assert_eq!(bed.member(1).releases().len(), 1, "{}", bed.dump());
    assert_ready(bed);
}

#[test]
fn a_token_is_replaced_and_the_old_one_ends() {
    for version in Version::PLAYED_OF_4 {
        let bed = joined(&Scenario::new(version), "");
        let (first, old) = (token_secrets(bed.member(1)).remove(0), stored_user(&bed)["token"].clone());
        let marks = bed.marks();
        let run = renew(bed.kubectl_mc(), "").run().code(0);
        let new = token_secrets(bed.member(1)).remove(0);
        let said = "annotate Cluster member1 so that ks-controller-manager looks at it once more";
        let _ = run.says(said).stdout(&format!(
            "secret/{new} created on member \"member1\"\n\
             cluster.cluster.kubesphere.io/member1 patched\n\
             secret \"{first}\" deleted on member \"member1\"\n"
        ));
        assert_renewed(&bed, &old);
        let patched = "patch clusters/member1".to_owned();
        let on_member = [format!("create secrets/{new}"), format!("delete secrets/{first}")];
        assert_eq!(bed.stored_since(&marks), [[patched.clone(), patched], on_member].concat(), "{version}");
        let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        let check = "check member1 --context host --expect joined --skip-check member-server-loopback";
        let _ = bed.kubectl_mc().words(check).run().code(0);
    }
}

#[test]
fn on_real_control_planes() {
    let bed = joined(&Scenario::new(Version::V4_1_3).on_control_planes(), "");
    let old = stored_user(&bed)["token"].clone();
    let _ = renew(bed.kubectl_mc(), "").run().code(0);
    assert_renewed(&bed, &old);
}

/// The first look goes by the old connection here, always.
#[test]
fn the_old_token_goes_only_after_the_second_look() {
    let bed = faulty();
    let old = stored_user(&bed)["token"].clone();
    let look = || {
        let cluster = bed.host().cluster("member1");
        assert!(cluster["metadata"]["annotations"][SYNC_AT].is_string(), "another look was asked for");
        let (said, patched) = written(&cluster, "Ready");
        assert!(said >= patched, "the last look was at {said}, and asked for at {patched}");
        assert!(accepts(bed.member(1), &old), "it is not gone yet");
    };
    let run = bed.run_with(renew(bed.kubectl_mc(), ""), bed.before_member(1), "DELETE", "/secrets/", look);
    let _ = run.code(0);
    assert_renewed(&bed, &old);
}

#[test]
fn where_the_host_cannot_look_with_the_new_token_the_old_one_stays() {
    let bed = faulty();
    let old = stored_user(&bed)["token"].clone();
    // From the renewal on, the host comes by this proxy.
    let path = "/services/http:ks-apiserver:80/proxy/version";
    let hits = bed.before_member(1).add(Rule::on("GET", path, Fault::status(503)));
    let run = renew(bed.kubectl_mc(), "--timeout 20s").run().code(4);
    let _ = run.says("timed out while waiting").says("it makes another credential");
    assert!(hits.count() > 0, "the controller has looked");
    assert!(accepts(bed.member(1), &old), "the old one holds");
}

#[test]
fn killed_before_each_of_its_writes_it_ends_with_one_credential() {
    let bed = faulty();
    let old = stored_user(&bed)["token"].clone();
    let first = "/clusters/member1";
    bed.killed_in(renew(bed.kubectl_mc(), ""), bed.before_host(), "PATCH", first);
    assert_eq!(token_secrets(bed.member(1)).len(), 2, "the new one is not stored yet");
    let renewal = renew(bed.kubectl_mc(), "").start();
    bed.wait_for("the new kubeconfig", |_| stored_user(&bed)["token"] != old);
    let _ = renewal.signal("KILL");
    bed.killed_in(renew(bed.kubectl_mc(), ""), bed.before_member(1), "DELETE", "/secrets/");
    let _ = renew(bed.kubectl_mc(), "").run().code(0);
    assert_renewed(&bed, &old);
}

/// Neither patch is answered, and watches end.
#[test]
fn what_breaks_while_it_waits_is_borne() {
    let bed = faulty();
    let old = stored_user(&bed)["token"].clone();
    let unanswered = Fault::Applied(Box::new(Fault::Drop));
    bed.before_host().add(Rule::on("PATCH", "/clusters/member1", unanswered).times(4));
    bed.before_host().add(Rule::on("GET", "/clusters?&watch=true", Fault::Closed).times(2));
    let _ = renew(bed.kubectl_mc(), "").run().code(0);
    assert_renewed(&bed, &old);
}

/// The first look fails by the old connection, and the controller tries again by the new one.
#[test]
fn a_token_that_was_revoked_is_replaced() {
    let bed = joined(&Scenario::new(Version::V4_1_3), "");
    let (old, name) = (stored_user(&bed)["token"].clone(), token_secrets(bed.member(1)).remove(0));
    remove_secret(&bed, &name);
    bed.wait_for("the old token has ended", |bed| !accepts(bed.member(1), &old));
    let _ = renew(bed.kubectl_mc(), "").run().code(0);
    assert_renewed(&bed, &old);
}

#[test]
fn after_4_1_3_a_member_that_was_not_installed_is_refused() {
    let gone = Installation::bare(Version::Master).with(Peculiarity::ImageMissing("ks-apiserver".to_owned()));
    let bed = Watched::lease(&Scenario::new(Version::Master).member(gone));
    let _ = bed.join("member1").run().code(1);
    let written = bed.writes().len();
    let run = renew(bed.kubectl_mc(), "").run().code(3);
    let _ = run.says("its host does not try it again by itself").says("kubectl mc join member1");
    assert_eq!(bed.writes().len(), written);
}

/// The host replaces a certificate by itself in its last week, and leaves a token alone.
#[test]
fn a_certificate_becomes_a_token_and_back() {
    let bed = joined(&Scenario::new(Version::V4_1_3), "--credentials context");
    assert!(stored_user(&bed)["client-certificate-data"].is_string());
    let _ = renew(bed.kubectl_mc(), "").run().code(0);
    assert!(stored_user(&bed)["token"].is_string());
    let run = renew(bed.kubectl_mc(), "--credentials context").run().code(0);
    let _ = run.says("the host replaces its client certificate by itself");
    assert!(stored_user(&bed)["client-certificate-data"].is_string());
    assert_eq!(token_secrets(bed.member(1)), Vec::<String>::new(), "of no more use");
    let run = renew(bed.kubectl_mc(), "--credentials context").run().code(0);
    let _ = run.stdout("cluster.cluster.kubesphere.io/member1 patched\n");
    assert_ready(&bed);
}

#[test]
fn all_members_are_renewed() {
    let members = vec![Installation::bare(Version::V4_1_3), Installation::bare(Version::V4_1_3)];
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).members(members));
    let _ = bed.join("member1 member2").run().code(0);
    let old = stored_user(&bed)["token"].clone();
    let run = renewing(bed.kubectl_mc(), "--all").run().code(0);
    assert!(run.stdout.contains("cluster.cluster.kubesphere.io/member2 patched"), "{run}");
    assert_renewed(&bed, &old);
}

#[test]
fn a_member_that_is_being_installed_is_left_alone() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let _ = bed.join("member1 --wait=false").run().code(0);
    bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
    let written = bed.writes().len();
    let run = renew(bed.kubectl_mc(), "").run().code(3);
    let _ = run.says("is being installed").says("kubectl mc join member1");
    assert_eq!(bed.writes().len(), written);
}

/// As an unjoin beside a join does.
#[test]
fn a_member_whose_credential_goes_while_helm_is_at_work_is_renewed_once_helms_record_is_gone() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let _ = bed.join("member1 --wait=false").run().code(0);
    bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
    let begun = Timestamp::now().as_second();
    bed.wait_for("another second, as which helm and the controller count", |_| {
        Timestamp::now().as_second() > begun
    });
    remove_secret(&bed, &token_secrets(bed.member(1)).remove(0));
    bed.wait_for("a look that is refused", |bed| {
        condition(&bed.host().cluster("member1"), "Ready") == Some("False")
    });
    let _ = bed.join("member1").run().code(3).says("hint: store a new one: `kubectl mc renew member1");
    let written = bed.writes().len();
    let run = renew(bed.kubectl_mc(), "").run().code(3);
    let run = run.says("helm release ks-core stays pending-install").does_not_say("kubectl mc join");
    let record = "sh.helm.release.v1.ks-core.v1";
    let _ = run.says(&format!("`kubectl --context member1 -n kubesphere-system delete secret {record}`"));
    assert_eq!(bed.writes().len(), written);
    remove_secret(&bed, record);
    let _ = renew(bed.kubectl_mc(), "").run().code(0);
    assert_ready(&bed);
    let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
}

fn remove_secret(bed: &Watched, name: &str) {
    let secrets = objects::objects(&bed.member(1).client(), "v1", "Secret", Some(objects::SYSTEM));
    let name = name.to_owned();
    block_on(async move { objects::remove(&secrets, &name).await }).unwrap();
}

#[test]
fn a_webhook_that_3_4_has_left_is_in_the_way() {
    let host = Installation::new(Version::V4_1_3).role(Role::Host).with(Peculiarity::LeftWebhook);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).host(host));
    register(&bed, "member1");
    let run = renew(bed.kubectl_mc(), "").run().code(3);
    let _ = run.says("[leftover-cluster-webhook]");
    assert!(bed.writes().is_empty(), "{:?}", bed.writes());
}
