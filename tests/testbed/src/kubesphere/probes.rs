//! The kubelets of a cluster's nodes, as far as pods are bound to them by hand: they start them and probe whether they
//! are ready.
//!
//! Source: Kubernetes `pkg/kubelet/prober/prober.go`, `pkg/probe/http/http.go`, `pkg/kubelet/images/image_manager.go`,
//! `pkg/kubelet/lifecycle/predicate.go`; words of failed connections as seen on real kubelets 1.34.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{DynamicObject, Patch, PatchParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::{
    clock,
    go_error::{FailedRequest, worded},
    nodes::{self, Node},
    objects::{self, SYSTEM},
    pace, secret,
    site::Site,
};
use crate::distance::beside;

/// How long a pod takes to run whose image is there.
const POD_STARTS: Duration = Duration::from_secs(2);

/// The kubelets of all nodes of one cluster.
pub(super) struct Kubelets {
    site: Arc<Site>,
    nodes: HashMap<String, Node>,
    running: HashMap<String, AbortHandle>,
}

impl Kubelets {
    pub(super) fn new(site: Arc<Site>) -> Self {
        let nodes = nodes::of(&site).into_iter().collect();
        Self { site, nodes, running: HashMap::new() }
    }

    /// Takes up every pod that is bound to one of the nodes and belongs to no workload.
    pub(super) async fn operate(mut self) {
        let pods = objects::objects(&self.site.client(), "v1", "Pod", Some(SYSTEM));
        let mut changes = watcher(pods, watcher::Config::default()).default_backoff().boxed();
        while let Some(change) = changes.next().await {
            match change {
                Ok(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod)) => self.take_up(pod),
                Ok(watcher::Event::Delete(pod)) => self.end(&pod),
                Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => {}
            }
        }
    }

    fn take_up(&mut self, pod: DynamicObject) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let node = pod.data["spec"]["nodeName"].as_str().and_then(|node| self.nodes.get(node)).copied();
        let Some(node) = node.filter(|_| is_bound_by_hand(&pod) && !self.running.contains_key(&uid)) else {
            return;
        };
        let kubelet = PodOnNode { site: Arc::clone(&self.site), node, pod };
        let task = tokio::spawn(async move {
            if let Err(error) = kubelet.run().await {
                kubelet.site.note("kubelet", &error);
            }
        });
        self.running.insert(uid, task.abort_handle());
    }

    fn end(&mut self, pod: &DynamicObject) {
        if let Some(task) = self.running.remove(&pod.metadata.uid.clone().unwrap_or_default()) {
            task.abort();
        }
    }
}

impl Drop for Kubelets {
    fn drop(&mut self) {
        for task in self.running.values() {
            task.abort();
        }
    }
}

/// The pods of workloads are played elsewhere, and what a test wrote with a status of its own stays as it is.
fn is_bound_by_hand(pod: &DynamicObject) -> bool {
    let is_new = pod.data["status"]["startTime"].is_null();
    is_new && pod.metadata.owner_references.is_none() && pod.metadata.deletion_timestamp.is_none()
}

struct PodOnNode {
    site: Arc<Site>,
    node: Node,
    pod: DynamicObject,
}

/// How a probe of a container ended.
enum Outcome {
    Ready,
    Unhealthy(String),
}

impl PodOnNode {
    /// Runs the pod until its deadline, in real time.
    async fn run(&self) -> kube::Result<()> {
        match self.node {
            Node::Silent | Node::NotReady => return Ok(()),
            Node::Full => return self.reject().await,
            _ => {}
        }
        self.site.pass(POD_STARTS).await;
        let mut statuses: Vec<Value> =
            self.containers().iter().map(|container| self.container_status(container)).collect();
        let all_run = statuses.iter().all(|status| !status["state"]["running"].is_null());
        self.write(if all_run { "Running" } else { "Pending" }, &statuses).await?;
        if !all_run {
            return Ok(());
        }
        let deadline = self.pod.data["spec"]["activeDeadlineSeconds"].as_u64().unwrap_or(u64::MAX / 4);
        match tokio::time::timeout(Duration::from_secs(deadline), self.probe_all(&mut statuses)).await {
            Ok(outcome) => outcome,
            Err(_) => self.exceed().await,
        }
    }

    /// Probes each container again and again; one that is ready stays so.
    async fn probe_all(&self, statuses: &mut [Value]) -> kube::Result<()> {
        let mut failures: HashMap<String, (String, u32)> = HashMap::new();
        loop {
            for (container, status) in self.containers().iter().zip(0..) {
                if statuses[status]["ready"] == true {
                    continue;
                }
                match self.probe(container).await {
                    Outcome::Ready => {
                        statuses[status]["ready"] = true.into();
                        self.write("Running", statuses).await?;
                    }
                    Outcome::Unhealthy(message) => {
                        let key = format!("{}: {message}", container["name"]);
                        let (event, count) = failures.entry(key).or_default();
                        *count += 1;
                        self.tell(container, &message, event, *count).await?;
                    }
                }
            }
            tokio::time::sleep(pace::scaled(seconds(&self.pod, "periodSeconds", 10))).await;
        }
    }

    /// What its kubelet's probe comes to; the members are really asked, from the test bed's process.
    async fn probe(&self, container: &Value) -> Outcome {
        let get = &container["readinessProbe"]["httpGet"];
        let Some(target) = Target::of(get) else { return Outcome::Ready };
        let within = pace::scaled(seconds(&self.pod, "timeoutSeconds", 1));
        let url = format!("{}{}", target.server, target.path);
        let dial = format!("dial tcp {}", target.address);
        let failed = |cause: String| Outcome::Unhealthy(format!("Get \"{url}\": {cause}"));
        match self.node {
            Node::Refused => failed(format!("{dial}: connect: connection refused")),
            Node::TimedOut => {
                tokio::time::sleep(within).await;
                failed(
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned(),
                )
            }
            Node::Nameless => failed(format!("dial tcp: lookup {}: no such host", target.host)),
            Node::Routeless => failed(format!("{dial}: connect: no route to host")),
            _ => target.ask(seconds(&self.pod, "timeoutSeconds", 1)).await,
        }
    }

    fn container_status(&self, container: &Value) -> Value {
        let image = container["image"].as_str().unwrap_or_default();
        let runs = self.node.has(image);
        let state = if runs {
            json!({"running": {"startedAt": clock::now()}})
        } else {
            let message = format!("Container image \"{image}\" is not present with pull policy of Never");
            json!({"waiting": {"reason": "ErrImageNeverPull", "message": message}})
        };
        json!({"name": container["name"], "image": image, "imageID": "", "restartCount": 0, "ready": false,
               "started": runs, "state": state})
    }

    /// An event, or one more occurrence of it.
    async fn tell(
        &self,
        container: &Value,
        message: &str,
        event: &mut String,
        count: u32,
    ) -> kube::Result<()> {
        let events = objects::objects(&self.site.client(), "v1", "Event", Some(SYSTEM));
        if count > 1 {
            let again = json!({"count": count, "lastTimestamp": clock::now()});
            return unless_gone(objects::merge(&events, event, &again).await);
        }
        let suffix = secret::random_secret(16).to_lowercase();
        *event = format!("{}.{suffix}", self.pod.name_any());
        let name = container["name"].as_str().unwrap_or_default();
        let node = &self.pod.data["spec"]["nodeName"];
        let object = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": event, "namespace": SYSTEM},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": SYSTEM, "name": self.pod.name_any(),
                               "uid": self.pod.metadata.uid, "resourceVersion": self.pod.metadata.resource_version,
                               "fieldPath": format!("spec.containers{{{name}}}")},
            "reason": "Unhealthy", "message": format!("Readiness probe failed: {message}"), "type": "Warning",
            "source": {"component": "kubelet", "host": node}, "reportingComponent": "kubelet",
            "reportingInstance": node, "count": count,
            "firstTimestamp": clock::now(), "lastTimestamp": clock::now(),
        });
        objects::create(&self.site.client(), &object).await.map(drop)
    }

    async fn reject(&self) -> kube::Result<()> {
        let message = "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 110, capacity: 110";
        let status =
            json!({"phase": "Failed", "reason": "OutOfpods", "message": message, "startTime": clock::now()});
        self.write_status(status).await
    }

    async fn exceed(&self) -> kube::Result<()> {
        let message = "Pod was active on the node longer than the specified deadline";
        self.write_status(json!({"phase": "Failed", "reason": "DeadlineExceeded", "message": message})).await
    }

    async fn write(&self, phase: &str, containers: &[Value]) -> kube::Result<()> {
        let ready = containers.iter().all(|container| container["ready"] == true);
        let condition =
            |kind: &str, holds: bool| json!({"type": kind, "status": if holds { "True" } else { "False" }});
        let address = &self.site.node_address;
        self.write_status(json!({
            "phase": phase, "hostIP": address, "podIP": address, "podIPs": [{"ip": address}],
            "startTime": clock::now(),
            "conditions": [condition("PodScheduled", true), condition("Initialized", true),
                           condition("ContainersReady", ready), condition("Ready", ready)],
            "containerStatuses": containers,
        }))
        .await
    }

    async fn write_status(&self, status: Value) -> kube::Result<()> {
        let pods: Api<DynamicObject> = objects::objects(&self.site.client(), "v1", "Pod", Some(SYSTEM));
        let patch = Patch::Merge(json!({ "status": status }));
        unless_gone(pods.patch_status(&self.pod.name_any(), &PatchParams::default(), &patch).await)
    }

    fn containers(&self) -> &[Value] {
        self.pod.data["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// A pod may be deleted at any time.
fn unless_gone<T>(answer: kube::Result<T>) -> kube::Result<()> {
    match answer {
        Err(error) if !objects::has_code(&error, 404) => Err(error),
        _ => Ok(()),
    }
}

/// A number of the first container's probe.
fn seconds(pod: &DynamicObject, field: &str, default: u64) -> Duration {
    let probe = &pod.data["spec"]["containers"][0]["readinessProbe"];
    Duration::from_secs(probe[field].as_u64().unwrap_or(default))
}

/// What a probe asks.
struct Target {
    server: String,
    address: String,
    host: String,
    path: String,
}

impl Target {
    fn of(get: &Value) -> Option<Self> {
        let host = get["host"].as_str()?.to_owned();
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let address = format!("{bracketed}:{}", get["port"]);
        let scheme = get["scheme"].as_str().unwrap_or("HTTP").to_lowercase();
        let path = get["path"].as_str().unwrap_or("/").to_owned();
        Some(Self { server: format!("{scheme}://{address}"), address, host, path })
    }

    /// Any answer below 400 is a success; no certificate is verified.
    async fn ask(&self, within: Duration) -> Outcome {
        let asked = tokio::time::timeout(within, self.try_to_ask()).await;
        let url = format!("{}{}", self.server, self.path);
        match asked {
            Ok(Ok(_)) => Outcome::Ready,
            Ok(Err(kube::Error::Api(status))) => {
                Outcome::Unhealthy(format!("HTTP probe failed with statuscode: {}", status.code))
            }
            Ok(Err(error)) => {
                let request =
                    FailedRequest { verb: "Get", server: &self.server, path: &self.path, resource: "" };
                Outcome::Unhealthy(worded(&error, &request))
            }
            Err(_) => Outcome::Unhealthy(format!(
                "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            )),
        }
    }

    async fn try_to_ask(&self) -> kube::Result<String> {
        let mut config =
            Config::new(beside(&self.server).parse().expect("the apiserver has taken the probe"));
        config.accept_invalid_certs = true;
        config.default_retry = false;
        config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static("kube-probe/1.27")));
        let request =
            http::Request::get(&self.path).body(Vec::new()).expect("the apiserver has taken the path");
        Client::try_from(config)?.request_text(request).await
    }
}
