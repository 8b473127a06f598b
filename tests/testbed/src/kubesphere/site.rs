//! One cluster with one installation, as all of its stand-ins share it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Installation, Peculiarity, Version,
    configuration::Loaded,
    installer_log::Log,
    objects, pace,
    scenario::{InstallerScenario, Lasting},
    secret::{self, Confidential},
    webhook::Endpoint,
};
use crate::{ControlPlane, Lease};

/// The default password of `admin` where none was generated.
///
/// Source: ks-installer `roles/ks-core/init-token@v3.4.1`; the comment on `adminPassword` in
/// `deploy/cluster-configuration.yaml@v3.4.1`.
pub const DEFAULT_PASSWORD: &str = "P@88w0rd";

/// A cluster and what is known of the installation on it.
pub struct Site {
    /// The context's name: `host`, `member1`, …
    pub name: String,
    lease: Arc<Lease>,
    index: usize,
    /// What was installed there.
    pub installation: Installation,
    /// The values that must not appear in any output.
    pub confidential: Confidential,
    /// What ks-apiserver and ks-controller-manager have loaded of kubesphere-config.
    pub loaded: watch::Sender<Option<Loaded>>,
    /// The pod in which ks-controller-manager runs.
    pub controller: watch::Sender<Option<String>>,
    /// What ks-controller-manager answers the apiserver before a Cluster is updated.
    pub webhook: Endpoint,
    /// The address of the only node, for the kubelet.
    pub node_address: String,
    logs: Mutex<HashMap<String, Arc<Log>>>,
    written: Mutex<Vec<Arc<Log>>>,
    faults: Mutex<Vec<String>>,
    missing_images: Mutex<Vec<String>>,
    password: String,
}

impl Site {
    /// The leased cluster of this index, which is about to get this installation.
    pub fn new(name: &str, (lease, index): (Arc<Lease>, usize), installation: Installation) -> Self {
        let confidential = Confidential::default();
        let generated = installation.version.keeps_initial_password();
        let password = if generated { secret::random_secret(16) } else { DEFAULT_PASSWORD.to_owned() };
        confidential.add(password.clone());
        let missing = installation.peculiarities.iter().filter_map(|peculiarity| match peculiarity {
            Peculiarity::ImageMissing(part) => Some(part.clone()),
            _ => None,
        });
        let missing_images = Mutex::new(missing.collect());
        Self {
            name: name.to_owned(),
            lease,
            index,
            installation,
            confidential,
            loaded: watch::Sender::new(None),
            controller: watch::Sender::new(None),
            webhook: Endpoint::default(),
            node_address: unused_address(),
            logs: Mutex::default(),
            written: Mutex::default(),
            faults: Mutex::default(),
            missing_images,
            password,
        }
    }

    /// Whether no registry has this image any more.
    pub fn lacks_image(&self, image: &str) -> bool {
        let missing = self.missing_images.lock().expect("no holder panics");
        missing.iter().any(|part| image.contains(part.as_str()))
    }

    /// Lets all images be pulled from now on.
    pub fn bring_images(&self) {
        self.missing_images.lock().expect("no holder panics").clear();
    }

    /// The cluster.
    pub fn plane(&self) -> &ControlPlane {
        &self.lease[self.index]
    }

    /// The stand-ins' client.
    pub fn client(&self) -> Client {
        self.plane().client()
    }

    /// The version that is installed.
    pub fn version(&self) -> Version {
        self.installation.version
    }

    /// The administrator's first password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The name of the only node.
    pub fn node(&self) -> String {
        format!("{}-node1", self.name)
    }

    /// Passes a duration at this installation's pace.
    pub async fn pass(&self, real: Duration) {
        tokio::time::sleep(self.installation.pace.of(real)).await;
    }

    /// How long a new pod of a Deployment takes to run.
    pub fn pods_start_within(&self) -> Duration {
        let slow = self.installation.has(&Peculiarity::SlowPods);
        pace::POD_STARTS * if slow { InstallerScenario::SLOWNESS } else { 1 }
    }

    /// Passes a duration of the installer's, which may be slower.
    pub async fn take(&self, real: Duration) {
        let slowness = match self.installation.installer {
            InstallerScenario::Slow => InstallerScenario::SLOWNESS,
            InstallerScenario::UnderWay | InstallerScenario::Recreated => InstallerScenario::LONG_ENOUGH,
            _ => 1,
        };
        self.pass(real * slowness).await;
    }

    /// Whether a failure of this scenario strikes a pod after so many restarts.
    pub fn strikes(&self, scenario: InstallerScenario, restarts: usize) -> bool {
        let lasts = restarts == 0 || self.installation.lasting == Lasting::Forever;
        self.installation.installer == scenario && lasts
    }

    /// The log of a pod of the installer's.
    pub fn log(&self, pod: &str) -> Option<Arc<Log>> {
        self.logs().get(pod).cloned()
    }

    /// Writes a line into the log of a Deployment's pods, where they have one.
    pub fn tell(&self, deployment: &str, line: &str) {
        let prefix = format!("{deployment}-");
        for (_, log) in self.logs().iter().filter(|(pod, _)| pod.starts_with(&prefix)) {
            log.write(line);
        }
    }

    /// A new log for a pod.
    pub fn open_log(&self, pod: &str) -> Arc<Log> {
        let log = Arc::new(Log::default());
        self.logs().insert(pod.to_owned(), Arc::clone(&log));
        self.written.lock().expect("no holder panics").push(Arc::clone(&log));
        log
    }

    /// Every log that was ever opened, those that are gone with their pods included, in order.
    pub fn written_logs(&self) -> Vec<Arc<Log>> {
        self.written.lock().expect("no holder panics").clone()
    }

    /// Ends a pod's log and forgets it, as it goes with its pod.
    pub fn close_log(&self, pod: &str) {
        if let Some(log) = self.logs().remove(pod) {
            log.end();
        }
    }

    /// Notes a request that the apiserver found wrong: then a stand-in is, and the bed fails with it. Conflicts, objects
    /// that are gone and an apiserver that is away belong to the play.
    pub fn note(&self, what: &str, error: &kube::Error) {
        const WRONG: [u16; 5] = [400, 403, 405, 415, 422];
        if WRONG.iter().any(|code| objects::has_code(error, *code)) {
            self.faults.lock().expect("no holder panics").push(format!("{}: {what}: {error}", self.name));
        }
    }

    /// What stand-ins could not do.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().expect("no holder panics").clone()
    }

    /// The text of `kubesphere.yaml` on the apiserver, if it is there.
    pub async fn configuration(&self) -> kube::Result<Option<String>> {
        let config = objects::config_maps(&self.client()).get_opt("kubesphere-config").await?;
        Ok(config.and_then(|config| config.data["data"]["kubesphere.yaml"].as_str().map(str::to_owned)))
    }

    /// Loads the configuration, as a starting process does.
    pub async fn load_configuration(&self) -> kube::Result<()> {
        let text = self.configuration().await?.unwrap_or_default();
        let loaded = Some(Loaded::read(&text, self.version()));
        self.loaded.send_if_modified(|current| {
            let changed = *current != loaded;
            *current = loaded;
            changed
        });
        Ok(())
    }

    /// Adds to `status` of the ClusterConfiguration with a merge patch, as all roles of the installer do.
    pub async fn patch_status(&self, status: Value) -> kube::Result<()> {
        let api = objects::cluster_configurations(&self.client());
        let patch = serde_json::json!({ "status": status });
        objects::merge(&api, objects::INSTALLER, &patch).await.map(drop)
    }

    fn logs(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Log>>> {
        self.logs.lock().expect("no holder panics")
    }
}

/// An address that no pod or node of this process has had: an apiserver keeps its connections to those of earlier beds.
///
/// From the network that RFC 2544 keeps for tests between networks.
pub fn unused_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("198.18.{high}.{low}")
}

/// `{"status": "enabled", "enabledTime": …}`, the status of a component.
pub fn enabled_now() -> Value {
    serde_json::json!({"status": "enabled", "enabledTime": super::clock::enabled(Timestamp::now())})
}
