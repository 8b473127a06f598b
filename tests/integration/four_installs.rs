//! While a host of KubeSphere 4 installs its member: what is told of it, and how it can end.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use testbed::{
    Fault, Rule, block_on,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version, objects, secret},
};

use crate::support::{Faulty, Watched};

fn without_image(version: Version, image: &str) -> Scenario {
    let gone = Installation::bare(version).with(Peculiarity::ImageMissing(image.to_owned()));
    Scenario::new(version).member(gone)
}

fn patch(bed: &Watched, name: &str, patch: Value) {
    let (client, name) = (bed.host().client(), name.to_owned());
    block_on(async move { objects::merge(&objects::clusters(&client), &name, &patch).await }).unwrap();
}

#[test]
fn an_image_that_is_gone_is_told_while_it_waits_and_at_its_end() {
    let bed = Watched::lease(&without_image(Version::V4_1_3, "ks-controller-manager"));
    let run = bed.join("member1 --timeout 12s").run().code(4);
    let pod = "Pod ks-agent-";
    let image = "docker.io/kubesphere/ks-controller-manager:v4.1.3";
    let at = |what: &str| run.stderr.find(what).unwrap_or_else(|| panic!("{what}\n{run}"));
    let (progress, end) = (at(pod), at("error: member \"member1\": timed out while waiting until its host"));
    assert!(progress < end, "it is told as soon as it shows: {run}");
    let error = &run.stderr[end..];
    for said in [pod, image, "ImagePull", "helm release ks-core is ", "run the same command again"] {
        assert!(error.contains(said), "{said}: {run}");
    }
    assert!(error.contains("\n  Pod ks-agent-"), "each in a line of its own: {run}");
    let unjoin = "`kubectl mc unjoin member1 --context host --member-context member1 --uninstall`";
    let edit = "`kubectl --context host edit clusters.cluster.kubesphere.io member1`";
    let hints = ["bring the image to where", edit, unjoin, "member1 --config FILE`"];
    let places = hints.map(|hint| error.find(hint));
    assert!(places.is_sorted(), "what costs least stands first: {run}");
    for hint in hints {
        assert!(error.contains(hint), "{hint}: {run}");
    }
    let skip = "--skip-check member-server-loopback";
    let run = bed.kubectl_mc().words("check member1 --context host").words(skip).run();
    assert!(run.stdout.contains(pod) && run.stdout.contains(image), "a check names it, too: {run}");
    assert!(run.stdout.contains("`kubectl mc logs member1 --context host`"), "{run}");
    let run = bed.kubectl_mc().words("check --context host").run();
    assert!(run.stdout.contains("`kubectl mc logs MEMBER --context host`"), "{run}");
    let run = bed.kubectl_mc().words("get member1 --context host").run().code(0);
    assert!(run.stdout.contains("`kubectl mc logs MEMBER` tells what it waits for"), "{run}");
    bed.member(1).bring_images();
    let _ = bed.join("member1").run().code(0);
}

/// What was there before the join is not uninstalled for the sake of an image.
#[test]
fn an_image_that_is_gone_costs_no_installation_that_was_there() {
    let former = Installation::new(Version::V4_1_3).role(Role::Member);
    let gone = former.with(Peculiarity::ImageMissing("ks-controller-manager".to_owned()));
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(gone));
    let run = bed.join("member1 --timeout 12s").run().code(4).says("edit clusters.cluster.kubesphere.io");
    let _ = run.says("bring the image to where").does_not_say("--uninstall");
}

/// No condition tells it, and the pods know nothing of it.
#[test]
fn what_the_controller_fails_with_is_told_at_the_end() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let _ = bed.join("member1 --wait=false").run().code(0);
    bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
    patch(&bed, "member1", json!({"spec": {"config": secret::base64(b"authentication: none\n")}}));
    let why = "value cannot be set because .authentication is not a map";
    let told = || bed.kubectl_mc().words("logs member1 --context host --follow=false").run().code(4);
    bed.wait_for("the failure", |_| told().stdout.contains(why));
    let _ = told().says("KSCoreReady is not set yet: the last look at it that failed: ").says(why);
    let run = bed.join("member1 --timeout 5s").run().code(4).says(why);
    let _ = run.says("the last look of the host's controller at it that failed: ");
}

/// Nothing is changed by it.
#[test]
fn a_mere_wait_needs_no_consent() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let _ = bed.join("member1 --wait=false").run().code(0);
    let written = bed.writes().len();
    let words = "join member1 --context host --skip-check member-server-loopback";
    let run = bed.kubectl_mc().words(words).run().code(0).says("wait until Cluster member1 is ready");
    assert_eq!(bed.writes().len(), written, "{run}");
}

#[test]
fn a_write_of_others_is_told_and_waited_out() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let started = bed.join("member1").start();
    bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
    patch(&bed, "member1", json!({"metadata": {"labels": {"a": "b"}}}));
    let _ = started
        .end()
        .code(0)
        .says("somebody else has changed its Cluster while KubeSphere is being installed");
    assert_eq!(bed.member(1).releases().len(), 2, "helm has run twice");
}

#[test]
fn after_4_1_3_a_failed_installation_is_told_with_what_tries_it_again() {
    let bed = Watched::lease(&without_image(Version::Master, "ks-apiserver"));
    let run = bed.join("member1").run().code(1);
    let reinstall = "annotate clusters.cluster.kubesphere.io member1 kubesphere.io/ks-core-action=reinstall --overwrite` (helm \
         installs ks-core there again, over what stands there";
    let run = run.says("KS Core installation failed").says(reinstall);
    assert!(run.stderr.contains("kubesphere/ks-apiserver"), "{run}");
    bed.member(1).bring_images();
    let _ = bed.join("member1").run().code(1).says(reinstall);
    patch(
        &bed,
        "member1",
        json!({"metadata": {"annotations": {"kubesphere.io/ks-core-action": "reinstall"}}}),
    );
    let _ = bed.join("member1").run().code(0);
}

/// Helm runs in the controller up to 4.1.3: what it was at work on when that was restarted stays for ever.
#[test]
fn a_helm_that_ended_with_its_controller_is_told_at_once_with_the_way_out() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let started = bed.join("member1").start();
    bed.wait_for("helm at work", |bed| !bed.member(1).releases().is_empty());
    let begun = Timestamp::now().as_second();
    bed.wait_for("another second, as which helm and the kubelet count", |_| {
        Timestamp::now().as_second() > begun
    });
    restart_controller(&bed);
    let run = started.end().code(1);
    let remove = "-n kubesphere-system delete secret sh.helm.release.v1.ks-core.v1`";
    let run = run
        .says("helm release ks-core stays pending-install: the helm that was at work on it was broken off");
    let _ = run.says(remove).says("then run the same command again");
    let client = bed.member(1).client();
    let secrets = objects::objects(&client, "v1", "Secret", Some(objects::SYSTEM));
    block_on(async move { objects::remove(&secrets, "sh.helm.release.v1.ks-core.v1").await }).unwrap();
    let _ = bed.join("member1").run().code(0);
}

fn restart_controller(bed: &Watched) {
    let client = bed.host().client();
    let pods = objects::objects(&client, "v1", "Pod", Some(objects::SYSTEM));
    block_on(async move {
        let controllers = objects::labelled(&pods, "app=ks-controller-manager").await.unwrap();
        for pod in controllers {
            objects::remove(&pods, &pod.metadata.name.unwrap()).await.unwrap();
        }
    });
}

/// The creation is not answered, watches end, and the member is away for a while.
#[test]
fn what_breaks_while_it_waits_is_borne() {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    let bed = Faulty::lease(&Scenario::new(Version::V4_1_3).member(slow));
    let unanswered = Fault::Applied(Box::new(Fault::Drop));
    bed.before_host().add(Rule::on("POST", "/clusters", unanswered).times(1));
    bed.before_host().add(Rule::on("GET", "/clusters?&watch=true", Fault::Closed).times(2));
    let away = Fault::Status { code: StatusCode::SERVICE_UNAVAILABLE, retry_after: None };
    bed.before_member(1).add(Rule::on("GET", "owner%3Dhelm", away).times(3));
    let _ = bed.join("member1").run().code(0);
    let writes = bed.stored();
    let created = writes.iter().filter(|write| *write == "create clusters/member1").count();
    assert_eq!(created, 1, "{writes:?}");
    assert_eq!(bed.member(1).releases().len(), 1, "nobody has disturbed the controller");
}
