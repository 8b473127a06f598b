use std::cmp::Reverse;

use k8s_openapi::api::core::v1::PodStatus;
use kube::ResourceExt as _;

use super::pod::container;
use crate::live::workloads::{Deployment, Pod};

/// Why the newest of these pods does not run, in the words of its status: `ks-installer-7d8f: ImagePullBackOff: …`.
pub(super) fn why_waiting(pods: &[Pod]) -> Option<String> {
    let mut pods: Vec<_> = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
    pods.sort_by_key(|pod| Reverse(pod.creation_timestamp()));
    let pod = pods.first()?;
    let status = pod.status.as_ref();
    let why = waiting_container(pod)
        .or_else(|| status.and_then(waiting_init_container))
        .or_else(|| status.and_then(unscheduled))
        .or_else(|| status.and_then(ended));
    Some(format!("{}: {}", pod.name_any(), why.unwrap_or_else(|| "Pending".to_owned())))
}

/// What the kubelet waits with for ever, or tries in vain (Kubernetes `pkg/kubelet/images/types.go`,
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go@v1.34.0`).
const IN_VAIN: [&str; 8] = [
    WITHOUT_IMAGE[0],
    WITHOUT_IMAGE[1],
    WITHOUT_IMAGE[2],
    WITHOUT_IMAGE[3],
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// Those of them that are about an image.
const WITHOUT_IMAGE: [&str; 4] =
    ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"];

/// That a pod cannot start.
pub(in crate::live) struct Stuck {
    /// `image quay.io/a:1: ImagePullBackOff: …`
    pub(in crate::live) why: String,
    pub(in crate::live) lacks_image: bool,
}

/// Why this pod cannot start, where it does not merely take its time.
pub(in crate::live) fn why_stuck(pod: &Pod) -> Option<Stuck> {
    let status = pod.status.as_ref().filter(|_| pod.metadata.deletion_timestamp.is_none())?;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let in_vain = containers.into_iter().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref().filter(|reason| IN_VAIN.contains(reason))?;
        let why = told(Some(reason), waiting.message.as_deref())?;
        let lacks_image = WITHOUT_IMAGE.contains(&reason);
        Some(Stuck { why: format!("image {}: {why}", container.image), lacks_image })
    });
    in_vain.or_else(|| unscheduled(status).map(|why| Stuck { why, lacks_image: false }))
}

/// Why the Deployment has no pod at all: a quota or an admission webhook that refuses it, for example.
pub(in crate::live) fn why_no_pod(deployment: &Deployment) -> String {
    let conditions = deployment.status.as_ref().and_then(|status| status.conditions.as_ref());
    let refused = conditions.into_iter().flatten().find(|condition| {
        is(condition.type_.as_ref(), "ReplicaFailure") && is(condition.status.as_ref(), "True")
    });
    refused
        .and_then(|condition| told(condition.reason.as_deref(), condition.message.as_deref()))
        .unwrap_or_default()
}

/// Whether its rollout makes no progress any more, or its pods are refused, by a quota or an admission webhook (Kubernetes
/// `pkg/controller/deployment/util/deployment_util.go@v1.34.0`).
pub(in crate::live) fn has_given_up(deployment: &Deployment) -> bool {
    let conditions = deployment.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| {
        let says = |kind: &str, status: &str| {
            is(condition.type_.as_ref(), kind) && is(condition.status.as_ref(), status)
        };
        says("Progressing", "False") || says("ReplicaFailure", "True")
    })
}

fn waiting_container(pod: &Pod) -> Option<String> {
    let waiting = container(pod)?.state.as_ref()?.waiting.as_ref()?;
    told(waiting.reason.as_deref(), waiting.message.as_deref())
}

fn waiting_init_container(status: &PodStatus) -> Option<String> {
    status.init_container_statuses.iter().flatten().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        told(waiting.reason.as_deref(), waiting.message.as_deref())
    })
}

fn unscheduled(status: &PodStatus) -> Option<String> {
    let conditions = status.conditions.iter().flatten();
    let refused = conditions
        .into_iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    told(refused.reason.as_deref(), refused.message.as_deref())
}

/// A pod that was evicted, or that its node does not admit.
fn ended(status: &PodStatus) -> Option<String> {
    told(status.reason.as_deref(), status.message.as_deref())
}

fn is(text: Option<&String>, wanted: &str) -> bool {
    text.is_some_and(|text| text == wanted)
}

fn told(reason: Option<&str>, message: Option<&str>) -> Option<String> {
    let said: Vec<&str> = [reason, message].into_iter().flatten().filter(|text| !text.is_empty()).collect();
    (!said.is_empty()).then(|| said.join(": "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Deployment, Pod, has_given_up, why_no_pod, why_stuck, why_waiting};

    fn pod(status: &Value) -> Pod {
        let pod =
            json!({"metadata": {"name": "ks-installer-a"}, "spec": {"containers": []}, "status": status});
        serde_json::from_value(pod).unwrap()
    }

    fn status(state: &Value) -> Value {
        json!({"name": "installer", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state})
    }

    #[test]
    fn the_reason_is_the_status_own() {
        let image = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
        let init = json!({"waiting": {"reason": "CreateContainerConfigError"}});
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                               "message": "0/3 nodes are available"});
        for (status, why) in [
            (json!({"containerStatuses": [status(&image)]}), "ImagePullBackOff: Back-off pulling image"),
            (json!({"initContainerStatuses": [status(&init)]}), "CreateContainerConfigError"),
            (
                json!({"phase": "Pending", "conditions": [condition]}),
                "Unschedulable: 0/3 nodes are available",
            ),
            (
                json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
                "Evicted: low on memory",
            ),
            (json!({}), "Pending"),
        ] {
            assert_eq!(why_waiting(&[pod(&status)]), Some(format!("ks-installer-a: {why}")));
        }
        assert_eq!(why_waiting(&[]), None);
    }

    fn deployment(condition: &Value) -> Deployment {
        let deployment =
            json!({"spec": {"selector": {}, "template": {}}, "status": {"conditions": [condition]}});
        serde_json::from_value(deployment).unwrap()
    }

    #[test]
    fn a_rollout_that_gets_nowhere_is_none() {
        for (kind, status, expected) in [
            ("Progressing", "False", true),
            ("Progressing", "True", false),
            ("ReplicaFailure", "True", true),
            ("Available", "False", false),
        ] {
            let found = deployment(&json!({"type": kind, "status": status}));
            assert_eq!(has_given_up(&found), expected, "{kind} {status}");
        }
    }

    #[test]
    fn a_pod_is_stuck_by_what_does_not_pass_by_itself() {
        let of = |state: &Value| {
            let mut container = status(state);
            container["image"] = json!("quay.io/kubesphere/kubefed:v0.8.1");
            why_stuck(&pod(&json!({"containerStatuses": [container]}))).map(|stuck| stuck.why)
        };
        let image = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
        let said = "image quay.io/kubesphere/kubefed:v0.8.1: ImagePullBackOff: Back-off pulling image";
        assert_eq!(of(&image).as_deref(), Some(said));
        assert_eq!(of(&json!({"waiting": {"reason": "ContainerCreating"}})), None);
        assert_eq!(of(&json!({"running": {}})), None);
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                               "message": "0/3 nodes are available"});
        let unscheduled = pod(&json!({"phase": "Pending", "conditions": [condition]}));
        let unscheduled = why_stuck(&unscheduled).unwrap();
        assert_eq!(unscheduled.why, "Unschedulable: 0/3 nodes are available");
        assert!(!unscheduled.lacks_image);
    }

    #[test]
    fn a_deployment_that_may_make_no_pod_says_why() {
        let condition = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                               "message": "exceeded quota"});
        assert_eq!(why_no_pod(&deployment(&condition)), "FailedCreate: exceeded quota");
    }
}
