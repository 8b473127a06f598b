use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams, WatchParams};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::*;
use crate::request_error::Cause;

type Answer = Response<Body>;

/// A client whose server gives the answers in turn, the last one for ever; and how often it was asked.
fn server(answers: Vec<fn() -> Answer>) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let service = tower::service_fn(move |_: Request<Body>| {
        let index = counter.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let answer = answers[index]();
        async move { Ok::<_, BoxError>(answer) }
    });
    let inner = Client::new(service, "default");
    (Requests::new(Side::host("prod"), "https://prod:6443", inner, None).into_client(), asked)
}

fn answer(status: u16, body: &serde_json::Value) -> Answer {
    Response::builder().status(status).body(Body::from(body.to_string().into_bytes())).unwrap()
}

fn namespace() -> Answer {
    answer(200, &json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system"}}))
}

fn failure(code: u16, reason: &str) -> Answer {
    answer(
        code,
        &json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "x"}),
    )
}

fn unavailable() -> Answer {
    failure(503, "ServiceUnavailable")
}

fn too_many() -> Answer {
    let mut response = failure(429, "TooManyRequests");
    response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
    response
}

#[tokio::test(start_paused = true)]
async fn reading_is_tried_three_times() {
    let (client, asked) = server(vec![unavailable, too_many, namespace]);
    let started = Instant::now();
    assert!(Api::<Namespace>::all(client).get("kube-system").await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert_eq!(started.elapsed().as_millis(), 1300, "300 ms, then the server's second");

    let (client, asked) = server(vec![unavailable]);
    let error = Api::<Namespace>::all(client).get("kube-system").await.unwrap_err();
    assert_eq!(Cause::from(&error), Cause::Unavailable { message: "x".into() });
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn writing_is_tried_again_only_if_the_server_did_nothing() {
    let (client, asked) = server(vec![unavailable]);
    let api = Api::<Namespace>::all(client);
    api.create(&PostParams::default(), &Namespace::default()).await.unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let patch = Patch::Merge(json!({"metadata": {}}));
    api.patch("kube-system", &PatchParams::default(), &patch).await.unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    let (client, asked) = server(vec![too_many, namespace]);
    let api = Api::<Namespace>::all(client);
    api.create(&PostParams::default(), &Namespace::default()).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// A server that never answers, or never ends its answer.
fn silent(headers: bool) -> Client {
    let service = tower::service_fn(move |_: Request<Body>| async move {
        if !headers {
            std::future::pending::<()>().await;
        }
        Ok::<_, BoxError>(Response::new(Never))
    });
    let inner = Client::new(service, "default");
    Requests::new(Side::host("prod"), "https://prod:6443", inner, Some(Duration::from_secs(5))).into_client()
}

/// A body that never ends.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_covers_the_body_of_an_ordinary_answer() {
    for headers in [false, true] {
        let started = Instant::now();
        let error = Api::<Namespace>::all(silent(headers)).list(&ListParams::default()).await.unwrap_err();
        assert_eq!(Cause::from(&error), Cause::TimedOut { after: Duration::from_secs(5) });
        assert_eq!(started.elapsed().as_secs(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_covers_only_the_beginning_of_a_stream() {
    let api = Api::<Namespace>::all(silent(true));
    assert!(api.watch(&WatchParams::default(), "0").await.is_ok());
    let api = Api::<Namespace>::all(silent(false));
    let Err(error) = api.watch(&WatchParams::default(), "0").await else { panic!("it never answers") };
    assert_eq!(Cause::from(&error).to_string(), "no answer within 5 s");
}

#[tokio::test]
async fn a_redirect_is_no_answer_and_not_followed() {
    let (client, asked) = server(vec![|| Response::builder().status(302).body(Body::empty()).unwrap()]);
    let error = Api::<Namespace>::all(client).get("kube-system").await.unwrap_err();
    let said = Cause::from(&error).to_string();
    assert_eq!(said, "the server answered 302, which is followed nowhere: a credential would go with it");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_web_page_instead_of_an_answer_is_said_in_a_line() {
    let (client, _) = server(vec![|| {
        let page = "<html><head><title>Sign in</title></head></html>";
        Response::builder().status(500).body(Body::from(page.as_bytes().to_vec())).unwrap()
    }]);
    let error = Api::<Namespace>::all(client).get("x").await.unwrap_err();
    assert_eq!(Cause::from(&error).to_string(), "the server answered 500: a web page answered: Sign in");
    let (client, _) = server(vec![|| Response::new(Body::from(b"<html>hunter22".to_vec()))]);
    let error = Api::<Namespace>::all(client).get("x").await.unwrap_err();
    assert!(Cause::from(&error).to_string().starts_with("the server's answer is not what a Kubernetes"));
}

/// Everything that is traced on this thread, as `target LEVEL field=value …`.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Vec<String>>>);

impl Traced {
    fn start() -> (Self, DefaultGuard) {
        let traced = Self::default();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(traced.clone()));
        (traced, guard)
    }

    fn of(&self, target: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.starts_with(target)).cloned().collect()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Traced {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = format!("{} {} {}", event.metadata().target(), event.metadata().level(), fields.0);
        self.0.lock().unwrap().push(line);
    }
}

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    #[expect(clippy::use_debug, reason = "tracing hands values over as Debug")]
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

fn config_map() -> Answer {
    let mut response = answer(
        200,
        &json!({
            "kind": "ConfigMap",
            "metadata": {"name": "kubesphere-config"},
            "data": {"kubesphere.yaml": "authentication:\n  jwtSecret: hunter22hunter22\n"}
        }),
    );
    for text in [r#"299 - "other API""#, r#"299 - "old API""#, r#"299 - "old API""#] {
        response.headers_mut().append("warning", HeaderValue::from_bytes(text.as_bytes()).unwrap());
    }
    response
}

#[tokio::test(start_paused = true)]
async fn traffic_is_traced_without_secrets_and_warnings_once() {
    let (traced, _guard) = Traced::start();
    let (client, _) = server(vec![unavailable, config_map]);
    let api = Api::<ConfigMap>::namespaced(client, "kubesphere-system");
    api.get("kubesphere-config").await.unwrap();
    let data: HashMap<_, _> = [("token", "hunter22hunter22")].into();
    let patch = Patch::Merge(json!({"data": data}));
    api.patch("kubesphere-config", &PatchParams::default(), &patch).await.unwrap();

    let requests = traced.of("kubectl_mc::requests").join("\n");
    assert!(requests.contains("WARN message=trying again side=host \"prod\" method=GET"), "{requests}");
    assert!(requests.contains("cause=\"503 Service Unavailable\" delay_milliseconds=300"), "{requests}");
    let url = "url=https://prod:6443/api/v1/namespaces/kubesphere-system/configmaps/kubesphere-config";
    assert!(requests.contains(url) && requests.contains("status=200 milliseconds="), "{requests}");
    assert!(requests.contains("TRACE") && requests.contains("sha256:"), "{requests}");
    assert!(!requests.contains("hunter22"), "{requests}");
    let warnings = traced.of("kubectl_mc::server_warning");
    assert_eq!(warnings.len(), 2, "each text once: {warnings:?}");
}

#[tokio::test]
async fn a_log_is_never_traced() {
    let (traced, _guard) = Traced::start();
    let (client, _) =
        server(vec![|| Response::new(Body::from(b"{\"msg\":\"Password: P@88w0rd\"}".to_vec()))]);
    let api = Api::<k8s_openapi::api::core::v1::Pod>::namespaced(client, "kubesphere-system");
    assert!(api.logs("ks-installer", &kube::api::LogParams::default()).await.unwrap().contains("P@88w0rd"));
    assert!(!traced.of("kubectl_mc").join("\n").contains("P@88w0rd"));
}
