//! A test bed: a host and its members, each a real control plane with a played KubeSphere.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt as _, api::ListParams};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    AuditLog, ControlPlane, Error, Fault, Faults, Front, Kubernetes, Mark, Rule,
    kubeconfig::{Access, Credentials, write_private},
    kubesphere::{
        Clusters, ControllerScenario, Installation, Peculiarity, Scenario, StandIns,
        fixture::{self, Facts},
        objects::{self, INSTALLER},
        secret::{self, Confidential},
        site::Site,
        v4::{Release, SELECTOR},
        webhook,
    },
    pool,
};

/// Longer than anything takes on a busy machine: what is waited for is not timed.
const HOLDS_WITHIN: Duration = Duration::from_secs(120);

/// How often a condition is looked at while waiting for it.
const LOOKS_EVERY: Duration = Duration::from_millis(25);

/// How many of the last requests a failure shows.
const LAST_REQUESTS: usize = 20;

/// A host and its members, its own until it is dropped; then the stand-ins end and the clusters go back to the pool.
pub struct Bed {
    clusters: Vec<Cluster>,
    folder: TempDir,
    kubeconfig: PathBuf,
    _holder: Option<Holder>,
}

pub struct Cluster {
    stand_ins: StandIns,
    front: Option<Front>,
    uid: String,
    mark: Mark,
}

/// The thread that holds a bed of the pool's clusters. Those in memory nobody waits for.
struct Holder(ThreadId);

static HOLDERS: LazyLock<Mutex<HashSet<ThreadId>>> = LazyLock::new(Mutex::default);

impl Holder {
    fn of_this_thread() -> Self {
        let thread = thread::current().id();
        let is_first = holders().insert(thread);
        assert!(
            is_first,
            "who holds a bed and waits for another one may wait for ever: drop the first one before"
        );
        Self(thread)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        holders().remove(&self.0);
    }
}

fn holders() -> MutexGuard<'static, HashSet<ThreadId>> {
    HOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bed {
    /// Leases clusters, installs KubeSphere as the scenario says and starts the stand-ins. Blocks.
    ///
    /// # Panics
    /// When the clusters cannot be had or a fixture cannot be written: nothing can be tested then.
    pub fn lease(scenario: &Scenario) -> Self {
        Self::try_lease(scenario).unwrap_or_else(|error| panic!("no test bed: {}", chain(&error)))
    }

    /// As [`Self::lease`], for who can say what is missing.
    ///
    /// # Panics
    /// When this thread holds a bed of the pool's clusters already, and wants another one.
    pub fn try_lease(scenario: &Scenario) -> Result<Self, Error> {
        let holder = (scenario.clusters == Clusters::Real).then(Holder::of_this_thread);
        let mut kubernetes = vec![Kubernetes::default(); 1 + scenario.members.len()];
        kubernetes[0] = scenario.host_kubernetes;
        let lease = Arc::new(match scenario.clusters {
            Clusters::Real => pool::lease_of(&kubernetes)?,
            Clusters::InMemory => pool::lease_in_memory(&kubernetes)?,
        });
        let folder = tempfile::tempdir().map_err(Error::io("create a temporary folder"))?;
        let clusters = start_all(sites(&lease, scenario), scenario.controller)?;
        let kubeconfig = folder.path().join("kubeconfig");
        write_private(&kubeconfig, &merged(&clusters)?)?;
        let bed = Self { clusters, folder, kubeconfig, _holder: holder };
        bed.let_the_host_settle(scenario);
        if scenario.host.has(&Peculiarity::LeftWebhook) {
            let site = Arc::clone(bed.host().site());
            crate::block_on(async move { webhook::leave_behind(&site).await })?;
        }
        Ok(bed)
    }

    pub fn host(&self) -> &Cluster {
        &self.clusters[0]
    }

    /// A member, counted from 1 as in its name.
    ///
    /// # Panics
    /// When the scenario has no such member.
    pub fn member(&self, number: usize) -> &Cluster {
        assert!((1..self.clusters.len()).contains(&number), "members are counted from 1, like their names");
        &self.clusters[number]
    }

    pub fn members(&self) -> &[Cluster] {
        &self.clusters[1..]
    }

    /// A kubeconfig with a context for each cluster, `host` being the current one; mode 0600.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A folder of the bed's own, removed with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every confidential value so far: jwtSecrets, tokens, passwords, private keys. No output may contain any.
    pub fn secrets(&self) -> Vec<String> {
        let sites = self.clusters.iter().flat_map(|cluster| cluster.site().confidential.values());
        let keys = self.clusters.iter().flat_map(|cluster| key_texts(cluster.plane().admin()));
        let mut secrets: Vec<String> = sites.chain(keys).collect();
        secrets.sort();
        secrets.dedup();
        secrets
    }

    /// Waits until the condition holds.
    ///
    /// # Panics
    /// When it does not hold in time; the message shows every ClusterConfiguration, every Cluster and the last requests.
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < HOLDS_WITHIN, "not {what} within {HOLDS_WITHIN:?}\n{}", self.dump());
            thread::sleep(LOOKS_EVERY);
        }
    }

    /// What stands on the clusters, for a failure's message; confidential values are replaced.
    pub fn dump(&self) -> String {
        let mut text: String = self.clusters.iter().map(Cluster::dump).collect();
        for secret in self.secrets() {
            text = text.replace(&secret, "(confidential)");
        }
        text
    }

    fn let_the_host_settle(&self, scenario: &Scenario) {
        if scenario.host.is_host() && scenario.controller != ControllerScenario::Down {
            self.wait_for("a settled host", |bed| {
                bed.host().clusters().iter().any(|cluster| condition(cluster, "Ready") == Some("True"))
            });
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let faults: Vec<String> =
            self.clusters.iter().flat_map(|cluster| cluster.stand_ins.faults()).collect();
        if !thread::panicking() {
            assert!(faults.is_empty(), "stand-ins failed:\n{}", faults.join("\n"));
        }
    }
}

impl Cluster {
    fn start(site: Arc<Site>, facts: Facts, controller: ControllerScenario) -> Result<Self, Error> {
        fixture::prepare(&site)?;
        let front = front(&site, controller)?;
        let kubeconfig = front.as_ref().map(|front| front.kubeconfig().to_owned());
        let kubeconfig = match kubeconfig {
            Some(kubeconfig) => kubeconfig,
            None => site.plane().kubeconfig_with(&site.name, site.plane().admin()),
        };
        let mark = site.plane().audit().mark();
        let (stand_ins, uid) = crate::block_on(async move {
            let namespaces = objects::objects(&site.client(), "v1", "Namespace", None);
            let uid = namespaces.get("kube-system").await?.metadata.uid.unwrap_or_default();
            let is_host = site.name == "host";
            let plays = !site.installation.has(&Peculiarity::NoKubeSphere);
            let mut stand_ins = StandIns::start(site, facts).await?;
            if is_host && plays {
                stand_ins.control(controller, kubeconfig);
            }
            Ok::<_, Error>((stand_ins, uid))
        })?;
        Ok(Self { stand_ins, front, uid, mark })
    }

    /// The name of the cluster and of its context: `host`, `member1`, …
    pub fn name(&self) -> &str {
        &self.site().name
    }

    /// The name of its context in [`Bed::kubeconfig`].
    pub fn context(&self) -> &str {
        self.name()
    }

    /// The administrator's client, whose requests the audit log leaves out.
    pub fn client(&self) -> Client {
        self.plane().client()
    }

    /// The requests that its apiserver answered.
    pub fn audit(&self) -> &AuditLog {
        self.plane().audit()
    }

    /// Where the bed was handed out, in its audit log.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The uid of its namespace kube-system, which identifies it.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    pub fn plane(&self) -> &ControlPlane {
        self.site().plane()
    }

    /// The proxy before it, where its version has to be told otherwise.
    pub fn front(&self) -> Option<&Front> {
        self.front.as_ref()
    }

    /// What becomes of requests by [`Bed::kubeconfig`].
    ///
    /// # Panics
    /// When it is a real one without a proxy before it.
    pub fn faults(&self) -> &Faults {
        self.front.as_ref().map_or_else(|| self.plane().faults(), Front::faults)
    }

    /// The URL of its apiserver in [`Bed::kubeconfig`].
    pub fn server(&self) -> String {
        self.front.as_ref().map_or_else(|| self.plane().server(), Front::server)
    }

    /// Lets connections be cut and refused from now on: closes the proxy before its apiserver; where there is none, kills
    /// the apiserver, and its control plane is not used again.
    pub fn kill(&self) {
        match &self.front {
            Some(front) => front.close(),
            None => self.plane().kill_apiserver(),
        }
    }

    /// Halts its apiserver: connections are accepted and never answered from now on, and its control plane is not used
    /// again. No request to it ends, so ask it nothing without a timeout.
    ///
    /// # Panics
    /// When the process cannot be halted.
    pub fn freeze(&self) {
        self.plane().freeze_apiserver().expect("a process of this machine can be halted");
    }

    /// What was installed there.
    pub fn installation(&self) -> &Installation {
        &self.site().installation
    }

    /// Lets every image be pulled again.
    pub fn bring_images(&self) {
        self.site().bring_images();
    }

    /// The revisions of the release ks-core, the oldest first.
    pub fn releases(&self) -> Vec<Release> {
        let secrets = objects::objects(&self.client(), "v1", "Secret", Some(objects::SYSTEM));
        let found = crate::block_on(async move { objects::labelled(&secrets, SELECTOR).await });
        let found = found.into_iter().flatten();
        let mut releases: Vec<_> = found.filter_map(|secret| Release::read(&secret.data)).collect();
        releases.sort_by_key(|release| release.version);
        releases
    }

    /// The ClusterConfiguration; null where there is none.
    pub fn cluster_configuration(&self) -> Value {
        let api = objects::cluster_configurations(&self.client());
        crate::block_on(async move { api.get_opt(INSTALLER).await })
            .ok()
            .flatten()
            .and_then(|object| serde_json::to_value(object).ok())
            .unwrap_or_default()
    }

    /// Changes the ClusterConfiguration with a merge patch.
    ///
    /// # Panics
    /// When the apiserver refuses it.
    pub fn patch_cluster_configuration(&self, patch: Value) {
        let api = objects::cluster_configurations(&self.client());
        crate::block_on(async move { objects::merge(&api, INSTALLER, &patch).await })
            .expect("the ClusterConfiguration takes a merge patch");
    }

    /// The text of kubesphere-config; empty where there is none.
    pub fn configuration(&self) -> String {
        let site = Arc::clone(self.site());
        crate::block_on(async move { site.configuration().await }).ok().flatten().unwrap_or_default()
    }

    /// A value in kubesphere-config, as `authentication.jwtSecret`.
    pub fn configured(&self, path: &str) -> Value {
        let parsed: Value = serde_yaml::from_str(&self.configuration()).unwrap_or_default();
        path.split('.').fold(parsed, |value, field| value[field].clone())
    }

    /// All Clusters; none where the resource does not exist.
    pub fn clusters(&self) -> Vec<Value> {
        let api = objects::clusters(&self.client());
        let listed = crate::block_on(async move { api.list(&ListParams::default()).await });
        listed.into_iter().flatten().filter_map(|cluster| serde_json::to_value(cluster).ok()).collect()
    }

    /// The Cluster of this name; null where there is none.
    pub fn cluster(&self, name: &str) -> Value {
        self.clusters().into_iter().find(|cluster| cluster["metadata"]["name"] == name).unwrap_or_default()
    }

    /// The log of the installer's newest pod; empty where none runs.
    pub fn installer_log(&self) -> String {
        self.newest_log(INSTALLER)
    }

    /// The log of the newest pod of ks-controller-manager, which only 4 has; empty where none runs.
    pub fn controller_log(&self) -> String {
        self.newest_log("ks-controller-manager")
    }

    fn newest_log(&self, deployment: &str) -> String {
        let pods = objects::objects(&self.client(), "v1", "Pod", Some(objects::SYSTEM));
        let pods = crate::block_on(async move { pods.list(&ListParams::default()).await });
        let pods = pods.into_iter().flatten().filter(|pod| pod.name_any().starts_with(deployment));
        let logs = pods.filter_map(|pod| {
            let log = self.site().log(&pod.name_any())?;
            Some((pod.metadata.creation_timestamp, log.text()))
        });
        logs.max_by_key(|(created, _)| created.as_ref().map(|created| created.0))
            .map(|(_, text)| text)
            .unwrap_or_default()
    }

    /// The logs of all pods that the installer has had, in order, whether the kubelet still has them or not.
    pub fn installer_logs(&self) -> Vec<String> {
        self.site().written_logs().iter().map(|log| log.text()).collect()
    }

    /// Writes into the log of the installer's newest pod, as if its container had written it then.
    pub fn write_installer_log(&self, at: Timestamp, text: &str) {
        if let Some(log) = self.site().written_logs().last() {
            log.write_at(at, text);
        }
    }

    pub(crate) fn confidential(&self) -> &Confidential {
        &self.site().confidential
    }

    fn site(&self) -> &Arc<Site> {
        self.stand_ins.site()
    }

    fn dump(&self) -> String {
        if self.plane().is_frozen() {
            return format!("== {}\nits apiserver is halted\n", self.name());
        }
        let configuration = self.cluster_configuration();
        let requests = self.audit().since(self.mark);
        let last: Vec<String> = requests
            .iter()
            .skip(requests.len().saturating_sub(LAST_REQUESTS))
            .map(|request| {
                format!("{} {} {} {}", request.code, request.verb, request.request_uri, request.user_agent)
            })
            .collect();
        let clusters = serde_json::to_string_pretty(&self.clusters()).unwrap_or_default();
        format!(
            "== {}\nspec.multicluster: {}\nstatus: {}\nclusters: {clusters}\nlast requests:\n{}\nlogs:\n{}{}\n",
            self.name(),
            configuration["spec"]["multicluster"],
            configuration["status"],
            last.join("\n"),
            self.installer_log(),
            self.controller_log()
        )
    }
}

/// The status of a condition of a Cluster.
pub fn condition<'a>(cluster: &'a Value, kind: &str) -> Option<&'a str> {
    find_condition(cluster, kind)?["status"].as_str()
}

/// The reason of a condition of a Cluster.
pub fn reason<'a>(cluster: &'a Value, kind: &str) -> Option<&'a str> {
    find_condition(cluster, kind)?["reason"].as_str()
}

fn find_condition<'a>(cluster: &'a Value, kind: &str) -> Option<&'a Value> {
    cluster["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// The clusters of a bed with what their installations look like: all know the host's secret.
fn sites(lease: &Arc<pool::Lease>, scenario: &Scenario) -> Vec<(Arc<Site>, Facts)> {
    let mut host_secret = secret::random_jwt_secret();
    let mut sites = Vec::new();
    for (index, installation) in [&scenario.host].into_iter().chain(&scenario.members).enumerate() {
        let name = if index == 0 { "host".to_owned() } else { format!("member{index}") };
        let site = Arc::new(Site::new(&name, (Arc::clone(lease), index), installation.clone()));
        let facts = Facts::new(&site, &host_secret);
        if index == 0 {
            host_secret.clone_from(&facts.jwt_secret);
        }
        sites.push((site, facts));
    }
    sites
}

/// Starts the clusters at the same time.
fn start_all(sites: Vec<(Arc<Site>, Facts)>, controller: ControllerScenario) -> Result<Vec<Cluster>, Error> {
    thread::scope(|scope| {
        let starts: Vec<_> = sites
            .into_iter()
            .map(|(site, facts)| scope.spawn(move || Cluster::start(site, facts, controller)))
            .collect();
        starts.into_iter().map(|start| start.join().expect("starting a cluster does not panic")).collect()
    })
}

/// A proxy that tells the Kubernetes version of the installation's time where that matters, or where one is wanted.
fn front(site: &Site, controller: ControllerScenario) -> Result<Option<Front>, Error> {
    let honest = site.name != "host" && controller == ControllerScenario::NoTokenSecrets;
    let told = site.version().told_kubernetes().filter(|_| !honest);
    if told.is_none() && !site.installation.has(&Peculiarity::BehindProxy) {
        return Ok(None);
    }
    let front = Front::start(site.plane())?;
    let asks =
        |method: &http::Method, uri: &http::Uri| *method == http::Method::GET && uri.path() == "/version";
    if let Some(version) = told {
        front.add(Rule::when(asks, Fault::Version(version.to_owned())));
    }
    Ok(Some(front))
}

/// One kubeconfig of all clusters, as `kubectl config view --flatten` would write it.
fn merged(clusters: &[Cluster]) -> Result<String, Error> {
    let mut merged = kube::config::Kubeconfig::default();
    for cluster in clusters {
        let access = Access {
            name: cluster.name(),
            server: &cluster.server(),
            authority: &cluster.plane().ca_pem(),
            credentials: cluster.plane().admin(),
        };
        let one = serde_yaml::from_str(&access.to_yaml()).expect("the test bed's kubeconfigs are valid");
        let invalid = |error: kube::config::KubeconfigError| Error::from(kube::Error::from(error));
        merged = merged.merge(one).map_err(invalid)?;
    }
    Ok(serde_yaml::to_string(&merged).expect("a kubeconfig serialises"))
}

/// A private key in the forms in which it could leak: as embedded, and line by line.
pub(crate) fn key_texts(credentials: &Credentials) -> Vec<String> {
    const SHORTEST: usize = 32;
    match credentials {
        Credentials::Token(token) => vec![token.clone()],
        Credentials::Certificate(identity) => {
            let lines =
                identity.key.lines().filter(|line| line.len() >= SHORTEST && !line.starts_with("-----"));
            lines.map(str::to_owned).chain([STANDARD.encode(&identity.key)]).collect()
        }
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
