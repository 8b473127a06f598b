//! The installer's pod, as a kubelet would report it.

use kube::{
    ResourceExt as _,
    api::{Api, DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{bed::Cluster, block_on, kubesphere::objects};

/// Writes another state into the status of the installer's container.
pub fn set_installer_container(cluster: &Cluster, state: Value) {
    let pods: Api<DynamicObject> = objects::objects(&cluster.client(), "v1", "Pod", Some(objects::SYSTEM));
    block_on(async move {
        let listed = pods.list(&ListParams::default()).await.unwrap();
        let pod = listed.items.iter().find(|pod| pod.name_any().starts_with("ks-installer-")).unwrap();
        let status = json!({"name": "installer", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state});
        let patch = Patch::Merge(json!({"status": {"containerStatuses": [status]}}));
        pods.patch_status(&pod.name_any(), &PatchParams::default(), &patch).await.unwrap();
    });
}

/// The state of a container whose image cannot be had.
pub fn image_pull_back_off() -> Value {
    json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\""}})
}
