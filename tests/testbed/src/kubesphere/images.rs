//! Images that cannot be pulled: what the kubelet says of the containers that wait for them.
//!
//! Source: Kubernetes `pkg/kubelet/images/image_manager.go@v1.31`; containerd's words for a tag that is gone.

use std::{collections::HashMap, sync::Arc, time::Duration};

use kube::{
    ResourceExt as _,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    clock,
    objects::{self, SYSTEM},
    pace, secret,
    site::Site,
};

/// How long the kubelet waits before it pulls again; it doubles with each time.
const BACK_OFF: Duration = Duration::from_secs(10);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);

/// The images of a pod, each by its container.
fn wanted(pod: &Value) -> impl Iterator<Item = (&Value, &str)> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.map(|container| (&container["name"], container["image"].as_str().unwrap_or_default()))
}

/// Whether all images of a pod can be had.
pub(super) fn are_there(site: &Site, pod: &Value) -> bool {
    wanted(pod).all(|(_, image)| !site.lacks_image(image))
}

/// Tries to pull what a pod lacks, again and again, and says so; returns when all can be had, or the pod is gone.
pub(super) async fn pull(site: Arc<Site>, pod: DynamicObject) {
    let puller = Puller { site, pod };
    if let Err(error) = puller.operate().await
        && !objects::has_code(&error, 404)
    {
        puller.site.note("kubelet", &error);
    }
}

struct Puller {
    site: Arc<Site>,
    pod: DynamicObject,
}

impl Puller {
    async fn operate(&self) -> kube::Result<()> {
        let pod = serde_json::to_value(&self.pod).expect("an object is JSON");
        let mut delay = BACK_OFF;
        let mut events = HashMap::new();
        while !are_there(&self.site, &pod) {
            self.write(&pod, "ErrImagePull", not_found).await?;
            for (_, image) in self.missing(&pod) {
                self.tell(&mut events, ("Normal", "Pulling"), &format!("Pulling image \"{image}\"")).await?;
                let failed = format!("Failed to pull image \"{image}\": {}", not_found(image));
                self.tell(&mut events, ("Warning", "Failed"), &failed).await?;
                self.tell(&mut events, ("Warning", "Failed"), "Error: ErrImagePull").await?;
            }
            self.write(&pod, "ImagePullBackOff", backing_off).await?;
            for (_, image) in self.missing(&pod) {
                let back_off = format!("Back-off pulling image \"{image}\"");
                self.tell(&mut events, ("Normal", "BackOff"), &back_off).await?;
                self.tell(&mut events, ("Warning", "Failed"), "Error: ImagePullBackOff").await?;
            }
            tokio::time::sleep(pace::scaled(delay)).await;
            delay = (delay * 2).min(LONGEST_BACK_OFF);
        }
        self.write(&pod, "ContainerCreating", |_| String::new()).await
    }

    fn missing<'a>(&'a self, pod: &'a Value) -> impl Iterator<Item = (&'a Value, &'a str)> {
        wanted(pod).filter(|(_, image)| self.site.lacks_image(image))
    }

    /// Containers whose image is there wait for the pod's sandbox no longer, but count as not ready.
    async fn write(&self, pod: &Value, reason: &str, message: fn(&str) -> String) -> kube::Result<()> {
        let statuses: Vec<Value> = wanted(pod)
            .map(|(name, image)| {
                let state = if self.site.lacks_image(image) || reason == "ContainerCreating" {
                    json!({"waiting": {"reason": reason, "message": message(image)}})
                } else {
                    json!({"running": {"startedAt": clock::now()}})
                };
                json!({"name": name, "image": image, "imageID": "", "ready": false, "restartCount": 0,
                       "started": false, "state": state})
            })
            .collect();
        let condition =
            |kind: &str, holds: bool| json!({"type": kind, "status": if holds { "True" } else { "False" }});
        let status = json!({
            "phase": "Pending", "hostIP": self.site.node_address,
            "conditions": [condition("PodScheduled", true), condition("Initialized", true),
                           condition("ContainersReady", false), condition("Ready", false)],
            "containerStatuses": statuses,
        });
        let patch = Patch::Merge(json!({ "status": status }));
        let pods = objects::objects(&self.site.client(), "v1", "Pod", Some(SYSTEM));
        pods.patch_status(&self.pod.name_any(), &PatchParams::default(), &patch).await.map(drop)
    }

    /// An event, or one more occurrence of it.
    async fn tell(
        &self,
        events: &mut HashMap<String, (String, u32)>,
        (kind, reason): (&str, &str),
        message: &str,
    ) -> kube::Result<()> {
        let api = objects::objects(&self.site.client(), "v1", "Event", Some(SYSTEM));
        if let Some((name, count)) = events.get_mut(message) {
            *count += 1;
            let again = json!({"count": count, "lastTimestamp": clock::now()});
            return objects::merge(&api, name, &again).await.map(drop);
        }
        let pod = self.pod.name_any();
        let name = format!("{pod}.{}", secret::random_secret(16).to_lowercase());
        let object = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": SYSTEM},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": SYSTEM, "name": pod,
                               "uid": self.pod.metadata.uid,
                               "resourceVersion": self.pod.metadata.resource_version},
            "type": kind, "reason": reason, "message": message, "count": 1,
            "source": {"component": "kubelet", "host": self.site.node()},
            "reportingComponent": "kubelet", "reportingInstance": self.site.node(),
            "firstTimestamp": clock::now(), "lastTimestamp": clock::now(),
        });
        objects::create(&self.site.client(), &object).await?;
        events.insert(message.to_owned(), (name, 1));
        Ok(())
    }
}

fn not_found(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \
         \"{image}\": {image}: not found"
    )
}

/// From Kubernetes 1.31 on with the cause behind it.
fn backing_off(image: &str) -> String {
    format!("Back-off pulling image \"{image}\": ErrImagePull: {}", not_found(image))
}
