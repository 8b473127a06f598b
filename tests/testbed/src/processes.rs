//! A cluster of real processes: etcd, kube-apiserver and kube-controller-manager.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use tokio::net::UnixStream;

use crate::{
    Assets, Error, audit,
    control_plane::{Backend, Ground, MASTERS, WayBack},
    definitions::wait_until_served,
    etcd::Etcd,
    kubeconfig::{Access, Credentials, write_private},
    pki::CLUSTER_VALIDITY,
    process::{Process, Program},
};

/// On two busy cores a control plane takes 4 s; ten times that means that it will not come.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Its processes; dropped, they are killed.
pub(crate) struct Processes {
    name: String,
    layout: Layout,
    apiserver: Mutex<Process>,
    controller_manager: Process,
    etcd_process: Process,
    etcd: Etcd,
    client: kube::Client,
    assets: Assets,
}

impl Processes {
    /// Starts them and waits until they are ready.
    pub(crate) async fn start(assets: &Assets, name: &str, ground: &Ground) -> Result<Self, Error> {
        let layout = Layout { folder: ground.folder.path().to_owned(), port: ground.port };
        layout.write_keys(ground)?;
        layout.write("audit-policy.yaml", audit::POLICY)?;
        layout.write("egress.yaml", &ground.peers.egress_selector())?;
        let etcd_process = Process::start(&layout.etcd(&assets.etcd))?;
        wait_for_socket(name, &etcd_process, &layout.path("etcd.sock")).await?;
        let apiserver = Process::start(&layout.apiserver(&assets.apiserver))?;
        wait_until_ready(name, &apiserver, &ground.client).await?;
        let controller_manager = Process::start(&layout.controller_manager(&assets.controller_manager))?;
        let etcd = Etcd::new(&layout.path("etcd.sock"));
        Ok(Self {
            name: name.to_owned(),
            layout,
            apiserver: Mutex::new(apiserver),
            controller_manager,
            etcd_process,
            etcd,
            client: ground.client.clone(),
            assets: assets.clone(),
        })
    }

    /// Where the apiserver writes what it answered.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.layout.path("audit.log")
    }

    fn apiserver(&self) -> MutexGuard<'_, Process> {
        self.apiserver.lock().expect("no holder panics")
    }
}

impl Backend for Processes {
    /// Never asked to stop: a graceful stop waits for minutes.
    fn kill(&self) {
        self.apiserver().kill();
    }

    fn freeze(&self) -> Result<(), Error> {
        self.apiserver().freeze()
    }

    fn restart(&self) -> Result<(), Error> {
        *self.apiserver() = Process::start(&self.layout.apiserver(&self.assets.apiserver))?;
        let begun = Instant::now();
        while !self.is_running() {
            let apiserver = self.apiserver();
            if !apiserver.is_running() || begun.elapsed() > READY_WITHIN {
                return Err(not_ready(&self.name, &apiserver));
            }
            drop(apiserver);
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn is_running(&self) -> bool {
        let client = self.client.clone();
        self.apiserver().is_running()
            && self.etcd_process.is_running()
            && self.controller_manager.is_running()
            && crate::block_on(async move { is_ready(&client).await })
    }

    /// It goes past the apiserver, which follows etcd as it does for writes of another apiserver.
    fn way_back(&self) -> Result<WayBack, Error> {
        let (etcd, client) = (self.etcd.clone(), self.client.clone());
        let mut snapshot = crate::block_on(async move {
            wait_until_served(client).await?;
            etcd.snapshot().await
        })?;
        let (etcd, client) = (self.etcd.clone(), self.client.clone());
        Ok(Box::new(move || {
            let (etcd, client, earlier) = (etcd.clone(), client.clone(), snapshot.clone());
            snapshot = crate::block_on(async move {
                let restored = etcd.restore(earlier).await?;
                wait_until_served(client).await.map(|()| restored)
            })?;
            Ok(())
        }))
    }

    fn compact(&self) -> Result<(), Error> {
        let etcd = self.etcd.clone();
        crate::block_on(async move { etcd.compact().await })
    }
}

/// Where the files of one cluster lie, and how its programs are called.
struct Layout {
    folder: PathBuf,
    port: u16,
}

impl Layout {
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

    fn write_keys(&self, ground: &Ground) -> Result<(), Error> {
        let keys = &ground.keys;
        let server = keys.server(self.port)?;
        let manager = keys.authority.client(
            "system:kube-controller-manager",
            Some(MASTERS),
            CLUSTER_VALIDITY.into(),
        )?;
        let authority = keys.authority.certificate();
        let manager = Access {
            name: "controller-manager",
            server: &self.server(),
            authority: &authority,
            credentials: &Credentials::Certificate(manager),
        };
        self.write("ca.crt", &authority)?;
        self.write("ca.key", &keys.authority.key())?;
        self.write("front-proxy-ca.crt", &keys.front_proxy.certificate())?;
        self.write("server.crt", &server.certificate)?;
        self.write("server.key", &server.key)?;
        self.write("sa.key", &keys.service_accounts.private)?;
        self.write("sa.pub", &keys.service_accounts.public)?;
        self.write("controller-manager.kubeconfig", &manager.to_yaml())?;
        Ok(())
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
        let remove = Some(self.folder.clone());
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
