//! What a host of KubeSphere 4 gives to helm when it installs a member, besides what it insists on: `spec.config` of the
//! Cluster, the values for the chart ks-core (kubesphere `pkg/controller/cluster/helper.go@v4.1.3`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use super::known_secrets::{learn_encoded, learn_named};

/// The text as somebody has written it. A password may stand in it.
#[derive(Clone, Debug)]
pub struct CoreValues(SecretString);

impl CoreValues {
    /// Nothing that is printed has the secrets in it from now on.
    pub fn new(text: &str) -> Self {
        if let Ok(values) = serde_yaml::from_str(text) {
            learn_named(&values);
        }
        learn_encoded(&STANDARD.encode(text));
        Self(text.into())
    }

    /// As the Cluster holds it.
    pub fn encoded(&self) -> SecretString {
        STANDARD.encode(self.0.expose_secret()).into()
    }
}
