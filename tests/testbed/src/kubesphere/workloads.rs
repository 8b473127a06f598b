//! The deployment controller, the scheduler and the kubelet of kubesphere-system: one pod per Deployment, written by
//! hand, since a test bed's cluster has neither those controllers nor a node.

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt as _, stream};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt as _,
    api::{DynamicObject, ListParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::{
    Generation, clock,
    fixture::{self, Facts},
    images,
    installer::Installer,
    ks_apiserver,
    objects::{self, INSTALLER, SYSTEM},
    pods,
    scenario::{ApiserverScenario, InstallerScenario},
    secret,
    site::{Site, unused_address},
};

/// The Deployments whose processes are played.
const CORE: [&str; 2] = ["ks-apiserver", CONTROLLER];
const CONTROLLER: &str = "ks-controller-manager";
/// Those in whose pods ks-apiserver runs: a member of 4 has it in its agent.
const SERVING: [&str; 2] = ["ks-apiserver", "ks-agent"];

/// The annotation that counts a Deployment's replica sets.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Keeps one pod running for each Deployment and plays what runs in it.
pub struct Workloads {
    site: Arc<Site>,
    facts: Arc<Facts>,
    running: HashMap<String, Running>,
    /// By pod, what waits for its images.
    pulling: HashMap<String, AbortHandle>,
    starts: HashMap<String, usize>,
    /// Whether what comes now is newer than the installation.
    settled: bool,
}

struct Running {
    deployment: String,
    address: String,
    process: Option<AbortHandle>,
}

impl Drop for Workloads {
    fn drop(&mut self) {
        for running in self.running.values() {
            if let Some(process) = &running.process {
                process.abort();
            }
        }
        self.pulling.values().for_each(AbortHandle::abort);
    }
}

impl Workloads {
    /// Nothing runs yet.
    pub fn new(site: Arc<Site>, facts: Arc<Facts>) -> Self {
        Self {
            site,
            facts,
            running: HashMap::new(),
            pulling: HashMap::new(),
            starts: HashMap::new(),
            settled: false,
        }
    }

    /// Looks again whenever a Deployment or a pod changes; the first look is over when this returns once.
    pub async fn keep(mut self) {
        let [deployments, pods] = [("apps/v1", "Deployment"), ("v1", "Pod")].map(|(version, kind)| {
            watcher(
                objects::objects(&self.site.client(), version, kind, Some(SYSTEM)),
                watcher::Config::default(),
            )
            .default_backoff()
        });
        let mut changes = stream::select(deployments.boxed(), pods.boxed());
        while changes.next().await.is_some() {
            // An apiserver that is away is met by the next change, which its return brings.
            if let Err(error) = self.reconcile().await {
                self.site.note("workloads", &error);
            }
        }
    }

    /// Brings every Deployment's pod to what its template says.
    pub async fn reconcile(&mut self) -> kube::Result<()> {
        let deployments = self.api("apps/v1", "Deployment").list(&ListParams::default()).await?.items;
        let pods = self.api("v1", "Pod").list(&ListParams::default()).await?.items;
        self.end_missing(&pods);
        for deployment in &deployments {
            self.reconcile_one(deployment, &pods).await?;
        }
        self.settled = true;
        Ok(())
    }

    async fn reconcile_one(
        &mut self,
        deployment: &DynamicObject,
        pods: &[DynamicObject],
    ) -> kube::Result<()> {
        let name = deployment.name_any();
        let replica_set = format!("{name}-{}", pods::template_hash(&deployment.data["spec"]["template"]));
        let (leaving, staying): (Vec<_>, Vec<_>) = pods
            .iter()
            .filter(|pod| pods::owner(pod).is_some_and(|owner| owner.starts_with(&format!("{name}-"))))
            .partition(|pod| pod.metadata.deletion_timestamp.is_some());
        for pod in leaving {
            self.end(pod).await?;
        }
        let wanted = deployment.data["spec"]["replicas"].as_u64().unwrap_or(1) > 0;
        let (current, old): (Vec<_>, Vec<_>) =
            staying.into_iter().partition(|pod| wanted && pods::owner(pod) == Some(replica_set.as_str()));
        let mut all_run = true;
        if wanted && current.is_empty() {
            let owner = self.ensure_replica_set(deployment, &replica_set).await?;
            let pod = objects::create(&self.site.client(), &self.pod(deployment, &owner)).await?;
            all_run = self.start(deployment, &pod).await?;
        }
        for pod in current {
            all_run &= self.start(deployment, pod).await?;
        }
        // Nothing is taken away before what replaces it runs: `maxUnavailable` is 0.
        for pod in old.iter().filter(|_| all_run) {
            self.end(pod).await?;
        }
        Ok(())
    }

    /// Starts a pod that does not run yet, as soon as its images are there; whether it runs.
    async fn start(&mut self, deployment: &DynamicObject, pod: &DynamicObject) -> kube::Result<bool> {
        let (name, pod_name) = (deployment.name_any(), pod.name_any());
        if self.running.contains_key(&pod_name) {
            return Ok(true);
        }
        let object = serde_json::to_value(pod).expect("an object is JSON");
        if !images::are_there(&self.site, &object) {
            if !self.pulling.contains_key(&pod_name) {
                let pulling = tokio::spawn(images::pull(Arc::clone(&self.site), pod.clone()));
                self.pulling.insert(pod_name, pulling.abort_handle());
                self.report(deployment, false).await?;
            }
            return Ok(false);
        }
        self.pulling.remove(&pod_name);
        let address = unused_address();
        let started = if self.settled {
            self.site.pass(self.site.pods_start_within()).await;
            clock::now()
        } else if self.is_under_way() {
            clock::now()
        } else {
            clock::seconds(Timestamp::now() - fixture::AGE)
        };
        let status = pods::status(&object, &address, &self.site, (self.is_ready(&name), started));
        let patch = kube::api::Patch::Merge(json!({ "status": status }));
        let pods = self.api("v1", "Pod");
        pods.patch_status(&pod_name, &kube::api::PatchParams::default(), &patch).await?;
        self.run(&name, pod, address).await?;
        self.report(deployment, self.is_ready(&name)).await?;
        Ok(true)
    }

    /// Starts what runs in a pod that has just become ready.
    async fn run(&mut self, deployment: &str, pod: &DynamicObject, address: String) -> kube::Result<()> {
        let starts = self.starts.entry(deployment.to_owned()).or_default();
        let restarts = *starts;
        *starts += 1;
        let process = match deployment {
            INSTALLER => Some(self.installer(&pod.name_any(), restarts)),
            _ => None,
        };
        if CORE.contains(&deployment) && (restarts == 0 || self.site.version().installer_restarts_the_core())
        {
            self.site.load_configuration().await?;
        }
        if deployment == CONTROLLER {
            self.start_controller(pod);
        }
        if SERVING.contains(&deployment) {
            ks_apiserver::register(&self.site, &address, pods::version(pod).unwrap_or(self.site.version()));
            self.publish(pod, &address).await?;
        }
        let running = Running { deployment: deployment.to_owned(), address, process };
        self.running.insert(pod.name_any(), running);
        Ok(())
    }

    /// Of 4 the process writes a log.
    fn start_controller(&self, pod: &DynamicObject) {
        if self.site.version().generation() == Generation::Four {
            self.site.open_log(&pod.name_any());
        }
        self.site.controller.send_replace(Some(pod.name_any()));
    }

    fn installer(&self, pod: &str, restarts: usize) -> AbortHandle {
        let (site, log) = (Arc::clone(&self.site), self.site.open_log(pod));
        let idle = restarts == 0 && !self.is_under_way();
        let installer = if idle {
            Installer::idle(site, log, &self.facts)
        } else {
            Installer::started(site, log, restarts)
        };
        tokio::spawn(installer.operate()).abort_handle()
    }

    /// Points the Service at a pod; without `targetRef` the apiserver's proxy finds nothing.
    async fn publish(&self, pod: &DynamicObject, address: &str) -> kube::Result<()> {
        let target =
            json!({"kind": "Pod", "namespace": SYSTEM, "name": pod.name_any(), "uid": pod.metadata.uid});
        let addresses = json!([{"ip": address, "nodeName": self.site.node(), "targetRef": target}]);
        let is_ready = self.site.installation.apiserver == ApiserverScenario::Healthy;
        let field = if is_ready { "addresses" } else { "notReadyAddresses" };
        let subsets =
            json!([{ (field): addresses, "ports": [{"port": ks_apiserver::PORT, "protocol": "TCP"}]}]);
        let object = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "ks-apiserver", "namespace": SYSTEM}, "subsets": subsets,
        });
        match objects::merge(&self.api("v1", "Endpoints"), "ks-apiserver", &object).await {
            Err(error) if objects::has_code(&error, 404) => {
                objects::create(&self.site.client(), &object).await.map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    async fn end(&mut self, pod: &DynamicObject) -> kube::Result<()> {
        self.end_process(&pod.name_any());
        objects::remove(&self.api("v1", "Pod"), &pod.name_any()).await
    }

    fn end_missing(&mut self, pods: &[DynamicObject]) {
        let gone: Vec<String> = self
            .running
            .keys()
            .filter(|name| pods.iter().all(|pod| pod.name_any() != **name))
            .cloned()
            .collect();
        for pod in gone {
            self.end_process(&pod);
        }
    }

    fn end_process(&mut self, pod: &str) {
        if let Some(pulling) = self.pulling.remove(pod) {
            pulling.abort();
        }
        let Some(running) = self.running.remove(pod) else { return };
        if let Some(process) = running.process {
            process.abort();
        }
        self.site.close_log(pod);
        self.site.controller.send_if_modified(|controller| {
            let is_it = controller.as_deref() == Some(pod);
            if is_it {
                *controller = None;
            }
            is_it
        });
        if SERVING.contains(&running.deployment.as_str()) {
            ks_apiserver::unregister(&self.site, &running.address);
        }
    }

    /// The replica set of a template; its uid makes it the pod's owner.
    async fn ensure_replica_set(&self, deployment: &DynamicObject, name: &str) -> kube::Result<Value> {
        let replica_sets = self.api("apps/v1", "ReplicaSet");
        if let Some(present) = replica_sets.get_opt(name).await? {
            return Ok(pods::reference("ReplicaSet", &present));
        }
        let revision =
            latest_revision(&replica_sets.list(&ListParams::default()).await?.items, deployment) + 1;
        let spec = &deployment.data["spec"];
        let hash = name.rsplit('-').next().unwrap_or_default();
        let mut template = spec["template"].clone();
        template["metadata"]["labels"]["pod-template-hash"] = hash.into();
        let mut labels = spec["selector"]["matchLabels"].clone();
        labels["pod-template-hash"] = hash.into();
        let object = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": name, "namespace": SYSTEM, "labels": labels,
                         "annotations": {REVISION: revision.to_string()},
                         "ownerReferences": [pods::reference("Deployment", deployment)]},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        });
        Ok(pods::reference("ReplicaSet", &objects::create(&self.site.client(), &object).await?))
    }

    fn pod(&self, deployment: &DynamicObject, owner: &Value) -> Value {
        let template = &deployment.data["spec"]["template"];
        let replica_set = owner["name"].as_str().unwrap_or_default();
        let suffix = secret::random_secret(5).to_lowercase();
        let mut labels = template["metadata"]["labels"].clone();
        labels["pod-template-hash"] = replica_set.rsplit('-').next().unwrap_or_default().into();
        let mut spec = template["spec"].clone();
        spec["nodeName"] = self.site.node().into();
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{replica_set}-{suffix}"), "namespace": SYSTEM, "labels": labels,
                         "annotations": template["metadata"]["annotations"], "ownerReferences": [owner]},
            "spec": spec,
        })
    }

    /// What `kubectl rollout status` and helm read: one pod stands for all.
    async fn report(&self, deployment: &DynamicObject, available: bool) -> kube::Result<()> {
        let count = deployment.data["spec"]["replicas"].as_u64().unwrap_or(1);
        let mut status = json!({
            "observedGeneration": deployment.metadata.generation, "replicas": count, "updatedReplicas": count,
            "readyReplicas": count, "availableReplicas": count,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                 "message": "Deployment has minimum availability."},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "done"},
            ],
        });
        if available {
            status["unavailableReplicas"] = Value::Null;
        } else {
            status["readyReplicas"] = Value::Null;
            status["availableReplicas"] = Value::Null;
            status["unavailableReplicas"] = count.into();
            status["conditions"] = json!([
                {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
                 "message": "Deployment does not have minimum availability."},
                {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "in progress"},
            ]);
        }
        let patch = kube::api::Patch::Merge(json!({ "status": status }));
        let deployments = self.api("apps/v1", "Deployment");
        let name = deployment.name_any();
        deployments.patch_status(&name, &kube::api::PatchParams::default(), &patch).await.map(drop)
    }

    /// Whether the first pods have only just started; otherwise they are as old as the installation.
    fn is_under_way(&self) -> bool {
        self.site.installation.installer == InstallerScenario::UnderWay
    }

    fn is_ready(&self, deployment: &str) -> bool {
        !SERVING.contains(&deployment) || self.site.installation.apiserver == ApiserverScenario::Healthy
    }

    fn api(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        objects::objects(&self.site.client(), version, kind, Some(SYSTEM))
    }
}

/// The newest of the replica sets that this very Deployment has; each counts on from it.
///
/// Source: kubernetes `pkg/controller/deployment/util/deployment_util.go@v1.34.0` (`MaxRevision`).
fn latest_revision(replica_sets: &[DynamicObject], deployment: &DynamicObject) -> u64 {
    let owned = |replica_set: &&DynamicObject| {
        let owners = replica_set.owner_references().iter();
        owners.map(|owner| Some(&owner.uid)).any(|uid| uid == deployment.metadata.uid.as_ref())
    };
    let revision = |replica_set: &DynamicObject| replica_set.annotations().get(REVISION)?.parse().ok();
    replica_sets.iter().filter(owned).filter_map(revision).max().unwrap_or_default()
}
