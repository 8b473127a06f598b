//! The installer: shell-operator with one hook, played against a real apiserver.
//!
//! Source: ks-installer `controller/installRunner.py` and `playbooks/` at each tag; shell-operator `v1.0.0-beta.5`.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{
    Version,
    configuration::Rendering,
    devops,
    fixture::{self, Facts},
    installer_log::Log,
    installer_text as text, kubefed,
    objects::{self, FEDERATION, INSTALLER, SYSTEM},
    pace,
    scenario::InstallerScenario,
    secret,
    site::{Site, enabled_now},
    specification, webhook,
};

/// How long one of the first four plays takes.
const PLAY: Duration = Duration::from_secs(9);
/// How long the components take, together.
const COMPONENTS: Duration = Duration::from_secs(8);
/// How long kubefed takes where it is not installed yet.
const KUBEFED: Duration = Duration::from_secs(12);
/// How long `ks-config.yaml` takes.
const CONFIG: Duration = Duration::from_secs(6);
/// How long `result-info.yaml` takes.
const RESULT: Duration = Duration::from_secs(9);
/// How long a migration works on the object it has read: what is written meanwhile is lost.
const MIGRATION: Duration = Duration::from_secs(18);
/// How long the object is away during a migration.
const AWAY: Duration = Duration::from_secs(6);

/// The characters that neither the shell nor YAML's double quotes mind (kubesphere.md section 3).
const HARMLESS: &str = "._~+/=-";

/// One pod of the installer's.
pub struct Installer {
    site: Arc<Site>,
    log: Arc<Log>,
    restarts: usize,
    known: Option<String>,
}

/// How the hook's process ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// With 0, which says nothing of success.
    Zero,
    /// With 1: shell-operator tries again.
    One,
}

/// What one run works on: the object as it was read at the beginning, whatever happens to it meanwhile.
struct Run {
    spec: Value,
    status: Value,
}

impl Installer {
    /// A new pod with an empty log: the ClusterConfiguration is new to it and starts a run.
    pub fn started(site: Arc<Site>, log: Arc<Log>, restarts: usize) -> Self {
        log.write(&text::startup(Timestamp::now()));
        Self { site, log, restarts, known: None }
    }

    /// The pod that made the installation long ago and has been idle since; its log tells of that.
    pub fn idle(site: Arc<Site>, log: Arc<Log>, facts: &Facts) -> Self {
        let installer = Self { known: Some(checksum(&facts.wanted)), restarts: 0, site, log };
        installer.write_history(facts);
        installer
    }

    /// Works until it is killed.
    pub async fn operate(self) {
        let (queue, tasks) = unbounded_channel();
        let known = self.known.clone();
        tokio::join!(self.watch(known, queue), self.work(tasks));
    }

    /// Queues a task for every change of the spec; nothing else of the object counts.
    ///
    /// Source: ks-installer `controller/installRunner.py@v3.4.1:26-40` (`"jqFilter": ".spec"`).
    async fn watch(&self, mut known: Option<String>, queue: UnboundedSender<()>) {
        let api = objects::cluster_configurations(&self.site.client());
        let config = watcher::Config::default().fields(&format!("metadata.name={INSTALLER}"));
        let mut events = watcher(api, config).boxed();
        loop {
            match events.try_next().await {
                Ok(Some(Event::Apply(object) | Event::InitApply(object))) => {
                    let seen = Some(checksum(&object.data["spec"]));
                    if seen != known {
                        known = seen;
                        self.log.write(&text::event(Timestamp::now(), &event_id()));
                        let _ = queue.send(());
                    }
                }
                Ok(Some(Event::Delete(_))) => known = None,
                Ok(Some(Event::Init | Event::InitDone)) => {}
                Ok(None) => return,
                Err(_) => tokio::time::sleep(pace::scaled(pace::HOOK_DELAY)).await,
            }
        }
    }

    /// Runs the queued tasks one after the other; a failed hook is run again for ever.
    async fn work(&self, mut tasks: UnboundedReceiver<()>) {
        let mut failures = 0;
        while tasks.recv().await.is_some() {
            self.site.take(pace::HOOK_DELAY).await;
            while self.hook(failures).await == Exit::One {
                failures += 1;
                self.log.write(&text::hook_failed(Timestamp::now(), failures));
                self.site.take(pace::HOOK_RETRY).await;
            }
            failures = 0;
        }
    }

    async fn hook(&self, failures: usize) -> Exit {
        self.log.write(&text::run_begins(Timestamp::now()));
        let crashes = self.site.strikes(InstallerScenario::HookCrashed, self.restarts.max(failures));
        self.site.take(Duration::from_secs(1)).await;
        let outcome = if crashes { Ok(Exit::One) } else { self.run().await };
        // Without an apiserver the hook's first request raises; the tasks' kubectl fails a little later.
        let exit = outcome.unwrap_or_else(|error| {
            self.site.note("installer", &error);
            Exit::One
        });
        if exit == Exit::One {
            self.log.write(text::TRACEBACK);
        }
        exit
    }

    async fn run(&self) -> kube::Result<Exit> {
        let api = objects::cluster_configurations(&self.site.client());
        let Some(object) = api.get_opt(INSTALLER).await? else { return Ok(Exit::Zero) };
        if let Some(migrated) = migrated(&object.data, self.site.version()) {
            self.recreate(migrated).await?;
            return Ok(Exit::Zero);
        }
        let run = Run { spec: object.data["spec"].clone(), status: object.data["status"].clone() };
        for (index, play) in text::PLAYS.iter().enumerate() {
            self.site.take(PLAY).await;
            if let Some(failed) = self.play(index, &run).await? {
                self.log.write(&failed);
                return Ok(Exit::Zero);
            }
            self.log.write(&play.succeeded());
        }
        self.second_part(&run).await?;
        Ok(Exit::Zero)
    }

    /// Deletes the object and creates it anew: name, namespace and version label, the spec as it was read, the
    /// cluster's id.
    async fn recreate(&self, migrated: Value) -> kube::Result<()> {
        let client = self.site.client();
        self.site.take(MIGRATION).await;
        objects::remove(&objects::cluster_configurations(&client), INSTALLER).await?;
        self.log.write(text::DELETED);
        self.site.take(AWAY).await;
        let mut object = migrated;
        object["metadata"] = json!({
            "name": INSTALLER, "namespace": SYSTEM, "labels": {"version": self.site.version().release()},
        });
        objects::create(&client, &object).await?;
        self.log.write(text::CREATED);
        Ok(())
    }

    /// Plays one of the first four; the text of its failure, if it fails.
    async fn play(&self, index: usize, run: &Run) -> kube::Result<Option<String>> {
        let play = &text::PLAYS[index];
        match index {
            0 if !self.storage_class_exists(run).await? => Ok(Some(play.failed(
                1,
                "preinstall : KubeSphere | Stopping if default StorageClass was not found",
                "{\n    \"assertion\": \"\\\"(default)\\\" in default_storage_class_check.stdout\",\n    \"changed\": false,\n    \
                 \"evaluated_to\": false,\n    \"msg\": \"Default StorageClass was not found !\"\n}",
            ))),
            2 if run.role() == "host" => {
                let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FEDERATION}});
                objects::ensure(&self.site.client(), &namespace).await?;
                Ok(None)
            }
            3 => {
                if let Some(failure) = self.init_token(run).await? {
                    let task = "ks-core/init-token : KubeSphere | Creating KubeSphere Secret";
                    return Ok(Some(play.failed(0, task, &failure)));
                }
                if self.site.version().validates_clusters() {
                    webhook::renew(&self.site).await?;
                }
                self.site.patch_status(json!({ "core": enabled_now() })).await?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Source: ks-installer `roles/preinstall/tasks/precheck.yaml@v3.4.1`.
    async fn storage_class_exists(&self, run: &Run) -> kube::Result<bool> {
        if self.site.strikes(InstallerScenario::StorageClassMissing, self.restarts) {
            return Ok(false);
        }
        let named = run.spec["persistence"]["storageClass"].as_str().unwrap_or_default();
        let api = objects::objects(&self.site.client(), "storage.k8s.io/v1", "StorageClass", None);
        let is_default = |annotations: &std::collections::BTreeMap<String, String>| {
            annotations
                .get("storageclass.kubernetes.io/is-default-class")
                .is_some_and(|value| value == "true")
        };
        let classes = api.list(&kube::api::ListParams::default()).await?;
        Ok(classes.items.iter().any(|class| {
            let name = class.metadata.name.as_deref().unwrap_or_default();
            name == named || named.is_empty() && class.metadata.annotations.as_ref().is_some_and(is_default)
        }))
    }

    /// A value in the spec replaces the Secret, an empty one keeps it, a missing key fails, and one that the shell
    /// takes apart fails after the Secret was deleted.
    ///
    /// Source: ks-installer `roles/ks-core/init-token/tasks/main.yaml@v3.4.1:19-70`.
    async fn init_token(&self, run: &Run) -> kube::Result<Option<String>> {
        let authentication = &run.spec["authentication"];
        let wanted = authentication["jwtSecret"].as_str().unwrap_or_default();
        if authentication.is_object() && authentication.get("jwtSecret").is_none() {
            return Ok(Some(UNDEFINED.to_owned()));
        }
        if wanted.is_empty() {
            fixture::create_secret(&self.site, &secret::random_jwt_secret()).await?;
            return Ok(None);
        }
        let secrets = objects::objects(&self.site.client(), "v1", "Secret", Some(SYSTEM));
        objects::remove(&secrets, "kubesphere-secret").await?;
        if !wanted.chars().all(|c| c.is_ascii_alphanumeric() || HARMLESS.contains(c)) {
            return Ok(Some(UNQUOTED.to_owned()));
        }
        fixture::create_secret(&self.site, wanted).await?;
        Ok(None)
    }

    /// Components, configuration, result. What Python prints is buffered until it exits; what it logs is not.
    async fn second_part(&self, run: &Run) -> kube::Result<()> {
        let mut printed = self.components(run).await?;
        let succeeded = printed.is_empty();
        self.log.write(text::COLLECTING);
        self.site.take(CONFIG).await;
        if self.site.strikes(InstallerScenario::ConfigNeverWritten, self.restarts) {
            printed.push(text::CONFIG_FAILED.to_owned());
        } else {
            self.write_configuration(run).await?;
            self.site.take(RESULT).await;
            self.write_configuration(run).await?;
            if self.site.strikes(InstallerScenario::ResultInfoFailed, self.restarts) {
                printed.push(text::RESULT_FAILED.to_owned());
            } else {
                self.finish(run, succeeded).await?;
            }
        }
        for text in &printed {
            self.log.write(text);
        }
        Ok(())
    }

    /// Runs the components at the same time; returns what each failed one will print.
    async fn components(&self, run: &Run) -> kube::Result<Vec<String>> {
        let components = text::components(&run.spec, self.site.version());
        for component in &components {
            self.log.write(&text::started(component));
        }
        self.log.write(text::WAITING);
        let mut ended = components.clone();
        ended.sort_by_key(|component| component == "multicluster"); // Kubefed takes longest.
        let mut printed = Vec::new();
        for (index, component) in ended.iter().enumerate() {
            self.site.take(COMPONENTS / u32::try_from(ended.len()).unwrap_or(1)).await;
            let failure = self.component(component, run).await?;
            let status = if failure.is_some() { "failed" } else { "successful" };
            self.log.write(&text::ended(component, status, index + 1, ended.len()));
            printed.extend(failure);
        }
        Ok(printed)
    }

    async fn component(&self, component: &str, run: &Run) -> kube::Result<Option<String>> {
        match component {
            "multicluster" => self.multicluster(run).await,
            "monitoring" if self.site.strikes(InstallerScenario::ComponentFailed, self.restarts) => {
                let error = "Error from server: etcdserver: request timed out";
                Ok(Some(text::component_failed(
                    component,
                    "ks-monitor",
                    "ks-monitor | Installing prometheus",
                    error,
                )))
            }
            "devops" if run.status["devops"]["status"] == "enabled" => Ok(None),
            "devops" => {
                devops::install(&self.site, &self.jwt_secret().await?).await?;
                self.site.patch_status(json!({"devops": enabled_now()})).await.map(|()| None)
            }
            "openpitrix" | "network" => Ok(None),
            _ => self.site.patch_status(json!({ component: enabled_now() })).await.map(|()| None),
        }
    }

    /// Installs kubefed on a host, once.
    ///
    /// Source: ks-installer `playbooks/multicluster.yaml@v3.4.1:8-10`.
    async fn multicluster(&self, run: &Run) -> kube::Result<Option<String>> {
        if run.role() != "host" || run.status["multicluster"]["status"] == "enabled" {
            return Ok(None);
        }
        self.site.take(KUBEFED).await;
        if self.site.strikes(InstallerScenario::MulticlusterFailed, self.restarts) {
            let error = "Error: UPGRADE FAILED: \"kubefed\" has no deployed releases";
            let task = "Kubefed | Initing kube-federation-system";
            return Ok(Some(text::component_failed("multicluster", "ks-multicluster", task, error)));
        }
        kubefed::install(&self.site).await?;
        self.site.patch_status(json!({ "multicluster": enabled_now() })).await?;
        Ok(None)
    }

    /// Renders from the Secret, not from the spec, and restarts the core where the version does.
    async fn write_configuration(&self, run: &Run) -> kube::Result<()> {
        let jwt_secret = self.jwt_secret().await?;
        let rendering = Rendering { version: self.site.version(), spec: &run.spec, jwt_secret: &jwt_secret };
        fixture::apply_configuration(&self.site.client(), &rendering.text()).await?;
        if self.site.version().installer_restarts_the_core() {
            self.restart("ks-apiserver").await?;
            self.restart("ks-controller-manager").await?;
        }
        Ok(())
    }

    /// The value of Secret kubesphere-secret, without the line breaks at its end: Ansible drops them.
    async fn jwt_secret(&self) -> kube::Result<String> {
        let secrets = objects::objects(&self.site.client(), "v1", "Secret", Some(SYSTEM));
        let secret = secrets.get_opt("kubesphere-secret").await?;
        let encoded = secret.and_then(|secret| secret.data["data"]["secret"].as_str().map(str::to_owned));
        let jwt_secret = encoded.and_then(|text| secret::base64_decoded(&text)).unwrap_or_default();
        Ok(String::from_utf8_lossy(&jwt_secret).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// `kubectl rollout restart`.
    async fn restart(&self, deployment: &str) -> kube::Result<()> {
        let deployments = objects::objects(&self.site.client(), "apps/v1", "Deployment", Some(SYSTEM));
        let at = Timestamp::now().to_string();
        let annotations = json!({"kubectl.kubernetes.io/restartedAt": at});
        let patch = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        objects::merge(&deployments, deployment, &patch).await.map(drop)
    }

    async fn finish(&self, run: &Run, succeeded: bool) -> kube::Result<()> {
        if self.site.version() >= Version::V3_1 {
            self.site.patch_status(json!({"core": {"version": self.site.version().release()}})).await?;
        }
        if succeeded {
            self.log.write(&text::banner(Timestamp::now(), self.site.password()));
        }
        if run.status["clusterId"].is_null() {
            self.site.patch_status(json!({"clusterId": fixture::cluster_id(Timestamp::now())})).await?;
        }
        Ok(())
    }

    /// What the log tells of the installation, and of a run that failed since.
    fn write_history(&self, facts: &Facts) {
        let installed = Timestamp::now() - fixture::AGE;
        let components = text::components(&facts.effective, self.site.version());
        self.log.write_at(installed, &text::startup(installed));
        self.log.write_at(installed, &text::event(installed, &event_id()));
        self.log.write_at(installed, &text::run_begins(installed));
        for play in &text::PLAYS {
            self.log.write_at(installed, &play.succeeded());
        }
        for component in &components {
            self.log.write_at(installed, &text::started(component));
        }
        self.log.write_at(installed, text::WAITING);
        for (index, component) in components.iter().enumerate() {
            self.log.write_at(installed, &text::ended(component, "successful", index + 1, components.len()));
        }
        self.log.write_at(installed, text::COLLECTING);
        self.log.write_at(installed, &text::banner(installed, self.site.password()));
        if self.site.installation.installer == InstallerScenario::FailedBefore {
            self.write_failed_run();
        }
    }

    fn write_failed_run(&self) {
        let failed = Timestamp::now() - fixture::FAILED_AGE;
        self.log.write_at(failed, &text::event(failed, &event_id()));
        self.log.write_at(failed, &text::run_begins(failed));
        let result = "{\n    \"changed\": false,\n    \"msg\": \"Unable to connect to the server: net/http: TLS handshake timeout\"\n}";
        let task = "preinstall : KubeSphere | Getting default StorageClass";
        self.log.write_at(failed, &text::PLAYS[0].failed(1, task, result));
    }
}

impl Run {
    fn role(&self) -> &str {
        self.spec["multicluster"]["clusterRole"].as_str().unwrap_or("none")
    }
}

/// What Ansible says of a variable that does not exist.
const UNDEFINED: &str = "{\"msg\": \"The conditional check '(authentication is not defined and \
    authentication.jwtSecret is not defined) or authentication.jwtSecret == \\\"\\\"' failed. The error was: error while \
    evaluating conditional: 'dict object' has no attribute 'jwtSecret'\"}";

/// What the shell says of a value that it takes apart; the value itself is not repeated here.
const UNQUOTED: &str = "{\"changed\": true, \"msg\": \"non-zero return code\", \"rc\": 2, \"stderr\": \"/bin/sh: 1: Syntax \
    error: Unterminated quoted string\"}";

fn checksum(spec: &Value) -> String {
    spec.to_string()
}

fn event_id() -> String {
    let id = fixture::cluster_id(Timestamp::UNIX_EPOCH);
    id[..36].to_owned()
}

/// The object in the present format, if it has an older one or was not finished by this version.
///
/// Source: ks-installer `controller/installRunner.py@v3.4.1:442-729`.
fn migrated(object: &Value, version: Version) -> Option<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let core = &status["core"];
    let unfinished = core.is_object() && core["version"] != version.release();
    let changes = changes_of_format(spec, version);
    if !version.migrates() || !unfinished && changes == json!({}) {
        return None;
    }
    let mut spec = spec.clone();
    specification::merge(&mut spec, &changes);
    if version >= Version::V3_2 && spec["common"].is_object() {
        for component in ["redis", "openldap"] {
            spec["common"][component] = json!({"enabled": status[component]["status"] == "enabled"});
        }
    }
    let status =
        if status["clusterId"].is_null() { json!({}) } else { json!({"clusterId": status["clusterId"]}) };
    let mut migrated = json!({
        "apiVersion": "installer.kubesphere.io/v1alpha1", "kind": "ClusterConfiguration", "spec": spec,
    });
    if status != json!({}) {
        migrated["status"] = status;
    }
    Some(migrated)
}

fn changes_of_format(spec: &Value, version: Version) -> Value {
    let mut changes = json!({});
    if spec["logging"].get("logsidecarReplicas").is_some() {
        changes["logging"] =
            json!({"logsidecarReplicas": null, "logsidecar": {"enabled": true, "replicas": 2}});
    }
    for old in ["notification", "networkpolicy"] {
        if spec.get(old).is_some() {
            changes[old] = Value::Null;
        }
    }
    if version.migrates_missing_sections() {
        if spec.get("terminal").is_none() {
            changes["terminal"] = json!({"timeout": 600});
        }
        if spec["servicemesh"].is_object() && spec["servicemesh"].get("istio").is_none() {
            changes["servicemesh"] = json!({"istio": {"components": {
                "ingressGateways": [{"name": "istio-ingressgateway", "enabled": false}], "cni": {"enabled": false}}}});
        }
        if spec.get("kubeedge").is_some() {
            changes["kubeedge"] = Value::Null;
            changes["edgeruntime"] = json!({"enabled": false, "kubeedge": spec["kubeedge"]});
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubesphere::specification::shipped;

    #[test]
    fn only_unfinished_or_older_objects_are_migrated() {
        let finished = |version: Version| json!({"spec": shipped(version), "status": {"core": {"version": version.release()}, "clusterId": "x"}});
        for version in Version::PLAYED {
            assert_eq!(migrated(&finished(version), version), None, "{version}");
            let mut unfinished = finished(version);
            unfinished["status"]["core"] = json!({"status": "enabled"});
            let migrated = migrated(&unfinished, version).unwrap();
            assert_eq!(migrated["status"], json!({"clusterId": "x"}));
        }
        let mut older = finished(Version::V3_4);
        older["spec"]["terminal"] = Value::Null;
        older["spec"].as_object_mut().unwrap().remove("terminal");
        let migrated = migrated(&older, Version::V3_4).unwrap();
        assert_eq!(migrated["spec"]["terminal"]["timeout"], 600);
        assert_eq!(migrated["spec"]["common"]["redis"], json!({"enabled": false}));
    }
}
