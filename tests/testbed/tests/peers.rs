//! Logs and services through a real apiserver, answered in process.

use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use http::{Response, StatusCode};
use k8s_openapi::api::core::v1::{Endpoints, Node, Pod, Service};
use kube::{
    Api,
    api::{LogParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{ControlPlane, block_on, lease, serve};

use crate::objects::{create, get, in_default, refused};

const NODE: &str = "203.0.113.10";
const POD: &str = "203.0.113.20";

/// Creates an object, and writes its status as its controller would.
#[track_caller]
fn create_with_status<K>(api: Api<K>, object: Value, status: Value)
where
    K: Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + kube::Resource
        + serde::Serialize
        + Send
        + Sync
        + 'static,
{
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    create(api.clone(), object);
    let mut change = json!({});
    change["status"] = status;
    let patch = Patch::Merge(change);
    block_on(async move { api.patch_status(&name, &PatchParams::default(), &patch).await }).unwrap();
}

fn node_and_pod(plane: &ControlPlane) {
    let node = json!({
        "addresses": [{"type": "InternalIP", "address": NODE}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
    });
    create_with_status(Api::<Node>::all(plane.client()), json!({"metadata": {"name": "node-a"}}), node);
    let container = json!({"name": "main", "image": "none"});
    let pod = json!({"metadata": {"name": "pod"}, "spec": {"nodeName": "node-a", "containers": [container]}});
    let running = json!({
        "name": "main", "image": "none", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    });
    let status = json!({
        "phase": "Running", "podIP": POD, "podIPs": [{"ip": POD}], "containerStatuses": [running],
    });
    create_with_status(in_default::<Pod>(&plane.client()), pod, status);
}

#[test]
fn logs_are_followed_as_the_kubelet_writes_them() {
    let planes = lease(1).unwrap();
    node_and_pod(&planes[0]);
    let (lines, body) = serve::stream();
    let body = std::sync::Mutex::new(Some(body));
    planes[0]
        .peers()
        .serve_https(&format!("{NODE}:10250"), move |request| {
            assert_eq!(request.uri(), "/containerLogs/default/pod/main?follow=true");
            let body = body.lock().unwrap().take().unwrap();
            async move { Response::new(body) }
        })
        .unwrap();
    let pods: Api<Pod> = in_default(&planes[0].client());
    block_on(async move {
        let parameters = LogParams { follow: true, ..LogParams::default() };
        lines.send(Ok("first\n".into())).unwrap();
        let mut log = pods.log_stream("pod", &parameters).await.unwrap().lines();
        assert_eq!(log.try_next().await.unwrap().as_deref(), Some("first"));
        lines.send(Ok("second\n".into())).unwrap();
        assert_eq!(log.try_next().await.unwrap().as_deref(), Some("second"));
        drop(lines);
        assert_eq!(log.try_next().await.unwrap(), None);
    });
}

#[test]
fn a_service_answers_through_the_proxy() {
    let planes = lease(1).unwrap();
    let plane = &planes[0];
    node_and_pod(plane);
    let client = plane.client();
    create(
        in_default::<Service>(&client),
        json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}),
    );
    let target = json!({"kind": "Pod", "name": "pod", "namespace": "default"});
    let subset = json!({"addresses": [{"ip": POD, "targetRef": target}], "ports": [{"port": 9090}]});
    create(in_default::<Endpoints>(&client), json!({"metadata": {"name": "web"}, "subsets": [subset]}));
    let path = "/api/v1/namespaces/default/services/:web:80/proxy/kapis/version";
    assert_eq!(refused(get(&client, path)), 503);
    plane.peers().serve_http(&format!("{POD}:9090"), |request| async move {
        serve::text(StatusCode::OK, format!("here is {}", request.uri()))
    });
    assert_eq!(get(&client, path).unwrap(), "here is /kapis/version");
    plane.peers().unregister(&format!("{POD}:9090"));
}
