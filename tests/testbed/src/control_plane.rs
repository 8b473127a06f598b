//! One throwaway cluster without nodes: etcd, kube-apiserver and kube-controller-manager on loopback.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use kube::config::{KubeConfigOptions, Kubeconfig};
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::{
    Assets, AuditLog, Error, Kubernetes, Peers, audit,
    definitions::wait_until_served,
    etcd::{Etcd, Snapshot},
    kubeconfig::{Access, Credentials, write_private},
    nodes,
    pki::{Authority, CLUSTER_VALIDITY, Identity, ServiceAccountKey, Validity},
    process::{Process, Program},
};

/// On two busy cores a control plane takes 4 s; ten times that means that it will not come.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How often a port that was taken between its choice and its use is replaced.
const PORT_ATTEMPTS: u32 = 4;

/// Below the ephemeral ports of Linux (32768) and macOS (49152), so that no outgoing connection takes one.
pub(crate) const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The user behind [`ControlPlane::kubeconfig_path`].
pub const ADMIN: &str = "kubernetes-admin";

/// The group that RBAC allows everything.
pub(crate) const MASTERS: &str = "system:masters";

/// A running cluster; dropped, its processes are killed and its folder is removed.
pub struct ControlPlane {
    name: String,
    port: u16,
    apiserver: Mutex<Process>,
    is_frozen: AtomicBool,
    controller_manager: Process,
    etcd_process: Process,
    etcd: Etcd,
    clean: Mutex<Snapshot>,
    peers: Peers,
    audit: AuditLog,
    client: kube::Client,
    keys: Keys,
    kubeconfig: PathBuf,
    assets: Assets,
    folder: TempDir,
}

/// The certificates and keys that one cluster lives on.
struct Keys {
    authority: Authority,
    front_proxy: Authority,
    service_accounts: ServiceAccountKey,
    admin: Credentials,
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
        let mut attempt = 1;
        loop {
            match Self::launch_on(assets, name, free_port()).await {
                Err(Error::Start { log, .. })
                    if log.contains("address already in use") && attempt < PORT_ATTEMPTS =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn launch_on(assets: &Assets, name: &str, port: u16) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("testbed-")
            .tempdir()
            .map_err(Error::io("create a temporary folder"))?;
        let keys = Keys::new(name)?;
        let layout = Layout { folder: folder.path(), port };
        let server = layout.server();
        let authority = keys.authority.certificate();
        keys.write(&layout)?;
        layout.write("audit-policy.yaml", audit::POLICY)?;
        let kubeconfig = layout.write(
            "kubeconfig",
            &Access { name, server: &server, authority: &authority, credentials: &keys.admin }.to_yaml(),
        )?;
        let peers = Peers::listen(&layout.path("peers.sock"))?;
        layout.write("egress.yaml", &peers.egress_selector())?;

        let etcd_process = Process::start(&layout.etcd(&assets.etcd))?;
        wait_for_socket(name, &etcd_process, &layout.path("etcd.sock")).await?;
        let apiserver = Process::start(&layout.apiserver(&assets.apiserver))?;
        let client = client(&kubeconfig).await?;
        wait_until_ready(name, &apiserver, &client).await?;
        let controller_manager = Process::start(&layout.controller_manager(&assets.controller_manager))?;
        let etcd = Etcd::new(&layout.path("etcd.sock"));
        let clean = Mutex::new(etcd.snapshot().await?);
        Ok(Self {
            name: name.to_owned(),
            port,
            apiserver: Mutex::new(apiserver),
            is_frozen: AtomicBool::new(false),
            controller_manager,
            etcd_process,
            etcd,
            clean,
            peers,
            audit: AuditLog::new(&layout.path("audit.log"), client.clone()),
            client,
            keys,
            kubeconfig,
            assets: assets.clone(),
            folder,
        })
    }

    /// The name of the cluster and of its context.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Kubernetes that it runs.
    pub fn kubernetes(&self) -> Kubernetes {
        self.assets.kubernetes
    }

    /// The apiserver's URL.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The apiserver's port on loopback, which no other control plane of this machine has.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address by which real nodes would find it; its certificate is valid for it, nobody else has it.
    pub fn address(&self) -> Ipv4Addr {
        nodes::of_plane(self.port)
    }

    /// The CA that signs the apiserver and the clients, as PEM.
    pub fn ca_pem(&self) -> String {
        self.keys.authority.certificate()
    }

    /// A kubeconfig of the cluster's administrator, self-contained, mode 0600, its one context named as the cluster.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client of the cluster's administrator; it works from every thread and runtime, and its requests are not in
    /// what [`AuditLog::since`] returns.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// A kubeconfig for another user, with a certificate; RBAC allows nothing until something is bound to it.
    pub fn kubeconfig_for(
        &self,
        user: &str,
        group: Option<&str>,
        validity: Validity,
    ) -> Result<String, Error> {
        let identity = self.identity(user, group, validity)?;
        Ok(self.kubeconfig_with(&self.name, &Credentials::Certificate(identity)))
    }

    /// A certificate of the cluster's CA for a user.
    pub(crate) fn identity(
        &self,
        user: &str,
        group: Option<&str>,
        validity: Validity,
    ) -> Result<Identity, Error> {
        self.keys.authority.client(user, group, validity)
    }

    /// The administrator's kubeconfig under another name: a leased cluster does not know yet whose part it plays.
    pub fn kubeconfig_named(&self, name: &str) -> String {
        self.kubeconfig_with(name, &self.keys.admin)
    }

    /// A kubeconfig with these credentials, whoever issued them; `name` is its context's.
    pub fn kubeconfig_with(&self, name: &str, credentials: &Credentials) -> String {
        let (server, authority) = (self.server(), self.ca_pem());
        Access { name, server: &server, authority: &authority, credentials }.to_yaml()
    }

    /// The requests that the apiserver answered.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// What the apiserver reaches when it connects to nodes, pods and services.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Kills the apiserver at once; its clients see connections cut, then refused.
    ///
    /// Never asked to stop: a graceful stop waits for minutes.
    pub fn kill_apiserver(&self) {
        self.apiserver().kill();
    }

    /// Halts the apiserver: connections are accepted and nothing is ever answered, until it is restarted.
    pub fn freeze_apiserver(&self) -> Result<(), Error> {
        self.is_frozen.store(true, Ordering::Relaxed);
        self.apiserver().freeze()
    }

    /// Whether the apiserver was halted.
    pub fn is_frozen(&self) -> bool {
        self.is_frozen.load(Ordering::Relaxed)
    }

    /// Starts the apiserver anew on the same port and state, after killing it where it runs; waits until it is ready.
    pub fn restart_apiserver(&self) -> Result<(), Error> {
        self.kill_apiserver();
        self.is_frozen.store(false, Ordering::Relaxed);
        let layout = Layout { folder: self.folder.path(), port: self.port };
        *self.apiserver() = Process::start(&layout.apiserver(&self.assets.apiserver))?;
        let begun = Instant::now();
        while !self.is_healthy() {
            let apiserver = self.apiserver();
            if !apiserver.is_running() || begun.elapsed() > READY_WITHIN {
                return Err(not_ready(&self.name, &apiserver));
            }
            drop(apiserver);
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Whether all three processes run and the apiserver is ready.
    pub fn is_healthy(&self) -> bool {
        let client = self.client();
        self.apiserver().is_running()
            && self.etcd_process.is_running()
            && self.controller_manager.is_running()
            && crate::block_on(async move { is_ready(&client).await })
    }

    /// Makes the present state the one that [`Self::wipe`] returns to, as after CRDs were installed; waits until
    /// those are served.
    pub fn mark_clean(&self) -> Result<(), Error> {
        let (etcd, client) = (self.etcd.clone(), self.client());
        let snapshot = crate::block_on(async move {
            wait_until_served(client).await?;
            etcd.snapshot().await
        })?;
        *self.clean.lock().expect("no holder panics") = snapshot;
        Ok(())
    }

    /// Returns the cluster to the state of [`Self::mark_clean`], or of its start: what was created, changed or deleted
    /// since is deleted, changed back or created again, with its uid, and whatever its finalizers.
    ///
    /// It goes past the apiserver, which follows etcd as it does for writes of another apiserver. Peers are forgotten.
    pub fn wipe(&self) -> Result<(), Error> {
        self.peers.clear();
        let clean = self.clean.lock().expect("no holder panics").clone();
        let (etcd, client) = (self.etcd.clone(), self.client());
        let restored = crate::block_on(async move {
            let restored = etcd.restore(clean).await?;
            wait_until_served(client).await.map(|()| restored)
        })?;
        *self.clean.lock().expect("no holder panics") = restored;
        Ok(())
    }

    /// The certificate by which a proxy may speak for other users in `X-Remote-User` and `X-Remote-Group`.
    pub(crate) fn front_proxy_identity(&self) -> Result<Identity, Error> {
        self.keys.front_proxy.client("front-proxy", None, CLUSTER_VALIDITY.into())
    }

    /// A certificate of the cluster's CA for another server on loopback.
    pub(crate) fn server_identity(&self) -> Result<Identity, Error> {
        self.keys.server(self.port)
    }

    /// A certificate for a component, which RBAC allows everything.
    pub(crate) fn component_identity(&self, user: &str) -> Result<Identity, Error> {
        self.keys.authority.client(user, Some(MASTERS), CLUSTER_VALIDITY.into())
    }

    /// How [`Self::kubeconfig_path`] proves who it is.
    pub(crate) fn admin(&self) -> &Credentials {
        &self.keys.admin
    }

    /// The folder that is removed with the cluster.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn apiserver(&self) -> MutexGuard<'_, Process> {
        self.apiserver.lock().expect("no holder panics")
    }
}

impl Keys {
    fn new(name: &str) -> Result<Self, Error> {
        let authority = Authority::new(&format!("{name}-ca"))?;
        let admin = authority.client(ADMIN, Some(MASTERS), CLUSTER_VALIDITY.into())?;
        Ok(Self {
            front_proxy: Authority::new(&format!("{name}-front-proxy-ca"))?,
            service_accounts: ServiceAccountKey::new()?,
            admin: Credentials::Certificate(admin),
            authority,
        })
    }

    fn server(&self, port: u16) -> Result<Identity, Error> {
        let address = nodes::of_plane(port).to_string();
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "127.0.0.1",
            "10.0.0.1",
            &address,
        ];
        self.authority.server("kube-apiserver", &names)
    }

    fn write(&self, layout: &Layout<'_>) -> Result<(), Error> {
        let server = self.server(layout.port)?;
        let manager = self.authority.client(
            "system:kube-controller-manager",
            Some(MASTERS),
            CLUSTER_VALIDITY.into(),
        )?;
        let authority = self.authority.certificate();
        let manager = Access {
            name: "controller-manager",
            server: &layout.server(),
            authority: &authority,
            credentials: &Credentials::Certificate(manager),
        };
        layout.write("ca.crt", &authority)?;
        layout.write("ca.key", &self.authority.key())?;
        layout.write("front-proxy-ca.crt", &self.front_proxy.certificate())?;
        layout.write("server.crt", &server.certificate)?;
        layout.write("server.key", &server.key)?;
        layout.write("sa.key", &self.service_accounts.private)?;
        layout.write("sa.pub", &self.service_accounts.public)?;
        layout.write("controller-manager.kubeconfig", &manager.to_yaml())?;
        Ok(())
    }
}

/// Where the files of one cluster lie, and how its programs are called.
struct Layout<'a> {
    folder: &'a Path,
    port: u16,
}

impl Layout<'_> {
    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn write(&self, file: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path(file);
        write_private(&path, text)?;
        Ok(path)
    }

    /// `--NAME=FOLDER/FILE`
    fn file(&self, name: &str, file: &str) -> OsString {
        format!("--{name}={}", self.path(file).display()).into()
    }

    fn program(&self, binary: &Path, log: &str, arguments: Vec<OsString>) -> Program {
        Program { binary: binary.to_owned(), arguments, log: self.path(log), ..Program::default() }
    }

    /// Etcd on a unix socket: one port less to find free. What it stores need not survive the machine.
    fn etcd(&self, binary: &Path) -> Program {
        let socket = format!("unix://{}", self.path("etcd.sock").display());
        let peer = "http://127.0.0.1:0";
        let mut arguments = vec![
            self.file("data-dir", "etcd"),
            format!("--listen-client-urls={socket}").into(),
            format!("--advertise-client-urls={peer}").into(), // Nobody asks; a socket is refused here.
            format!("--listen-peer-urls={peer}").into(),
            format!("--initial-advertise-peer-urls={peer}").into(),
            format!("--initial-cluster=default={peer}").into(),
        ];
        arguments.extend(["--unsafe-no-fsync", "--log-level=warn"].map(OsString::from));
        let remove = Some(self.folder.to_owned());
        Program { remove, ..self.program(binary, "etcd.log", arguments) }
    }

    fn apiserver(&self, binary: &Path) -> Program {
        let mut arguments = vec![
            format!("--etcd-servers=unix://{}", self.path("etcd.sock").display()).into(),
            format!("--secure-port={}", self.port).into(),
            self.file("tls-cert-file", "server.crt"),
            self.file("tls-private-key-file", "server.key"),
            self.file("client-ca-file", "ca.crt"),
            self.file("service-account-key-file", "sa.pub"),
            self.file("service-account-signing-key-file", "sa.key"),
            self.file("requestheader-client-ca-file", "front-proxy-ca.crt"),
            self.file("audit-policy-file", "audit-policy.yaml"),
            self.file("audit-log-path", "audit.log"),
            self.file("egress-selector-config-file", "egress.yaml"),
        ];
        let fixed = [
            "--bind-address=127.0.0.1",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            // Pods written by hand need no service account to be there first.
            "--disable-admission-plugins=ServiceAccount",
            "--allow-privileged",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            // A request is in the log before its answer is complete.
            "--audit-log-mode=blocking",
            "--kubelet-preferred-address-types=InternalIP",
            // Fairness among clients costs memory and start time, and one machine's tests need none.
            "--enable-priority-and-fairness=false",
            "--profiling=false",
        ];
        arguments.extend(fixed.map(OsString::from));
        self.program(binary, "apiserver.log", arguments)
    }

    /// Only the controllers without which tokens, client certificates, namespaces and owners would not work.
    fn controller_manager(&self, binary: &Path) -> Program {
        let mut arguments = vec![
            self.file("kubeconfig", "controller-manager.kubeconfig"),
            self.file("service-account-private-key-file", "sa.key"),
            self.file("root-ca-file", "ca.crt"),
            self.file("cluster-signing-cert-file", "ca.crt"),
            self.file("cluster-signing-key-file", "ca.key"),
        ];
        let fixed = [
            "--controllers=serviceaccount-token,serviceaccount,namespace,garbagecollector,csrsigning",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
        ];
        arguments.extend(fixed.map(OsString::from));
        self.program(binary, "controller-manager.log", arguments)
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

async fn wait_for_socket(name: &str, process: &Process, socket: &Path) -> Result<(), Error> {
    let begun = Instant::now();
    while UnixStream::connect(socket).await.is_err() {
        if !process.is_running() || begun.elapsed() > READY_WITHIN {
            return Err(not_ready(name, process));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

async fn wait_until_ready(name: &str, apiserver: &Process, client: &kube::Client) -> Result<(), Error> {
    let begun = Instant::now();
    while !is_ready(client).await {
        if !apiserver.is_running() || begun.elapsed() > READY_WITHIN {
            return Err(not_ready(name, apiserver));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn is_ready(client: &kube::Client) -> bool {
    let request = http::Request::get("/readyz").body(Vec::new()).expect("a fixed path is valid");
    let answer = tokio::time::timeout(Duration::from_secs(5), client.request_text(request)).await;
    matches!(answer, Ok(Ok(_)))
}

fn not_ready(name: &str, process: &Process) -> Error {
    let reason = if process.is_running() {
        format!("not ready within {} s", READY_WITHIN.as_secs())
    } else {
        "a process ended".to_owned()
    };
    Error::Start { name: name.to_owned(), reason, log: process.log_tail() }
}

/// A port that nobody listens on and that this process has not given out yet.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    // Processes that run at the same time begin at different places.
    let offset = u16::try_from(std::process::id() * 101 % u32::from(span)).expect("below the span of a u16");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + offset.wrapping_add(step) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
