use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::Namespace;
use kube::config::{AuthProviderConfig, Kubeconfig};
use kube::{Api, api::PostParams};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::kubeconfig::ConnectionOptions;
use crate::selected_context::select;

const NAMESPACE: &str = r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"kube-system"}}"#;

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// Reads one request's head and answers; nothing if the client left.
async fn serve_once<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, answer: &str) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    stream.write_all(answer.as_bytes()).await.ok()?;
    String::from_utf8(head).ok()
}

/// A server on loopback; each connection gets one of the answers in turn, the last one for ever.
async fn server(answers: Vec<String>) -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heads, seen) = unbounded_channel();
    tokio::spawn(async move {
        for index in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = &answers[index.min(answers.len() - 1)];
            if let Some(head) = serve_once(&mut stream, answer).await {
                heads.send(head).unwrap();
            }
        }
    });
    (address, seen)
}

fn ok() -> String {
    answer("200 OK", "connection: close\r\n", NAMESPACE)
}

fn refusing(status: &str, headers: &str) -> String {
    answer(status, &format!("connection: close\r\n{headers}"), "{}")
}

fn context(server: &str, user: &AuthInfo) -> SelectedContext {
    let user = serde_json::to_value(user).unwrap();
    let kubeconfig: Kubeconfig = serde_json::from_value(serde_json::json!({
        "current-context": "edge",
        "clusters": [{"name": "edge", "cluster": {"server": server}}],
        "users": [{"name": "edge", "user": user}],
        "contexts": [{"name": "edge", "context": {"cluster": "edge", "user": "edge"}}],
    }))
    .unwrap();
    select(&kubeconfig, Side::member, &ConnectionOptions::default()).unwrap()
}

async fn opened(context: SelectedContext) -> Result<Connection, ConnectionError> {
    let timeout = Some(Duration::from_millis(400));
    Connection::open(context, &Environment::default(), timeout).await
}

async fn asked(context: SelectedContext) -> Result<Namespace, Cause> {
    let api = Api::<Namespace>::all(opened(context).await.unwrap().client);
    api.get("kube-system").await.map_err(|error| Cause::from(&error))
}

#[tokio::test]
async fn a_server_without_scheme_is_asked_with_user_agent_impersonation_and_token() {
    let (address, mut seen) = server(vec![ok()]).await;
    let user = AuthInfo {
        token: Some("t0ken".into()),
        impersonate: Some("jane".into()),
        impersonate_groups: Some(vec!["admins".into()]),
        ..AuthInfo::default()
    };
    assert!(asked(context(&address, &user)).await.is_ok());
    let head = seen.recv().await.unwrap().to_ascii_lowercase();
    assert!(head.contains(&format!("user-agent: {}\r\n", user_agent())), "{head}");
    assert!(
        head.contains("authorization: bearer t0ken") && head.contains("impersonate-user: jane"),
        "{head}"
    );
    assert!(head.contains("impersonate-group: admins"), "{head}");
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cause = asked(context(&address, &AuthInfo::default())).await.unwrap_err();
    assert_eq!(cause, Cause::TimedOut { after: Duration::from_millis(400) });
}

#[tokio::test]
async fn a_closed_port_is_refused_also_for_a_write_after_three_tries() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let cause = asked(context(&address, &AuthInfo::default())).await.unwrap_err();
    assert_eq!(cause.to_string(), format!("the connection to {address} was refused"));

    let connection = opened(context(&address, &AuthInfo::default())).await.unwrap();
    let listening = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let listener = TcpListener::bind(&address).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        serve_once(&mut stream, &answer("201 Created", "", NAMESPACE)).await
    });
    let api = Api::<Namespace>::all(connection.client);
    assert!(api.create(&PostParams::default(), &Namespace::default()).await.is_ok());
    assert!(listening.await.unwrap().unwrap().starts_with("POST"));
}

#[tokio::test]
async fn a_broken_connection_is_tried_again_and_said() {
    let (address, _seen) = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".into(), ok()]).await;
    assert!(asked(context(&address, &AuthInfo::default())).await.is_ok());
    let (address, _seen) = server(vec![String::new()]).await;
    let cause = asked(context(&address, &AuthInfo::default())).await.unwrap_err();
    assert!(matches!(cause, Cause::Disconnected { .. }), "{cause:?}");
}

#[tokio::test]
async fn answers_of_overload_are_tried_again() {
    let overload = refusing("429 Too Many Requests", "retry-after: 0\r\n");
    let (address, _seen) = server(vec![refusing("503 Service Unavailable", ""), overload, ok()]).await;
    assert!(asked(context(&address, &AuthInfo::default())).await.is_ok());
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_said() {
    let cause = asked(context("http://no-such-host.invalid:1", &AuthInfo::default())).await.unwrap_err();
    assert_eq!(cause.to_string(), "the name of no-such-host.invalid:1 cannot be resolved");
}

/// A plugin that prints `token-N` on its Nth run, and the file that holds N.
fn counting_plugin(folder: &TempDir, expires: &str) -> AuthInfo {
    let runs = folder.path().join("runs");
    let script = format!(
        "echo x >> {runs}; cat <<END\n{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"token-$(wc -l < {runs} | tr -d ' ')\"{expires}}}}}\nEND",
        runs = runs.display()
    );
    let exec = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
        "interactiveMode": "Never"
    });
    AuthInfo { exec: Some(serde_json::from_value(exec).unwrap()), ..AuthInfo::default() }
}

fn runs(folder: &TempDir) -> usize {
    fs::read_to_string(folder.path().join("runs")).unwrap().lines().count()
}

#[tokio::test]
async fn a_plugin_runs_once_for_a_connection() {
    let folder = TempDir::new().unwrap();
    let (address, mut seen) = server(vec![ok()]).await;
    let user = counting_plugin(&folder, r#","expirationTimestamp":"2999-01-01T00:00:00Z""#);
    let api = Api::<Namespace>::all(opened(context(&address, &user)).await.unwrap().client);
    for _ in 0..3 {
        api.get("kube-system").await.unwrap();
        assert!(seen.recv().await.unwrap().contains("Bearer token-1\r\n"));
    }
    assert_eq!(runs(&folder), 1);
}

#[tokio::test]
async fn a_token_is_renewed_once_when_it_is_refused() {
    let folder = TempDir::new().unwrap();
    let unauthorized = || refusing("401 Unauthorized", "");
    let (address, mut seen) = server(vec![ok(), unauthorized(), ok(), unauthorized()]).await;
    let api =
        Api::<Namespace>::all(opened(context(&address, &counting_plugin(&folder, ""))).await.unwrap().client);
    api.get("kube-system").await.unwrap();
    api.get("kube-system").await.unwrap();
    for token in ["token-1", "token-1", "token-2"] {
        assert!(seen.recv().await.unwrap().contains(&format!("Bearer {token}\r\n")));
    }
    let error = api.get("kube-system").await.unwrap_err();
    assert_eq!(Cause::from(&error), Cause::Unauthorized);
    assert_eq!(runs(&folder), 3);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let folder = TempDir::new().unwrap();
    let (address, mut seen) = server(vec![ok()]).await;
    let user = counting_plugin(&folder, r#","expirationTimestamp":"2020-01-01T00:00:00Z""#);
    assert!(asked(context(&address, &user)).await.is_ok());
    assert!(seen.recv().await.unwrap().contains("Bearer token-2\r\n"));
}

#[tokio::test]
async fn a_token_file_may_end_with_a_newline() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "t0ken\n").unwrap();
    let (address, mut seen) = server(vec![ok()]).await;
    let user = AuthInfo { token_file: Some(path.display().to_string()), ..AuthInfo::default() };
    assert!(asked(context(&address, &user)).await.is_ok());
    assert!(seen.recv().await.unwrap().contains("Bearer t0ken\r\n"));
}

#[tokio::test]
async fn what_cannot_be_used_is_named_before_anything_is_sent() {
    let user = |json: &str| serde_json::from_str::<AuthInfo>(json).unwrap();
    for (user, shown) in [
        (user(r#"{"tokenFile": "/nowhere"}"#), "member \"edge\": cannot read the token file `/nowhere`"),
        (
            user(r#"{"client-certificate": "/nowhere"}"#),
            "member \"edge\": cannot read the client certificate `/nowhere`",
        ),
        (user(r#"{"client-key-data": "%hunter22"}"#), "member \"edge\": the client key is not base64"),
        (
            user(r#"{"client-key-data": "aHVudGVyMjI="}"#),
            "member \"edge\": a client certificate needs its key, and a key its certificate",
        ),
    ] {
        let Err(error) = opened(context("https://edge:6443", &user)).await else { panic!("opened") };
        assert_eq!(error.to_string(), shown);
    }
    let provider = AuthProviderConfig { name: "azure".into(), ..AuthProviderConfig::default() };
    let user = AuthInfo { auth_provider: Some(provider), ..AuthInfo::default() };
    let Err(error) = opened(context("https://edge:6443", &user)).await else { panic!("opened") };
    assert!(error.to_string().contains("the auth-provider `azure`, which kubectl has dropped"), "{error}");
    assert!(error.hints()[0].contains("`kubelogin convert-kubeconfig`"), "{:?}", error.hints());
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_used_but_not_for_loopback() {
    let tunnel = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxied = Arc::new(AtomicUsize::new(0));
    let mut environment = Environment::default();
    environment.proxy.https = Some(tunnel.local_addr().unwrap().to_string());
    environment.proxy.http.clone_from(&environment.proxy.https);
    environment.proxy.exceptions = "other.example,".into();
    let counter = Arc::clone(&proxied);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = tunnel.accept().await.unwrap();
            let head = serve_once(&mut stream, "HTTP/1.1 502 Bad Gateway\r\n\r\n").await.unwrap();
            assert!(head.starts_with("CONNECT edge.example:6443"), "{head}");
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (address, _seen) = server(vec![ok()]).await;
    for (server, expected) in [(address.as_str(), 0), ("https://edge.example:6443", 1)] {
        let context = context(server, &AuthInfo::default());
        let connection = Connection::open(context, &environment, None).await.unwrap();
        let outcome = Api::<Namespace>::all(connection.client).get("kube-system").await;
        let cause = outcome.err().map(|error| Cause::from(&error).to_string());
        assert_eq!(cause.is_none(), expected == 0);
        assert!(cause.is_none_or(|text| text.contains("edge.example:6443 (through the proxy 127.0.0.1:")));
        assert_eq!(proxied.load(Ordering::SeqCst), expected, "{server}");
    }
}

/// A TLS server with this certificate, and a context that trusts `authority`.
async fn tls(certificate: &rcgen::Certificate, key: &KeyPair, authority: Option<&str>) -> SelectedContext {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut context = context(&format!("https://{}", listener.local_addr().unwrap()), &AuthInfo::default());
    context.cluster.certificate_authority_data = authority.map(|pem| STANDARD.encode(pem));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                serve_once(&mut stream, &ok()).await;
                stream.shutdown().await.ok();
            }
        }
    });
    context
}

fn certificate(name: &str, is_authority: bool) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if is_authority {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    } else {
        parameters.is_ca = IsCa::ExplicitNoCa;
    }
    (parameters.self_signed(&key).unwrap(), key)
}

#[tokio::test]
async fn certificates_that_are_not_accepted_are_explained() {
    let (good, key) = certificate("127.0.0.1", false);
    let context = tls(&good, &key, Some(&good.pem())).await;
    assert!(asked(context.clone()).await.is_ok());
    let mut insecure = context.clone();
    insecure.cluster.certificate_authority_data = None;
    insecure.cluster.insecure_skip_tls_verify = Some(true);
    assert!(insecure.is_insecure());
    assert!(asked(insecure).await.is_ok());

    let (other, _) = certificate("127.0.0.1", false);
    let cause = asked(tls(&good, &key, Some(&other.pem())).await).await.unwrap_err();
    assert!(cause.to_string().contains("unknown authority"), "{cause}");
    let (named, named_key) = certificate("edge.example", false);
    let context = tls(&named, &named_key, Some(&named.pem())).await;
    let cause = asked(context.clone()).await.unwrap_err();
    assert!(cause.to_string().contains("another name"), "{cause}");
    let mut told = context;
    told.cluster.tls_server_name = Some("edge.example".into());
    assert!(asked(told).await.is_ok());
    let (authority, authority_key) = certificate("127.0.0.1", true);
    let cause = asked(tls(&authority, &authority_key, Some(&authority.pem())).await).await.unwrap_err();
    assert!(cause.to_string().contains("authority as its own"), "{cause}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_said() {
    let (address, _seen) = server(vec![answer("400 Bad Request", "", "")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    drop(address);
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await.unwrap();
        stream.read_u8().await.ok();
    });
    let cause = asked(context(&format!("https://{address}"), &AuthInfo::default())).await.unwrap_err();
    assert_eq!(cause.to_string(), "the server does not speak TLS");
}
