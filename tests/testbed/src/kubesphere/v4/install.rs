//! When and how a host installs ks-core on a member: itself up to 4.1.3, by a Job afterwards.
//!
//! Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3:374-410`, `@04a29b5c6:388-485,811-904`.

use std::time::Duration;

use kube::{
    ResourceExt as _,
    api::{DynamicObject, ListParams},
};

use super::{
    configuration::Settings,
    controller::{ClusterController, kubeconfig},
    helm::Helm,
    helm_job::{self, Progress},
    values::{self, config_hash},
};
use crate::kubesphere::{Version, conditions, go_error, member::Member, objects, pace, secret};

/// Which of its actions the host is asked for, after 4.1.3.
pub(super) const ACTION: &str = "kubesphere.io/ks-core-action";

const READY: &str = "KSCoreReady";
const HASH: &str = "kubesphere.io/config-hash";
const JOB: &str = "kubesphere.io/install-core-jobname";

/// How often the controller looks at its Job, without an end.
const LOOKS_EVERY: Duration = Duration::from_secs(2);

impl ClusterController {
    /// Whether helm has to run now.
    pub(super) async fn must_install(&self, cluster: &DynamicObject) -> Result<bool, String> {
        let asked = if self.site.version().installs_by_a_job() {
            self.is_asked_for(cluster).await?
        } else {
            !conditions::holds(cluster, READY)
        };
        Ok(asked || cluster.annotations().get(HASH) != Some(&config_hash(&config(cluster))))
    }

    /// After 4.1.3 a failed install counts as one that was made, until somebody asks for another (`needInstall`).
    async fn is_asked_for(&self, cluster: &DynamicObject) -> Result<bool, String> {
        match cluster.annotations().get(ACTION).map(String::as_str) {
            None | Some("" | "install") => {
                Ok(!conditions::all(cluster).iter().any(|condition| condition["type"] == READY))
            }
            Some("reinstall") => Ok(true),
            Some("upgrade") => self.is_older_than_its_host(cluster).await,
            Some(_) => Ok(false),
        }
    }

    async fn is_older_than_its_host(&self, cluster: &DynamicObject) -> Result<bool, String> {
        let kube_system =
            objects::objects(&self.site.client(), "v1", "Namespace", None).get("kube-system").await;
        let uid = kube_system.map_err(go_error::message)?.uid();
        let clusters = objects::clusters(&self.site.client())
            .list(&ListParams::default())
            .await
            .map_err(go_error::message)?;
        let host =
            clusters.items.iter().find(|cluster| cluster.data["status"]["uid"].as_str() == uid.as_deref());
        let version = |cluster: &DynamicObject| cluster.data["status"]["kubeSphereVersion"].clone();
        let host = host.map(version).unwrap_or_default();
        Ok(conditions::holds(cluster, READY) && host.is_string() && host != version(cluster))
    }

    /// Helm runs on the object as it was read before: who writes it meanwhile lets all of this happen again.
    pub(super) async fn install(&self, cluster: &mut DynamicObject) -> Result<(), String> {
        let name = cluster.name_any();
        self.log(
            'I',
            &format!("cluster_controller.go:384] Starting installing KS Core for the cluster {name}"),
        );
        let installed = self.install_somehow(cluster).await;
        self.log(
            'I',
            &format!("cluster_controller.go:386] Finished installing KS Core for the cluster {name}"),
        );
        let outcome = installed?;
        if let Err(cause) = &outcome {
            self.log(
                'E',
                &format!("cluster_controller.go:465] failed to install KS Core in cluster {name}: {cause}"),
            );
        }
        let message =
            if outcome.is_ok() { "KS Core is available now" } else { "KS Core installation failed" };
        conditions::set(cluster, READY, outcome.is_ok(), READY, message);
        let hash = config_hash(&config(cluster));
        cluster.annotations_mut().insert(HASH.to_owned(), hash);
        let written = self.write(cluster).await;
        *cluster =
            written.map_err(|error| format!("failed to update cluster {}: {error}", cluster.name_any()))?;
        Ok(())
    }

    /// A failure that a condition tells; one that none tells ends the look.
    async fn install_somehow(&self, cluster: &mut DynamicObject) -> Result<Result<(), String>, String> {
        if self.site.version().installs_by_a_job() {
            return Ok(self.install_by_a_job(cluster).await);
        }
        let failed = |cause| format!("failed to install KS Core in cluster {}: {cause}", cluster.name_any());
        self.install_at_once(cluster).await.map_err(failed)?;
        Ok(Ok(()))
    }

    /// No condition tells how it goes, nor that it failed.
    async fn install_at_once(&self, cluster: &DynamicObject) -> Result<(), String> {
        let member = Member::connect(self.site.installation.pace, &kubeconfig(cluster)).await?;
        let version = self.site.version();
        let values = values::of_member(version, &config(cluster), &self.configured().await?.jwt_secret)?;
        let client = member.client().map_err(|missing| missing.worded("/version"))?;
        Helm { client, confidential: &self.site.confidential }.bring(version, values).await
    }

    async fn install_by_a_job(&self, cluster: &mut DynamicObject) -> Result<(), String> {
        let settings = self.configured().await?;
        let values = values::of_member(Version::Master, &config(cluster), &settings.jwt_secret)?;
        let content = (settings.helm_image.as_str(), &values);
        let job = helm_job::create(&self.site, cluster, content).await.map_err(go_error::message)?;
        cluster.annotations_mut().insert(JOB.to_owned(), job.clone());
        cluster.annotations_mut().remove(ACTION);
        for kind in [READY, "Ready", "KubeConfigCertExpiresInSevenDays"] {
            conditions::remove(cluster, kind);
        }
        *cluster = self.write(cluster).await.map_err(go_error::message)?;
        loop {
            match helm_job::progress(&self.site, &job).await.map_err(go_error::message)? {
                Progress::Succeeded => return Ok(()),
                Progress::Failed => return Err(format!("job {job} failed")),
                Progress::Running => tokio::time::sleep(pace::scaled(LOOKS_EVERY)).await,
            }
        }
    }

    async fn configured(&self) -> Result<Settings, String> {
        self.settings().await.map_err(|error| format!("failed to get KubeSphere config: {error}"))
    }
}

fn config(cluster: &DynamicObject) -> Vec<u8> {
    cluster.data["spec"]["config"].as_str().and_then(secret::base64_decoded).unwrap_or_default()
}
