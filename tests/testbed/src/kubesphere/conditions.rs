//! The conditions of a Cluster, as its controllers write them.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::clock;

/// All of them.
pub(super) fn all(cluster: &DynamicObject) -> Vec<Value> {
    cluster.data["status"]["conditions"].as_array().cloned().unwrap_or_default()
}

/// Whether the condition is there and true.
pub(super) fn holds(cluster: &DynamicObject, kind: &str) -> bool {
    all(cluster).iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Replaces a condition by a fresh one at the end of the list; both of its times are now, whatever changed.
pub(super) fn set(cluster: &mut DynamicObject, kind: &str, holds: bool, reason: &str, message: &str) {
    put(cluster, kind, if holds { "True" } else { "False" }, (reason, message));
}

/// As [`set`], with any status.
pub(super) fn put(cluster: &mut DynamicObject, kind: &str, status: &str, (reason, message): (&str, &str)) {
    let mut condition = json!({
        "type": kind, "status": status, "lastUpdateTime": clock::now(), "lastTransitionTime": clock::now(),
    });
    for (field, text) in [("reason", reason), ("message", message)] {
        if !text.is_empty() {
            condition[field] = text.into();
        }
    }
    remove(cluster, kind);
    let mut conditions = all(cluster);
    conditions.push(condition);
    cluster.data["status"]["conditions"] = conditions.into();
}

/// Takes a condition away, if it is there.
pub(super) fn remove(cluster: &mut DynamicObject, kind: &str) {
    let conditions = cluster.data.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    if let Some(conditions) = conditions {
        conditions.retain(|condition| condition["type"] != kind);
    }
}
