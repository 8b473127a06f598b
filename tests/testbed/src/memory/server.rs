//! The server: connections, who sends what, and where it goes.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
    request::Parts,
};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body as HttpBody, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use super::{
    bootstrap, controllers, discovery,
    identity::{self, Certificate, User},
    in_process,
    media::Form,
    objects::{Call, Reply},
    open_api,
    rbac::{self, Right},
    requests::{self, Asked, Query, ResourceRequest},
    resources::{self, Source},
    reviews, signing,
    status::{Refusal, RefusalBody},
    store::Store,
    watching,
};
use crate::{
    Error, Faults, Kubernetes, Peers,
    audit::{Access, AuditEvent, Connection, Recorder},
    client_certificate::ClientCertificates,
    control_plane::{Backend, WayBack},
    pki::{Authority, Identity},
    serve::{self, Body, tls_config},
};

/// The user by whose certificate a proxy may say for whom it asks.
const FRONT_PROXY: &str = "front-proxy";

/// Whom a server trusts, and what it shows of itself.
pub(crate) struct Trust {
    /// Signs clients, and what `CertificateSigningRequests` ask for.
    pub(crate) authority: Arc<Authority>,
    /// Signs proxies that speak for clients.
    pub(crate) front_proxy: String,
    pub(crate) server: Identity,
}

/// A running server; dropped, it ends.
pub(crate) struct Server {
    core: Arc<Core>,
    acceptor: TlsAcceptor,
    port: u16,
    listener: Mutex<Option<JoinHandle<()>>>,
    controllers: JoinHandle<()>,
}

/// What every connection shares.
pub(super) struct Core {
    store: Mutex<Store>,
    kubernetes: Kubernetes,
    authority: Arc<Authority>,
    clients: Arc<ClientCertificates>,
    proxies: ClientCertificates,
    peers: Arc<Peers>,
    audit: Recorder,
    faults: Faults,
    frozen: watch::Sender<bool>,
    listening: watch::Sender<bool>,
    next_address: AtomicU32,
}

impl Server {
    /// Starts a server with a new cluster's content on this port of loopback.
    pub(crate) async fn start(
        port: u16,
        kubernetes: Kubernetes,
        trust: Trust,
        peers: Arc<Peers>,
        audit: Recorder,
    ) -> Result<Self, Error> {
        let clients = Arc::new(ClientCertificates::new(&trust.authority.certificate())?);
        let mut config = tls_config(&trust.server, Some(Arc::clone(&clients) as _))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut store = Store::default();
        bootstrap::fill(&mut store);
        let core = Arc::new(Core {
            store: Mutex::new(store),
            kubernetes,
            proxies: ClientCertificates::new(&trust.front_proxy)?,
            authority: trust.authority,
            clients,
            peers,
            audit,
            faults: Faults::default(),
            frozen: watch::Sender::new(false),
            listening: watch::Sender::new(false),
            next_address: AtomicU32::new(2),
        });
        let controllers = tokio::spawn(controllers::run(Arc::clone(&core)));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Self { core, acceptor, port, listener: Mutex::default(), controllers };
        server.listen().await?;
        Ok(server)
    }

    async fn listen(&self) -> Result<(), Error> {
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .await
            .map_err(Error::io(format!("listen on port {}", self.port)))?;
        self.core.frozen.send_replace(false);
        self.core.listening.send_replace(true);
        let accepting = accept(listener, self.acceptor.clone(), Arc::clone(&self.core));
        *self.listener() = Some(crate::runtime().spawn(accepting));
        Ok(())
    }

    /// The administrator's client, which needs no connection.
    pub(crate) fn client(&self) -> kube::Client {
        in_process::client(Arc::clone(&self.core))
    }

    fn listener(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.listener.lock().expect("no holder panics")
    }
}

impl Backend for Server {
    fn kill(&self) {
        self.core.listening.send_replace(false);
        if let Some(listener) = self.listener().take() {
            listener.abort();
            while !listener.is_finished() {
                std::thread::yield_now(); // Then the port is closed.
            }
        }
    }

    fn freeze(&self) -> Result<(), Error> {
        self.core.frozen.send_replace(true);
        Ok(())
    }

    fn restart(&self) -> Result<(), Error> {
        let runtime = crate::runtime().handle();
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(self.listen())).join().expect("listening does not panic")
        })
    }

    fn is_running(&self) -> bool {
        self.listener().is_some()
    }

    fn way_back(&self) -> Result<WayBack, Error> {
        let (core, objects) = (Arc::clone(&self.core), self.core.store().snapshot());
        Ok(Box::new(move || {
            core.store().restore(&objects);
            Ok(())
        }))
    }

    fn compact(&self) -> Result<(), Error> {
        self.core.store().compact();
        Ok(())
    }

    fn faults(&self) -> Option<&Faults> {
        Some(&self.core.faults)
    }

    fn stored(&self) -> Option<BTreeMap<String, Arc<Value>>> {
        let store = self.core.store();
        Some(store.all().map(|(key, object)| (key.to_string(), Arc::clone(object))).collect())
    }
}

impl Drop for Server {
    /// Waits for nothing: it may be the runtime's own thread that drops it.
    fn drop(&mut self) {
        self.core.listening.send_replace(false);
        if let Some(listener) = self.listener().take() {
            listener.abort();
        }
        self.controllers.abort();
    }
}

/// Accepts connections until aborted, which cuts them: they live in this task.
async fn accept(listener: TcpListener, acceptor: TlsAcceptor, core: Arc<Core>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&core)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, core: Arc<Core>) {
    let _ = stream.set_nodelay(true);
    core.while_thawed().await;
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let certificate = core.certificate(stream.get_ref().1.peer_certificates().and_then(<[_]>::first));
    let (certificate, cut) = (Arc::new(certificate), Arc::new(Notify::new()));
    let (told, number) = (Arc::clone(&cut), Connection::next());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(number);
        let (core, certificate, cut) = (Arc::clone(&core), Arc::clone(&certificate), Arc::clone(&told));
        async move {
            let answer = |request| core.answer(request, &certificate);
            Ok::<_, Infallible>(core.faults.around(request, &cut, answer).await)
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // An error here is a client that left.
        _ = builder.serve_connection(TokioIo::new(stream), service) => {}
        () = cut.notified() => {}
    }
}

impl Core {
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no holder panics")
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Whether connections are accepted; each change cuts those that stand.
    pub(super) fn listening(&self) -> watch::Receiver<bool> {
        self.listening.subscribe()
    }

    pub(super) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The CA's certificate as PEM.
    pub(super) fn authority(&self) -> String {
        self.authority.certificate()
    }

    pub(super) fn sign(&self, request: &Value) -> Option<String> {
        signing::certificate(&self.authority, request)
    }

    pub(super) fn keeps_match_conditions(&self) -> bool {
        self.kubernetes != Kubernetes::V1_27
    }

    pub(super) fn next_service_address(&self) -> String {
        format!("10.0.0.{}", self.next_address.fetch_add(1, Ordering::Relaxed))
    }

    /// Waits for ever once the server is frozen; who waits is cut with its connection.
    pub(super) async fn while_thawed(&self) {
        let mut frozen = self.frozen.subscribe();
        let _ = frozen.wait_for(|frozen| !frozen).await;
    }

    fn certificate(
        &self,
        shown: Option<&tokio_rustls::rustls::pki_types::CertificateDer<'_>>,
    ) -> Certificate {
        let Some(shown) = shown else { return Certificate::None };
        if self.proxies.user(shown).is_some_and(|proxy| proxy.name == FRONT_PROXY) {
            return Certificate::Proxy;
        }
        self.clients.user(shown).map_or(Certificate::Refused, |user| Certificate::Of(user.into()))
    }

    pub(super) async fn answer(
        self: &Arc<Self>,
        request: Request<impl HttpBody>,
        certificate: &Certificate,
    ) -> Response<Body> {
        self.while_thawed().await;
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return serve::text(StatusCode::BAD_REQUEST, "the body could not be read");
        };
        let asked = requests::read(&parts.method, &parts.uri);
        let mut event = Recorder::begin(&parts, &asked);
        let outcome = self.respond(&parts, &asked, body.to_bytes(), certificate, &mut event).await;
        let response = outcome.unwrap_or_else(refused);
        event.code = response.status().as_u16();
        self.audit.end(event);
        self.while_thawed().await;
        response
    }

    async fn respond(
        self: &Arc<Self>,
        parts: &Parts,
        asked: &Asked,
        body: Bytes,
        certificate: &Certificate,
        event: &mut AuditEvent,
    ) -> Result<Response<Body>, Refusal> {
        let user = self.user(parts, certificate)?;
        event.user.clone_from(&user.name);
        let verb = parts.method.as_str().to_lowercase();
        if !rbac::allows(&self.store(), &user, &Right::of(asked, &verb)) {
            event.is_forbidden = true;
            return Err(match asked {
                Asked::Resource(request) => Refusal::forbidden(request, &user),
                Asked::Path(path) => Refusal::forbidden_path(path, &verb, &user),
            });
        }
        match asked {
            Asked::Path(path) => self.path(path, &parts.headers),
            Asked::Resource(request) => {
                if request.plural == "selfsubjectaccessreviews" {
                    event.reviewed = Access::reviewed_in(&body);
                }
                if request.verb == "create" && event.name.is_empty() {
                    event.name = name_in(&body);
                }
                let call = self.call(parts, request, user, body)?;
                self.resource(call, parts).await
            }
        }
    }

    fn user(&self, parts: &Parts, certificate: &Certificate) -> Result<User, Refusal> {
        let store = self.store();
        let user = identity::user(&store, certificate, &parts.headers)?;
        let Some(wanted) = identity::impersonated(&parts.headers) else { return Ok(user) };
        let request = ResourceRequest {
            verb: "impersonate".to_owned(),
            plural: "users".to_owned(),
            name: wanted.name.clone(),
            ..ResourceRequest::default()
        };
        if rbac::allows(&store, &user, &Right::Resource(&request)) {
            Ok(wanted)
        } else {
            Err(Refusal::forbidden(&request, &user))
        }
    }

    fn path(&self, path: &str, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        match path.trim_end_matches('/') {
            "/version" => return Ok(serve::json(StatusCode::OK, &self.version())),
            "/readyz" | "/livez" | "/healthz" | "/livez/ping" | "/readyz/ping" => {
                return Ok(plain(StatusCode::OK, "ok".to_owned()));
            }
            _ => {}
        }
        let store = self.store();
        if let Some((answer, media_type)) = discovery::answer(&store, path, header(headers, &ACCEPT)) {
            let mut response = serve::json(StatusCode::OK, &answer);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            return Ok(response);
        }
        let described = open_api::answer(&store, path);
        described.map(|answer| serve::json(StatusCode::OK, &answer)).ok_or_else(Refusal::page_not_found)
    }

    fn version(&self) -> Value {
        let release = self.kubernetes.release();
        let minor = release.split('.').nth(1).unwrap_or_default();
        json!({
            "major": "1", "minor": minor, "gitVersion": format!("v{release}"), "gitCommit": "", "gitTreeState": "",
            "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.0", "compiler": "gc", "platform": "linux/amd64",
        })
    }

    fn call(
        &self,
        parts: &Parts,
        request: &ResourceRequest,
        user: User,
        body: Bytes,
    ) -> Result<Call, Refusal> {
        let store = self.store();
        let resource = resources::find(&store, &request.group, &request.version, &request.plural);
        let Some(resource) = resource else {
            let is_known = resources::is_served(&store, &request.group, &request.version);
            return Err(if is_known { Refusal::unknown_resource() } else { Refusal::page_not_found() });
        };
        Ok(Call {
            resource,
            request: request.clone(),
            query: Query::of(&parts.uri),
            user,
            user_agent: header(&parts.headers, &USER_AGENT).to_owned(),
            media_type: header(&parts.headers, &CONTENT_TYPE)
                .split(';')
                .next()
                .unwrap_or_default()
                .to_owned(),
            form: Form::of(header(&parts.headers, &ACCEPT)),
            body,
        })
    }

    async fn resource(self: &Arc<Self>, call: Call, parts: &Parts) -> Result<Response<Body>, Refusal> {
        if matches!(call.resource.source, Source::Answered) {
            let answer = reviews::answer(&self.store(), &call.resource, &call.user, call.read_body()?);
            return Ok(serve::json(StatusCode::CREATED, &answer));
        }
        let subresource = &call.request.subresource;
        if !subresource.is_empty() && !call.resource.subresources.contains(subresource) {
            let name = &call.request.name;
            let is_custom = call.resource.is_custom();
            return Err(if is_custom {
                Refusal::not_found(&call.group_resource(), name)
            } else {
                Refusal::unknown_resource()
            });
        }
        let reply = match (call.request.verb.as_str(), call.request.subresource.as_str()) {
            ("get", "log") => return self.log(&call).await,
            ("create", "token") => self.request_token(&call),
            (_, "proxy") if call.resource.kind == "Service" => {
                return self.proxy_service(&call, parts.method.clone(), parts.uri.query()).await;
            }
            (_, "") | ("get" | "update" | "patch", "status" | "approval" | "finalize") => {
                match call.request.verb.as_str() {
                    "watch" => return watching::watch(self, call),
                    "get" => self.get(&call),
                    "list" => self.list(&call),
                    "create" => self.create(&call).await,
                    "update" => self.update(&call).await,
                    "patch" => self.patch(&call).await,
                    "delete" => self.delete(&call),
                    _ => self.delete_collection(&call),
                }
            }
            _ => Err(Refusal::unknown_resource()),
        }?;
        Ok(replied(&reply))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn replied(reply: &Reply) -> Response<Body> {
    let mut response = serve::json(reply.code, &reply.body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn plain(code: StatusCode, text: String) -> Response<Body> {
    let mut response = serve::text(code, text);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn refused(refusal: Refusal) -> Response<Body> {
    let mut response = match refusal.body {
        RefusalBody::Status(status) => serve::json(refusal.code, &status),
        RefusalBody::Text(text) => plain(refusal.code, text),
    };
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The name of an object that is to be created, as audit logs tell it.
fn name_in(body: &[u8]) -> String {
    let object: Value = serde_json::from_slice(body).unwrap_or_default();
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}
