//! The cluster controller in ks-controller-manager of a host of 4, for direct connections.
//!
//! Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3`, in its order of steps.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt as _,
    api::DynamicObject,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::{
    clients::{Clients, Connected},
    configuration::Settings,
    expiry, install, membership,
};
use crate::kubesphere::{
    conditions, go_error, objects, pace,
    queue::{Next, Policy, Queue},
    scenario::ControllerScenario,
    secret,
    site::Site,
};

const FINALIZER: &str = "finalizer.cluster.kubesphere.io";

/// The one annotation whose change asks for a look.
const SYNC_AT: &str = "kubesphere.io/syncAt";

/// Two helm runs leave nobody to look at a third Cluster.
///
/// Source: controller-runtime `pkg/internal/controller/controller.go@v0.19.1`; client-go
/// `util/workqueue/default_rate_limiters.go`.
fn policy() -> Policy {
    Policy {
        first: pace::scaled(Duration::from_millis(5)),
        longest: pace::scaled(Duration::from_secs(1000)),
        most_retries: u32::MAX,
        workers: 2,
    }
}

/// The controller of one host.
pub(in crate::kubesphere) struct ClusterController {
    pub(super) site: Arc<Site>,
    scenario: ControllerScenario,
    pub(super) host_kubeconfig: String,
}

/// What the process reads when it starts.
pub(super) struct Process {
    pub(super) host_cluster_name: String,
    clients: Clients,
    /// What identifies the host.
    uid: Option<String>,
    pub(super) resync: Duration,
}

impl ClusterController {
    /// A controller of this host, whose own kubeconfig it stores in the host's Cluster.
    pub(in crate::kubesphere) fn new(
        site: Arc<Site>,
        scenario: ControllerScenario,
        host_kubeconfig: String,
    ) -> Self {
        Self { site, scenario, host_kubeconfig }
    }

    /// Runs as long as its pod does, and anew in the next one: what is under way when a pod ends breaks off.
    pub(in crate::kubesphere) async fn operate(self: Arc<Self>) {
        if self.scenario == ControllerScenario::Down {
            return;
        }
        let mut pods = self.site.controller.subscribe();
        loop {
            let runs = pods.borrow_and_update().is_some();
            let changed = tokio::select! {
                () = Arc::clone(&self).run_process(), if runs => pods.changed().await,
                changed = pods.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Nothing on a cluster that is no host.
    async fn run_process(self: Arc<Self>) {
        let settings = self.settings().await.unwrap_or_default();
        let namespaces = objects::objects(&self.site.client(), "v1", "Namespace", None);
        let Ok(kube_system) = namespaces.get("kube-system").await else { return };
        if settings.role != "host" {
            return;
        }
        let process = Process {
            host_cluster_name: settings.host_cluster_name,
            clients: Clients::new(self.site.installation.pace),
            uid: kube_system.uid(),
            resync: settings.resync,
        };
        self.run(Arc::new(process)).await;
    }

    async fn run(self: Arc<Self>, process: Arc<Process>) {
        let mut events = watcher(self.api(), watcher::Config::default()).boxed();
        let mut resync = tokio::time::interval(process.resync);
        resync.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (controller, of_look) = (Arc::clone(&self), Arc::clone(&process));
        let mut queue = Queue::new(
            policy(),
            Arc::new(move |name| {
                let (controller, process) = (Arc::clone(&controller), Arc::clone(&of_look));
                Box::pin(async move {
                    let outcome = controller.sync(&process, &name).await;
                    outcome.inspect_err(|cause| controller.tell(&name, cause))
                })
            }),
        );
        let mut seen = HashMap::new();
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(Event::Apply(cluster) | Event::InitApply(cluster)))
                        if self.concerns(&mut seen, &cluster) => queue.add(&cluster.name_any()),
                    Some(Ok(Event::Delete(cluster))) => {
                        process.clients.forget(&cluster.name_any());
                        seen.remove(&cluster.name_any());
                    }
                    Some(Err(_)) => tokio::time::sleep(Duration::from_millis(200)).await,
                    _ => {}
                },
                _ = resync.tick() => {
                    if let Err(error) = self.reconcile_host(&process).await {
                        self.site.note("cluster controller", &error);
                    }
                }
                () = queue.step() => {}
            }
        }
    }

    /// A look that failed is told in the process' log, and only there.
    ///
    /// Source: controller-runtime `pkg/internal/controller/controller.go@v0.19.1:316`.
    fn tell(&self, name: &str, cause: &str) {
        self.log('E', &format!(
            "controller.go:316] \"Reconciler error\" err=\"{}\" controller=\"cluster\" \
             controllerGroup=\"cluster.kubesphere.io\" controllerKind=\"Cluster\" Cluster=\"{name}\" namespace=\"\" \
             name=\"{name}\" reconcileID=\"{}\"",
            cause.escape_default(),
            secret::random_uuid(),
        ));
    }

    /// A line in the process' log, as klog writes it: `I` is for information, `E` for an error.
    pub(super) fn log(&self, severity: char, text: &str) {
        let at = Timestamp::now().strftime("%m%d %H:%M:%S.%6f");
        self.site.tell("ks-controller-manager", &format!("{severity}{at}       1 {text}"));
    }

    /// Of what changes, the spec counts, and annotations that ask for a look.
    fn concerns(&self, seen: &mut HashMap<String, Value>, cluster: &DynamicObject) -> bool {
        let mut marks = vec![SYNC_AT];
        if self.site.version().installs_by_a_job() {
            marks.push(install::ACTION);
        }
        let marks: Vec<_> = marks.into_iter().map(|mark| cluster.annotations().get(mark)).collect();
        let now = json!({"spec": cluster.data["spec"], "marks": marks});
        let changed = seen.insert(cluster.name_any(), now.clone()) != Some(now);
        changed || cluster.metadata.deletion_timestamp.is_some()
    }

    /// One look at one Cluster (`Reconcile`).
    async fn sync(&self, process: &Process, name: &str) -> Result<Next, String> {
        let Some(mut cluster) = self.api().get_opt(name).await.map_err(go_error::message)? else {
            return Ok(Next::Nothing);
        };
        if cluster.metadata.deletion_timestamp.is_some() {
            return self.finalize(process, cluster).await;
        }
        if !has_finalizer(&cluster) {
            cluster.finalizers_mut().push(FINALIZER.to_owned());
            cluster = self.write(&cluster).await.map_err(go_error::message)?;
        }
        let kubeconfig = kubeconfig(&cluster);
        if kubeconfig.is_empty() {
            return Ok(Next::Nothing);
        }
        let connected = match process.clients.of(name, &kubeconfig).await {
            Ok(connected) => connected,
            Err(cause) => {
                let cause = format!("failed to get cluster client for {name}: {cause}");
                return self.write_not_ready(cluster, cause).await;
            }
        };
        let uid = match connected.kube_system().await {
            Ok(kube_system) => kube_system.uid(),
            Err(cause) => {
                let cause = format!("failed to get kube-system namespace for {name}: {cause}");
                return self.write_not_ready(cluster, cause).await;
            }
        };
        if self.identify(&mut cluster, &connected, uid.as_deref()).await? {
            return Ok(Next::Again);
        }
        if uid != process.uid {
            let reconciled = self.reconcile_member(&mut cluster, &connected).await;
            reconciled.map_err(|cause| format!("failed to reconcile cluster {name}: {cause}"))?;
        }
        self.observe(cluster, &connected, process).await
    }

    /// Writes endpoint and uid wherever either is new; the endpoint of a known uid stays as it is.
    async fn identify(
        &self,
        cluster: &mut DynamicObject,
        connected: &Connected,
        uid: Option<&str>,
    ) -> Result<bool, String> {
        let endpoint = &cluster.data["spec"]["connection"]["kubernetesAPIEndpoint"];
        let is_known = endpoint.as_str().is_some_and(|endpoint| !endpoint.is_empty());
        if is_known && cluster.data["status"]["uid"].as_str() == uid {
            return Ok(false);
        }
        cluster.data["spec"]["connection"]["kubernetesAPIEndpoint"] =
            connected.member().server.clone().into();
        cluster.data["status"]["uid"] = json!(uid);
        self.write(cluster).await.map_err(go_error::message)?;
        Ok(true)
    }

    /// Installs ks-core where it has to be; otherwise looks at how long the certificate holds.
    async fn reconcile_member(
        &self,
        cluster: &mut DynamicObject,
        connected: &Connected,
    ) -> Result<(), String> {
        if self.must_install(cluster).await? {
            return self.install(cluster).await;
        }
        // What cannot be told of a certificate blocks nothing.
        let _ = expiry::note(&self.site, cluster, connected).await;
        Ok(())
    }

    /// The condition is written, and the failure is one: the Cluster is looked at again soon.
    pub(super) async fn write_not_ready(
        &self,
        mut cluster: DynamicObject,
        cause: String,
    ) -> Result<Next, String> {
        conditions::set(&mut cluster, "Ready", false, "Ready", &cause);
        self.write(&cluster).await.map_err(go_error::message)?;
        Err(cause)
    }

    /// The host forgets the Cluster; the member keeps all that was installed there.
    async fn finalize(&self, process: &Process, mut cluster: DynamicObject) -> Result<Next, String> {
        if !has_finalizer(&cluster) {
            return Ok(Next::Nothing);
        }
        let (host, name) = (self.site.client(), cluster.name_any());
        membership::unbind(&host, &name).await?;
        let member = if conditions::holds(&cluster, "Ready") {
            process.clients.of(&name, &kubeconfig(&cluster)).await.ok()
        } else {
            None
        };
        let released = membership::release(&cluster, member.as_deref()).await;
        released.map_err(|cause| format!("cleanup for cluster {name} failed: {cause}"))?;
        membership::grant(&host, &mut cluster, None).await?;
        cluster.finalizers_mut().retain(|finalizer| finalizer != FINALIZER);
        self.write(&cluster).await.map_err(go_error::message)?;
        Ok(Next::Nothing)
    }

    pub(super) async fn settings(&self) -> kube::Result<Settings> {
        Ok(Settings::read(&self.site.configuration().await?.unwrap_or_default()))
    }

    /// Writes the whole object, as its Go type has it: an empty config is none. A conflict when somebody else wrote it.
    pub(super) async fn write(&self, cluster: &DynamicObject) -> kube::Result<DynamicObject> {
        let mut cluster = cluster.clone();
        if cluster.data["spec"]["config"] == "" {
            cluster.data["spec"].as_object_mut().map(|spec| spec.remove("config"));
        }
        objects::replace(&self.api(), &cluster).await
    }

    pub(super) fn api(&self) -> Api<DynamicObject> {
        objects::clusters(&self.site.client())
    }
}

fn has_finalizer(cluster: &DynamicObject) -> bool {
    cluster.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

pub(super) fn kubeconfig(cluster: &DynamicObject) -> Vec<u8> {
    let kubeconfig = cluster.data["spec"]["connection"]["kubeconfig"].as_str();
    kubeconfig.and_then(secret::base64_decoded).unwrap_or_default()
}
