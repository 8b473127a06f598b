//! One throwaway cluster without nodes on loopback: real processes, or a server in memory.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Assets, AuditLog, Error, Faults, Kubernetes, Peers,
    audit::{self, Recorder},
    keys::Keys,
    kubeconfig::{Access, Credentials, write_private},
    memory::{Server, Trust},
    nodes,
    pki::{CLUSTER_VALIDITY, Identity, Validity},
    processes::Processes,
};

/// How often a port that was taken between its choice and its use is replaced.
pub(crate) const PORT_ATTEMPTS: u32 = 4;

/// Below the ephemeral ports of Linux (32768) and macOS (49152), so that no outgoing connection takes one.
pub(crate) const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The user behind [`ControlPlane::kubeconfig_path`].
pub const ADMIN: &str = "kubernetes-admin";

/// The group that RBAC allows everything.
pub(crate) const MASTERS: &str = "system:masters";

/// A running cluster; dropped, it ends and its folder is removed.
pub struct ControlPlane {
    backend: Box<dyn Backend>,
    clean: Mutex<WayBack>,
    is_frozen: AtomicBool,
    kubernetes: Kubernetes,
    audit: AuditLog,
    ground: Ground,
}

/// Returns a cluster to a state that it was in, as often as wanted: what was created, changed or deleted since is deleted,
/// changed back or created again, with its uid, and whatever its finalizers.
pub type WayBack = Box<dyn FnMut() -> Result<(), Error> + Send>;

/// What answers at a control plane's address.
pub(crate) trait Backend: Send + Sync {
    /// Cuts every connection and refuses new ones.
    fn kill(&self);

    /// Accepts connections and answers nothing from now on.
    fn freeze(&self) -> Result<(), Error>;

    /// Answers again on the same port and state.
    fn restart(&self) -> Result<(), Error>;

    /// Whether all that belongs to it runs.
    fn is_running(&self) -> bool;

    /// The way back to the present state.
    fn way_back(&self) -> Result<WayBack, Error>;

    /// Forgets all earlier revisions.
    fn compact(&self) -> Result<(), Error>;

    /// What becomes of the requests that come in, where that can be told.
    fn faults(&self) -> Option<&Faults> {
        None
    }

    /// Every object by its resource, namespace and name, where that is to be seen.
    fn stored(&self) -> Option<BTreeMap<String, Arc<Value>>> {
        None
    }
}

/// What a cluster of either kind stands on.
pub(crate) struct Ground {
    name: String,
    pub(crate) port: u16,
    pub(crate) keys: Keys,
    pub(crate) peers: Arc<Peers>,
    pub(crate) client: kube::Client,
    kubeconfig: PathBuf,
    pub(crate) folder: TempDir,
}

impl Ground {
    async fn lay(name: &str, port: u16) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("testbed-")
            .tempdir()
            .map_err(Error::io("create a temporary folder"))?;
        let keys = Keys::new(name)?;
        let (server, authority) = (url(port), keys.authority.certificate());
        let access = Access { name, server: &server, authority: &authority, credentials: &keys.admin };
        let kubeconfig = folder.path().join("kubeconfig");
        write_private(&kubeconfig, &access.to_yaml())?;
        let peers = Arc::new(Peers::listen(&folder.path().join("peers.sock"))?);
        let client = client(&kubeconfig).await?;
        Ok(Self { name: name.to_owned(), port, keys, peers, client, kubeconfig, folder })
    }
}

fn url(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

impl ControlPlane {
    /// Starts a cluster and waits until it is ready; `name` is the name of its context.
    pub fn start(assets: &Assets, name: &str) -> Result<Self, Error> {
        let (assets, name) = (assets.clone(), name.to_owned());
        crate::block_on(async move { Self::launch(&assets, &name).await })
    }

    /// Starts several clusters, each by its binaries and its name, at the same time.
    pub fn start_all(starts: Vec<(Assets, String)>) -> Result<Vec<Self>, Error> {
        crate::block_on(async move {
            let starts: Vec<_> = starts
                .into_iter()
                .map(|(assets, name)| tokio::spawn(async move { Self::launch(&assets, &name).await }))
                .collect();
            let mut planes = Vec::new();
            for start in starts {
                planes.push(start.await.expect("starting a control plane does not panic")?);
            }
            Ok(planes)
        })
    }

    /// As [`Self::start`], for who is on a runtime already; it must be [`crate::runtime`].
    pub async fn launch(assets: &Assets, name: &str) -> Result<Self, Error> {
        on_free_port(|port| Self::launch_on(assets, name, port)).await
    }

    async fn launch_on(assets: &Assets, name: &str, port: u16) -> Result<Self, Error> {
        let ground = Ground::lay(name, port).await?;
        let processes = Processes::start(assets, name, &ground).await?;
        Ok(Self {
            audit: AuditLog::of_file(&processes.audit_log(), ground.client.clone()),
            clean: Mutex::new(processes.way_back()?),
            backend: Box::new(processes),
            is_frozen: AtomicBool::new(false),
            kubernetes: assets.kubernetes,
            ground,
        })
    }

    /// A cluster in memory, which is there at once and answers as one of this Kubernetes.
    pub async fn launch_in_memory(name: &str, kubernetes: Kubernetes) -> Result<Self, Error> {
        on_free_port(|port| Self::launch_in_memory_on(name, kubernetes, port)).await
    }

    async fn launch_in_memory_on(name: &str, kubernetes: Kubernetes, port: u16) -> Result<Self, Error> {
        let mut ground = Ground::lay(name, port).await?;
        let trust = Trust {
            authority: Arc::clone(&ground.keys.authority),
            front_proxy: ground.keys.front_proxy.certificate(),
            server: ground.keys.server(ground.port)?,
        };
        let recorder = Recorder::default();
        let peers = Arc::clone(&ground.peers);
        let server = Server::start(ground.port, kubernetes, trust, peers, recorder.clone()).await?;
        ground.client = server.client();
        Ok(Self {
            clean: Mutex::new(server.way_back()?),
            backend: Box::new(server),
            is_frozen: AtomicBool::new(false),
            kubernetes,
            audit: AuditLog::in_memory(recorder),
            ground,
        })
    }

    /// The name of the cluster and of its context.
    pub fn name(&self) -> &str {
        &self.ground.name
    }

    /// The Kubernetes that it runs.
    pub fn kubernetes(&self) -> Kubernetes {
        self.kubernetes
    }

    /// The apiserver's URL.
    pub fn server(&self) -> String {
        url(self.ground.port)
    }

    /// The apiserver's port on loopback, which no other control plane of this machine has.
    pub(crate) fn port(&self) -> u16 {
        self.ground.port
    }

    /// The address by which real nodes would find it; its certificate is valid for it, nobody else has it.
    pub fn address(&self) -> Ipv4Addr {
        nodes::of_plane(self.ground.port)
    }

    /// The CA that signs the apiserver and the clients, as PEM.
    pub fn ca_pem(&self) -> String {
        self.ground.keys.authority.certificate()
    }

    /// A kubeconfig of the cluster's administrator, self-contained, mode 0600, its one context named as the cluster.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.ground.kubeconfig
    }

    /// A client of the cluster's administrator; it works from every thread and runtime, and its requests are not in
    /// what [`AuditLog::since`] returns.
    pub fn client(&self) -> kube::Client {
        self.ground.client.clone()
    }

    /// A kubeconfig for another user, with a certificate; RBAC allows nothing until something is bound to it.
    pub fn kubeconfig_for(
        &self,
        user: &str,
        group: Option<&str>,
        validity: Validity,
    ) -> Result<String, Error> {
        let identity = self.identity(user, group, validity)?;
        Ok(self.kubeconfig_with(&self.ground.name, &Credentials::Certificate(identity)))
    }

    /// A certificate of the cluster's CA for a user.
    pub(crate) fn identity(
        &self,
        user: &str,
        group: Option<&str>,
        validity: Validity,
    ) -> Result<Identity, Error> {
        self.ground.keys.authority.client(user, group, validity)
    }

    /// The administrator's kubeconfig under another name: a leased cluster does not know yet whose part it plays.
    pub fn kubeconfig_named(&self, name: &str) -> String {
        self.kubeconfig_with(name, &self.ground.keys.admin)
    }

    /// A kubeconfig with these credentials, whoever issued them; `name` is its context's.
    pub fn kubeconfig_with(&self, name: &str, credentials: &Credentials) -> String {
        let (server, authority) = (self.server(), self.ca_pem());
        Access { name, server: &server, authority: &authority, credentials }.to_yaml()
    }

    /// Forgets all earlier revisions, as etcd does after some minutes.
    pub fn compact(&self) -> Result<(), Error> {
        self.backend.compact()
    }

    /// What becomes of requests to a server in memory; before a real one stands a [`crate::Front`].
    ///
    /// # Panics
    /// When it is a real one.
    pub fn faults(&self) -> &Faults {
        self.backend.faults().expect("a server in memory")
    }

    /// Everything that a server in memory stores, by resource, namespace and name; nothing of a real one.
    pub fn stored(&self) -> Option<BTreeMap<String, Arc<Value>>> {
        self.backend.stored()
    }

    /// The requests that the apiserver answered.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// What the apiserver reaches when it connects to nodes, pods and services.
    pub fn peers(&self) -> &Peers {
        &self.ground.peers
    }

    /// Kills the apiserver at once; its clients see connections cut, then refused.
    pub fn kill_apiserver(&self) {
        self.backend.kill();
    }

    /// Halts the apiserver: connections are accepted and nothing is ever answered, until it is restarted.
    pub fn freeze_apiserver(&self) -> Result<(), Error> {
        self.is_frozen.store(true, Ordering::Relaxed);
        self.backend.freeze()
    }

    /// Whether the apiserver was halted.
    pub fn is_frozen(&self) -> bool {
        self.is_frozen.load(Ordering::Relaxed)
    }

    /// Starts the apiserver anew on the same port and state, after killing it where it runs; waits until it is ready.
    pub fn restart_apiserver(&self) -> Result<(), Error> {
        self.backend.kill();
        self.is_frozen.store(false, Ordering::Relaxed);
        self.backend.restart()
    }

    /// Whether all that belongs to it runs and is ready.
    pub fn is_healthy(&self) -> bool {
        self.backend.is_running()
    }

    /// The way back to the present state; waits until all custom resources are served. Whoever plays on the cluster plays
    /// on, and its peers stay.
    pub fn way_back(&self) -> Result<WayBack, Error> {
        self.backend.way_back()
    }

    /// Makes the present state the one that [`Self::wipe`] returns to, as after CRDs were installed.
    pub fn mark_clean(&self) -> Result<(), Error> {
        let way_back = self.way_back()?;
        *self.clean() = way_back;
        Ok(())
    }

    /// Returns the cluster to the state of [`Self::mark_clean`], or of its start. Peers are forgotten.
    pub fn wipe(&self) -> Result<(), Error> {
        self.ground.peers.clear();
        (*self.clean())()
    }

    fn clean(&self) -> MutexGuard<'_, WayBack> {
        self.clean.lock().expect("no holder panics")
    }

    /// The certificate by which a proxy may speak for other users in `X-Remote-User` and `X-Remote-Group`.
    pub(crate) fn front_proxy_identity(&self) -> Result<Identity, Error> {
        self.ground.keys.front_proxy.client("front-proxy", None, CLUSTER_VALIDITY.into())
    }

    /// A certificate of the cluster's CA for another server on loopback.
    pub(crate) fn server_identity(&self) -> Result<Identity, Error> {
        self.ground.keys.server(self.ground.port)
    }

    /// A certificate for a component, which RBAC allows everything.
    pub(crate) fn component_identity(&self, user: &str) -> Result<Identity, Error> {
        self.ground.keys.authority.client(user, Some(MASTERS), CLUSTER_VALIDITY.into())
    }

    /// How [`Self::kubeconfig_path`] proves who it is.
    pub(crate) fn admin(&self) -> &Credentials {
        &self.ground.keys.admin
    }

    /// The folder that is removed with the cluster.
    pub(crate) fn folder(&self) -> &Path {
        self.ground.folder.path()
    }
}

async fn client(kubeconfig: &Path) -> Result<kube::Client, Error> {
    let invalid = |error: kube::config::KubeconfigError| Error::from(kube::Error::from(error));
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(invalid)?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(invalid)?;
    config.default_retry = false; // It repeats a 503 silently for minutes, also while this test bed waits for readiness.
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(audit::OWN_AGENT)));
    Ok(kube::Client::try_from(config)?)
}

/// Launches on a port, and on another one where somebody was faster.
async fn on_free_port<L>(launch: impl Fn(u16) -> L) -> Result<ControlPlane, Error>
where
    L: Future<Output = Result<ControlPlane, Error>>,
{
    for _ in 1..PORT_ATTEMPTS {
        match launch(free_port()).await {
            Err(error) if error.is_taken_port() => {}
            outcome => return outcome,
        }
    }
    launch(free_port()).await
}

/// A port that nobody listens on or has reserved, and that this process has not given out yet.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    // Processes that run at the same time begin at different places.
    let offset = u16::try_from(std::process::id() * 101 % u32::from(span)).expect("below the span of a u16");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + offset.wrapping_add(step) % span;
        let address = ("127.0.0.1", port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
}
