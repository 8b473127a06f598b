//! A host of a few objects in memory, with faults, for the tests of what is narrowed.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use http::{Method, Request, Response, Uri};
use kube::{Client, client::Body, config::AuthInfo};
use kubesphere::{
    cluster::FINALIZER,
    cluster_webhook::{ClusterWebhook, WEBHOOK},
    side::Side,
};
use serde_json::{Value, json};
use tower::BoxError;

use crate::{
    live::{
        connection::{Connection, Line},
        known_members::KnownMembers,
        requests::Requests,
        selected_context::SelectedContext,
        server_clock::ServerClock,
    },
    plan::narrowing::CONDITION,
};

/// What happens to one patch of the webhook's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// It is answered with this status and not carried out.
    Status(u16),
    /// It is carried out, and the connection breaks.
    AnswerLost,
    /// It is carried out so much later, and never answered.
    Late(Duration),
}

pub(super) struct Host {
    pub(super) webhook: Value,
    pub(super) cluster: Option<Value>,
    /// What else is deleted, by path.
    pub(super) deleted: Vec<String>,
    /// What was written, `METHOD resource`, dry runs aside.
    pub(super) writes: Vec<String>,
    /// For the next patches of the configuration, in turn.
    pub(super) faults: VecDeque<Fault>,
    /// With which status the next patches that take a finalizer off are answered, in turn.
    pub(super) finalizer_faults: VecDeque<u16>,
    /// How the next updates of the Cluster are refused, in turn.
    pub(super) refusals: VecDeque<&'static str>,
    /// Whether match conditions are kept.
    pub(super) keeps_conditions: bool,
    /// Whether a controller takes the finalizer off.
    pub(super) has_controller: bool,
    /// How many updates of the Cluster admission denies though the webhook is narrowed.
    pub(super) lags: u32,
}

pub(super) type Shared = Arc<Mutex<Host>>;

pub(super) fn shipped() -> Value {
    let rule =
        json!({"apiGroups": ["cluster.kubesphere.io"], "operations": ["UPDATE"], "resources": ["clusters"]});
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "cluster.kubesphere.io"},
        "webhooks": [{"name": WEBHOOK, "rules": [rule], "clientConfig": {"caBundle": "b2xk"}}],
    })
}

/// A host with the webhook, and with the Cluster edge-1 behind it.
pub(super) fn host() -> (Connection, Shared) {
    let cluster = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster",
        "metadata": {"name": "edge-1", "uid": "u-1", "finalizers": [FINALIZER]},
    });
    let shared = Arc::new(Mutex::new(Host {
        webhook: shipped(),
        cluster: Some(cluster),
        deleted: Vec::new(),
        writes: Vec::new(),
        faults: VecDeque::new(),
        finalizer_faults: VecDeque::new(),
        refusals: VecDeque::new(),
        keeps_conditions: true,
        has_controller: true,
        lags: 0,
    }));
    (connection(&shared), shared)
}

pub(super) fn state(shared: &Shared) -> MutexGuard<'_, Host> {
    shared.lock().unwrap()
}

fn connection(shared: &Shared) -> Connection {
    let state = Arc::clone(shared);
    let service = tower::service_fn(move |request: Request<Body>| answer(Arc::clone(&state), request));
    let side = Side::host("prod");
    let requests = Requests::new(
        side.clone(),
        "https://prod:6443",
        Client::new(service, "default"),
        Some(Duration::ZERO),
    );
    let context = SelectedContext {
        side: side.clone(),
        name: "prod".to_owned(),
        cluster_name: "prod".to_owned(),
        cluster: kube::config::Cluster::default(),
        cluster_place: None,
        user_name: None,
        user: AuthInfo::default(),
        user_place: None,
        token_place: None,
        namespace: None,
        server: Uri::from_static("https://prod:6443"),
    };
    Connection {
        side,
        context,
        server: "https://prod:6443".to_owned(),
        client: requests.into_client(),
        clock: ServerClock::default(),
        request_timeout: None,
        may_everything: Arc::default(),
        known_members: KnownMembers::default(),
        line: Line::default(),
    }
}

async fn answer(shared: Shared, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect_bytes().await?;
    let path = parts.uri.path().to_owned();
    let is_dry_run = parts.uri.query().is_some_and(|query| query.contains("dryRun=All"));
    let resource = path.split('/').rev().nth(1).unwrap_or_default().to_owned();
    if parts.method != Method::GET && !is_dry_run {
        state(&shared).writes.push(format!("{} {resource}", parts.method));
    }
    let body = serde_json::from_slice(&body).unwrap_or_default();
    match (&parts.method, resource.as_str()) {
        (&Method::GET, "validatingwebhookconfigurations") => Ok(found(&state(&shared).webhook)),
        (&Method::PATCH, "validatingwebhookconfigurations") => configure(&shared, &body, is_dry_run).await,
        (&Method::GET, "clusters") => Ok(state(&shared).cluster.as_ref().map_or_else(missing, found)),
        (&Method::PATCH, "clusters") => Ok(update(&mut state(&shared), &body, is_dry_run)),
        (&Method::DELETE, "clusters") => Ok(delete(&mut state(&shared))),
        (&Method::GET, _) => Ok(found(&json!({
            "apiVersion": "v1", "kind": "Any", "metadata": {"name": "any", "uid": "u-2"},
        }))),
        (&Method::DELETE, _) => {
            assert_eq!(body["preconditions"]["uid"], "u-2", "{path}");
            state(&shared).deleted.push(path);
            Ok(failure(404, "not found"))
        }
        _ => panic!("{} {path}", parts.method),
    }
}

async fn configure(shared: &Shared, patch: &Value, is_dry_run: bool) -> Result<Response<Body>, BoxError> {
    let fault = if is_dry_run { None } else { state(shared).faults.pop_front() };
    match fault.unwrap_or(Fault::None) {
        Fault::Status(code) => return Ok(failure(code, "a fault")),
        Fault::Late(after) => {
            let (shared, patch) = (Arc::clone(shared), patch.clone());
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let patched = patched(&state(&shared), &patch);
                state(&shared).webhook = patched.unwrap();
            });
            return std::future::pending().await;
        }
        Fault::None | Fault::AnswerLost => {}
    }
    let Some(object) = patched(&state(shared), patch) else { return Ok(failure(422, "a test failed")) };
    if !is_dry_run {
        state(shared).webhook = object.clone();
    }
    if fault == Some(Fault::AnswerLost) {
        return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into());
    }
    Ok(found(&object))
}

/// As an API server patches: a `test` for null holds where nothing is, and empty lists and maps are not kept.
pub(super) fn patched(host: &Host, patch: &Value) -> Option<Value> {
    let mut object = host.webhook.clone();
    if !guards_hold(&object, patch) {
        return None;
    }
    let operations = patch.as_array().unwrap().iter();
    let operations: Vec<&Value> = operations.filter(|operation| operation["op"] != "test").collect();
    let operations: json_patch::Patch = serde_json::from_value(json!(operations)).unwrap();
    json_patch::patch(&mut object, &operations).ok()?;
    let webhook = object["webhooks"][0].as_object_mut().unwrap();
    webhook
        .retain(|field, value| *value != json!([]) && (host.keeps_conditions || field != "matchConditions"));
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.retain(|_, value| *value != json!({}));
    Some(object)
}

fn guards_hold(object: &Value, patch: &Value) -> bool {
    let mut guards = patch.as_array().unwrap().iter().filter(|operation| operation["op"] == "test");
    guards.all(|guard| {
        *object.pointer(guard["path"].as_str().unwrap()).unwrap_or(&Value::Null) == guard["value"]
    })
}

fn update(host: &mut Host, patch: &Value, is_dry_run: bool) -> Response<Body> {
    if host.cluster.is_none() {
        return missing();
    }
    if let Some(words) = host.refusals.pop_front() {
        return failure(500, words);
    }
    let webhook = &host.webhook["webhooks"][0];
    let excluded = webhook["matchConditions"]
        .as_array()
        .is_some_and(|conditions| conditions.iter().any(|condition| condition["name"] == CONDITION));
    let stands = ClusterWebhook::new(host.webhook.clone()).looks_at_updates() && !excluded;
    if stands || host.lags > 0 {
        host.lags = host.lags.saturating_sub(u32::from(!stands));
        return failure(
            403,
            &format!("admission webhook \"{WEBHOOK}\" denied the request: dial tcp: refused"),
        );
    }
    let uid = &host.cluster.as_ref().unwrap()["metadata"]["uid"];
    if patch["metadata"]["uid"].as_str().is_some_and(|wanted| *uid != wanted) {
        return failure(422, "metadata.uid: Invalid value: field is immutable");
    }
    let takes_finalizer = patch.is_array();
    if let Some(code) = host.finalizer_faults.pop_front_if(|_| takes_finalizer) {
        return failure(code, "a fault");
    }
    let cluster = host.cluster.clone().unwrap_or_default();
    if takes_finalizer && !guards_hold(&cluster, patch) {
        return failure(422, "a test failed");
    }
    let is_going = cluster["metadata"]["deletionTimestamp"].is_string();
    if !is_dry_run && is_going && (host.has_controller || takes_finalizer) {
        host.cluster = None;
    }
    found(&cluster)
}

/// The controller looks at once; while the webhook stands it fails.
fn delete(host: &mut Host) -> Response<Body> {
    let Some(cluster) = host.cluster.as_mut() else { return missing() };
    cluster["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    found(cluster)
}

fn found(object: &Value) -> Response<Body> {
    Response::new(Body::from(object.to_string().into_bytes()))
}

fn missing() -> Response<Body> {
    failure(404, "not found")
}

fn failure(code: u16, message: &str) -> Response<Body> {
    let status =
        json!({"kind": "Status", "status": "Failure", "code": code, "message": message, "reason": "X"});
    Response::builder().status(code).body(Body::from(status.to_string().into_bytes())).unwrap()
}
