//! A server in a closure that has the installer's pods and logs.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::json;

type Answer = UnsyncBoxBody<Bytes, std::io::Error>;

/// One answer to a request for the log.
#[derive(Clone, Copy)]
pub enum Log {
    /// These bytes, then a clean end.
    Ends(&'static str),
    /// These bytes, then the connection breaks.
    Cut(&'static str),
    /// These bytes, then nothing any more.
    Silent(&'static str),
    Refused(u16),
}

/// What the server has: pods (name, restarts, phase) at each listing, and logs at each reading; the last stays.
#[derive(Default)]
pub struct Server {
    pub deployment: Option<u16>,
    pods: VecDeque<Vec<(&'static str, i32, &'static str)>>,
    logs: VecDeque<Log>,
    pub requests: Vec<String>,
}

pub type Shared = Arc<Mutex<Server>>;

/// A client of a server that has these.
pub fn server(pods: &[&[(&'static str, i32, &'static str)]], logs: &[Log]) -> (Client, Shared) {
    let pods = pods.iter().map(|pods| pods.to_vec()).collect();
    let server = Server { pods, logs: logs.iter().copied().collect(), ..Server::default() };
    let shared = Arc::new(Mutex::new(server));
    (client(&shared), shared)
}

fn client(shared: &Shared) -> Client {
    let shared = Arc::clone(shared);
    let service = tower::service_fn(move |request: Request<Body>| {
        let response = answer(&mut shared.lock().unwrap(), request.uri());
        async move { Ok::<_, Infallible>(response) }
    });
    Client::new(service, "default")
}

fn answer(server: &mut Server, uri: &http::Uri) -> Response<Answer> {
    server.requests.push(uri.to_string());
    match uri.path() {
        "/apis/apps/v1/namespaces/kubesphere-system/deployments/ks-installer" => match server.deployment {
            Some(code) => failure(code),
            None => Response::new(whole(deployment().to_string())),
        },
        "/api/v1/namespaces/kubesphere-system/pods" => {
            let pods = next(&mut server.pods).unwrap_or_default();
            Response::new(whole(list(&pods).to_string()))
        }
        _ => next(&mut server.logs).map_or_else(|| failure(404), log),
    }
}

fn next<T: Clone>(answers: &mut VecDeque<T>) -> Option<T> {
    if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
}

fn failure(code: u16) -> Response<Answer> {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "no", "code": code });
    Response::builder().status(code).body(whole(status.to_string())).unwrap()
}

fn deployment() -> serde_json::Value {
    let labels = json!({ "app": "ks-install" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "ks-installer" },
        "spec": { "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels }, "spec": { "containers": [] } } },
    })
}

fn list(pods: &[(&str, i32, &str)]) -> serde_json::Value {
    let items: Vec<_> = pods.iter().enumerate().map(|(age, pod)| self::pod(age, pod)).collect();
    json!({ "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items })
}

/// Later in the list is newer.
fn pod(age: usize, (name, restarts, phase): &(&str, i32, &str)) -> serde_json::Value {
    let state = if *phase == "Pending" {
        json!({ "waiting": { "reason": "ContainerCreating" } })
    } else {
        json!({ "running": {} })
    };
    json!({
        "metadata": { "name": name, "uid": name, "creationTimestamp": format!("2024-03-01T10:0{age}:00Z") },
        "spec": { "containers": [] },
        "status": { "phase": phase, "containerStatuses": [{
            "name": "installer", "image": "", "imageID": "", "ready": true, "restartCount": restarts, "state": state,
            "lastState": if *phase == "Restarted" { json!({ "terminated": { "exitCode": 137 } }) } else { json!({}) },
        }] },
    })
}

fn log(log: Log) -> Response<Answer> {
    let chunk = |bytes: &'static str| Ok(http_body::Frame::data(Bytes::from_static(bytes.as_bytes())));
    match log {
        Log::Refused(code) => failure(code),
        Log::Ends(bytes) => Response::new(whole(bytes)),
        Log::Cut(bytes) => {
            let cut = Err(std::io::Error::other("connection reset by peer"));
            streamed(futures::stream::iter([chunk(bytes), cut]))
        }
        Log::Silent(bytes) => {
            streamed(futures::stream::iter([chunk(bytes)]).chain(futures::stream::pending()))
        }
    }
}

fn whole(bytes: impl Into<Bytes>) -> Answer {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

fn streamed(
    frames: impl Stream<Item = std::io::Result<http_body::Frame<Bytes>>> + Send + 'static,
) -> Response<Answer> {
    Response::new(StreamBody::new(frames).boxed_unsync())
}
