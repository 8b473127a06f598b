//! The hooks of the chart ks-core: Jobs before an upgrade, and after an install or an upgrade.
//!
//! Source: helm `pkg/action/hooks.go@v3.16.2`; kubesphere `config/ks-core/templates/post-patch-*-job.yaml@v4.1.3`,
//! `config/ks-core/charts/ks-crds/templates/pre-upgrade-crd-job.yaml@v4.1.3`.

use kube::{
    Api,
    api::{DeleteParams, DynamicObject},
};
use serde_json::{Value, json};

use super::{
    chart::Chart,
    helm::{Helm, Patience},
};
use crate::kubesphere::{
    Version, go_error,
    objects::{self, SYSTEM},
};

pub(super) const AFTER_INSTALL: &str = "post-install,post-upgrade";
pub(super) const BEFORE_UPGRADE: &str = "pre-upgrade";

impl Helm<'_> {
    pub(super) async fn run_hooks(&self, chart: &Chart, kind: &str) -> Result<(), String> {
        let names: &[&str] = match (kind, chart.version) {
            (BEFORE_UPGRADE, _) => &["ks-core-ks-crds-pre-upgrade"],
            (_, Version::V4_1_1) => &["ks-core-post-patch-system-ns"],
            _ => &["ks-core-post-patch-system-ns", "ks-core-post-patch-user"],
        };
        for name in names {
            self.run_hook(&hook(name, kind, &chart.hook_image())).await?;
        }
        Ok(())
    }

    /// A Job; whatever becomes of it, it is deleted, and its pod with it.
    async fn run_hook(&self, job: &Value) -> Result<(), String> {
        let jobs = objects::objects(self.client, "batch/v1", "Job", Some(SYSTEM));
        let name = job["metadata"]["name"].as_str().unwrap_or_default();
        delete(&jobs, name).await.map_err(go_error::message)?;
        objects::create(self.client, job).await.map_err(go_error::message)?;
        let ended = self.end_of(name).await;
        delete(&jobs, name).await.map_err(go_error::message)?;
        match ended {
            Ok(true) => Ok(()),
            Ok(false) => Err(wrapped(&format!("job {name} failed: BackoffLimitExceeded"))),
            Err(_) => Err(wrapped("timed out waiting for the condition")),
        }
    }

    /// Whether a Job succeeded, when it has ended.
    async fn end_of(&self, job: &str) -> Result<bool, String> {
        let jobs = objects::objects(self.client, "batch/v1", "Job", Some(SYSTEM));
        let patience = Patience::new();
        loop {
            let found = jobs.get(job).await.ok();
            let count = |field: &str| {
                let status = found.as_ref().map(|found| &found.data["status"][field]);
                status.and_then(Value::as_u64).unwrap_or_default()
            };
            if count("succeeded") + count("failed") > 0 {
                return Ok(count("failed") == 0);
            }
            patience.wait().await?;
        }
    }
}

fn hook(name: &str, kind: &str, image: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": SYSTEM, "annotations": {
            "helm.sh/hook": kind,
            "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded,hook-failed"}},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": name.trim_start_matches("ks-core-"), "image": image,
                            "command": ["/bin/bash", "-c", "…"]}]}}},
    })
}

/// Deletes a Job, and its pods behind it: by default they would be orphaned.
async fn delete(jobs: &Api<DynamicObject>, name: &str) -> kube::Result<()> {
    match jobs.delete(name, &DeleteParams::background()).await {
        Err(error) if !objects::has_code(&error, 404) => Err(error),
        _ => Ok(()),
    }
}

fn wrapped(cause: &str) -> String {
    format!("1 error occurred:\n\t* {cause}\n\n")
}
