//! What helm keeps of a release: one Secret for each revision.
//!
//! Source: helm `pkg/storage/driver/secrets.go@v3.16.2`, `pkg/storage/driver/util.go@v3.16.2`,
//! `pkg/release/release.go@v3.16.2`.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kubesphere::{objects::SYSTEM, secret};

/// The release's name, on hosts and on members.
pub(super) const NAME: &str = "ks-core";

/// Selects the revisions of the release.
pub const SELECTOR: &str = "name=ks-core,owner=helm";

/// How a revision ended, or what is being done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Deployed,
    Superseded,
    Failed,
    PendingInstall,
    PendingUpgrade,
}

impl Status {
    /// As the label and helm itself write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
        }
    }

    /// How helm describes it where nothing else is to be said.
    fn description(self) -> &'static str {
        match self {
            Self::Deployed | Self::Superseded => "Install complete",
            Self::Failed => "Release \"ks-core\" failed: context deadline exceeded",
            Self::PendingInstall => "Initial install underway",
            Self::PendingUpgrade => "Preparing upgrade",
        }
    }

    /// Whether somebody is, or was, about it: nobody else may be then.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade)
    }
}

/// One revision, as helm writes it as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    pub name: String,
    pub info: Info,
    /// The chart's metadata and its own values; its templates are left out.
    pub chart: Value,
    /// The values that were given.
    pub config: Value,
    /// The objects as YAML documents.
    pub manifest: String,
    pub version: u32,
    pub namespace: String,
}

/// When and how it went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Info {
    pub first_deployed: String,
    pub last_deployed: String,
    pub deleted: String,
    pub description: String,
    pub status: Status,
}

impl Release {
    /// A revision that got so far now.
    pub fn now(version: u32, status: Status, (chart, config, manifest): (Value, Value, String)) -> Self {
        let now = Timestamp::now().to_string();
        Self {
            name: NAME.to_owned(),
            info: Info {
                first_deployed: now.clone(),
                last_deployed: now,
                deleted: String::new(),
                description: status.description().to_owned(),
                status,
            },
            chart,
            config,
            manifest,
            version,
            namespace: SYSTEM.to_owned(),
        }
    }

    /// With another status.
    #[must_use]
    pub fn turned(mut self, status: Status, description: &str) -> Self {
        self.info.status = status;
        description.clone_into(&mut self.info.description);
        self
    }

    /// The name of its Secret.
    pub fn key(&self) -> String {
        format!("sh.helm.release.v1.{}.v{}", self.name, self.version)
    }

    /// Its Secret; `stamp` is the label `createdAt` or `modifiedAt`.
    pub(super) fn secret(&self, stamp: &str) -> Value {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        let json = serde_json::to_vec(self).expect("a release is JSON");
        packed.write_all(&json).expect("a vector takes everything");
        let packed = packed.finish().expect("a vector takes everything");
        let encoded = secret::base64(secret::base64(&packed).as_bytes());
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {
                "name": self.key(), "namespace": self.namespace,
                "labels": {
                    "name": self.name, "owner": "helm", "status": self.info.status.as_str(),
                    "version": self.version.to_string(), (stamp): Timestamp::now().as_second().to_string(),
                },
            },
            "data": {"release": encoded},
        })
    }

    /// Reads a Secret of helm's.
    pub fn read(secret: &Value) -> Option<Self> {
        let encoded = secret::base64_decoded(secret["data"]["release"].as_str()?)?;
        let packed = secret::base64_decoded(std::str::from_utf8(&encoded).ok()?)?;
        let mut json = Vec::new();
        GzDecoder::new(packed.as_slice()).read_to_end(&mut json).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

/// Objects as helm keeps them.
pub(super) fn document(manifest: &[Value]) -> String {
    let documents = manifest.iter().map(|object| serde_yaml::to_string(object).expect("JSON is YAML"));
    documents.fold(String::new(), |text, document| text + "---\n" + &document)
}

/// What [`document`] made a text of.
pub(super) fn documents(manifest: &str) -> Vec<Value> {
    let documents = manifest.split("---\n").filter_map(|document| serde_yaml::from_str(document).ok());
    documents.filter(|document: &Value| document.is_object()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_packed_twice_in_base64_and_once_by_gzip() {
        let release =
            Release::now(3, Status::PendingInstall, (json!({}), json!({"role": "member"}), String::new()));
        let object = release.secret("createdAt");
        assert_eq!(object["metadata"]["name"], "sh.helm.release.v1.ks-core.v3");
        let labels = &object["metadata"]["labels"];
        assert_eq!((&labels["status"], &labels["version"]), (&json!("pending-install"), &json!("3")));
        let once = secret::base64_decoded(object["data"]["release"].as_str().unwrap()).unwrap();
        // base64 of gzip's magic number.
        assert!(once.starts_with(b"H4sI"));
        let read = Release::read(&object).unwrap();
        assert_eq!((read.info.status, &read.config["role"]), (Status::PendingInstall, &json!("member")));
        assert!(read.info.status.is_pending() && !Status::Failed.is_pending());
    }
}
