//! The way to a server: directly or through a proxy, then TLS.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{self, BoxFuture};
use http::Uri;
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, MaybeHttpsStream, ResolveServerName,
};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use kube::Config;
use kube::client::RustlsTlsError;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt as _, service_fn};

use super::proxy::{socks, tunnel};

/// A proxy itself may be reached by TLS, too.
type Hop = MaybeHttpsStream<TokioIo<TcpStream>>;

pub(super) type Stream = MaybeHttpsStream<Hop>;

type Connector = HttpsConnector<BoxCloneSyncService<Uri, Hop, BoxError>>;

/// Connects to one server.
#[derive(Clone)]
pub(super) struct Dial {
    server: Uri,
    /// Offers HTTP/2 as well, unless that is not wanted.
    first: Connector,
    /// For HTTP/1.1.
    further: Connector,
    within: Duration,
}

impl Dial {
    pub(super) fn new(
        config: &Config,
        tls: ClientConfig,
        within: Duration,
        speaks_http2: bool,
    ) -> Result<Self, kube::Error> {
        let name = name(config)?;
        let route = route(config, &tls, &name);
        let mut offering = tls.clone();
        if speaks_http2 {
            offering.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(Self {
            server: config.cluster_url.clone(),
            first: HttpsConnector::new(route.clone(), offering, false, Arc::clone(&name)),
            further: HttpsConnector::new(route, tls, false, name),
            within,
        })
    }

    /// A connection that may turn out to be one of HTTP/2.
    pub(super) fn connect(&self) -> BoxFuture<'static, Result<Stream, BoxError>> {
        in_time(self.within, self.first.clone().oneshot(self.server.clone()).boxed())
    }

    /// Connections of HTTP/1.1, of which this is the first.
    pub(super) fn beginning_with(self, stream: Stream) -> BoxCloneSyncService<Uri, Stream, BoxError> {
        let first = Arc::new(Mutex::new(Some(stream)));
        BoxCloneSyncService::new(service_fn(move |server| {
            match first.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(first) => future::ready(Ok(first)).boxed(),
                None => in_time(self.within, self.further.clone().oneshot(server).boxed()),
            }
        }))
    }
}

fn in_time(
    within: Duration,
    connecting: BoxFuture<'static, Result<Stream, BoxError>>,
) -> BoxFuture<'static, Result<Stream, BoxError>> {
    let late = |late| io::Error::new(io::ErrorKind::TimedOut, late);
    async move { timeout(within, connecting).await.map_err(late)? }.boxed()
}

type Name = Arc<dyn ResolveServerName + Send + Sync>;

fn name(config: &Config) -> Result<Name, kube::Error> {
    let Some(name) = &config.tls_server_name else {
        return Ok(Arc::new(DefaultServerNameResolver::default()));
    };
    let name = ServerName::try_from(name.clone())
        .map_err(|error| kube::Error::RustlsTls(RustlsTlsError::InvalidServerName(error)))?;
    Ok(Arc::new(FixedServerNameResolver::new(name)))
}

/// A proxy that is reached by TLS is judged as the server is, and shown the same, as Go does it (`net/http/transport.go`).
fn route(config: &Config, tls: &ClientConfig, name: &Name) -> BoxCloneSyncService<Uri, Hop, BoxError> {
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    let Some(proxy) = &config.proxy_url else { return plain(direct) };
    match proxy.scheme_str() {
        Some("socks5") => plain(socks(proxy, direct)),
        Some("https") => {
            let tls = HttpsConnector::new(direct, tls.clone(), false, Arc::clone(name));
            BoxCloneSyncService::new(tunnel(proxy, tls).map_err(BoxError::from))
        }
        _ => plain(tunnel(proxy, direct)),
    }
}

fn plain<C>(connector: C) -> BoxCloneSyncService<Uri, Hop, BoxError>
where
    C: tower::Service<Uri, Response = TokioIo<TcpStream>> + Clone + Send + Sync + 'static,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    BoxCloneSyncService::new(connector.map_response(MaybeHttpsStream::Http).map_err(Into::into))
}
