//! Pods and replica sets as the deployment controller and the kubelet write them.

use kube::{ResourceExt as _, api::DynamicObject};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Version, site::Site};

/// The version that the tag of a pod's first image names: a host brings its own to its members.
pub(super) fn version(pod: &DynamicObject) -> Option<Version> {
    let image = pod.data["spec"]["containers"][0]["image"].as_str()?;
    Version::of_tag(image.rsplit(':').next()?)
}

pub(super) fn owner(pod: &DynamicObject) -> Option<&str> {
    pod.metadata.owner_references.as_ref()?.first().map(|owner| owner.name.as_str())
}

pub(super) fn reference(kind: &str, object: &DynamicObject) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": object.name_any(), "uid": object.metadata.uid,
           "controller": true, "blockOwnerDeletion": true})
}

pub(super) fn template_hash(template: &Value) -> String {
    let digest = Sha256::digest(template.to_string());
    let number = digest.iter().take(5).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:010x}")
}

/// A pod whose containers run, ready or not, since then.
pub(super) fn status(pod: &Value, address: &str, site: &Site, (ready, started): (bool, String)) -> Value {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let containers: Vec<Value> = containers
        .map(|container| {
            json!({"name": container["name"], "image": container["image"], "imageID": "", "ready": ready,
                   "started": true, "restartCount": 0, "state": {"running": {"startedAt": started}}})
        })
        .collect();
    let condition =
        |kind: &str, status: bool| json!({"type": kind, "status": if status { "True" } else { "False" }});
    json!({
        "phase": "Running", "hostIP": site.node_address, "podIP": address, "podIPs": [{"ip": address}],
        "startTime": started,
        "conditions": [condition("PodScheduled", true), condition("Initialized", true),
                       condition("ContainersReady", ready), condition("Ready", ready)],
        "containerStatuses": containers,
    })
}
