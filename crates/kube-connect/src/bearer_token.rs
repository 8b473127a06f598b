//! A token over the life of a connection: a join may outlast the one it began with.
//!
//! kube 5.0.0 never asks a plugin again after a 401, sends a token file's last newline, which no header can carry, and
//! panics on such a token in a kubeconfig.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use k8s_openapi::jiff::Timestamp;
use kubesphere::known_secrets::learn;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::exec_credential::{ExecError, ExecPlugin};

/// How long before its end a token is replaced, so that it does not end on its way to the server.
const REPLACED_BEFORE_END: Duration = Duration::from_secs(60);

/// How old the content of a token file may be, as in client-go.
const FILE_READ_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A bearer token that is renewed.
pub(super) struct BearerToken {
    source: Source,
    current: Mutex<Current>,
}

enum Source {
    Plugin(Box<ExecPlugin>),
    File(PathBuf),
    /// It stands in the kubeconfig or on the command line.
    Fixed,
}

struct Current {
    header: HeaderValue,
    replace_at: Option<Instant>,
}

impl BearerToken {
    /// A token that stays as it is.
    pub(super) fn fixed(token: &SecretString) -> Result<Self, ExecError> {
        let current = Mutex::new(Current::new(token.expose_secret(), None)?);
        Ok(Self { source: Source::Fixed, current })
    }

    /// The token that `plugin` has just returned.
    pub(super) fn of_plugin(
        plugin: ExecPlugin,
        token: &SecretString,
        expires: Option<Timestamp>,
    ) -> Result<Self, ExecError> {
        let current = Mutex::new(Current::new(token.expose_secret(), expires.and_then(replacement))?);
        Ok(Self { source: Source::Plugin(Box::new(plugin)), current })
    }

    /// The token that `path` has just contained.
    pub(super) fn of_file(path: PathBuf, content: &str) -> Result<Self, ExecError> {
        let current = Mutex::new(Current::of_file(content)?);
        Ok(Self { source: Source::File(path), current })
    }

    /// The header to send, of a fresh token if the last one is about to end.
    pub(super) async fn header(&self) -> Result<HeaderValue, ExecError> {
        let mut current = self.current.lock().await;
        if current.replace_at.is_some_and(|moment| moment <= Instant::now()) {
            *current = self.renewed(&current).await?;
        }
        Ok(current.header.clone())
    }

    /// A header other than the one that the server refused, if the plugin has one.
    pub(super) async fn header_instead_of(
        &self,
        refused: &HeaderValue,
    ) -> Result<Option<HeaderValue>, ExecError> {
        let mut current = self.current.lock().await;
        // Of several requests refused at once, the first fetches a token for all.
        if current.header == *refused {
            *current = self.renewed(&current).await?;
        }
        Ok(Some(current.header.clone()).filter(|header| header != refused))
    }

    async fn renewed(&self, current: &Current) -> Result<Current, ExecError> {
        match &self.source {
            Source::Plugin(plugin) => {
                let credential = plugin.run().await?;
                let token =
                    credential.token.ok_or_else(|| plugin.invalid_output("without a token this time"))?;
                Current::new(token.expose_secret(), credential.expires.and_then(replacement))
            }
            // A file that is gone or half written leaves the last token in use, as in client-go.
            Source::File(path) => Ok(tokio::fs::read_to_string(path)
                .await
                .ok()
                .and_then(|content| Current::of_file(&content).ok())
                .unwrap_or_else(|| current.kept())),
            Source::Fixed => Ok(Current { header: current.header.clone(), replace_at: None }),
        }
    }
}

impl Current {
    fn new(token: &str, replace_at: Option<Instant>) -> Result<Self, ExecError> {
        learn(token);
        let mut header =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| ExecError::InvalidToken)?;
        header.set_sensitive(true);
        Ok(Self { header, replace_at })
    }

    fn of_file(content: &str) -> Result<Self, ExecError> {
        Self::new(content.trim(), Some(Instant::now() + FILE_READ_AGAIN_AFTER))
    }

    fn kept(&self) -> Self {
        Self { header: self.header.clone(), replace_at: Some(Instant::now() + FILE_READ_AGAIN_AFTER) }
    }
}

fn replacement(expires: Timestamp) -> Option<Instant> {
    let life = Duration::try_from(expires.duration_since(Timestamp::now())).unwrap_or_default();
    Instant::now().checked_add(life.saturating_sub(REPLACED_BEFORE_END.min(life / 2)))
}
