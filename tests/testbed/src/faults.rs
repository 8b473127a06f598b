//! What a faulty network and a faulty apiserver do to requests, by rules that tests set as they run.

use std::{
    future::{Future, pending},
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, RETRY_AFTER, USER_AGENT, WARNING},
};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::Body as HttpBody;
use k8s_openapi::jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::{
    Schedule,
    clock_jump::ClockJump,
    serve::{self, Body},
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
    /// It is passed on when it is its turn; further rules apply to it.
    Scheduled(Schedule),
    /// It is never answered.
    Hang,
    /// Its connection is cut before any answer.
    Drop,
    /// It reaches the apiserver, and this becomes of its answer. It counts as met once that was given.
    Applied(Box<Self>),
    /// It is answered as by an apiserver that does not know the authority of a webhook.
    WebhookUnknown,
    /// Its connection is cut after so many bytes of the answer's body.
    CutAfterBytes(usize),
    /// Its connection is cut so long after the answer began, in the midst of a stream.
    CutAfter(Duration),
    /// A watch is answered with an event that its resourceVersion is compacted (410 Gone), and ends.
    Gone,
    /// A watch is answered with an event that the server has failed, and ends.
    ErrorEvent,
    /// A watch ends at once.
    Closed,
    /// The answer of `/version` names this version instead, as `v1.23.17`.
    Version(String),
    /// The answer's `Date` is so many seconds ahead.
    Ahead(i64),
    /// Its cluster's clocks have jumped.
    Jumped(ClockJump),
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
    agent: &'static str,
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
        let (left, hits) = (AtomicU32::new(u32::MAX), Arc::default());
        Self { matches: Box::new(matches), agent: "", fault, left, hits }
    }

    /// Only those of clients whose `User-Agent` starts so.
    #[must_use]
    pub fn by(self, agent: &'static str) -> Self {
        Self { agent, ..self }
    }

    /// Only the first so many of them.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { left: AtomicU32::new(times), ..self }
    }

    /// Whether the request meets it.
    fn applies(&self, method: &Method, uri: &Uri, agent: &str) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        let applies = agent.starts_with(self.agent)
            && (self.matches)(method, uri)
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok();
        if applies && !matches!(self.fault, Fault::Applied(_)) {
            self.met();
        }
        applies
    }

    fn met(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
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

/// The rules that hold at present.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Arc<Rule>>>);

impl Faults {
    /// Adds a rule; of several that match, the first that answers wins. The hits count what met it.
    pub fn add(&self, rule: Rule) -> Hits {
        let hits = Hits(Arc::clone(&rule.hits));
        self.rules().push(Arc::new(rule));
        hits
    }

    /// Removes all rules; what hangs goes on hanging.
    pub fn clear(&self) {
        self.rules().clear();
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Arc<Rule>>> {
        self.0.lock().expect("no holder panics")
    }

    /// The rules that a request meets, up to the first that answers it.
    fn met<B>(&self, request: &Request<B>) -> Vec<Arc<Rule>> {
        let agent =
            request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let mut met = Vec::new();
        for rule in self.rules().iter() {
            if rule.applies(request.method(), request.uri(), agent) {
                met.push(Arc::clone(rule));
                if !matches!(rule.fault, Fault::Delay(_) | Fault::Hold(_) | Fault::Scheduled(_)) {
                    break;
                }
            }
        }
        met
    }

    /// The answer to a request, as the rules let it arrive. `cut` is told where its connection is to be cut.
    pub(crate) async fn around<B, F>(
        &self,
        request: Request<B>,
        cut: &Notify,
        answer: impl FnOnce(Request<B>) -> F,
    ) -> Response<Body>
    where
        B: HttpBody,
        F: Future<Output = Response<Body>>,
    {
        let (mut request, mut since) = (request, None);
        let (mut on_the_way_back, mut turn) = (None, None);
        for rule in self.met(&request) {
            match &rule.fault {
                Fault::Delay(duration) => tokio::time::sleep(*duration).await,
                Fault::Hold(gate) => gate.pass().await,
                Fault::Jumped(jump) => {
                    (request, since) = jump.undone(request);
                    on_the_way_back = Some(rule);
                }
                Fault::Scheduled(schedule) => turn = schedule.turn(&request).await,
                Fault::Applied(_)
                | Fault::CutAfterBytes(_)
                | Fault::CutAfter(_)
                | Fault::Spoiled(_)
                | Fault::Version(_)
                | Fault::Ahead(_) => on_the_way_back = Some(rule),
                Fault::Repeated => return repeated(request.into_body()).await,
                fault => return instead(fault, cut).await,
            }
        }
        let response = answer(request).await;
        drop(turn);
        let Some(rule) = on_the_way_back else { return response };
        match &rule.fault {
            Fault::Applied(fault) => {
                rule.met();
                instead(fault, cut).await
            }
            Fault::Jumped(jump) => jump.clone().done(response, since),
            fault => worsen(response, fault).await,
        }
    }
}

/// What arrives in the place of an apiserver's answer.
async fn instead(fault: &Fault, cut: &Notify) -> Response<Body> {
    match fault {
        Fault::Status { code, retry_after } => refusal(*code, *retry_after),
        Fault::WebhookUnknown => serve::json(
            StatusCode::INTERNAL_SERVER_ERROR,
            &failure(StatusCode::INTERNAL_SERVER_ERROR, WEBHOOK_UNKNOWN),
        ),
        Fault::Answer(code, value) => serve::json(*code, value),
        Fault::Gone => event(StatusCode::GONE),
        Fault::ErrorEvent => event(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Closed => Response::new(serve::whole("")),
        Fault::Drop => {
            cut.notify_one();
            pending().await
        }
        _ => pending().await,
    }
}

/// As Kubernetes says it (`staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go@v1.34`).
const WEBHOOK_UNKNOWN: &str = "Internal error occurred: failed calling webhook \"clusters.kubesphere.io\": failed to call webhook: \
     tls: failed to verify certificate: x509: certificate signed by unknown authority (injected)";

/// A `Status` as an apiserver answers it.
pub(crate) fn refusal(code: StatusCode, retry_after: Option<u32>) -> Response<Body> {
    let mut response = serve::json(code, &status(code));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn status(code: StatusCode) -> Value {
    failure(code, &format!("{} (injected)", code.canonical_reason().unwrap_or("Unknown")))
}

fn failure(code: StatusCode, message: &str) -> Value {
    let phrase = code.canonical_reason().unwrap_or("Unknown");
    let reason = match code {
        StatusCode::GONE => "Expired".to_owned(),
        StatusCode::GATEWAY_TIMEOUT => "Timeout".to_owned(),
        StatusCode::INTERNAL_SERVER_ERROR => "InternalError".to_owned(),
        _ => phrase.replace(' ', ""),
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    })
}

fn event(code: StatusCode) -> Response<Body> {
    serve::json(StatusCode::OK, &json!({ "type": "ERROR", "object": status(code) }))
}

async fn repeated(body: impl HttpBody) -> Response<Body> {
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let message = format!("admission webhook \"repeats.example.com\" denied the request: {text}");
    let mut response = serve::json(StatusCode::FORBIDDEN, &failure(StatusCode::FORBIDDEN, &message));
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

async fn worsen(response: Response<Body>, fault: &Fault) -> Response<Body> {
    match fault {
        Fault::CutAfterBytes(bytes) => response.map(|body| shortened(body, *bytes, Duration::MAX)),
        Fault::CutAfter(duration) => response.map(|body| shortened(body, usize::MAX, *duration)),
        Fault::Spoiled(suffix) => spoiled(response, suffix).await,
        Fault::Version(version) => with_version(response, version).await,
        Fault::Ahead(seconds) => with_date(response, Timestamp::now() + SignedDuration::from_secs(*seconds)),
        _ => response,
    }
}

/// Passes a body on until so many bytes or so much time; then its connection breaks.
fn shortened(mut body: Body, mut bytes: usize, duration: Duration) -> Body {
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
        let met = |method, uri: &str| rule.applies(&method, &uri.parse().unwrap(), "");
        assert!(!met(Method::POST, "/version") && !met(Method::GET, "/api"));
        assert_eq!(
            [met(Method::GET, "/version"), met(Method::GET, "/version?x"), met(Method::GET, "/version")],
            [true, true, false]
        );
        assert_eq!(Hits(rule.hits).count(), 2);
    }

    #[test]
    fn a_rule_concerns_those_who_introduce_themselves_so() {
        let rule = Rule::on("GET", "/version", Fault::Hang).by("kubectl-mc/");
        let met = |agent| rule.applies(&Method::GET, &Uri::from_static("/version"), agent);
        assert!(met("kubectl-mc/1.0") && !met("testbed/1.0") && !met(""));
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
