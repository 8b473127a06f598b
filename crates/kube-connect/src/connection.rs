//! A connection to one side: what kube's configuration would get wrong is decided here.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use kube::client::ConfigExt as _;
use kube::{Client, Config};
use kubesphere::{command::Kubectl, pem, side::Side};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use super::client_identity::ClientIdentity;
use super::credentials::{credentials, left_to_kube};
use super::environment::Environment;
use super::exec_credential::ExecError;
use super::known_members::KnownMembers;
use super::material::Material;
use super::proxy::{ProxyError, proxy_for};
use super::request_error::Cause;
use super::requests::Requests;
use super::selected_context::SelectedContext;
use super::server_clock::ServerClock;
use super::server_trust::Authority;
use super::shown::NoCertificate;
use super::tls_failure::WayOut;
use super::transport;

pub use super::material::Defect;
pub use super::transport::Line;

/// How many sessions are kept to be resumed: those of a server, and of a proxy that is reached by TLS. rustls sets aside room
/// for 32 servers else.
const SESSIONS: usize = 16;

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
    #[error("{side}: the {what} {defect}")]
    Invalid {
        side: Side,
        /// What it is, and where it stands.
        what: String,
        defect: Defect,
    },
    /// There is a client certificate without its key.
    #[error("{side}: its user has a client certificate without the key")]
    WithoutKey { side: Side },
    /// No certificate can hold it.
    #[error("{side}: \"{name}\" cannot be a server's name (`tls-server-name`)")]
    ServerName { side: Side, name: String },
    /// It acts as somebody whose name cannot be sent.
    #[error(
        "{side}: the user, UID or group that it impersonates contains a line end or another character that no request can carry"
    )]
    Impersonation { side: Side },
    /// Nothing vouches for the server.
    #[error(
        "{side}: its kubeconfig names no certificate authority, and the trust store of this machine cannot be used"
    )]
    NoTrustStore { side: Side, source: Cause },
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
    /// Whether it is what the kubeconfig or an option says that is wrong, and not what it leads to.
    pub fn is_of_kubeconfig(&self) -> bool {
        matches!(
            self,
            Self::Unreadable { .. }
                | Self::Invalid { .. }
                | Self::WithoutKey { .. }
                | Self::ServerName { .. }
                | Self::Impersonation { .. }
                | Self::Proxy { .. }
        )
    }

    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Exec { source, .. } => source.hints(),
            Self::Invalid { side, defect, .. } => vec![defect.hint(side)],
            Self::Unreadable { side, .. } | Self::WithoutKey { side } => vec![format!(
                "fix the cluster and user of context \"{}\", or use another context; `{} view` shows them",
                side.context(),
                Kubectl::config(side)
            )],
            Self::NoTrustStore { side, .. } => WayOut::NameAuthority.hint(side).into_iter().collect(),
            Self::ServerName { side, .. } => vec![format!(
                "name one that the server's certificate holds: {}",
                side.option("tls-server-name", "NAME")
            )],
            Self::Impersonation { .. } => {
                vec!["write `--as`, `--as-uid` and `--as-group` on one line".to_owned()]
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
    /// Who stands behind the Clusters there, where that was asked.
    pub known_members: KnownMembers,
    pub line: Line,
}

impl Connection {
    /// Prepares a connection; a credential plugin is run here, once. Nothing is sent to the server.
    pub async fn open(
        context: SelectedContext,
        environment: &Environment,
        request_timeout: Option<Duration>,
    ) -> Result<Self, ConnectionError> {
        let side = context.side.clone();
        let config = configuration(&context, environment)?;
        let authority = authority(&context)?;
        let credentials = credentials(&context, environment).await?;
        let shown = credentials.shown();
        let no_certificate = NoCertificate::default();
        let tls = tls(&context, &config, authority, credentials.identity, no_certificate.clone())?;
        let proxy = config.proxy_url.clone();
        let (inner, line) = transport::client(config, tls, !environment.disables_http2)
            .map_err(|error| ConnectionError::Client { side: side.clone(), source: Cause::from(&error) })?;
        let server = context.server.to_string().trim_end_matches('/').to_owned();
        let requests = Requests::new(side.clone(), &server, inner, request_timeout);
        let clock = ServerClock::default();
        let requests = requests.through(proxy.as_ref()).with_token(credentials.token);
        let requests = requests.showing(shown, no_certificate).setting(clock.clone());
        let requests = if environment.in_passing { requests.sent_once() } else { requests };
        let (client, may_everything) = (requests.into_client(), Arc::default());
        let known_members = KnownMembers::default();
        Ok(Self {
            side,
            context,
            server,
            client,
            clock,
            request_timeout,
            may_everything,
            known_members,
            line,
        })
    }
}

/// Everything but TLS and what is shown by us. Built field by field: kube's loader reads the proxies from the environment
/// and applies them wrongly.
fn configuration(context: &SelectedContext, environment: &Environment) -> Result<Config, ConnectionError> {
    let (side, cluster) = (|| context.side.clone(), &context.cluster);
    let mut config = Config::new(context.server.clone());
    config.accept_invalid_certs = context.is_insecure();
    if let Some(name) = &cluster.tls_server_name {
        ServerName::try_from(name.as_str())
            .map_err(|_| ConnectionError::ServerName { side: side(), name: name.clone() })?;
    }
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.headers.push((USER_AGENT, HeaderValue::from_static(user_agent())));
    if let Some(namespace) = &context.namespace {
        config.default_namespace.clone_from(namespace);
    }
    config.proxy_url = proxy_for(&context.server, cluster.proxy_url.as_deref(), &environment.proxy)
        .map_err(|source| ConnectionError::Proxy { side: side(), source })?;
    config.auth_info = left_to_kube(&context.user);
    config.extra_headers_layer().map_err(|_| ConnectionError::Impersonation { side: side() })?;
    Ok(config)
}

/// The authority that the context names, which alone vouches for the server then.
fn authority(context: &SelectedContext) -> Result<Option<Authority>, ConnectionError> {
    let cluster = &context.cluster;
    let material = Material {
        side: &context.side,
        what: "certificate authority",
        entry: context.cluster_place.as_deref(),
        file: cluster.certificate_authority.as_deref(),
    };
    let Some((material, text)) = material.text(cluster.certificate_authority_data.as_deref())? else {
        return Ok(None);
    };
    let labels = || pem::blocks(&text).map(|block| block.label).collect();
    let absent = || material.invalid(Defect::Absent { wanted: "certificate", labels: labels() });
    Authority::of_pem(&text).map(Some).ok_or_else(absent)
}

fn tls(
    context: &SelectedContext,
    config: &Config,
    authority: Option<Authority>,
    identity: Option<ClientIdentity>,
    no_certificate: NoCertificate,
) -> Result<ClientConfig, ConnectionError> {
    let mut tls = match authority {
        Some(authority) => ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(authority))
            .with_no_client_auth(),
        // Nothing is to be verified.
        None if context.server.scheme_str() == Some("http") => {
            ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
        // The trust store of this machine, or none.
        None => config.rustls_client_config().map_err(|error| ConnectionError::NoTrustStore {
            side: context.side.clone(),
            source: Cause::from(&error),
        })?,
    };
    tls.resumption = Resumption::in_memory_sessions(SESSIONS);
    tls.client_auth_cert_resolver = match identity {
        Some(identity) => Arc::new(SingleCertAndKey::from(identity.certified)),
        None => Arc::new(no_certificate),
    };
    Ok(tls)
}

/// `kubectl-mc/VERSION`, on every request.
pub const fn user_agent() -> &'static str {
    concat!("kubectl-mc/", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
