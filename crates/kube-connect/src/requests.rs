//! What happens around each request: a time limit, bounded and visible retries, a plugin's token, and
//! what `-v` shows.
//!
//! It stands between two of kube's clients: `Api`s use the outer one, the inner one (kube's own stack, or
//! a test's closure) talks to the server. The inner client is what makes sending one request several times
//! simple: it can be cloned and shared.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use kube::Client;
use kube::client::Body;
use kubesphere::side::Side;
use tokio::time::Instant;
use tower::BoxError;

use super::answer_limit::Extent;
use super::bearer_token::BearerToken;
use super::cause::Cause;
use super::no_answer::{NoAnswer, RequestTimedOut};
use super::retry::Failure;
use super::server_clock::ServerClock;
use super::server_text;
use super::shown::{NoCertificate, Shown};
use super::traffic::Traffic;

/// How long an ordinary request may take, its answer's body included, unless `--request-timeout` says
/// otherwise: kubectl waits for ever, which nobody wants of a command with several steps.
pub const REQUEST_ENDS_WITHIN: Duration = Duration::from_secs(30);

/// One side's requests.
pub struct Requests {
    inner: Client,
    address: String,
    through: String,
    timeout: Option<Duration>,
    token: Option<BearerToken>,
    shown: Shown,
    no_certificate: NoCertificate,
    traffic: Traffic,
    clock: ServerClock,
    sends_once: bool,
}

impl Requests {
    /// Requests of `side` to the server at `address`, sent by `inner`. `timeout` is `--request-timeout`:
    /// absent means [`REQUEST_ENDS_WITHIN`], zero none.
    pub fn new(side: Side, address: &str, inner: Client, timeout: Option<Duration>) -> Self {
        let timeout = Some(timeout.unwrap_or(REQUEST_ENDS_WITHIN)).filter(|timeout| !timeout.is_zero());
        let address = address.trim_end_matches('/').to_owned();
        let traffic = Traffic::new(side, address.clone());
        Self {
            inner,
            address,
            through: String::new(),
            timeout,
            token: None,
            shown: Shown { otherwise: true, ..Shown::default() },
            no_certificate: NoCertificate::default(),
            traffic,
            clock: ServerClock::default(),
            sends_once: false,
        }
    }

    /// Names the proxy where a connection fails: it may be the one that refused.
    pub(super) fn through(self, proxy: Option<&Uri>) -> Self {
        let host = proxy.and_then(Uri::authority).map(|authority| {
            let authority = authority.as_str();
            authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
        });
        Self { through: host.map(|host| format!(" (through the proxy {host})")).unwrap_or_default(), ..self }
    }

    /// Sets this clock by every answer.
    pub(super) fn setting(self, clock: ServerClock) -> Self {
        Self { clock, ..self }
    }

    /// No request is sent again.
    pub(super) fn sent_once(self) -> Self {
        Self { sends_once: true, ..self }
    }

    /// Explains refusals by what is shown to the server.
    pub(super) fn showing(self, shown: Shown, no_certificate: NoCertificate) -> Self {
        Self { shown, no_certificate, ..self }
    }

    pub(super) fn with_token(self, token: Option<BearerToken>) -> Self {
        Self { token, ..self }
    }

    /// The client to make `Api`s from.
    pub fn into_client(self) -> Client {
        let namespace = self.inner.default_namespace().to_owned();
        let requests = Arc::new(self);
        let service = tower::service_fn(move |request| {
            let requests = Arc::clone(&requests);
            async move { requests.send(request).await }
        });
        Client::new(service, namespace)
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let outgoing = Outgoing { parts, body };
        self.traffic.request_body(&outgoing.body);
        let started = Instant::now();
        let mut tries = 1;
        loop {
            let outcome = self.send_authorized(&outgoing).await;
            let retry = again(&outgoing, &outcome, tries, started.elapsed());
            let Some((failure, delay)) = retry.filter(|_| !self.sends_once) else {
                return self.explained(outcome);
            };
            self.traffic.retried(&outgoing.parts.method, outgoing.path(), &failure, delay);
            tokio::time::sleep(delay).await;
            tries += 1;
        }
    }

    /// A refusal whose reason is known is an error of its own.
    fn explained(&self, outcome: Result<Response<Body>, kube::Error>) -> Result<Response<Body>, BoxError> {
        let response = outcome.map_err(|error| self.with_address(error))?;
        let refusal = match response.status() {
            StatusCode::UNAUTHORIZED => self.shown.refusal(true),
            StatusCode::FORBIDDEN => self.shown.refusal(false),
            _ => None,
        };
        refusal.map_or(Ok(response), |refusal| Err(Box::new(refusal)))
    }

    fn with_address(&self, source: kube::Error) -> BoxError {
        let address = self.address.split_once("://").map_or(&*self.address, |(_, address)| address);
        let address = format!("{address}{}", self.through);
        let shown = Shown { was_asked: self.no_certificate.was_asked(), ..self.shown };
        Box::new(NoAnswer { address, shown, source })
    }

    /// Sends the request with the plugin's token, and once more with a new one if the server refuses it:
    /// a request that is not authenticated was not carried out.
    async fn send_authorized(&self, outgoing: &Outgoing) -> Result<Response<Body>, kube::Error> {
        let Some(token) = &self.token else {
            return self.send_once(outgoing, None).await;
        };
        let header = token.header().await.map_err(boxed)?;
        let response = self.send_once(outgoing, Some(header.clone())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match token.header_instead_of(&header).await.map_err(boxed)? {
            Some(header) => self.send_once(outgoing, Some(header)).await,
            None => Ok(response),
        }
    }

    async fn send_once(
        &self,
        outgoing: &Outgoing,
        authorization: Option<HeaderValue>,
    ) -> Result<Response<Body>, kube::Error> {
        let started = Instant::now();
        let exchange = self.exchange(outgoing, outgoing.request(authorization));
        let outcome = match self.timeout {
            None => exchange.await,
            Some(after) => match tokio::time::timeout(after, exchange).await {
                Ok(outcome) => outcome,
                Err(_) => Err(boxed(RequestTimedOut { after })),
            },
        };
        let (method, path) = (&outgoing.parts.method, outgoing.path());
        match &outcome {
            Ok(response) => self.traffic.answered(method, path, response.status(), started.elapsed()),
            Err(error) => {
                self.traffic.failed(method, path, &Cause::from(error).to_string(), started.elapsed());
            }
        }
        outcome
    }

    /// Sends and waits for the answer: all of it, or only its beginning if it is a stream or a log.
    async fn exchange(
        &self,
        outgoing: &Outgoing,
        request: Request<Body>,
    ) -> Result<Response<Body>, kube::Error> {
        let response = self.inner.send(request).await?;
        self.clock.set_by(response.headers());
        // A log is no JSON, but a line of it may be, and the installer's has passwords: it is never traced. It may
        // also be larger than what one wants to hold at once.
        if Extent::of(&outgoing.parts.uri) != Extent::Whole && response.status().is_success() {
            self.traffic.warnings(response.headers(), &[]);
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let mut body = body.collect_bytes().await?;
        self.traffic.warnings(&parts.headers, &body);
        self.traffic.response_body(&body);
        if parts.status.is_redirection() || parts.status.is_informational() {
            return Err(boxed(LeadsElsewhere(parts.status)));
        }
        if !parts.status.is_success() {
            body = server_text::status_body(parts.status, &body);
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

/// An answer that leads elsewhere, whose body kube would take for what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {}, which is followed nowhere: a credential would go with it", .0.as_u16())]
struct LeadsElsewhere(StatusCode);

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> kube::Error {
    kube::Error::Service(Box::new(error))
}

fn again(
    outgoing: &Outgoing,
    outcome: &Result<Response<Body>, kube::Error>,
    tries: u32,
    elapsed: Duration,
) -> Option<(Failure, Duration)> {
    let failure = match outcome {
        Ok(response) => Failure::of_answer(response.status(), response.headers())?,
        Err(error) => Failure::of_error(error)?,
    };
    let delay = failure.delay((&outgoing.parts.method, &outgoing.parts.uri), tries, elapsed)?;
    Some((failure, delay))
}

/// A request that can be sent more than once.
struct Outgoing {
    parts: Parts,
    body: Bytes,
}

impl Outgoing {
    fn request(&self, authorization: Option<HeaderValue>) -> Request<Body> {
        let mut parts = self.parts.clone();
        if let Some(header) = authorization {
            parts.headers.insert(AUTHORIZATION, header);
        }
        Request::from_parts(parts, Body::from(self.body.clone()))
    }

    fn path(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
