//! A faulty network and a faulty apiserver: a TLS proxy before a control plane, with rules that tests set as they run.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, RETRY_AFTER, WARNING},
    uri::{Authority as UriAuthority, Scheme},
};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::Incoming;
use k8s_openapi::jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    ControlPlane, Error,
    client_certificate::{ClientCertificates, User},
    control_plane::free_port,
    kubeconfig::{Access, write_private},
    serve::{self, Body, serve_connection, tls},
    upstream::Upstream,
};

/// The answer to /version has a few hundred bytes.
const LONGEST_VERSION: usize = 64 * 1024;

/// What happens to a request that a rule matches.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered with this status and a `Status` object, and never reaches the apiserver.
    Status {
        /// The HTTP status.
        code: StatusCode,
        /// The `Retry-After` header, in seconds.
        retry_after: Option<u32>,
    },
    /// It is answered with this, and never reaches the apiserver.
    Answer(StatusCode, Value),
    /// A webhook refuses it that repeats what was sent: in its message, and in a warning.
    Repeated,
    /// Its answer has this behind every text that is a server's own: UIDs, versions, reasons and messages.
    Spoiled(&'static str),
    /// It is passed on so much later; further rules apply to it.
    Delay(Duration),
    /// It is passed on once the gate opens; further rules apply to it.
    Hold(Gate),
    /// It is never answered.
    Hang,
    /// Its connection is cut before any answer.
    Drop,
    /// Its connection is cut after so many bytes of the answer's body.
    CutAfterBytes(usize),
    /// Its connection is cut so long after the answer began, in the midst of a stream.
    CutAfter(Duration),
    /// A watch is answered with an event that its resourceVersion is compacted (410 Gone), and ends.
    Gone,
    /// The answer of `/version` names this version instead, as `v1.23.17`.
    Version(String),
    /// The answer's `Date` is so many seconds ahead.
    Ahead(i64),
}

impl Fault {
    /// [`Fault::Status`] without `Retry-After`.
    ///
    /// # Panics
    /// When the number is no HTTP status.
    pub fn status(code: u16) -> Self {
        let code = StatusCode::from_u16(code).expect("tests give valid statuses");
        Self::Status { code, retry_after: None }
    }
}

/// What holds requests back until it opens, for ever.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets everything pass that waits or comes.
    pub fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        let _opened = self.0.acquire().await;
    }
}

type Predicate = dyn Fn(&Method, &Uri) -> bool + Send + Sync;

/// Which requests meet which fault, and how often.
pub struct Rule {
    matches: Box<Predicate>,
    fault: Fault,
    left: AtomicU32,
    hits: Arc<AtomicUsize>,
}

impl Rule {
    /// Requests of this method whose path and query contain this text meet the fault, until it is cleared.
    ///
    /// # Panics
    /// When the method is none.
    pub fn on(method: &str, path_contains: &str, fault: Fault) -> Self {
        let method: Method = method.parse().expect("tests give valid methods");
        let part = path_contains.to_owned();
        Self::when(move |asked, uri| *asked == method && uri.to_string().contains(&part), fault)
    }

    /// Requests for which the predicate holds meet the fault, until it is cleared.
    pub fn when(matches: impl Fn(&Method, &Uri) -> bool + Send + Sync + 'static, fault: Fault) -> Self {
        Self { matches: Box::new(matches), fault, left: AtomicU32::new(u32::MAX), hits: Arc::default() }
    }

    /// Only the first so many of them.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { left: AtomicU32::new(times), ..self }
    }

    /// The fault, where the request meets it.
    fn applies(&self, method: &Method, uri: &Uri) -> Option<Fault> {
        if !(self.matches)(method, uri) {
            return None;
        }
        let one_less = |left: u32| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(self.fault.clone())
    }
}

/// How often a rule has been met.
#[derive(Clone)]
pub struct Hits(Arc<AtomicUsize>);

impl Hits {
    /// So often until now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The proxy; dropped, it stops.
///
/// It authenticates clients by their certificates and speaks for them as an authenticating proxy; bearer tokens go
/// through as they are. The apiserver's audit log shows the clients' own users and user agents.
pub struct Front {
    port: u16,
    kubeconfig: PathBuf,
    yaml: String,
    shared: Arc<Shared>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    acceptor: TlsAcceptor,
    clients: Arc<ClientCertificates>,
    upstream: Upstream,
    rules: Mutex<Vec<Arc<Rule>>>,
    cut: Notify,
}

impl Front {
    /// Puts a proxy before a control plane, on a port of its own.
    pub fn start(plane: &ControlPlane) -> Result<Self, Error> {
        let clients = Arc::new(ClientCertificates::new(&plane.ca_pem())?);
        let acceptor = tls(&plane.server_identity()?, Some(Arc::clone(&clients) as _))?;
        let server: UriAuthority =
            plane.server().trim_start_matches("https://").parse().expect("an address is a valid authority");
        let upstream = Upstream::new(server, &plane.ca_pem(), &plane.front_proxy_identity()?)?;
        let shared =
            Arc::new(Shared { acceptor, clients, upstream, rules: Mutex::default(), cut: Notify::new() });
        let port = free_port();
        let url = format!("https://127.0.0.1:{port}");
        let yaml = Access {
            name: plane.name(),
            server: &url,
            authority: &plane.ca_pem(),
            credentials: plane.admin(),
        }
        .to_yaml();
        let kubeconfig = plane.folder().join(format!("front-{port}.kubeconfig"));
        write_private(&kubeconfig, &yaml)?;
        let front = Self { port, kubeconfig, yaml, shared, listener: Mutex::default() };
        front.reopen()?;
        Ok(front)
    }

    /// The proxy's URL.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// As [`ControlPlane::kubeconfig_path`], by way of this proxy.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// The text of [`Self::kubeconfig_path`].
    pub fn kubeconfig(&self) -> &str {
        &self.yaml
    }

    /// Adds a rule; of several that match, the first that answers wins. The hits count what met it.
    pub fn add(&self, rule: Rule) -> Hits {
        let hits = Hits(Arc::clone(&rule.hits));
        self.shared.rules().push(Arc::new(rule));
        hits
    }

    /// Removes all rules; what hangs goes on hanging.
    pub fn clear(&self) {
        self.shared.rules().clear();
    }

    /// Cuts every connection that is open now; new ones are accepted.
    pub fn cut_connections(&self) {
        self.shared.cut.notify_one();
    }

    /// Cuts every connection and refuses new ones, as while an apiserver restarts.
    pub fn close(&self) {
        if let Some(listener) = self.listener.lock().expect("no holder panics").take() {
            listener.abort();
            while !listener.is_finished() {
                std::thread::yield_now(); // Then the port is closed.
            }
        }
    }

    /// Accepts connections again, on the same port.
    pub fn reopen(&self) -> Result<(), Error> {
        self.close();
        let (port, shared) = (self.port, Arc::clone(&self.shared));
        let listener = crate::block_on(async move { TcpListener::bind(("127.0.0.1", port)).await })
            .map_err(Error::io(format!("listen on port {port}")))?;
        *self.listener.lock().expect("no holder panics") =
            Some(crate::runtime().spawn(accept(listener, shared)));
        Ok(())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.close();
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}

/// Accepts connections until aborted, which cuts them: they live in this task.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
            () = shared.cut.notified() => connections.abort_all(),
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = shared.acceptor.accept(stream).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let user = certificate.map(|certificate| shared.clients.user(certificate));
    let dropped = Notify::new();
    let serve = serve_connection(stream, |request| shared.answer(request, user.as_ref(), &dropped));
    tokio::select! {
        () = serve => {}
        () = dropped.notified() => {}
    }
}

impl Shared {
    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Rule>>> {
        self.rules.lock().expect("no holder panics")
    }

    /// The faults that a request meets, up to the first that answers it.
    fn faults(&self, method: &Method, uri: &Uri) -> Vec<Fault> {
        let mut faults = Vec::new();
        for rule in self.rules().iter() {
            if let Some(fault) = rule.applies(method, uri) {
                let goes_on = matches!(fault, Fault::Delay(_) | Fault::Hold(_));
                faults.push(fault);
                if !goes_on {
                    break;
                }
            }
        }
        faults
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        user: Option<&Option<User>>,
        dropped: &Notify,
    ) -> Response<Body> {
        let mut on_the_way_back = None;
        for fault in self.faults(request.method(), request.uri()) {
            match fault {
                Fault::Status { code, retry_after } => return refusal(code, retry_after),
                Fault::Delay(duration) => tokio::time::sleep(duration).await,
                Fault::Hold(gate) => gate.pass().await,
                Fault::Hang => std::future::pending::<()>().await,
                Fault::Drop => {
                    dropped.notify_one();
                    std::future::pending::<()>().await;
                }
                Fault::Gone => return gone(),
                Fault::Answer(code, value) => return serve::json(code, &value),
                Fault::Repeated => return repeated(request.into_body()).await,
                other => on_the_way_back = Some(other),
            }
        }
        let response = match user {
            Some(None) => return refusal(StatusCode::UNAUTHORIZED, None),
            Some(Some(user)) => self.forward(request, Some(user)).await,
            None => self.forward(request, None).await,
        };
        match on_the_way_back {
            Some(fault) => worsen(response, fault).await,
            None => response,
        }
    }

    async fn forward(&self, mut request: Request<Incoming>, user: Option<&User>) -> Response<Body> {
        let headers = request.headers_mut();
        headers.remove(CONNECTION);
        remove_claims(headers);
        if let Some(user) = user {
            claim(headers, user);
        }
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(self.upstream.server().clone());
        *request.uri_mut() = Uri::from_parts(parts).expect("a path that came in is valid with an authority");
        match self.upstream.send(request, user.is_some()).await {
            Ok(response) => response.map(|body| body.map_err(io::Error::other).boxed()),
            Err(error) => serve::text(StatusCode::BAD_GATEWAY, error.to_string()),
        }
    }
}

/// Nobody but this proxy may say who somebody is.
fn remove_claims(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-remote-")).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
}

fn claim(headers: &mut HeaderMap, user: &User) {
    let value =
        |text: &str| HeaderValue::from_str(text).expect("names in the test bed's certificates are plain");
    headers.insert("x-remote-user", value(&user.name));
    for group in &user.groups {
        headers.append("x-remote-group", value(group));
    }
}

/// A `Status` as an apiserver answers it.
fn refusal(code: StatusCode, retry_after: Option<u32>) -> Response<Body> {
    let mut response = serve::json(code, &status(code));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn status(code: StatusCode) -> Value {
    let phrase = code.canonical_reason().unwrap_or("Unknown");
    let reason = match code {
        StatusCode::GONE => "Expired".to_owned(),
        StatusCode::GATEWAY_TIMEOUT => "Timeout".to_owned(),
        StatusCode::INTERNAL_SERVER_ERROR => "InternalError".to_owned(),
        _ => phrase.replace(' ', ""),
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{phrase} (injected)"), "reason": reason, "code": code.as_u16(),
    })
}

fn gone() -> Response<Body> {
    serve::json(StatusCode::OK, &json!({ "type": "ERROR", "object": status(StatusCode::GONE) }))
}

async fn repeated(body: Incoming) -> Response<Body> {
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let message = format!("admission webhook \"repeats.example.com\" denied the request: {text}");
    let denied = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": "Forbidden", "code": 403,
    });
    let mut response = serve::json(StatusCode::FORBIDDEN, &denied);
    let warning = format!("299 - \"it was: {}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let warning = HeaderValue::from_str(&warning).expect("JSON on one line is a header");
    response.headers_mut().insert(WARNING, warning);
    response
}

async fn spoiled(response: Response<Body>, suffix: &str) -> Response<Body> {
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    // A watch has no length.
    if !is_json || !response.headers().contains_key(CONTENT_LENGTH) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return serve::text(StatusCode::BAD_GATEWAY, "the answer could not be read");
    };
    let bytes = body.to_bytes();
    let spoiled = serde_json::from_slice(&bytes).map(|mut value| {
        spoil(&mut value, suffix);
        value.to_string().into_bytes()
    });
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, serve::whole(spoiled.unwrap_or_else(|_| bytes.to_vec())))
}

fn spoil(value: &mut Value, suffix: &str) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text)
                        if ["uid", "gitVersion", "reason", "message"].contains(&key.as_str()) =>
                    {
                        text.push_str(suffix);
                    }
                    _ => spoil(value, suffix),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, suffix)),
        _ => {}
    }
}

async fn worsen(response: Response<Body>, fault: Fault) -> Response<Body> {
    match fault {
        Fault::CutAfterBytes(bytes) => response.map(|body| cut(body, bytes, Duration::MAX)),
        Fault::CutAfter(duration) => response.map(|body| cut(body, usize::MAX, duration)),
        Fault::Spoiled(suffix) => spoiled(response, suffix).await,
        Fault::Version(version) => with_version(response, &version).await,
        Fault::Ahead(seconds) => with_date(response, Timestamp::now() + SignedDuration::from_secs(seconds)),
        _ => response,
    }
}

/// Passes a body on until so many bytes or so much time; then its connection breaks.
fn cut(mut body: Body, mut bytes: usize, duration: Duration) -> Body {
    let (sender, shortened) = serve::stream();
    tokio::spawn(async move {
        let copied = async {
            while let Some(Ok(frame)) = body.frame().await {
                let Ok(mut data) = frame.into_data() else { continue };
                data.truncate(bytes);
                bytes -= data.len();
                if sender.send(Ok(data)).is_err() || bytes == 0 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(duration, copied).await;
        // What was passed on leaves before the connection breaks: hyper drops what is in its buffer with an error.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let _ = sender.send(Err(io::ErrorKind::ConnectionReset.into()));
    });
    shortened
}

fn with_date(mut response: Response<Body>, date: Timestamp) -> Response<Body> {
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&date).expect("the year has four digits");
    let text = HeaderValue::from_str(&text).expect("a date is plain");
    response.headers_mut().insert(DATE, text);
    response
}

async fn with_version(response: Response<Body>, version: &str) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = Limited::new(body, LONGEST_VERSION).collect().await else {
        return serve::text(StatusCode::BAD_GATEWAY, "the version could not be read");
    };
    let bytes = body.to_bytes();
    let rewritten = rewrite_version(&bytes, version);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, serve::whole(rewritten.unwrap_or_else(|| bytes.to_vec())))
}

fn rewrite_version(json: &[u8], version: &str) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(json).ok()?;
    let mut numbers = version.trim_start_matches('v').split('.');
    value["major"] = numbers.next()?.into();
    value["minor"] = numbers.next()?.into();
    value["gitVersion"] = version.into();
    serde_json::to_vec(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_met_as_often_as_it_says() {
        let rule = Rule::on("GET", "/version", Fault::Hang).times(2);
        let met = |method, uri: &str| rule.applies(&method, &uri.parse().unwrap()).is_some();
        assert!(!met(Method::POST, "/version") && !met(Method::GET, "/api"));
        assert_eq!(
            [met(Method::GET, "/version"), met(Method::GET, "/version?x"), met(Method::GET, "/version")],
            [true, true, false]
        );
        assert_eq!(Hits(rule.hits).count(), 2);
    }

    #[test]
    fn the_version_is_rewritten_and_the_rest_stays() {
        let rewritten = rewrite_version(
            br#"{"major":"1","minor":"34","gitVersion":"v1.34.3","platform":"x"}"#,
            "v1.23.17",
        );
        let value: Value = serde_json::from_slice(&rewritten.unwrap()).unwrap();
        assert_eq!(value, json!({"major": "1", "minor": "23", "gitVersion": "v1.23.17", "platform": "x"}));
    }
}
