//! An apiserver's audit log, read as the list of requests that were made.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::request::Parts;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

use crate::memory::Asked;

/// The audit policy: every request once answered or, for a watch, once begun, and of bodies only what access reviews ask.
pub(crate) const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Request
  resources: [{group: authorization.k8s.io, resources: [selfsubjectaccessreviews]}]
- level: Metadata
";

/// How long the log may lag behind an answer: the apiserver writes it just after, never seconds later.
const LAG: Duration = Duration::from_secs(2);

/// A place in an audit log.
#[derive(Clone, Copy, Debug)]
pub struct Mark(u64);

/// One request, as the apiserver saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditEvent {
    /// get, list, watch, create, update, patch, delete, deletecollection, or an HTTP method in lower case.
    pub verb: String,
    /// The authenticated user.
    pub user: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// The plural, as `configmaps`; empty for a path outside the API, as /version.
    pub resource: String,
    /// As `log` or `proxy`; empty for the object itself.
    pub subresource: String,
    /// Empty for the core group.
    pub api_group: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// Empty for lists, and for objects that the apiserver named.
    pub name: String,
    /// Path and query.
    pub request_uri: String,
    /// The number of the connection by which it came to a server in memory; real ones do not tell.
    pub connection: Option<u64>,
    /// The HTTP status answered.
    pub code: u16,
    /// Whether the user may not do it; a webhook that refuses answers 403, too.
    pub is_forbidden: bool,
    /// Whether the request asked that nothing be stored.
    pub dry_run: bool,
    /// What an access review of one's own asked about.
    pub reviewed: Option<Access>,
    /// When the apiserver got it.
    pub received: Timestamp,
    /// When its answer was complete; of a watch, a log and what a proxy passes on, when it began.
    pub answered: Timestamp,
}

/// What a request does, as RBAC judges it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    pub verb: String,
    /// Empty for the core group.
    pub api_group: String,
    /// The plural, with the subresource after a slash.
    pub resource: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// Empty for lists and creations.
    pub name: String,
}

impl Access {
    /// What an access review of one's own, as it is sent, asks about.
    pub(crate) fn reviewed_in(body: &[u8]) -> Option<Self> {
        let review: RequestObject = serde_json::from_slice(body).ok()?;
        review.spec.resource_attributes.map(Self::from)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, api_group, resource, namespace, name } = self;
        let of =
            |mark: &str, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
        let (group, name, namespace) = (of(".", api_group), of("/", name), of(" in ", namespace));
        write!(formatter, "{verb} {resource}{group}{name}{namespace}")
    }
}

impl AuditEvent {
    /// What the request itself does; `None` for a path outside the API, as /version.
    pub fn access(&self) -> Option<Access> {
        let subresource = if self.subresource.is_empty() { "" } else { "/" };
        let is_object = !self.resource.is_empty();
        is_object.then(|| Access {
            verb: self.verb.clone(),
            api_group: self.api_group.clone(),
            resource: format!("{}{subresource}{}", self.resource, self.subresource),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        })
    }

    /// Whether the request's verb writes; access reviews and dry runs are creations too, see there.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }

    /// Whether the request asked for rights or identity only: such a creation stores nothing.
    pub fn is_review(&self) -> bool {
        matches!(self.api_group.as_str(), "authorization.k8s.io" | "authentication.k8s.io")
            && self.resource.ends_with("reviews")
    }

    /// Whether the answer goes on for as long as somebody listens: a watch, or a log that is followed.
    pub fn is_followed(&self) -> bool {
        self.verb == "watch" || self.subresource == "log" && asks(&self.request_uri, "follow=true")
    }

    /// Whether the request was meant to change the cluster: a write that is neither a review nor a dry run.
    pub fn changes(&self) -> bool {
        self.is_write() && !self.is_review() && !self.dry_run
    }
}

/// The audit log of one control plane.
pub struct AuditLog(Kept);

/// Where requests are noted.
enum Kept {
    /// In the file of an apiserver, which is asked for a moment's peace before it is read.
    File {
        path: PathBuf,
        client: kube::Client,
    },
    InMemory(Recorder),
}

impl AuditLog {
    pub(crate) fn of_file(path: &Path, client: kube::Client) -> Self {
        Self(Kept::File { path: path.to_owned(), client })
    }

    pub(crate) fn in_memory(recorder: Recorder) -> Self {
        Self(Kept::InMemory(recorder))
    }

    /// The log's end: [`Self::since`] returns what comes after it.
    pub fn mark(&self) -> Mark {
        match &self.0 {
            Kept::File { path, client } => {
                fence(path, client);
                Mark(length(path))
            }
            Kept::InMemory(recorder) => Mark(recorder.events().len() as u64),
        }
    }

    /// Every request answered since the mark, in the order of the log, without the test bed's own.
    ///
    /// A request whose answer has reached its client is in it.
    pub fn since(&self, mark: Mark) -> Vec<AuditEvent> {
        self.read_if(mark, OWN_AGENT, false)
    }

    /// As [`Self::since`], of clients whose `User-Agent` starts so: stand-ins' and controllers' requests are left out.
    pub fn since_by(&self, mark: Mark, user_agent: &str) -> Vec<AuditEvent> {
        self.read_if(mark, user_agent, true)
    }

    /// The requests whose `User-Agent` starts so, or those whose does not.
    fn read_if(&self, mark: Mark, user_agent: &str, starts: bool) -> Vec<AuditEvent> {
        match &self.0 {
            Kept::File { path, client } => {
                fence(path, client);
                let theirs = introduced_as(user_agent);
                let lines = read(path, mark);
                // Most lines of a log that is asked over and over are nobody's concern: they are told by their text.
                let lines: Vec<&str> =
                    lines.lines().filter(|line| line.contains(&theirs) == starts).collect();
                parse(&lines.join("\n"))
            }
            Kept::InMemory(recorder) => {
                let after = usize::try_from(mark.0).unwrap_or(usize::MAX);
                let events = recorder.events();
                let concerns = |event: &&AuditEvent| event.user_agent.starts_with(user_agent) == starts;
                events.iter().skip(after).filter(concerns).cloned().collect()
            }
        }
    }
}

/// Sends a request and waits until it is logged: then those answered before it are logged as well.
fn fence(path: &Path, client: &kube::Client) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let fence = format!("/livez/ping?fence={}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let before = Mark(length(path));
    let request = http::Request::get(&fence).body(Vec::new()).expect("a path of digits is valid");
    let client = client.clone();
    let sent = async move { tokio::time::timeout(LAG, client.request_text(request)).await };
    if !matches!(crate::block_on(sent), Ok(Ok(_))) {
        return; // An apiserver that does not answer writes no log either.
    }
    let begun = Instant::now();
    while begun.elapsed() < LAG && !read(path, before).contains(&fence) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn read(path: &Path, mark: Mark) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let _ = file.seek(SeekFrom::Start(mark.0));
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// By which connection a request has come, among its extensions.
#[derive(Clone, Copy)]
pub(crate) struct Connection(u64);

impl Connection {
    /// One that has none of the numbers before.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a server in memory notes of the requests that it answers.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<AuditEvent>>>);

impl Recorder {
    /// A request as it comes in; its user and its code are told later.
    pub(crate) fn begin(parts: &Parts, asked: &Asked) -> AuditEvent {
        let header = parts.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let uri = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let event = AuditEvent {
            verb: parts.method.as_str().to_lowercase(),
            user_agent: header.unwrap_or_default().to_owned(),
            connection: parts.extensions.get().map(|Connection(number)| *number),
            dry_run: asks(&uri, "dryRun=All"),
            request_uri: uri,
            received: Timestamp::now(),
            ..AuditEvent::default()
        };
        let Asked::Resource(request) = asked else { return event };
        AuditEvent {
            verb: request.verb.clone(),
            resource: request.plural.clone(),
            subresource: request.subresource.clone(),
            api_group: request.group.clone(),
            namespace: request.namespace.clone(),
            name: request.name.clone(),
            ..event
        }
    }

    pub(crate) fn end(&self, event: AuditEvent) {
        self.events().push(AuditEvent { answered: Timestamp::now(), ..event });
    }

    fn events(&self) -> MutexGuard<'_, Vec<AuditEvent>> {
        self.0.lock().expect("no holder panics")
    }
}

/// How the test bed's own requests introduce themselves.
pub(crate) const OWN_AGENT: &str = "testbed/";

/// How a line of a client shows whose `User-Agent` starts so; within a text, the quotes would be escaped.
fn introduced_as(user_agent: &str) -> String {
    format!("\"userAgent\":\"{user_agent}")
}

/// Reads the log's lines; a watch stands there twice, when it begins and when it ends, and counts once.
fn parse(lines: &str) -> Vec<AuditEvent> {
    let mut seen = HashSet::new();
    lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .filter(|line| seen.insert(line.audit_id.clone()))
        .map(AuditEvent::from)
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "auditID")]
    audit_id: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    #[serde(default)]
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
    #[serde(default)]
    request_object: RequestObject,
    #[serde(default)]
    annotations: Annotations,
    #[serde(default)]
    request_received_timestamp: Timestamp,
    #[serde(default)]
    stage_timestamp: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "authorization.k8s.io/decision")]
    decision: String,
}

/// The body of an access review.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RequestObject {
    spec: ReviewSpec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ReviewSpec {
    resource_attributes: Option<ResourceAttributes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceAttributes {
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

impl From<ResourceAttributes> for Access {
    fn from(asked: ResourceAttributes) -> Self {
        let subresource = if asked.subresource.is_empty() { "" } else { "/" };
        Self {
            verb: asked.verb,
            api_group: asked.group,
            resource: format!("{}{subresource}{}", asked.resource, asked.subresource),
            namespace: asked.namespace,
            name: asked.name,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ObjectRef {
    resource: String,
    subresource: String,
    api_group: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl From<Line> for AuditEvent {
    fn from(line: Line) -> Self {
        let dry_run = asks(&line.request_uri, "dryRun=All");
        Self {
            verb: line.verb,
            user: line.user.username,
            user_agent: line.user_agent,
            resource: line.object_ref.resource,
            subresource: line.object_ref.subresource,
            api_group: line.object_ref.api_group,
            namespace: line.object_ref.namespace,
            name: line.object_ref.name,
            request_uri: line.request_uri,
            connection: None,
            code: line.response_status.code,
            is_forbidden: line.annotations.decision == "forbid",
            dry_run,
            reviewed: line.request_object.spec.resource_attributes.map(Access::from),
            received: line.request_received_timestamp,
            answered: line.stage_timestamp,
        }
    }
}

/// Whether the query of a request has this pair.
fn asks(uri: &str, pair: &str) -> bool {
    uri.split_once('?').is_some_and(|(_, query)| query.split('&').any(|asked| asked == pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, verb: &str, uri: &str, group: &str, resource: &str) -> String {
        serde_json::json!({
            "auditID": id, "verb": verb, "requestURI": uri, "user": {"username": "jane"}, "userAgent": "kubectl-mc/1",
            "objectRef": {"resource": resource, "apiGroup": group, "name": "x"}, "responseStatus": {"code": 201},
        })
        .to_string()
    }

    fn line_of(verb: &str, uri: &str, resource: &str, subresource: &str) -> String {
        serde_json::json!({
            "auditID": "2", "verb": verb, "requestURI": uri,
            "objectRef": {"resource": resource, "subresource": subresource, "name": "x"},
        })
        .to_string()
    }

    #[test]
    fn a_watch_that_is_logged_twice_counts_once() {
        let watch = line("1", "watch", "/api/v1/pods?watch=true", "", "pods");
        let events =
            parse(&format!("{watch}\n{watch}\n{}\n", line("2", "get", "/api/v1/pods/x", "", "pods")));
        assert_eq!(events.iter().map(|event| event.verb.as_str()).collect::<Vec<_>>(), ["watch", "get"]);
        assert_eq!((events[0].user.as_str(), events[0].code), ("jane", 201));
    }

    #[test]
    fn reviews_and_dry_runs_change_nothing() {
        let review = line(
            "1",
            "create",
            "/apis/authorization.k8s.io/v1/x",
            "authorization.k8s.io",
            "selfsubjectaccessreviews",
        );
        let dry = line("2", "patch", "/api/v1/pods/x?fieldManager=a&dryRun=All", "", "pods");
        let real = line("3", "patch", "/api/v1/pods/x?fieldManager=a", "", "pods");
        let events = parse(&[review, dry, real].join("\n"));
        assert!(events.iter().all(AuditEvent::is_write));
        assert!(events[0].is_review() && events[1].dry_run);
        assert_eq!(events.iter().map(AuditEvent::changes).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn an_access_review_tells_what_it_asks_about() {
        let line = serde_json::json!({
            "auditID": "1", "verb": "create", "requestURI": "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "objectRef": {"resource": "selfsubjectaccessreviews", "apiGroup": "authorization.k8s.io"},
            "requestObject": {"spec": {"resourceAttributes": {
                "verb": "bind", "group": "rbac.authorization.k8s.io", "resource": "clusterroles", "name": "cluster-admin",
            }}},
        });
        let reviewed = parse(&line.to_string()).remove(0).reviewed.unwrap();
        assert_eq!((reviewed.verb.as_str(), reviewed.name.as_str()), ("bind", "cluster-admin"));
        let log = line_of("get", "/api/v1/namespaces/a/pods/x/log?container=a&follow=true", "pods", "log");
        let event = parse(&log).remove(0);
        assert!(event.is_followed());
        assert_eq!((event.access().unwrap().resource.as_str(), event.reviewed), ("pods/log", None));
    }

    #[test]
    fn a_line_that_is_not_finished_is_left_for_later() {
        assert_eq!(parse("{\"auditID\": \"1\", \"ve"), []);
    }
}
