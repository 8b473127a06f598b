//! What pods and events say, as far as verdicts depend on it.

use k8s_openapi::api::core::v1::{ContainerStatus, Event};

use crate::{
    live::workloads::Pod,
    plan::reach::verdict::{ContainerSight, PodSight, Unhealthy},
};

/// What a kubelet writes about a probe that failed.
pub(super) const UNHEALTHY: &str = "Unhealthy";

pub(super) fn pod_sight(pod: &Pod) -> PodSight {
    let Some(status) = &pod.status else { return PodSight::default() };
    let reason = status.reason.clone();
    let message = status.message.clone().filter(|message| !message.is_empty());
    let why = match (reason, message) {
        (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
        (reason, message) => reason.or(message),
    };
    let containers = status.container_statuses.iter().flatten();
    PodSight {
        is_over: matches!(status.phase.as_deref(), Some("Failed" | "Succeeded")),
        why,
        containers: containers.map(|status| (status.name.clone(), container_sight(status))).collect(),
    }
}

fn container_sight(status: &ContainerStatus) -> ContainerSight {
    let state = status.state.clone().unwrap_or_default();
    let ended = state.terminated.map(|ended| {
        let reason = ended.reason.unwrap_or_else(|| format!("exit code {}", ended.exit_code));
        ended.message.map_or_else(|| reason.clone(), |message| format!("{reason}: {message}"))
    });
    // "Not ready because it does not run" is no news, and neither is the way to it.
    let waits =
        state.waiting.and_then(|waiting| waiting.reason).filter(|reason| reason != "ContainerCreating");
    ContainerSight { is_ready: status.ready, is_running: state.running.is_some(), waits, ended }
}

/// What the events say about a container's probe, the latest last.
pub(super) fn unhealthy(events: &[Event], pod: &str, container: &str) -> Vec<Unhealthy> {
    let place = format!("{{{container}}}");
    let mut about: Vec<&Event> = events
        .iter()
        .filter(|event| event.involved_object.name.as_deref() == Some(pod))
        .filter(|event| event.reason.as_deref() == Some(UNHEALTHY))
        .filter(|event| {
            event.involved_object.field_path.as_deref().is_some_and(|path| path.ends_with(&place))
        })
        .collect();
    about.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
    let said = about.into_iter().map(|event| Unhealthy {
        message: event.message.clone().unwrap_or_default(),
        count: event.count.unwrap_or(1),
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Event;
    use serde_json::{Value, json};

    use super::{Pod, pod_sight, unhealthy};

    fn sight(status: &Value) -> crate::plan::reach::verdict::PodSight {
        let pod: Pod = serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap();
        pod_sight(&pod)
    }

    #[test]
    fn a_pod_is_seen_with_its_containers() {
        let seen = sight(&json!({"phase": "Running", "containerStatuses": [
            {"name": "a", "ready": true, "image": "", "imageID": "", "restartCount": 0,
             "state": {"running": {}}},
            {"name": "b", "ready": false, "image": "", "imageID": "", "restartCount": 0,
             "state": {"waiting": {"reason": "ErrImageNeverPull"}}},
            {"name": "c", "ready": false, "image": "", "imageID": "", "restartCount": 0,
             "state": {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no sleep"}}},
            {"name": "d", "ready": false, "image": "", "imageID": "", "restartCount": 0,
             "state": {"waiting": {"reason": "ContainerCreating"}}},
        ]}));
        assert!(!seen.is_over && seen.containers["a"].is_ready && seen.containers["a"].is_running);
        assert_eq!(seen.containers["b"].waits.as_deref(), Some("ErrImageNeverPull"));
        assert_eq!(seen.containers["c"].ended.as_deref(), Some("StartError: no sleep"));
        assert_eq!(seen.containers["d"].waits, None);
    }

    #[test]
    fn a_pod_that_its_kubelet_rejects_says_why() {
        let seen = sight(&json!({"phase": "Failed", "reason": "OutOfpods", "message": "Pod was rejected"}));
        assert_eq!((seen.is_over, seen.why.as_deref()), (true, Some("OutOfpods: Pod was rejected")));
        assert!(!sight(&json!({"phase": "Pending"})).is_over);
    }

    #[test]
    fn only_events_about_this_containers_probe_count_and_the_latest_is_last() {
        let event = |pod: &str, container: &str, reason: &str, at: u32| -> Event {
            serde_json::from_value(json!({
                "metadata": {}, "reason": reason, "message": format!("at {at}"), "count": at,
                "lastTimestamp": format!("2026-01-01T00:00:{at:02}Z"),
                "involvedObject": {"name": pod, "fieldPath": format!("spec.containers{{{container}}}")},
            }))
            .unwrap()
        };
        let events = [
            event("p", "probe-0", "Unhealthy", 7),
            event("p", "probe-0", "Unhealthy", 3),
            event("p", "probe-10", "Unhealthy", 8),
            event("q", "probe-0", "Unhealthy", 9),
            event("p", "probe-0", "Started", 1),
        ];
        let said: Vec<_> = unhealthy(&events, "p", "probe-0").into_iter().map(|said| said.message).collect();
        assert_eq!(said, ["at 3", "at 7"]);
    }
}
