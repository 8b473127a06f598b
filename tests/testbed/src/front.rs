//! A proxy with faults before a control plane: TLS, with rules that tests set as they run.

use std::{
    io,
    net::UdpSocket,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri,
    header::CONNECTION,
    uri::{Authority as UriAuthority, Scheme},
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    ControlPlane, Error,
    client_certificate::{ClientCertificates, User},
    control_plane::{PORT_ATTEMPTS, free_port},
    faults::{Faults, Hits, Rule, refusal},
    kubeconfig::{Access, write_private},
    serve::{self, Body, serve_connection, tls},
    upstream::Upstream,
};

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
    /// Other processes take the port for free while it is closed, but for this.
    _reservation: UdpSocket,
}

struct Shared {
    acceptor: TlsAcceptor,
    clients: Arc<ClientCertificates>,
    upstream: Upstream,
    faults: Faults,
    cut: Notify,
}

impl Front {
    /// Puts a proxy before a control plane, on a port of its own, and on another one where somebody was faster.
    pub fn start(plane: &ControlPlane) -> Result<Self, Error> {
        let mut attempts = (1..PORT_ATTEMPTS).map(|_| Self::start_on(plane, free_port()));
        let started = attempts.find(|outcome| !outcome.as_ref().is_err_and(Error::is_taken_port));
        started.unwrap_or_else(|| Self::start_on(plane, free_port()))
    }

    fn start_on(plane: &ControlPlane, port: u16) -> Result<Self, Error> {
        let reservation =
            UdpSocket::bind(("127.0.0.1", port)).map_err(Error::io(format!("reserve port {port}")))?;
        let clients = Arc::new(ClientCertificates::new(&plane.ca_pem())?);
        let acceptor = tls(&plane.server_identity()?, Some(Arc::clone(&clients) as _))?;
        let server: UriAuthority =
            plane.server().trim_start_matches("https://").parse().expect("an address is a valid authority");
        let upstream = Upstream::new(server, &plane.ca_pem(), &plane.front_proxy_identity()?)?;
        let shared =
            Arc::new(Shared { acceptor, clients, upstream, faults: Faults::default(), cut: Notify::new() });
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
        let front =
            Self { port, kubeconfig, yaml, shared, listener: Mutex::default(), _reservation: reservation };
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

    /// What becomes of the requests that come by.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Adds a rule; of several that match, the first that answers wins. The hits count what met it.
    pub fn add(&self, rule: Rule) -> Hits {
        self.shared.faults.add(rule)
    }

    /// Removes all rules; what hangs goes on hanging.
    pub fn clear(&self) {
        self.shared.faults.clear();
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
    async fn answer(
        &self,
        request: Request<Incoming>,
        user: Option<&Option<User>>,
        cut: &Notify,
    ) -> Response<Body> {
        let passed_on = |request| async {
            match user {
                Some(None) => refusal(StatusCode::UNAUTHORIZED, None),
                Some(Some(user)) => self.forward(request, Some(user)).await,
                None => self.forward(request, None).await,
            }
        };
        self.faults.around(request, cut, passed_on).await
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
