//! After 4.1.3: helm in a Job of the host.

use serde_json::{Value, json};
use testbed::{
    Bed,
    bed::condition,
    kubesphere::{Installation, Peculiarity, Scenario, Version},
};

use super::{controller_log, host_of, join, kinds, list, patch, with_member};
use crate::kubesphere::controller::ready;

#[test]
fn after_4_1_3_a_failed_install_waits_to_be_asked_for() {
    let gone = Peculiarity::ImageMissing("ks-apiserver".to_owned());
    let bed = with_member(Version::Master, Installation::bare(Version::Master).with(gone));
    join(&bed, "m1");
    bed.wait_for("a failed install", |bed| {
        condition(&bed.host().cluster("m1"), "KSCoreReady") == Some("False")
    });
    bed.member(1).bring_images();
    // The agent runs then, so the member is ready although nobody has installed it successfully.
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    assert_eq!(condition(&bed.host().cluster("m1"), "KSCoreReady"), Some("False"));
    assert_eq!(list(bed.host(), "batch/v1", "Job").len(), 1);
    assert!(
        controller_log(&bed).contains("failed to install KS Core in cluster m1: job helm-install-ks-core-")
    );
    patch(&bed, "m1", json!({"metadata": {"annotations": {"kubesphere.io/ks-core-action": "reinstall"}}}));
    bed.wait_for("ks-core", |bed| condition(&bed.host().cluster("m1"), "KSCoreReady") == Some("True"));
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
    assert!(bed.host().cluster("m1")["metadata"]["annotations"]["kubesphere.io/ks-core-action"].is_null());
    assert_eq!(list(bed.host(), "batch/v1", "Job").len(), 2);
}

#[test]
fn after_4_1_3_a_host_without_the_image_of_helm_waits_without_an_end() {
    let host = host_of(Version::Master).with(Peculiarity::ImageMissing("kubesphere/kubectl".to_owned()));
    let bed = Bed::lease(&Scenario::new(Version::Master).host(host));
    join(&bed, "m1");
    let waits = |bed: &Bed| {
        let pods = list(bed.host(), "v1", "Pod");
        let mut jobs = pods.iter().filter(|pod| pod["metadata"]["labels"]["job-name"].is_string());
        let state = |pod: &Value| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].clone();
        jobs.any(|pod| state(pod) == "ImagePullBackOff")
    };
    bed.wait_for("a Job that waits", waits);
    let begun = bed.host().cluster("m1");
    assert!(begun["metadata"]["annotations"]["kubesphere.io/install-core-jobname"].is_string());
    assert!(kinds(&begun).is_empty() && bed.member(1).releases().is_empty());
    bed.host().bring_images();
    bed.wait_for("a ready member", |bed| ready(bed, "m1"));
}
