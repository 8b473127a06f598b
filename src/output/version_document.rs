//! The program's version as the one object that `-o` prints.

use serde::Serialize;

use super::document::API_VERSION;

/// The version where kubectl's object has its own (kubectl `pkg/cmd/version/version.go`).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionDocument {
    api_version: &'static str,
    kind: &'static str,
    client_version: ClientVersion,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientVersion {
    git_version: &'static str,
}

impl VersionDocument {
    pub fn new() -> Self {
        let client_version = ClientVersion { git_version: concat!("v", env!("CARGO_PKG_VERSION")) };
        Self { api_version: API_VERSION, kind: "Version", client_version }
    }
}

impl Default for VersionDocument {
    fn default() -> Self {
        Self::new()
    }
}
