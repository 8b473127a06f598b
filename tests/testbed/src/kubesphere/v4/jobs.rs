//! The job controller and the kubelet for Jobs in kubesphere-system: helm's hooks, and what a host runs helm in.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, ResourceExt as _,
    api::{DynamicObject, Patch, PatchParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::{crds, helm_job};
use crate::kubesphere::{
    clock, images,
    installer_log::Log,
    objects::{self, SYSTEM, has_code},
    secret,
    site::Site,
};

/// How long a hook's container takes.
const HOOK_TAKES: Duration = Duration::from_secs(3);

/// Runs every Job of one cluster once.
pub(in crate::kubesphere) struct Jobs {
    site: Arc<Site>,
    running: HashMap<String, AbortHandle>,
}

impl Jobs {
    pub(in crate::kubesphere) fn new(site: Arc<Site>) -> Self {
        Self { site, running: HashMap::new() }
    }

    /// Takes up every Job that is created, until its stand-in ends or the Job is gone.
    pub(in crate::kubesphere) async fn operate(mut self) {
        let jobs = objects::objects(&self.site.client(), "batch/v1", "Job", Some(SYSTEM));
        let mut changes = watcher(jobs, watcher::Config::default()).default_backoff().boxed();
        while let Some(change) = changes.next().await {
            match change {
                Ok(watcher::Event::InitApply(job) | watcher::Event::Apply(job)) => self.take_up(job),
                Ok(watcher::Event::Delete(job)) => self.end(&job),
                Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => {}
            }
        }
    }

    fn take_up(&mut self, job: DynamicObject) {
        let uid = job.metadata.uid.clone().unwrap_or_default();
        if self.running.contains_key(&uid) || job.metadata.deletion_timestamp.is_some() {
            return;
        }
        let run = Run { site: Arc::clone(&self.site), job };
        let task = tokio::spawn(async move {
            match run.operate().await {
                Err(error) if !has_code(&error, 404) => run.site.note("jobs", &error),
                _ => {}
            }
        });
        self.running.insert(uid, task.abort_handle());
    }

    fn end(&mut self, job: &DynamicObject) {
        if let Some(task) = self.running.remove(&job.metadata.uid.clone().unwrap_or_default()) {
            task.abort();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}

struct Run {
    site: Arc<Site>,
    job: DynamicObject,
}

impl Run {
    async fn operate(&self) -> kube::Result<()> {
        let pod = objects::create(&self.site.client(), &self.pod()).await?;
        self.write_job(json!({"active": 1, "startTime": clock::now()})).await?;
        let object = serde_json::to_value(&pod).expect("an object is JSON");
        while !images::are_there(&self.site, &object) {
            images::pull(Arc::clone(&self.site), pod.clone()).await;
        }
        let name = pod.name_any();
        let log = self.site.open_log(&name);
        self.write_pod(&name, "Running", &json!({"running": {"startedAt": clock::now()}})).await?;
        let outcome = self.run(&log).await;
        if let Err(cause) = &outcome {
            log.write(&format!("Error: {cause}"));
        }
        log.end();
        let (phase, reason, code) =
            if outcome.is_ok() { ("Succeeded", "Completed", 0) } else { ("Failed", "Error", 1) };
        let state = json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": clock::now(),
                                          "startedAt": clock::now()}});
        self.write_pod(&name, phase, &state).await?;
        self.finish(outcome.is_ok()).await
    }

    /// What the container comes to.
    async fn run(&self, log: &Log) -> Result<(), String> {
        if helm_job::is_one(&self.job) {
            return helm_job::run(&self.site, &self.job, log).await;
        }
        self.site.pass(HOOK_TAKES).await;
        let outcome = match self.job.name_any().as_str() {
            "ks-core-post-patch-system-ns" => self.label_namespaces().await,
            "ks-core-ks-crds-pre-upgrade" => self.apply_definitions().await,
            _ => Ok(()),
        };
        outcome.map_err(|error| error.to_string())
    }

    /// Source: kubesphere `config/ks-core/templates/post-patch-system-ns-job.yaml@v4.1.3`.
    async fn label_namespaces(&self) -> kube::Result<()> {
        const NAMESPACES: [&str; 6] = [
            SYSTEM,
            "kubesphere-controls-system",
            "default",
            "kube-node-lease",
            "kube-public",
            "kube-system",
        ];
        let client = self.site.client();
        let controls = json!({"apiVersion": "v1", "kind": "Namespace",
                              "metadata": {"name": "kubesphere-controls-system"}});
        objects::ensure(&client, &controls).await?;
        let labels = json!({"kubesphere.io/workspace": "system-workspace", "kubesphere.io/managed": "true",
                            "kubesphere.io/protected-resource": "true"});
        let api = objects::objects(&client, "v1", "Namespace", None);
        for name in NAMESPACES {
            match objects::merge(&api, name, &json!({"metadata": {"labels": labels}})).await {
                Err(error) if !has_code(&error, 404) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Source: kubesphere `config/ks-core/charts/ks-crds/scripts/install.sh@v4.1.3`.
    async fn apply_definitions(&self) -> kube::Result<()> {
        crds::apply(&self.site.client()).await
    }

    fn pod(&self) -> Value {
        let name = self.job.name_any();
        let suffix = secret::random_secret(5).to_lowercase();
        let mut spec = self.job.data["spec"]["template"]["spec"].clone();
        spec["nodeName"] = self.site.node().into();
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("{name}-{suffix}"), "namespace": SYSTEM,
                "labels": {"batch.kubernetes.io/job-name": name, "job-name": name},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "controller": true,
                                     "uid": self.job.metadata.uid, "blockOwnerDeletion": true}],
            },
            "spec": spec,
        })
    }

    async fn write_pod(&self, name: &str, phase: &str, state: &Value) -> kube::Result<()> {
        let containers = self.job.data["spec"]["template"]["spec"]["containers"].as_array();
        let statuses: Vec<Value> = containers
            .into_iter()
            .flatten()
            .map(|container| {
                json!({"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0,
                       "ready": phase == "Running", "state": state})
            })
            .collect();
        let status = json!({"phase": phase, "hostIP": self.site.node_address, "startTime": clock::now(),
                            "containerStatuses": statuses});
        let pods: Api<DynamicObject> = objects::objects(&self.site.client(), "v1", "Pod", Some(SYSTEM));
        let patch = Patch::Merge(json!({ "status": status }));
        pods.patch_status(name, &PatchParams::default(), &patch).await.map(drop)
    }

    async fn finish(&self, succeeded: bool) -> kube::Result<()> {
        let now = clock::now();
        let status = if succeeded {
            json!({"active": null, "succeeded": 1, "completionTime": now, "conditions": [
                {"type": "SuccessCriteriaMet", "status": "True", "reason": "CompletionsReached"},
                {"type": "Complete", "status": "True", "lastTransitionTime": now}]})
        } else {
            json!({"active": null, "failed": 1, "conditions": [
                {"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded"},
                {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": now,
                 "message": "Job has reached the specified backoff limit"}]})
        };
        self.write_job(status).await
    }

    async fn write_job(&self, status: Value) -> kube::Result<()> {
        let jobs: Api<DynamicObject> = objects::objects(&self.site.client(), "batch/v1", "Job", Some(SYSTEM));
        let patch = Patch::Merge(json!({ "status": status }));
        jobs.patch_status(&self.job.name_any(), &PatchParams::default(), &patch).await.map(drop)
    }
}
