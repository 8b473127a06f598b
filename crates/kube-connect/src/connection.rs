//! A connection to one side: what kube's configuration would get wrong is decided here.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderValue, USER_AGENT};
use kube::config::{AuthInfo, ExecConfig};
use kube::{Client, Config};
use kubesphere::{command::Kubectl, side::Side};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use super::bearer_token::BearerToken;
use super::environment::Environment;
use super::exec_credential::{ExecError, ExecPlugin};
use super::proxy::{ProxyError, proxy_for};
use super::request_error::Cause;
use super::requests::Requests;
use super::selected_context::SelectedContext;
use super::server_clock::ServerClock;
use super::transport;

/// The only auth-provider that kube knows in this build.
const OIDC: &str = "oidc";

/// Why no connection could be prepared. Nothing was sent to the server yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A file that the kubeconfig or an option names cannot be read.
    #[error("{side}: cannot read the {what} `{}`", path.display())]
    Unreadable {
        side: Side,
        /// What the file is.
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Data in the kubeconfig, or a file, is not what it should be.
    #[error("{side}: the {what} is not {wanted}")]
    Invalid {
        side: Side,
        /// What it is.
        what: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// There is a client certificate without its key, or a key without its certificate.
    #[error("{side}: a client certificate needs its key, and a key its certificate")]
    HalfIdentity { side: Side },
    /// The proxy cannot be used.
    #[error("{side}")]
    Proxy { side: Side, source: ProxyError },
    /// kubectl itself has no other auth-provider than oidc since 1.26.
    #[error(
        "{side}: its user gets credentials from the auth-provider `{name}`, which kubectl has dropped in 1.26"
    )]
    AuthProvider {
        side: Side,
        /// The provider.
        name: String,
    },
    /// The credential plugin gave no credentials.
    #[error("{side}")]
    Exec { side: Side, source: ExecError },
    /// kube does not accept the configuration.
    #[error("{side}")]
    Client { side: Side, source: Cause },
}

impl ConnectionError {
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Exec { source, .. } => source.hints(),
            Self::Unreadable { side, .. } | Self::Invalid { side, .. } | Self::HalfIdentity { side } => {
                vec![format!(
                    "fix the cluster and user of context \"{}\", or use another context; `{} view` shows them",
                    side.context(),
                    Kubectl::config(side)
                )]
            }
            Self::AuthProvider { side, name } => successor(name)
                .map(str::to_owned)
                .into_iter()
                .chain([format!(
                    "give context \"{}\" a user with a client certificate or a service account's token",
                    side.context()
                )])
                .collect(),
            Self::Proxy { .. } | Self::Client { .. } => Vec::new(),
        }
    }
}

/// What takes the place of an auth-provider for kubectl; a member's context needs a certificate or token anyway.
fn successor(auth_provider: &str) -> Option<&'static str> {
    match auth_provider {
        "azure" => Some("`kubelogin convert-kubeconfig` makes a credential plugin of it"),
        "gcp" => Some("`gcloud container clusters get-credentials` makes a credential plugin of it"),
        _ => None,
    }
}

/// A client for one side.
#[derive(Clone)]
pub struct Connection {
    pub side: Side,
    /// The context that was selected.
    pub context: SelectedContext,
    /// The address of the API server.
    pub server: String,
    /// What to make `Api`s from.
    pub client: Client,
    /// The server's time.
    pub clock: ServerClock,
    /// `--request-timeout`.
    pub request_timeout: Option<Duration>,
    /// Whether its user may do everything, once that was asked.
    pub may_everything: Arc<OnceCell<bool>>,
}

impl Connection {
    /// Prepares a connection; a credential plugin is run here, once. Nothing is sent to the server.
    pub async fn open(
        context: SelectedContext,
        environment: &Environment,
        request_timeout: Option<Duration>,
    ) -> Result<Self, ConnectionError> {
        let side = context.side.clone();
        let mut config = configuration(&context, environment)?;
        let token = authenticate(&context, environment, &mut config.auth_info).await?;
        let proxy = config.proxy_url.clone();
        let inner = transport::client(config, !environment.disables_http2)
            .map_err(|error| ConnectionError::Client { side: side.clone(), source: Cause::from(&error) })?;
        let server = context.server.to_string().trim_end_matches('/').to_owned();
        let requests = Requests::new(side.clone(), &server, inner, request_timeout);
        let clock = ServerClock::default();
        let requests = requests.through(proxy.as_ref()).with_token(token).setting(clock.clone());
        let requests = if environment.in_passing { requests.sent_once() } else { requests };
        let (client, may_everything) = (requests.into_client(), Arc::default());
        Ok(Self { side, context, server, client, clock, request_timeout, may_everything })
    }
}

/// Everything but the credentials of a plugin. Built field by field: kube's loader reads the proxies from
/// the environment and applies them wrongly.
fn configuration(context: &SelectedContext, environment: &Environment) -> Result<Config, ConnectionError> {
    let side = &context.side;
    let cluster = &context.cluster;
    let mut config = Config::new(context.server.clone());
    config.accept_invalid_certs = context.is_insecure();
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.headers.push((USER_AGENT, HeaderValue::from_static(user_agent())));
    if let Some(namespace) = &context.namespace {
        config.default_namespace.clone_from(namespace);
    }
    let file = Material { side, what: "certificate authority" };
    let authority =
        file.pem(cluster.certificate_authority_data.as_deref(), cluster.certificate_authority.as_deref())?;
    config.root_cert = authority.map(|pem| file.certificates(&pem)).transpose()?;
    config.proxy_url = proxy_for(&context.server, cluster.proxy_url.as_deref(), &environment.proxy)
        .map_err(|source| ConnectionError::Proxy { side: side.clone(), source })?;
    config.auth_info = embedded(side, &context.user)?;
    Ok(config)
}

/// `kubectl-mc/VERSION`, on every request.
pub const fn user_agent() -> &'static str {
    concat!("kubectl-mc/", env!("CARGO_PKG_VERSION"))
}

/// The user with its files read, so that a missing one is named, and each is read once.
fn embedded(side: &Side, user: &AuthInfo) -> Result<AuthInfo, ConnectionError> {
    let mut user = user.clone();
    let certificate = Material { side, what: "client certificate" }
        .pem(user.client_certificate_data.as_deref(), user.client_certificate.as_deref())?;
    let key_data = user.client_key_data.as_ref().map(SecretString::expose_secret);
    let key = Material { side, what: "client key" }.pem(key_data, user.client_key.as_deref())?;
    user.client_certificate_data = certificate.as_ref().map(|pem| STANDARD.encode(pem));
    user.client_key_data = key.as_ref().map(|pem| SecretString::from(STANDARD.encode(pem)));
    if certificate.is_some() != key.is_some() {
        return Err(ConnectionError::HalfIdentity { side: side.clone() });
    }
    Ok(user)
}

/// The token that has to be renewed, if there is one; kube keeps the credentials that do not change.
async fn authenticate(
    context: &SelectedContext,
    environment: &Environment,
    user: &mut AuthInfo,
) -> Result<Option<BearerToken>, ConnectionError> {
    let (exec, token_file) = (user.exec.take(), user.token_file.take());
    // As kubectl does: credentials that stand in the kubeconfig are used instead.
    if user.token.is_some() || user.username.is_some() {
        return Ok(None);
    }
    if let Some(provider) = user.auth_provider.as_ref().filter(|provider| provider.name != OIDC) {
        return Err(ConnectionError::AuthProvider {
            side: context.side.clone(),
            name: provider.name.clone(),
        });
    }
    if user.auth_provider.is_some() {
        return Ok(None);
    }
    match (token_file, exec) {
        (Some(path), _) => from_file(&context.side, &path).map(Some),
        (None, Some(exec)) => from_plugin(context, &exec, environment, user).await,
        (None, None) => Ok(None),
    }
}

fn from_file(side: &Side, path: &str) -> Result<BearerToken, ConnectionError> {
    let file = Material { side, what: "token file" };
    let content = String::from_utf8(file.read(path)?).map_err(|_| file.invalid("a token"))?;
    BearerToken::of_file(path.into(), &content).map_err(|_| file.invalid("a token"))
}

/// Runs the credential plugin, and gives a certificate that it returns to kube.
async fn from_plugin(
    context: &SelectedContext,
    exec: &ExecConfig,
    environment: &Environment,
    user: &mut AuthInfo,
) -> Result<Option<BearerToken>, ConnectionError> {
    let failed = |source| ConnectionError::Exec { side: context.side.clone(), source };
    let plugin = ExecPlugin::new(exec, &context.cluster, environment.stdin_is_terminal).map_err(failed)?;
    let plugin = if environment.in_passing { plugin.unheard() } else { plugin };
    let credential = plugin.run().await.map_err(failed)?;
    if let Some((certificate, key)) = credential.identity {
        user.client_certificate_data = Some(STANDARD.encode(certificate));
        user.client_key_data = Some(SecretString::from(STANDARD.encode(key.expose_secret())));
    }
    let token = credential.token.map(|token| BearerToken::of_plugin(plugin, &token, credential.expires));
    token.transpose().map_err(failed)
}

/// A certificate or key of the kubeconfig.
struct Material<'a> {
    side: &'a Side,
    what: &'static str,
}

impl Material<'_> {
    /// The PEM that stands in the kubeconfig, else the one in the file that it names.
    fn pem(&self, data: Option<&str>, file: Option<&str>) -> Result<Option<Vec<u8>>, ConnectionError> {
        match (data, file) {
            (Some(data), _) => STANDARD.decode(data.trim()).map(Some).map_err(|_| self.invalid("base64")),
            (None, Some(path)) => self.read(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, ConnectionError> {
        std::fs::read(path).map_err(|source| ConnectionError::Unreadable {
            side: self.side.clone(),
            what: self.what,
            path: path.into(),
            source,
        })
    }

    fn certificates(&self, pem: &[u8]) -> Result<Vec<Vec<u8>>, ConnectionError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
            .map(|certificate| certificate.map(|it| it.to_vec()))
            .collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err(self.invalid("a certificate (PEM)")),
        }
    }

    fn invalid(&self, wanted: &'static str) -> ConnectionError {
        ConnectionError::Invalid { side: self.side.clone(), what: self.what, wanted }
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
