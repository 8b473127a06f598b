//! After 4.1.3: the Job on the host in which helm runs, with the member's kubeconfig and all values in a ConfigMap.
//!
//! Source: kubesphere `staging/src/kubesphere.io/utils/helm/executor.go@04a29b5c6` (`createInstallJob`).

use kube::{ResourceExt as _, api::DynamicObject};
use serde_json::{Value, json};

use super::{helm::Helm, release::NAME};
use crate::kubesphere::{
    Version,
    installer_log::Log,
    member::Member,
    objects::{self, SYSTEM},
    secret,
    site::Site,
};

/// Names what the Job does: `upgrade --install` is an install.
const ACTION: &str = "executor.kubesphere.io/action";

/// What becomes of a Job, as far as its controller asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Running,
    Succeeded,
    Failed,
}

/// Whether helm runs in this Job.
pub(super) fn is_one(job: &DynamicObject) -> bool {
    job.annotations().contains_key(ACTION)
}

/// Creates ConfigMap and Job, both the Cluster's, and tells their name.
pub(super) async fn create(
    site: &Site,
    cluster: &DynamicObject,
    (image, values): (&str, &Value),
) -> kube::Result<String> {
    let name = format!("helm-install-{NAME}-{}", secret::random_secret(6).to_lowercase());
    let owner = json!([{"apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
                        "name": cluster.name_any(), "uid": cluster.metadata.uid}]);
    let labels = json!({"kubesphere.io/managed": "true", "name": name});
    let metadata = json!({"name": name, "namespace": SYSTEM, "labels": labels, "ownerReferences": owner});
    let values = serde_yaml::to_string(values).expect("JSON is YAML");
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
        "binaryData": {"kube.config": cluster.data["spec"]["connection"]["kubeconfig"],
                       "values.yaml": secret::base64(values.as_bytes())},
    });
    objects::create(&site.client(), &map).await?;
    let mut job = job(&name, image);
    job["metadata"] = metadata;
    job["metadata"]["annotations"] = json!({ ACTION: "install" });
    objects::create(&site.client(), &job).await?;
    Ok(name)
}

fn job(name: &str, image: &str) -> Value {
    let command = format!(
        "cp -r /tmp/helm-executor-source/. /tmp/helm-executor && helm upgrade --history-max 0 --install \
         --insecure-skip-tls-verify --kubeconfig kube.config {NAME} {NAME}.tgz --namespace {SYSTEM} --create-namespace \
         --values values.yaml --debug --wait --wait-for-jobs"
    );
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "helm", "image": image, "imagePullPolicy": "IfNotPresent",
                            "command": ["/bin/sh", "-c", command], "workingDir": "/tmp/helm-executor",
                            "volumeMounts": [{"name": "source", "mountPath": "/tmp/helm-executor-source"},
                                             {"name": "data", "mountPath": "/tmp/helm-executor"}]}],
            "volumes": [{"name": "source", "configMap": {"name": name, "defaultMode": 493}},
                        {"name": "data", "emptyDir": {}}]}}},
    })
}

/// What the container does: it reads the ConfigMap and runs helm against the member, with `--debug`, which prints all values at
/// its end.
///
/// Source: helm `cmd/helm/status.go@v3.16.2` (`WriteTable`).
pub(super) async fn run(site: &Site, job: &DynamicObject, log: &Log) -> Result<(), String> {
    let map = objects::config_maps(&site.client()).get(&job.name_any()).await;
    let map = map.map_err(|error| error.to_string())?;
    let data = |key: &str| map.data["binaryData"][key].as_str().and_then(secret::base64_decoded);
    let values = data("values.yaml").unwrap_or_default();
    let text = String::from_utf8_lossy(&values);
    let values = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    let member = Member::connect(site.installation.pace, &data("kube.config").unwrap_or_default()).await?;
    let client = member.client().map_err(|missing| missing.worded("/version"))?;
    let helm = Helm { client, confidential: &site.confidential };
    log.write("history.go:56: [debug] getting history for release ks-core");
    helm.bring(Version::Master, values).await.map_err(|cause| format!("UPGRADE FAILED: {cause}"))?;
    log.write(&format!("Release \"{NAME}\" has been upgraded. Happy Helming!"));
    let sections = ["USER-SUPPLIED VALUES:", "COMPUTED VALUES:", "HOOKS:\n---\nMANIFEST:"];
    for line in sections.into_iter().flat_map(|section| [section, &text]).flat_map(str::lines) {
        log.write(line);
    }
    log.write("NOTES:");
    log.write("Thank you for choosing KubeSphere Helm Chart.");
    Ok(())
}

/// How far a Job is.
pub(super) async fn progress(site: &Site, name: &str) -> kube::Result<Progress> {
    let jobs = objects::objects(&site.client(), "batch/v1", "Job", Some(SYSTEM));
    let status = jobs.get(name).await?.data["status"].clone();
    Ok(if status["succeeded"] == 1 {
        Progress::Succeeded
    } else if status["failed"].as_u64().unwrap_or_default() > 0 {
        Progress::Failed
    } else {
        Progress::Running
    })
}
