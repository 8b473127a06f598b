//! How requests travel: side by side over one connection of HTTP/2, as client-go sends them, where the server speaks it.
//!
//! kube 5.0.0 offers HTTP/1.1 only, where each of several requests at once costs a connection and a handshake.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use rustls::ClientConfig;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, service_fn};

use super::answer_limit::{Bounded, Extent};
use super::dial::{Dial, Stream};

/// A server that does not answer a connection attempt by then is not there.
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);

/// After so much silence a ping asks whether the server is still there, and how long its answer may take: client-go's
/// (`k8s.io/apimachinery/pkg/util/net/http.go@v0.34`).
const PINGED_AFTER: Duration = Duration::from_secs(30);
const PING_ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// No connection, for everyone who waited for it.
#[derive(Clone, Debug)]
pub(super) struct NotConnected(Arc<dyn std::error::Error + Send + Sync>);

impl std::fmt::Display for NotConnected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("no connection")
    }
}

impl std::error::Error for NotConnected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// The connection broke before there was an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub(super) struct SentInVain(#[source] hyper::Error);

/// What is open to a server; nothing where a client sends by other means.
#[derive(Clone, Default)]
pub struct Line(Option<Arc<Transport>>);

impl Line {
    /// Closes what is open as soon as nobody waits for an answer over it. The next request opens it anew.
    pub fn hang_up(&self) {
        if let Some(transport) = &self.0 {
            transport.hang_up();
        }
    }
}

/// A client that sends by this configuration, retries aside, and what it sends over.
pub(super) fn client(
    config: Config,
    tls: ClientConfig,
    speaks_http2: bool,
) -> Result<(Client, Line), kube::Error> {
    let transport = Arc::new(Transport::new(Dial::new(&config, tls, CONNECTS_WITHIN, speaks_http2)?));
    let line = Line(Some(Arc::clone(&transport)));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .service(service_fn(move |request: Request<Body>| {
            let transport = Arc::clone(&transport);
            let extent = Extent::of(request.uri());
            async move { transport.send(request).await.map(|answer| Bounded::answer(answer, extent)) }
        }));
    Ok((Client::new(service, config.default_namespace), line))
}

struct Transport {
    dial: Dial,
    /// None where nothing is open.
    opening: Mutex<Option<Opening>>,
}

/// The connection of today, which those who need it first wait for together.
type Opening = Shared<BoxFuture<'static, Result<Spoken, NotConnected>>>;

/// What the server speaks, and by what it is spoken to.
#[derive(Clone)]
enum Spoken {
    /// As many connections as there are requests at once.
    Http1(Box<legacy::Client<BoxCloneSyncService<http::Uri, Stream, BoxError>, Body>>),
    Http2(http2::SendRequest<Body>),
}

impl Transport {
    fn new(dial: Dial) -> Self {
        Self { dial, opening: Mutex::default() }
    }

    async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        loop {
            let opening = self.opening();
            let stands = opening.peek().is_some();
            match opening.await? {
                Spoken::Http1(client) => return Ok(client.request(request).await?),
                Spoken::Http2(mut sender) => match sender.try_send_request(request).await {
                    Ok(response) => return Ok(response),
                    Err(mut failed) => match failed.take_message() {
                        // The connection that stood has ended before it took the request.
                        Some(unsent) if stands => request = unsent,
                        _ => return Err(SentInVain(failed.into_error()).into()),
                    },
                },
            }
        }
    }

    /// The connection, or one anew where it came to nothing or has ended.
    fn opening(&self) -> Opening {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = opening.take().filter(|opening| !has_ended(opening));
        opening.insert(standing.unwrap_or_else(|| open(self.dial.clone()))).clone()
    }

    /// With its last sender a connection of HTTP/2 ends, and with its client those of HTTP/1.1.
    fn hang_up(&self) {
        *self.opening.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Looked at by polling: an attempt that nobody waited for to the end has failed unseen.
fn has_ended(opening: &Opening) -> bool {
    match opening.clone().now_or_never() {
        None | Some(Ok(Spoken::Http1(_))) => false,
        Some(Ok(Spoken::Http2(sender))) => sender.is_closed(),
        Some(Err(_)) => true,
    }
}

fn open(dial: Dial) -> Opening {
    let connected = async move { connect(dial).await.map_err(|error| NotConnected(error.into())) };
    connected.boxed().shared()
}

async fn connect(dial: Dial) -> Result<Spoken, BoxError> {
    let stream = dial.connect().await?;
    if !stream.connected().is_negotiated_h2() {
        let client = legacy::Client::builder(TokioExecutor::new()).build(dial.beginning_with(stream));
        return Ok(Spoken::Http1(Box::new(client)));
    }
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PINGED_AFTER)
        .keep_alive_timeout(PING_ANSWERED_WITHIN)
        .handshake(stream)
        .await?;
    // Whoever waits for an answer over it is told how it ended.
    tokio::spawn(connection);
    Ok(Spoken::Http2(sender))
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
