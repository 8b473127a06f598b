use std::sync::{Arc, Mutex};

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Response, Uri};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::client::Body;
use kube::config::{AuthInfo, Cluster};
use kubesphere::missing_right;
use kubesphere::side::Side;
use serde_json::json;
use tower::BoxError;

use super::*;
use crate::requests;
use crate::selected_context::SelectedContext;
use crate::server_clock::ServerClock;

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A request as it was sent.
struct Sent {
    line: String,
    headers: HeaderMap,
    body: Value,
}

impl Sent {
    fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn types(&self) -> (&str, &str) {
        (self.header(&CONTENT_TYPE), self.header(&ACCEPT))
    }
}

/// A server that answers every request so, and the last request that it got.
fn server(code: u16, answer: &Value) -> (Connection, Arc<Mutex<Option<Sent>>>) {
    let (answer, seen) = (answer.to_string(), Arc::new(Mutex::new(None)));
    let recorded = Arc::clone(&seen);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (answer, recorded) = (answer.clone(), Arc::clone(&recorded));
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let body = serde_json::from_slice(&body).unwrap_or_default();
            // kube leaves an empty parameter, or none after the mark.
            let line = format!("{} {}", parts.method, parts.uri).replace("?&", "?");
            let line = line.trim_end_matches('?').to_owned();
            *recorded.lock().unwrap() = Some(Sent { line, headers: parts.headers, body });
            let answer = Response::builder().status(code).body(Body::from(answer.into_bytes()));
            Ok::<_, BoxError>(answer.unwrap())
        }
    });
    (connection(Client::new(service, "default")), seen)
}

/// Answers so many deletions with a conflict, and tells that the object of the name has this UID.
fn conflicting(conflicts: u32, uid: &str) -> Connection {
    let (left, uid) = (Arc::new(Mutex::new(conflicts)), uid.to_owned());
    let service = tower::service_fn(move |request: Request<Body>| {
        let mut left = left.lock().unwrap();
        let conflicts = request.method() == http::Method::DELETE && *left > 0;
        *left -= u32::from(conflicts);
        let status =
            json!({"kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict", "message": "x"});
        let found = json!({"kind": "PartialObjectMetadata", "metadata": {"name": "a", "uid": uid}});
        let (code, answer) = if conflicts { (409, status) } else { (200, found) };
        let answer = Response::builder().status(code).body(Body::from(answer.to_string().into_bytes()));
        async move { Ok::<_, BoxError>(answer.unwrap()) }
    });
    connection(Client::new(service, "default"))
}

fn connection(client: Client) -> Connection {
    let (side, server) = (Side::host("prod"), "https://prod:6443".to_owned());
    let client = requests::Requests::new(side.clone(), &server, client, None).into_client();
    let context = SelectedContext {
        side: side.clone(),
        name: "prod".to_owned(),
        cluster_name: "prod".to_owned(),
        cluster: Cluster::default(),
        cluster_place: None,
        user_name: None,
        user: AuthInfo::default(),
        user_place: None,
        token_place: None,
        namespace: None,
        server: Uri::from_static("https://prod:6443"),
    };
    let (clock, request_timeout) = (ServerClock::default(), None);
    let may_everything = Arc::default();
    let (known_members, line) = <_>::default();
    Connection { side, context, server, client, clock, request_timeout, may_everything, known_members, line }
}

fn answering(answer: &Value) -> (Connection, Arc<Mutex<Option<Sent>>>) {
    server(200, answer)
}

fn failing(code: u16) -> Connection {
    let status = json!({"kind": "Status", "status": "Failure", "code": code, "reason": "X", "message": "x"});
    server(code, &status).0
}

fn object() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "uid": "u-1"}})
}

fn list() -> Value {
    json!({"apiVersion": "v1", "kind": "SecretList", "metadata": {}, "items": [object()]})
}

fn secrets(connection: &Connection) -> Objects<'_> {
    Objects::of(connection, ObjectKind::SECRET).in_namespace("kubesphere-system")
}

macro_rules! sent {
    ($seen:expr) => {
        $seen.lock().unwrap().take().unwrap()
    };
}

#[tokio::test]
async fn one_object_is_read_whole_or_its_metadata_alone() {
    let (connection, seen) = answering(&object());
    let found = secrets(&connection).get("a").await.unwrap();
    assert_eq!(found.metadata.uid.as_deref(), Some("u-1"));
    let whole = sent!(seen);
    assert_eq!(whole.line, "GET /api/v1/namespaces/kubesphere-system/secrets/a");
    assert_eq!(whole.types(), ("", ""));

    let cluster = ObjectKind::CLUSTER.named("edge-1");
    let metadata = Objects::like(&connection, &cluster).get_metadata(&cluster.name).await.unwrap();
    assert_eq!(metadata.name.as_deref(), Some("a"));
    let partial = sent!(seen);
    assert_eq!(partial.line, "GET /apis/cluster.kubesphere.io/v1alpha1/clusters/edge-1");
    assert_eq!(partial.types(), ("application/json", METADATA));
}

#[tokio::test]
async fn a_list_is_selected_and_may_be_metadata_alone() {
    let (connection, seen) = answering(&list());
    let labelled = ListParams::default().labels("a=b").match_any();
    assert_eq!(secrets(&connection).list(&labelled).await.unwrap().len(), 1);
    let whole = sent!(seen);
    let path = "GET /api/v1/namespaces/kubesphere-system/secrets?";
    assert!(whole.line.starts_with(path) && whole.line.contains("labelSelector=a%3Db"), "{}", whole.line);
    assert!(whole.line.contains("resourceVersion=0"), "{}", whole.line);
    assert_eq!(whole.types(), ("", ""));

    let pods = Objects::<Pod>::on(&connection).list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(pods[0].uid.as_deref(), Some("u-1"));
    let partial = sent!(seen);
    assert_eq!(partial.line, "GET /api/v1/pods");
    assert_eq!(partial.types(), ("application/json", METADATA_LIST));
}

#[tokio::test]
async fn what_is_created_is_sent_as_it_is_written() {
    let (connection, seen) = answering(&object());
    for (persistence, query) in [(Persistence::Stored, ""), (Persistence::DryRun, "dryRun=All&")] {
        secrets(&connection).create(&object(), persistence).await.unwrap();
        let sent = sent!(seen);
        let path = "POST /api/v1/namespaces/kubesphere-system/secrets?";
        assert_eq!(sent.line, format!("{path}{query}fieldManager=kubectl-mc"));
        assert_eq!((sent.types().0, &sent.body), ("application/json", &object()));
    }
}

#[tokio::test]
async fn a_change_is_a_merge_or_a_guarded_patch_of_the_object_or_a_part_of_it() {
    let (connection, seen) = answering(&object());
    let secrets = secrets(&connection);
    let path = "PATCH /api/v1/namespaces/kubesphere-system/secrets/a";
    let merged = Change::merge(json!({"metadata": {"uid": "u-1"}}));
    secrets.patch("a", &merged, Persistence::Stored).await.unwrap();
    let sent = sent!(seen);
    assert_eq!(sent.line, format!("{path}?fieldManager=kubectl-mc"));
    assert_eq!(sent.types(), ("application/merge-patch+json", "application/json"));
    assert_eq!(sent.body, json!({"metadata": {"uid": "u-1"}}));

    let document = json!([{"op": "test", "path": "/a", "value": null}]);
    let guarded = Change::json(document.clone());
    secrets.patch_metadata("a", &guarded, Persistence::DryRun).await.unwrap();
    let sent = sent!(seen);
    assert_eq!(sent.line, format!("{path}?dryRun=All&fieldManager=kubectl-mc"));
    assert_eq!(sent.types(), ("application/json-patch+json", METADATA));
    assert_eq!(sent.body, document);

    let part = merged.of_subresource("approval").unvalidated();
    secrets.patch("a", &part, Persistence::Stored).await.unwrap();
    let query = "fieldManager=kubectl-mc&fieldValidation=Ignore";
    assert_eq!(sent!(seen).line, format!("{path}/approval?{query}"));
}

#[tokio::test]
async fn a_deletion_is_guarded_and_a_dry_run_says_so_twice() {
    let (connection, seen) = answering(&json!({"kind": "Status", "status": "Success"}));
    let secrets = secrets(&connection);
    let path = "DELETE /api/v1/namespaces/kubesphere-system/secrets";
    secrets.delete("a", &Deletion::of("u-1")).await.unwrap();
    let sent = sent!(seen);
    assert_eq!((sent.line, sent.body), (format!("{path}/a"), json!({"preconditions": {"uid": "u-1"}})));

    let rehearsed = Deletion::of("u-1").at_version("7").with(Persistence::DryRun);
    secrets.delete("a", &rehearsed).await.unwrap();
    let sent = sent!(seen);
    assert_eq!(sent.line, format!("{path}/a?dryRun=All"));
    let guard = json!({"uid": "u-1", "resourceVersion": "7"});
    assert_eq!(sent.body, json!({"dryRun": ["All"], "preconditions": guard}));

    let all = Deletion::by_name().without_grace();
    let labelled = ListParams::default().labels("a=b");
    secrets.delete_collection(&labelled, &all).await.unwrap();
    let sent = sent!(seen);
    assert_eq!(sent.line, format!("{path}?labelSelector=a%3Db"));
    assert_eq!(sent.body, json!({"gracePeriodSeconds": 0}));
    secrets.delete_collection(&labelled, &all.with(Persistence::DryRun)).await.unwrap();
    assert_eq!(sent!(seen).line, format!("{path}?labelSelector=a%3Db&dryRun=All"));
}

#[tokio::test]
async fn what_is_gone_was_not_removed_and_another_of_the_name_only_where_its_uid_guards_it() {
    let by_uid = Deletion::of("u-1");
    let (ok, _) = answering(&object());
    assert_eq!(secrets(&ok).remove("a", &by_uid).await, Ok(true));
    assert_eq!(secrets(&failing(404)).remove("a", &by_uid).await, Ok(false));
    let (conflict, forbidden) = (failing(409), failing(403));
    // Who may not read it again does not take it for gone.
    for deletion in [by_uid.clone(), Deletion::by_name(), Deletion::of("u-1").at_version("7")] {
        let error = secrets(&conflict).remove("a", &deletion).await.unwrap_err();
        assert_eq!(error.cause, Cause::Conflict);
    }
    let error = secrets(&forbidden).remove("a", &by_uid).await.unwrap_err();
    assert_eq!(error.to_string(), "host \"prod\": delete secrets/a in kubesphere-system");
}

/// A conflict tells that somebody has the object in hands, or that it is another one by now; never that it is gone.
#[tokio::test]
async fn of_every_kind_a_conflict_is_read_again() {
    let kinds = [
        ObjectKind::CLUSTER,
        ObjectKind::KUBEFED_CLUSTER,
        ObjectKind::NAMESPACE,
        ObjectKind::SERVICE_ACCOUNT,
        ObjectKind::SECRET,
        ObjectKind::CLUSTER_ROLE,
        ObjectKind::CLUSTER_ROLE_BINDING,
        ObjectKind::CERTIFICATE_REQUEST,
        ObjectKind::POD,
    ];
    let removals = kinds.map(|kind| async move {
        for (conflicts, uid, removed) in [(2, "u-1", Ok(true)), (2, "u-2", Ok(false)), (9, "u-1", Err(()))] {
            let connection = conflicting(conflicts, uid);
            let answer = Objects::of(&connection, kind).remove("a", &Deletion::of("u-1")).await;
            let answer = answer.map_err(|error| assert_eq!(error.cause, Cause::Conflict));
            assert_eq!(answer, removed, "{} with the UID {uid} after {conflicts}", kind.plural);
        }
    });
    futures::future::join_all(removals).await;
}

#[tokio::test]
async fn what_is_not_there_is_nothing_and_every_other_error_is_one() {
    let missing = failing(404);
    assert!(secrets(&missing).find("a").await.unwrap().is_none());
    assert!(secrets(&missing).find_metadata("a").await.unwrap().is_none());
    assert_eq!(secrets(&missing).get("a").await.unwrap_err().cause, Cause::NotFound);
    assert!(matches!(secrets(&failing(403)).find("a").await.unwrap_err().cause, Cause::Forbidden { .. }));
}

#[tokio::test]
async fn an_error_names_verb_and_object_or_says_it_in_other_words() {
    let connection = failing(403);
    let error = secrets(&connection).list(&ListParams::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "host \"prod\": list secrets in kubesphere-system");
    let error = secrets(&connection).create(&object(), Persistence::Stored).await.unwrap_err();
    assert_eq!(error.to_string(), "host \"prod\": create secrets/a in kubesphere-system");
    let requests = Objects::of(&connection, ObjectKind::CERTIFICATE_REQUEST);
    let approval = Change::merge(json!({})).of_subresource("approval");
    let error = requests.patch("a", &approval, Persistence::Stored).await.unwrap_err();
    assert_eq!(error.to_string(), "host \"prod\": patch certificatesigningrequests/approval/a");
    let needed = "the user needs \"patch\" on certificatesigningrequests/approval.certificates.k8s.io";
    assert_eq!(error.hints(), [needed, missing_right::ROLES]);
    let words = Object::from(ObjectKind::CERTIFICATE_REQUEST).named("ours");
    let error = requests.in_words(words).get_metadata("a").await.unwrap_err();
    assert_eq!(error.to_string(), "host \"prod\": get certificatesigningrequests/ours");
}

#[tokio::test]
async fn a_watch_is_of_the_same_objects() {
    let (connection, _) = answering(&object());
    let api = Api::from(secrets(&connection));
    assert_eq!(api.resource_url(), "/api/v1/namespaces/kubesphere-system/secrets");
    let api = Api::from(Objects::of(&connection, ObjectKind::CLUSTER));
    assert_eq!(api.resource_url(), "/apis/cluster.kubesphere.io/v1alpha1/clusters");
}
