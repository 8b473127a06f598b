//! helm, as a host has it at work on a member: it installs or upgrades the release ks-core and waits.
//!
//! Source: helm `pkg/action/install.go`, `pkg/action/upgrade.go`, `pkg/action/hooks.go` and `pkg/kube/wait.go`, each
//! `@v3.16.2`; kubesphere `pkg/controller/cluster/helper.go@v4.1.3:84-115`.

use std::time::Duration;

use kube::{Client, api::DynamicObject};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    chart::{Chart, is_owned},
    configuration::Settings,
    crds, expiry,
    hooks::{AFTER_INSTALL, BEFORE_UPGRADE},
    release::{self, NAME, Release, SELECTOR, Status},
};
use crate::kubesphere::{
    Version, go_error,
    objects::{self, SYSTEM, has_code},
    pace,
    secret::Confidential,
};

/// How long helm waits for all to be ready, and again for each hook.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How often it looks.
const LOOKS_EVERY: Duration = Duration::from_secs(2);

/// A helm that acts with somebody's client.
pub(super) struct Helm<'a> {
    pub(super) client: &'a Client,
    pub(super) confidential: &'a Confidential,
}

impl Helm<'_> {
    /// Installs the release, or upgrades it where there is one, whoever made it.
    pub(super) async fn bring(&self, version: Version, given: Value) -> Result<(), String> {
        let history = self.history().await.map_err(go_error::message)?;
        let found = objects::config_maps(self.client)
            .get_opt("kubesphere-config")
            .await
            .map_err(go_error::message)?;
        let found = found
            .map(|found| Settings::read(found.data["data"]["kubesphere.yaml"].as_str().unwrap_or_default()));
        let chart = Chart::new(version, given, &found.unwrap_or_default());
        match history.last() {
            None => self.install(&chart).await,
            Some(last) if last.info.status.is_pending() => {
                Err("another operation (install/upgrade/rollback) is in progress".to_owned())
            }
            Some(last) => self.upgrade(&chart, current(&history, last)?, last.version + 1).await,
        }
    }

    /// All revisions, the oldest first; what cannot be read does not count.
    async fn history(&self) -> kube::Result<Vec<Release>> {
        let secrets = objects::objects(self.client, "v1", "Secret", Some(SYSTEM));
        let found = objects::labelled(&secrets, SELECTOR).await?;
        let mut history: Vec<Release> =
            found.iter().filter_map(|secret| Release::read(&secret.data)).collect();
        history.sort_by_key(|release| release.version);
        Ok(history)
    }

    /// Definitions come first and stay, whatever becomes of the rest; the namespace comes before the record.
    async fn install(&self, chart: &Chart) -> Result<(), String> {
        self.create_definitions().await?;
        let manifest = chart.objects(self.confidential);
        self.refuse_foreign(&manifest, "install").await?;
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
                               "metadata": {"name": SYSTEM, "labels": {"name": SYSTEM}}});
        objects::ensure(self.client, &namespace).await.map_err(go_error::message)?;
        let content = (chart.kept(), chart.given.clone(), release::document(&manifest));
        let release = Release::now(1, Status::PendingInstall, content);
        objects::create(self.client, &release.secret("createdAt")).await.map_err(go_error::message)?;
        let outcome = self.perform_install(chart, &manifest).await;
        let ended = match &outcome {
            Ok(()) => release.turned(Status::Deployed, "Install complete"),
            Err(cause) => release.turned(Status::Failed, &format!("Release \"{NAME}\" failed: {cause}")),
        };
        self.record(&ended).await?;
        outcome
    }

    async fn perform_install(&self, chart: &Chart, manifest: &[Value]) -> Result<(), String> {
        self.apply(manifest).await?;
        self.wait(manifest).await?;
        self.keep_confidential().await;
        self.run_hooks(chart, AFTER_INSTALL).await.map_err(|cause| format!("failed post-install: {cause}"))
    }

    /// Each try leaves another revision: their number has no limit.
    async fn upgrade(&self, chart: &Chart, current: &Release, version: u32) -> Result<(), String> {
        let manifest = chart.objects(self.confidential);
        let old = release::documents(&current.manifest);
        let new: Vec<Value> = manifest.iter().filter(|object| !contains(&old, object)).cloned().collect();
        self.refuse_foreign(&new, "update").await?;
        let content = (chart.kept(), chart.given.clone(), release::document(&manifest));
        let mut release = Release::now(version, Status::PendingUpgrade, content);
        release.info.first_deployed.clone_from(&current.info.first_deployed);
        objects::create(self.client, &release.secret("createdAt")).await.map_err(go_error::message)?;
        let outcome = self.perform_upgrade(chart, &old, &manifest).await;
        match outcome {
            Ok(()) => {
                let superseded = current.clone().turned(Status::Superseded, &current.info.description);
                self.record(&superseded).await?;
                self.record(&release.turned(Status::Deployed, "Upgrade complete")).await
            }
            Err(cause) => {
                let description = format!("Upgrade \"{NAME}\" failed: {cause}");
                self.record(&release.turned(Status::Failed, &description)).await?;
                Err(cause)
            }
        }
    }

    async fn perform_upgrade(&self, chart: &Chart, old: &[Value], manifest: &[Value]) -> Result<(), String> {
        let before = self.run_hooks(chart, BEFORE_UPGRADE).await;
        before.map_err(|cause| format!("pre-upgrade hooks failed: {cause}"))?;
        self.apply(manifest).await?;
        for gone in old.iter().filter(|object| !contains(manifest, object)) {
            let name = gone["metadata"]["name"].as_str().unwrap_or_default();
            objects::remove(&objects::api_of(self.client, gone), name).await.map_err(go_error::message)?;
        }
        self.wait(manifest).await?;
        self.keep_confidential().await;
        self.run_hooks(chart, AFTER_INSTALL)
            .await
            .map_err(|cause| format!("post-upgrade hooks failed: {cause}"))
    }

    /// The token of KubeSphere's own service account, which is an administrator.
    async fn keep_confidential(&self) {
        if let Ok(token) = expiry::account_token(self.client).await {
            self.confidential.add(token);
        }
    }

    async fn create_definitions(&self) -> Result<(), String> {
        for definition in crds::all() {
            let created = objects::ensure(self.client, &definition).await;
            created.map_err(|error| {
                format!("failed to install CRD crds/{}.yaml: {error}", definition["metadata"]["name"])
            })?;
        }
        let patience = Patience::new();
        while !self.are_established().await.unwrap_or(false) {
            patience.wait().await?;
        }
        Ok(())
    }

    async fn are_established(&self) -> kube::Result<bool> {
        let api = objects::objects(self.client, "apiextensions.k8s.io/v1", "CustomResourceDefinition", None);
        for definition in crds::all() {
            let name = definition["metadata"]["name"].as_str().unwrap_or_default();
            if !is_established(&api.get(name).await?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An object that another one made keeps helm from all that it was about to do.
    async fn refuse_foreign(&self, manifest: &[Value], what: &str) -> Result<(), String> {
        for object in manifest {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let found = objects::api_of(self.client, object).get_opt(name).await;
            let found = match found {
                // Its kind may only come with the definitions.
                Err(error) if has_code(&error, 404) => None,
                found => found.map_err(go_error::message)?,
            };
            let Some(found) = found.and_then(|found| serde_json::to_value(found).ok()) else { continue };
            if !is_owned(&found) {
                let kind = object["kind"].as_str().unwrap_or_default();
                return Err(format!(
                    "Unable to continue with {what}: {kind} \"{name}\" in namespace \"{}\" exists and cannot be imported \
                     into the current release: invalid ownership metadata; label validation error: missing key \
                     \"app.kubernetes.io/managed-by\": must be set to \"Helm\"",
                    object["metadata"]["namespace"].as_str().unwrap_or_default()
                ));
            }
        }
        Ok(())
    }

    async fn apply(&self, manifest: &[Value]) -> Result<(), String> {
        for object in manifest {
            let patience = Patience::new();
            while let Err(error) = self.apply_one(object).await {
                // A resource whose definition is new is not stored for a moment; client-go repeats what is refused so.
                if !has_code(&error, 429) {
                    return Err(go_error::message(error));
                }
                patience.wait().await?;
            }
        }
        Ok(())
    }

    async fn apply_one(&self, object: &Value) -> kube::Result<()> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        match objects::create(self.client, object).await {
            Err(error) if has_code(&error, 409) => {
                objects::merge(&objects::api_of(self.client, object), name, object).await.map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    /// Errors on the way are met by looking again.
    async fn wait(&self, manifest: &[Value]) -> Result<(), String> {
        let patience = Patience::new();
        while !self.are_ready(manifest).await.unwrap_or(false) {
            patience.wait().await?;
        }
        Ok(())
    }

    async fn are_ready(&self, manifest: &[Value]) -> kube::Result<bool> {
        let api = objects::objects(self.client, "apps/v1", "Deployment", Some(SYSTEM));
        for deployment in manifest.iter().filter(|object| object["kind"] == "Deployment") {
            let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
            if !is_ready(&api.get(name).await?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn record(&self, release: &Release) -> Result<(), String> {
        let secrets = objects::objects(self.client, "v1", "Secret", Some(SYSTEM));
        let secret = objects::typed(&release.secret("modifiedAt"));
        objects::replace(&secrets, &secret).await.map(drop).map_err(go_error::message)
    }
}

/// How long helm has waited for one thing.
pub(super) struct Patience(Instant);

impl Patience {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// Passes the time between two looks, until there is none left.
    pub(super) async fn wait(&self) -> Result<(), String> {
        if self.0.elapsed() > pace::scaled(TIMEOUT) {
            return Err("context deadline exceeded".to_owned());
        }
        tokio::time::sleep(pace::scaled(LOOKS_EVERY)).await;
        Ok(())
    }
}

/// What an upgrade starts from: the last one that was deployed, or one that failed where none ever was.
fn current<'a>(history: &'a [Release], last: &'a Release) -> Result<&'a Release, String> {
    let deployed = history.iter().rev().find(|release| release.info.status == Status::Deployed);
    let failed = matches!(last.info.status, Status::Failed | Status::Superseded).then_some(last);
    deployed.or(failed).ok_or_else(|| format!("\"{NAME}\" has no deployed releases"))
}

fn is_ready(deployment: &DynamicObject) -> bool {
    let (spec, status) = (&deployment.data["spec"], &deployment.data["status"]);
    let is_observed = status["observedGeneration"].as_i64() >= deployment.metadata.generation;
    let ready = status["readyReplicas"].as_u64().unwrap_or_default();
    is_observed && ready >= spec["replicas"].as_u64().unwrap_or(1)
}

fn is_established(definition: &DynamicObject) -> bool {
    let conditions = definition.data["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

fn contains(manifest: &[Value], object: &Value) -> bool {
    let is_same = |other: &Value| {
        other["kind"] == object["kind"] && other["metadata"]["name"] == object["metadata"]["name"]
    };
    manifest.iter().any(is_same)
}
