use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Namespace;
use kube::config::{AuthInfo, AuthProviderConfig, ExecConfig};
use kube::{Api, api::PostParams};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::kubeconfig::{ConnectionOptions, Kubeconfig};
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
    let kubeconfig = serde_json::json!({
        "current-context": "edge",
        "clusters": [{"name": "edge", "cluster": {"server": server}}],
        "users": [{"name": "edge", "user": user}],
        "contexts": [{"name": "edge", "context": {"cluster": "edge", "user": "edge"}}],
    });
    let kubeconfig = Kubeconfig::parse(kubeconfig.to_string().as_bytes()).unwrap();
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
        (
            user(r#"{"client-certificate-data": "%hunter22"}"#),
            "member \"edge\": the client certificate of user \"edge\" is not base64",
        ),
        (
            user(r#"{"client-certificate-data": "aHVudGVyMjI="}"#),
            "member \"edge\": its user has a client certificate without the key",
        ),
        (
            user(r#"{"client-certificate-data": "aHVudGVyMjI=", "client-key-data": "aHVudGVyMjI="}"#),
            "member \"edge\": the client certificate of user \"edge\" holds no certificate in PEM, but no PEM at all",
        ),
        (
            user(r#"{"token": "hunter22\n"}"#),
            "member \"edge\": the token of user \"edge\" contains a line end or another character that no request can carry",
        ),
        (
            user(r#"{"as": "hunter\r22"}"#),
            "member \"edge\": the user, UID or group that it impersonates contains a line end or another character that no request can carry",
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

    let cause = asked(tls(&good, &key, Some(&issuer().as_ref().pem())).await).await.unwrap_err();
    assert!(cause.to_string().contains("unknown authority"), "{cause}");
    let (named, named_key) = certificate("edge.example", false);
    let context = tls(&named, &named_key, Some(&named.pem())).await;
    let cause = asked(context.clone()).await.unwrap_err();
    assert!(cause.to_string().contains("another name"), "{cause}");
    let mut told = context;
    told.cluster.tls_server_name = Some("edge.example".into());
    assert!(asked(told).await.is_ok());
    let authority = issuer();
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let of_an_authority = parameters.signed_by(&key, &authority).unwrap();
    let cause = asked(tls(&of_an_authority, &key, Some(&authority.as_ref().pem())).await).await.unwrap_err();
    assert!(cause.to_string().contains("authority as its own"), "{cause}");
}

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn what_stands_in_the_authority_is_trusted_itself() {
    let (own, own_key) = certificate("127.0.0.1", true);
    assert!(asked(tls(&own, &own_key, Some(&own.pem())).await).await.is_ok(), "an authority's own");

    let authority = issuer();
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    parameters.is_ca = IsCa::ExplicitNoCa;
    let leaf = parameters.signed_by(&key, &authority).unwrap();
    let context = tls(&leaf, &key, Some(&leaf.pem())).await;
    assert!(asked(context.clone()).await.is_ok(), "the server's own, whoever has signed it");
    let mut elsewhere = context.clone();
    elsewhere.cluster.tls_server_name = Some("edge.example".into());
    let cause = asked(elsewhere).await.unwrap_err();
    assert!(cause.to_string().contains("another name"), "the name is looked at all the same: {cause}");

    let mut another = context;
    another.cluster.certificate_authority_data = Some(STANDARD.encode(certificate("x", false).0.pem()));
    let cause = asked(another).await.unwrap_err();
    assert!(
        cause.to_string().contains("one server's own certificate, and the server shows another"),
        "{cause}"
    );
    parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let old = parameters.signed_by(&key, &authority).unwrap();
    let cause = asked(tls(&old, &key, Some(&old.pem())).await).await.unwrap_err();
    assert!(cause.to_string().contains("has expired on 2021-01-01"), "its time, too: {cause}");
}

#[tokio::test]
async fn an_authority_is_read_as_go_reads_it() {
    let (own, key) = certificate("127.0.0.1", false);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let text = format!("CN=x\n{broken}{}{broken}the end", own.pem());
    let mut context = tls(&own, &key, Some(&text)).await;
    let encoded = context.cluster.certificate_authority_data.take().unwrap();
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    context.cluster.certificate_authority_data = Some(format!("{}\n", lines.join("\r\n")));
    assert!(asked(context.clone()).await.is_ok());
    context.cluster.certificate_authority_data = Some(STANDARD.encode(broken));
    let Err(error) = opened(context).await else { panic!("opened") };
    assert!(error.to_string().ends_with("holds no certificate in PEM, but CERTIFICATE"), "{error}");
}

/// A user with a certificate that ends in this year.
fn certified(until: i32) -> AuthInfo {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::default();
    parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
    AuthInfo {
        client_certificate_data: Some(STANDARD.encode(parameters.self_signed(&key).unwrap().pem())),
        client_key_data: Some(STANDARD.encode(key.serialize_pem()).into()),
        ..AuthInfo::default()
    }
}

#[tokio::test]
async fn credentials_that_stand_in_the_kubeconfig_leave_a_plugin_alone() {
    let exec = ExecConfig { command: Some("/nowhere/plugin".into()), ..ExecConfig::default() };
    let users = [
        certified(2100),
        AuthInfo { token: Some("t".into()), ..AuthInfo::default() },
        AuthInfo { username: Some("u".into()), password: Some("p".into()), ..AuthInfo::default() },
    ];
    for user in users {
        let user = AuthInfo { exec: Some(exec.clone()), ..user };
        assert!(opened(context("https://edge:6443", &user)).await.is_ok());
    }
    let alone = AuthInfo { exec: Some(exec), ..AuthInfo::default() };
    assert!(opened(context("https://edge:6443", &alone)).await.is_err());
}

#[tokio::test]
async fn a_token_file_that_can_be_read_comes_before_a_token() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("token");
    let (address, mut seen) = server(vec![ok()]).await;
    for (in_file, sent) in [(Some("of-file\n"), "of-file"), (Some("\n"), "given"), (None, "given")] {
        fs::remove_file(&path).ok();
        if let Some(text) = in_file {
            fs::write(&path, text).unwrap();
        }
        let token_file = Some(path.display().to_string());
        let user = AuthInfo { token: Some("given".into()), token_file, ..AuthInfo::default() };
        assert!(asked(context(&address, &user)).await.is_ok());
        assert!(seen.recv().await.unwrap().contains(&format!("Bearer {sent}\r\n")), "{in_file:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_explained_by_what_was_shown() {
    let anonymous = r#"{"kind":"Status","code":403,"reason":"Forbidden","message":"namespaces is forbidden: User \"system:anonymous\" cannot get"}"#;
    let forbidden = answer("403 Forbidden", "connection: close\r\n", anonymous);
    let nobody = "the server sees `system:anonymous`: the context brings no credentials";
    let token = AuthInfo { token: Some("t".into()), ..AuthInfo::default() };
    let unseen = "the server sees `system:anonymous`: the credentials of the context do not reach it";
    let ended = "the server does not accept the credentials: the client certificate expired on 2021-01-01";
    let unaccepted = "the server does not accept the credentials (unauthorized)";
    let unauthorized = refusing("401 Unauthorized", "");
    for (user, answer, said) in [
        (AuthInfo::default(), &forbidden, nobody),
        (AuthInfo::default(), &unauthorized, nobody),
        (token.clone(), &forbidden, unseen),
        (token, &unauthorized, unaccepted),
        (certified(2021), &unauthorized, ended),
        (certified(2100), &unauthorized, unaccepted),
    ] {
        let (address, _seen) = server(vec![answer.clone()]).await;
        // What is shown is known before anything is sent, also without TLS.
        let cause = asked(context(&format!("http://{address}"), &user)).await.unwrap_err();
        assert_eq!(cause.to_string(), said);
    }
}

#[tokio::test]
async fn nothing_that_a_cluster_says_is_a_panic() {
    let odd = |change: fn(&mut SelectedContext)| {
        let mut context = context("https://edge:6443", &AuthInfo::default());
        change(&mut context);
        opened(context)
    };
    let refused = [
        odd(|context| context.cluster.tls_server_name = Some("a b".into())).await,
        odd(|context| context.cluster.proxy_url = Some("http://u:p w@jump".into())).await,
        odd(|context| context.cluster.proxy_url = Some("jump".into())).await,
    ];
    for refusal in refused {
        let error = refusal.err().expect("it is refused");
        assert!(error.is_of_kubeconfig(), "{error}");
    }
    for server in ["https://edge/a?b=c", "https://[::1]:1/%20", "https://-edge-:1", "http://u_v:1"] {
        let context = context(server, &AuthInfo::default());
        assert!(asked(context).await.is_err(), "{server}");
    }
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

#[tokio::test]
async fn another_server_that_one_is_sent_to_is_not_asked() {
    let token = AuthInfo { token: Some("t0ken".into()), ..AuthInfo::default() };
    let (elsewhere, mut seen) = server(vec![ok()]).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let moved =
            refusing(status, &format!("location: http://{elsewhere}/api/v1/namespaces/kube-system\r\n"));
        let (address, _asked) = server(vec![moved]).await;
        assert!(asked(context(&address, &token)).await.is_err(), "{status}");
        assert!(seen.try_recv().is_err(), "{status}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_sent_nothing() {
    let (own, key) = certificate("127.0.0.1", false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let user = AuthInfo { token: Some("t0ken".into()), ..AuthInfo::default() };
    let mut context = context(&format!("https://{}", listener.local_addr().unwrap()), &user);
    context.cluster.certificate_authority_data = Some(STANDARD.encode(issuer().as_ref().pem()));
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![own.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let served = async {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    };
    let (answer, served) = tokio::join!(asked(context), served);
    assert!(answer.unwrap_err().to_string().contains("unknown authority"));
    assert!(!served, "the handshake ends before a request");
}
