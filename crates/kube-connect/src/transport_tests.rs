use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use http_body_util::Full;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PostParams};
use kubesphere::side::Side;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::*;
use crate::cause::Cause;
use crate::connection::Connection;
use crate::environment::Environment;
use crate::kubeconfig::{ConnectionOptions, Kubeconfig};
use crate::selected_context::select;

/// What a server says and does of its own accord: settings, and that it takes no request of this connection.
const GOES_AWAY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// How many requests are sent at once.
const BURST: usize = 12;

/// A TLS server that speaks what it is asked for, and counts its connections.
struct Server {
    address: String,
    authority: String,
    connections: Arc<AtomicUsize>,
    /// How many of them stand.
    standing: watch::Sender<usize>,
}

impl Server {
    /// Each connection lasts so long; the first ones go away at once.
    async fn start(protocols: &[&str], lasts: Duration, first_go_away: usize) -> Self {
        let key = KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
                )
                .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let standing = watch::Sender::new(0);
        let stands = standing.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                let (accepted, stands) = (acceptor.accept(stream), stands.clone());
                stands.send_modify(|standing| *standing += 1);
                tokio::spawn(async move {
                    let stream = accepted.await.unwrap();
                    if number < first_go_away {
                        go_away(stream).await;
                    } else {
                        serve(stream, lasts).await;
                    }
                    stands.send_modify(|standing| *standing -= 1);
                });
            }
        });
        Self { address, authority: certificate.pem(), connections, standing }
    }

    async fn connection(&self, environment: &Environment) -> Connection {
        let kubeconfig = serde_json::json!({
            "current-context": "edge",
            "clusters": [{"name": "edge", "cluster": {
                "server": format!("https://{}", self.address),
                "certificate-authority-data": STANDARD.encode(&self.authority),
            }}],
            "users": [{"name": "edge", "user": {}}],
            "contexts": [{"name": "edge", "context": {"cluster": "edge", "user": "edge"}}],
        });
        let kubeconfig = Kubeconfig::parse(kubeconfig.to_string().as_bytes()).unwrap();
        let context = select(&kubeconfig, Side::member, &ConnectionOptions::default()).unwrap();
        Connection::open(context, environment, None).await.unwrap()
    }

    async fn until_left(&self) {
        self.standing.subscribe().wait_for(|standing| *standing == 0).await.unwrap();
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TlsStream<TcpStream>, lasts: Duration) {
    let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let answer = service_fn(|request: Request<Incoming>| async move {
        let name = format!("{:?}", request.version());
        let namespace =
            serde_json::json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}});
        Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from(namespace.to_string())))
    });
    let stream = TokioIo::new(stream);
    if speaks_http2 {
        let mut serving =
            std::pin::pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(stream, answer));
        if tokio::time::timeout(lasts, serving.as_mut()).await.is_err() {
            serving.as_mut().graceful_shutdown();
            serving.await.ok();
        }
    } else {
        http1::Builder::new().serve_connection(stream, answer).await.ok();
    }
}

async fn go_away(mut stream: TlsStream<TcpStream>) {
    stream.write_all(GOES_AWAY).await.unwrap();
    stream.flush().await.unwrap();
    // What is sent meanwhile is read, so that nothing but the frame tells the client.
    stream.read_to_end(&mut Vec::new()).await.ok();
}

/// Sends requests at once; the versions of HTTP by which they were answered.
async fn burst(connection: &Connection) -> Vec<String> {
    let api = Api::<Namespace>::all(connection.client.clone());
    let answers = join_all((0..BURST).map(|_| api.get("kube-system"))).await;
    answers.into_iter().map(|answer| answer.unwrap().metadata.name.unwrap()).collect()
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn requests_at_once_travel_over_one_connection() {
    let server = Server::start(&["h2", "http/1.1"], LONG, 0).await;
    let connection = server.connection(&Environment::default()).await;
    for _ in 0..2 {
        assert_eq!(burst(&connection).await, ["HTTP/2.0"; BURST]);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_server_without_http2_is_spoken_to_as_before() {
    for protocols in [&["http/1.1"][..], &[]] {
        let server = Server::start(protocols, LONG, 0).await;
        let connection = server.connection(&Environment::default()).await;
        assert_eq!(burst(&connection).await, ["HTTP/1.1"; BURST]);
        assert!((1..=BURST).contains(&server.connections()));
    }
}

#[tokio::test]
async fn http2_is_not_offered_where_the_environment_disables_it() {
    let server = Server::start(&["h2", "http/1.1"], LONG, 0).await;
    let environment = Environment { disables_http2: true, ..Environment::default() };
    assert_eq!(burst(&server.connection(&environment).await).await, ["HTTP/1.1"; BURST]);
}

#[tokio::test]
async fn a_connection_that_has_ended_is_opened_again_once_for_all() {
    let server = Server::start(&["h2"], Duration::from_millis(200), 0).await;
    let connection = server.connection(&Environment::default()).await;
    burst(&connection).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    burst(&connection).await;
    assert_eq!(server.connections(), 2);
}

/// What is still on its way arrives, and the next request needs a connection of its own.
#[tokio::test]
async fn who_hangs_up_leaves_no_connection_and_breaks_off_no_request() {
    for protocols in [&["h2"][..], &["http/1.1"]] {
        let server = Server::start(protocols, LONG, 0).await;
        let connection = server.connection(&Environment::default()).await;
        let answers = burst(&connection);
        let hung_up = async { connection.line.hang_up() };
        let (answers, ()) = tokio::join!(answers, hung_up);
        assert_eq!(answers.len(), BURST);
        let before = server.connections();
        connection.line.hang_up();
        server.until_left().await;
        burst(&connection).await;
        assert!(server.connections() > before);
    }
}

/// Also a creation: the server says that it has not begun with it.
#[tokio::test]
async fn what_a_server_that_goes_away_has_not_begun_with_is_sent_again() {
    let server = Server::start(&["h2"], LONG, 1).await;
    let api = Api::<Namespace>::all(server.connection(&Environment::default()).await.client);
    assert!(api.create(&PostParams::default(), &Namespace::default()).await.is_ok());
    assert_eq!(server.connections(), 2);
}

/// Nobody waits for the attempts of the others.
#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_about_fails_once_for_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        address: listener.local_addr().unwrap().to_string(),
        authority: Server::start(&[], LONG, 0).await.authority,
        connections: Arc::default(),
        standing: watch::Sender::default(),
    };
    let api = Api::<Namespace>::all(server.connection(&Environment::default()).await.client);
    let begun = tokio::time::Instant::now();
    for answer in join_all((0..BURST).map(|_| api.get("kube-system"))).await {
        let cause = Cause::from(&answer.unwrap_err());
        assert_eq!(cause, Cause::ConnectTimedOut { address: server.address.clone() });
    }
    assert!(begun.elapsed() < 2 * CONNECTS_WITHIN);
    listener.accept().await.unwrap();
    let another = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(another.is_err(), "one connection for all");
}
