use std::cell::LazyCell;

use http::{HeaderValue, Request, Response, header::WARNING};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::client::Body;
use kube::{Api, Client};
use kube_connect::request_error::Cause;
use kube_connect::requests::Requests;
use kubectl_mc::output::line::Line;
use kubesphere::side::Side;
use tokio::runtime::{Builder, Runtime};

pub(super) const WORDS: &[&str] = &[
    r#"{"kind":"Status","code":"#,
    r#""message":""#,
    r#""reason":"Forbidden""#,
    r#""status":"Failure""#,
    r#"admission webhook "x" denied the request: "#,
    r#"User "system:anonymous""#,
    "<html><head><title>",
    "</title>",
    "299 - \"",
    "\u{9b}31m",
    "\u{2066}",
    "\u{200f}",
];

/// All but 429, after which one waits.
const STATUSES: [u16; 14] = [200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 422, 500, 503, 599];

/// Its reason and its message, with some words around them.
const LONGEST_TOLD: usize = 1000;

thread_local! {
    static RUNTIME: LazyCell<Runtime> =
        const { LazyCell::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime")) };
}

/// Marks of direction, and line ends of Unicode.
const MARKS: [char; 14] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}',
    '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

/// An answer to a creation, with its first line as a warning, too. What is told of it stands on one line, is not too long, and
/// no terminal obeys it once it is a line to print.
pub(super) fn run(bytes: &[u8]) {
    let status = STATUSES[bytes.first().map_or(0, |byte| usize::from(*byte) % STATUSES.len())];
    let answer = bytes.to_vec();
    let service = tower::service_fn(move |_: Request<Body>| {
        let line =
            answer.split(|byte| *byte == b'\n').next().and_then(|line| HeaderValue::from_bytes(line).ok());
        let mut response = Response::new(Body::from(answer.clone()));
        *response.status_mut() = status.try_into().expect("a status");
        response.headers_mut().extend(line.map(|line| (WARNING, line)));
        async move { Ok::<_, tower::BoxError>(response) }
    });
    let told = RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let inner = Client::new(service, "default");
            let client = Requests::new(Side::host("prod"), "https://prod:6443", inner, None).into_client();
            let answered =
                Api::<Namespace>::all(client).create(&PostParams::default(), &Namespace::default()).await;
            answered.err().map(|error| Cause::from(&error).to_string())
        })
    });
    let told = told.unwrap_or_default();
    assert!(!told.contains(['\n', '\r', '\t']), "{told:?} stands on several lines");
    assert!(told.chars().count() < LONGEST_TOLD, "{told:?} is too long");
    let printed = Line::from(&told).to_string();
    let is_obeyed = |letter: char| letter.is_control() || MARKS.contains(&letter);
    assert!(!printed.contains(is_obeyed), "{printed:?} steers a terminal");
}
