//! The cluster controller in the host's ks-controller-manager, for direct connections.
//!
//! Source: kubesphere `pkg/controller/cluster/cluster_controller.go` at each tag, in its order of steps.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt as _;
use kube::{
    Client, ResourceExt as _,
    api::{DynamicObject, ListParams},
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::{
    conditions, configuration,
    configuration::Loaded,
    federation::{self, Joining},
    go_error,
    member::Member,
    objects,
    queue::{Next, Policy, Queue},
    scenario::ControllerScenario,
    secret,
    site::Site,
};

const FINALIZER: &str = "finalizer.cluster.kubesphere.io";
const HOST_LABEL: &str = "cluster-role.kubesphere.io/host";
const MANAGED_LABEL: &str = "kubesphere.io/managed";

/// After the last retry a failing cluster has to wait for the next resync.
const POLICY: Policy = Policy {
    first: Duration::from_millis(5),
    longest: Duration::from_secs(1000),
    most_retries: 15,
    workers: usize::MAX,
};
/// How long an answer through the member's Service proxy may take.
const PROXY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the probe of 3.1 and 3.2 waits for a member.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// A certificate that ends within so long gets a condition of its own.
const EXPIRES_SOON: Duration = Duration::from_secs(7 * 24 * 3600);

/// The Service proxy's path to a member's ks-apiserver.
const PROXY: &str = "/api/v1/namespaces/kubesphere-system/services/:ks-apiserver:80/proxy/";

/// The controller of one host.
pub struct ClusterController {
    site: Arc<Site>,
    scenario: ControllerScenario,
    host_kubeconfig: String,
}

impl ClusterController {
    /// A controller of this host, whose own kubeconfig it stores in the host's Cluster.
    pub fn new(site: Arc<Site>, scenario: ControllerScenario, host_kubeconfig: String) -> Self {
        Self { site, scenario, host_kubeconfig }
    }

    /// Runs whenever the loaded configuration enables it, and anew after each change of it.
    pub async fn operate(self: Arc<Self>) {
        if self.scenario == ControllerScenario::Down {
            return;
        }
        let mut loaded = self.site.loaded.subscribe();
        loop {
            let current = loaded.borrow_and_update().clone();
            let changed = match current.filter(|loaded| loaded.multicluster) {
                None => loaded.changed().await,
                Some(current) => tokio::select! {
                    () = Arc::clone(&self).run(current) => Ok(()),
                    changed = loaded.changed() => changed,
                },
            };
            if changed.is_err() {
                return;
            }
        }
    }

    async fn run(self: Arc<Self>, loaded: Loaded) {
        let events = watcher(objects::clusters(&self.site.client()), watcher::Config::default());
        let mut events = events.boxed();
        let mut resync = tokio::time::interval(loaded.resync);
        resync.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let controller = Arc::clone(&self);
        let mut queue = Queue::new(
            POLICY,
            Arc::new(move |name| {
                let controller = Arc::clone(&controller);
                Box::pin(async move { controller.sync(&name).await.map(|()| Next::Nothing) })
            }),
        );
        let mut specs = HashMap::new();
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(Event::Apply(cluster) | Event::InitApply(cluster)))
                        if self.concerns(&mut specs, &cluster) => queue.add(&cluster.name_any()),
                    Some(Ok(Event::Delete(cluster))) => drop(specs.remove(&cluster.name_any())),
                    Some(Err(_)) => tokio::time::sleep(Duration::from_millis(200)).await,
                    _ => {}
                },
                _ = resync.tick() => self.resync(&loaded, &mut queue).await,
                () = queue.step() => {}
            }
        }
    }

    /// From 3.3 on only a new one, a change of the spec or a deletion is looked at, besides the resync.
    fn concerns(&self, specs: &mut HashMap<String, Value>, cluster: &DynamicObject) -> bool {
        let spec = cluster.data["spec"].clone();
        let changed = specs.insert(cluster.name_any(), spec.clone()) != Some(spec);
        changed
            || cluster.metadata.deletion_timestamp.is_some()
            || self.site.version().looks_at_every_update()
    }

    /// The host's own Cluster, then every Cluster; 3.1 and 3.2 probe them instead.
    async fn resync(&self, loaded: &Loaded, queue: &mut Queue) {
        let api = objects::clusters(&self.site.client());
        let Ok(clusters) = api.list(&ListParams::default()).await else { return };
        if let Err(error) = self.reconcile_host(loaded, &clusters.items).await {
            self.site.note("cluster controller", &error);
        }
        for cluster in &clusters.items {
            if self.site.version().looks_at_every_update() {
                let _ = self.probe(cluster).await;
            } else {
                queue.add(&cluster.name_any());
            }
        }
    }

    /// Creates the host's Cluster if none is labelled; two labelled ones are an error that is only logged.
    async fn reconcile_host(&self, loaded: &Loaded, clusters: &[DynamicObject]) -> kube::Result<()> {
        if clusters.iter().any(is_host) {
            return Ok(());
        }
        let cluster = json!({
            "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
            "metadata": {
                "name": loaded.host_cluster_name,
                "labels": {HOST_LABEL: "", MANAGED_LABEL: "true"},
                "annotations": {"kubesphere.io/description": "The description was created by KubeSphere automatically. \
                    It is recommended that you use the Host Cluster to manage clusters only and deploy workloads on \
                    Member Clusters."},
            },
            "spec": {
                "joinFederation": true, "enable": true, "provider": "kubesphere",
                "connection": {"type": "direct", "kubeconfig": secret::base64(self.host_kubeconfig.as_bytes())},
            },
        });
        objects::create(&self.site.client(), &cluster).await.map(drop)
    }

    /// One look at one cluster. An error is tried again soon; what is written into conditions is not an error.
    async fn sync(&self, name: &str) -> Result<(), String> {
        let api = objects::clusters(&self.site.client());
        let Some(mut cluster) = api.get_opt(name).await.map_err(text)? else { return Ok(()) };
        if cluster.metadata.deletion_timestamp.is_some() {
            return self.finalize(cluster).await.map_err(text);
        }
        if !cluster.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
            cluster.finalizers_mut().push(FINALIZER.to_owned());
            cluster = objects::replace(&api, &cluster).await.map_err(text)?;
        }
        let spec = &cluster.data["spec"];
        let kubeconfig = spec["connection"]["kubeconfig"].as_str().and_then(secret::base64_decoded);
        let Some(kubeconfig) = kubeconfig.filter(|kubeconfig| !kubeconfig.is_empty()) else { return Ok(()) };
        if spec["joinFederation"] != true || spec["connection"]["type"] == "proxy" {
            return Ok(());
        }
        let member = Member::connect(self.site.installation.pace, &kubeconfig).await?;
        if let Err(reason) = self.join(&cluster, &member).await {
            return self.write_failed_join(cluster, &reason).await.map_err(text);
        }
        conditions::set(
            &mut cluster,
            "Federated",
            true,
            "",
            "Cluster has joined federation control plane successfully",
        );
        self.observe(cluster, &member).await
    }

    async fn join(&self, cluster: &DynamicObject, member: &Member) -> Result<(), String> {
        let joining = Joining {
            version: self.site.version(),
            name: &cluster.name_any(),
            labels: json!(cluster.labels()),
            host: self.site.client(),
            member,
            confidential: &self.site.confidential,
            makes_token_secrets: is_host(cluster) || self.scenario != ControllerScenario::NoTokenSecrets,
        };
        joining.join().await
    }

    /// From 3.3.1 on the outcome of this write replaces the join's error, so that nobody tries again before the
    /// resync; before, every write is looked at again.
    async fn write_failed_join(&self, mut cluster: DynamicObject, reason: &str) -> kube::Result<()> {
        conditions::set(
            &mut cluster,
            "Federated",
            false,
            reason,
            "Cluster can not join federation control plane",
        );
        if !self.site.version().looks_at_every_update() {
            let why = "Cluster join federation control plane failed";
            conditions::set(&mut cluster, "Ready", false, why, "Cluster is Not Ready now");
        }
        objects::replace(&objects::clusters(&self.site.client()), &cluster).await.map(drop)
    }

    /// Versions, nodes, components, identity, readiness, in the controller's order; what fails before the last step
    /// leaves no trace, and answers of the member's ks-apiserver may be missing.
    async fn observe(&self, mut cluster: DynamicObject, member: &Member) -> Result<(), String> {
        let client = member.client().map_err(|missing| missing.worded("/version"))?;
        if cluster.data["spec"]["connection"]["kubernetesAPIEndpoint"].as_str().unwrap_or_default().is_empty()
        {
            cluster.data["spec"]["connection"]["kubernetesAPIEndpoint"] = member.server.clone().into();
        }
        let version = client.apiserver_version().await.map_err(text)?;
        let nodes =
            objects::objects(client, "v1", "Node", None).list(&ListParams::default()).await.map_err(text)?;
        cluster.data["status"]["kubernetesVersion"] = version.git_version.into();
        cluster.data["status"]["nodeCount"] = nodes.items.len().into();
        let configz = proxied(client, "kapis/config.kubesphere.io/v1alpha2/configs/configz").await;
        let multicluster = configz.as_ref().is_some_and(|configz| configz["multicluster"] == true);
        if let Some(configz) = configz {
            cluster.data["status"]["configz"] = configz;
        }
        if let Some(version) = proxied(client, "kapis/version").await {
            cluster.data["status"]["kubeSphereVersion"] = told_version(&version).into();
        }
        if self.site.version().identifies_members() {
            let namespaces = objects::objects(client, "v1", "Namespace", None);
            let system = namespaces.get("kube-system").await.map_err(text)?;
            cluster.data["status"]["uid"] = system.metadata.uid.into();
        }
        if multicluster && self.are_own(&nodes.items).await {
            cluster.labels_mut().insert(HOST_LABEL.to_owned(), String::new());
        }
        conditions::set(&mut cluster, "Ready", true, "Ready", "Cluster is available now");
        self.note_expiry(&mut cluster, member)?;
        objects::replace(&objects::clusters(&self.site.client()), &cluster).await.map_err(text)?;
        if self.site.version().identifies_members() {
            name_in_configuration(client, &cluster.name_any()).await?;
        }
        Ok(())
    }

    /// Whether these nodes are the host's own: as many, and the first of them the same machine.
    async fn are_own(&self, nodes: &[DynamicObject]) -> bool {
        let own =
            objects::objects(&self.site.client(), "v1", "Node", None).list(&ListParams::default()).await;
        let machine = |nodes: &[DynamicObject]| {
            nodes.first().map(|node| node.data["status"]["nodeInfo"]["machineID"].clone())
        };
        own.is_ok_and(|own| own.items.len() == nodes.len() && machine(&own.items) == machine(nodes))
    }

    /// 3.3 gives up on everything where there is no client certificate (#5395, #5664).
    fn note_expiry(&self, cluster: &mut DynamicObject, member: &Member) -> Result<(), String> {
        const KIND: &str = "KubeConfigCertExpiresInSevenDays";
        if !self.site.version().identifies_members() || is_host(cluster) {
            return Ok(());
        }
        let not_after = match member.not_after()? {
            Some(not_after) => Some(not_after),
            None if self.site.version().needs_a_client_certificate() => {
                return Err("empty CertData".to_owned());
            }
            None => None,
        };
        let expires =
            not_after.is_some_and(|not_after| time::OffsetDateTime::now_utc() + EXPIRES_SOON > not_after);
        let message = not_after.map(go_error::time).unwrap_or_default();
        conditions::set(cluster, KIND, expires, KIND, &message);
        Ok(())
    }

    /// 3.1 and 3.2 ask each federated cluster for its version, and write Ready alone.
    async fn probe(&self, cluster: &DynamicObject) -> Result<(), String> {
        let federated = conditions::holds(cluster, "Federated");
        let kubeconfig =
            cluster.data["spec"]["connection"]["kubeconfig"].as_str().and_then(secret::base64_decoded);
        let (true, Some(kubeconfig)) = (federated, kubeconfig) else { return Ok(()) };
        let member = Member::connect(self.site.installation.pace, &kubeconfig).await?;
        let reachable = match member.client() {
            Ok(client) => tokio::time::timeout(PROBE_TIMEOUT, client.apiserver_version())
                .await
                .is_ok_and(|answer| answer.is_ok()),
            Err(_) => false,
        };
        let api = objects::clusters(&self.site.client());
        let mut current = api.get(&cluster.name_any()).await.map_err(text)?;
        if reachable {
            conditions::set(&mut current, "Ready", true, "Ready", "Cluster is available now");
        } else {
            let reason = "failed to connect get kubernetes version";
            conditions::set(&mut current, "Ready", false, reason, "Cluster is not available now");
        }
        objects::replace(&api, &current).await.map(drop).map_err(text)
    }

    /// The host forgets the cluster; the member keeps whatever the join made there.
    async fn finalize(&self, mut cluster: DynamicObject) -> kube::Result<()> {
        federation::leave(&self.site.client(), &cluster.name_any()).await?;
        cluster.finalizers_mut().retain(|finalizer| finalizer != FINALIZER);
        objects::replace(&objects::clusters(&self.site.client()), &cluster).await.map(drop)
    }
}

fn is_host(cluster: &DynamicObject) -> bool {
    cluster.labels().contains_key(HOST_LABEL)
}

/// What a member's ks-apiserver answers through the Service proxy; a failure is only logged.
async fn proxied(client: &Client, path: &str) -> Option<Value> {
    let path = format!("{PROXY}{path}");
    let answer = tokio::time::timeout(PROXY_TIMEOUT, go_error::get_text(client, &path)).await;
    serde_json::from_str(&answer.ok()?.ok()?).ok()
}

/// 3.0.0 says v0.0.0, and no version at all is `unknown`.
fn told_version(answer: &Value) -> String {
    match answer["gitVersion"].as_str().unwrap_or_default() {
        "v0.0.0" => "v3.0.0".to_owned(),
        "" => "unknown".to_owned(),
        version => version.to_owned(),
    }
}

/// Writes `multicluster.clusterName` to the member, and all of its configuration anew.
async fn name_in_configuration(client: &Client, name: &str) -> Result<(), String> {
    let api = objects::config_maps(client);
    let mut config = api.get("kubesphere-config").await.map_err(text)?;
    let current = config.data["data"]["kubesphere.yaml"].as_str().unwrap_or_default();
    let Some(named) = configuration::named(current, name)? else { return Ok(()) };
    config.data["data"]["kubesphere.yaml"] = named.into();
    objects::replace(&api, &config).await.map(drop).map_err(text)
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn text(error: kube::Error) -> String {
    error.to_string()
}
