use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Namespace;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{OtherError, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::connection::Connection;
use crate::environment::Environment;
use crate::kubeconfig::{ConnectionOptions, Kubeconfig};
use crate::objects::Objects;
use crate::selected_context::select;

fn of_server(error: CertificateError) -> (String, Option<String>) {
    let (said, way_out) = explained(&TlsError::InvalidCertificate(error), Shown::default());
    (said, way_out.hint(&Side::member("edge")))
}

/// As webpki words its errors.
fn of_webpki_named(name: &'static str) -> CertificateError {
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Webpki(&'static str);
    CertificateError::Other(OtherError(Arc::new(Webpki(name))))
}

#[test]
fn a_servers_certificate_is_explained_with_the_way_out() {
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_700_000_000));
    let other_name = CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("edge.example.org").unwrap(),
        presented: vec!["DnsName(\"kubernetes\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()],
    };
    let signed = |id: &[u8]| CertificateError::UnsupportedSignatureAlgorithmContext {
        signature_algorithm_id: id.to_vec(),
        supported_algorithms: Vec::new(),
    };
    for (error, said, way_out) in [
        (
            CertificateError::UnknownIssuer,
            "is signed by an unknown authority",
            "`kubectl config set-cluster CLUSTER",
        ),
        (CertificateError::BadSignature, "is signed by an unknown authority", "--certificate-authority=FILE"),
        (
            CertificateError::ExpiredContext { time, not_after: time },
            "has expired on 2023-11-14, or this machine's clock is wrong",
            "`kubeadm certs renew apiserver`",
        ),
        (
            CertificateError::NotValidYetContext { time, not_before: time },
            "is not valid before 2023-11-14, or this machine's clock is wrong",
            "set this machine's clock",
        ),
        (
            other_name,
            "is for another name or address: it is for kubernetes, 10.0.0.1, not for edge.example.org",
            "`--member-tls-server-name NAME`",
        ),
        (
            signed(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"),
            "is signed with SHA-1, which is not accepted any more",
            "`--member-insecure-skip-tls-verify`",
        ),
        (
            signed(b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"),
            "is signed by a key on P-521, which kubectl-mc cannot verify, unlike kubectl",
            "issue another certificate",
        ),
        (CertificateError::InvalidPurpose, "is not one for servers", "issue another certificate"),
        (of_webpki_named("UnsupportedCertVersion"), "is one of X.509 version 1", "issue another certificate"),
        (of_webpki_named("CaUsedAsEndEntity"), "of an authority as its own", "issue another certificate"),
        (
            of_webpki_named("NameConstraintViolation"),
            "not accepted: name constraint violation",
            "issue another",
        ),
        (
            CertificateError::Other(OtherError(Arc::new(NoAuthority))),
            "is one server's own certificate, and the server shows another",
            "--certificate-authority=FILE",
        ),
        (CertificateError::UnhandledCriticalExtension, "unhandled critical extension", "issue another"),
    ] {
        let (told, hint) = of_server(error);
        assert!(told.contains(said) && told.contains("server"), "{told}");
        let hint = hint.unwrap();
        assert!(hint.contains(way_out), "{told}: {hint}");
        assert!(!told.contains("Other") && !told.contains('{'), "{told}");
    }
}

#[test]
fn what_the_server_says_of_the_client_is_told_as_that() {
    let told = |alert, shown| explained(&TlsError::AlertReceived(alert), shown);
    let nothing = Shown::default();
    let with = |until| Shown { certificate_until: Some(until), ..nothing };
    let asked = (
        "the server asks for a client certificate, and the context brings none".to_owned(),
        WayOut::BringClient,
    );
    assert_eq!(told(AlertDescription::CertificateRequired, nothing), asked);
    let after_request = Shown { was_asked: true, ..nothing };
    assert_eq!(told(AlertDescription::HandshakeFailure, after_request), asked);
    assert_eq!(
        told(AlertDescription::UnknownCA, with(i64::MAX / 1_000_000)).0,
        "the server does not accept the client certificate: it does not know the authority that signed it"
    );
    assert_eq!(
        told(AlertDescription::BadCertificate, with(1_700_000_000)).0,
        "the server does not accept the client certificate: it expired on 2023-11-14"
    );
    assert!(
        told(AlertDescription::HandshakeFailure, nothing).0.contains("no kind of key or cipher in common")
    );
    assert!(told(AlertDescription::ProtocolVersion, nothing).0.contains("speaks TLS 1.1 or older"));
    assert_eq!(told(AlertDescription::InternalError, nothing).0, "the server has ended TLS (internal error)");
}

/// Nobody's key, the certificate for 127.0.0.1 that goes with it, and who has signed that with SHA-1, made by openssl:
/// rcgen signs with nothing so old.
const SHA_1: &str = include_str!("tls_failure_tests/sha-1.pem");

/// As a server of TLS 1.1 refuses a newer client (RFC 4346, 7.2), and as one answers it that goes on (7.4.1.3).
const REFUSES_NEWER: &[u8] = b"\x15\x03\x02\x00\x02\x02\x46";
const GOES_ON: &[u8] =
    b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef\x00\x00\x2f\x00";

/// What is told of a server on this listener that this authority vouches for, and the hint.
async fn told_of(listener: &TcpListener, authority: &str) -> (String, String) {
    let kubeconfig = serde_json::json!({
        "current-context": "edge",
        "clusters": [{"name": "edge", "cluster": {
            "server": format!("https://{}", listener.local_addr().unwrap()),
            "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{"name": "edge", "user": {}}],
        "contexts": [{"name": "edge", "context": {"cluster": "edge", "user": "edge"}}],
    });
    let kubeconfig = Kubeconfig::parse(kubeconfig.to_string().as_bytes()).unwrap();
    let context = select(&kubeconfig, Side::member, &ConnectionOptions::default()).unwrap();
    let connection = Connection::open(context, &Environment::default(), None).await.unwrap();
    let namespaces = Objects::<Namespace>::on(&connection);
    let error = namespaces.get("kube-system").await.unwrap_err();
    (error.cause.to_string(), error.hints().concat())
}

/// A server with a certificate for 127.0.0.1, and what it takes for an authority.
struct Tls {
    key: PrivateKeyDer<'static>,
    certificate: CertificateDer<'static>,
    authority: String,
}

impl Tls {
    fn with_sha_1() -> Self {
        let key = PrivateKeyDer::from_pem_slice(SHA_1.as_bytes()).unwrap();
        let certificate = CertificateDer::from_pem_slice(SHA_1.as_bytes()).unwrap();
        let (_, authority) = SHA_1.rsplit_once("-----BEGIN").unwrap();
        Self { key, certificate, authority: format!("-----BEGIN{authority}") }
    }

    fn of_today() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self {
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            certificate: certificate.der().clone(),
            authority: certificate.pem(),
        }
    }

    fn acceptor(self, version: &'static SupportedProtocolVersion, demands_certificate: bool) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let demanding = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let config = if demands_certificate {
            config.with_client_cert_verifier(demanding.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![self.certificate], self.key).unwrap()))
    }
}

async fn serve(listener: &TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
    }
}

/// Says this whatever comes.
async fn say(listener: &TcpListener, what: &'static [u8]) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(what).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_signed_with_sha_1_is_told_as_that() {
    for version in [&TLS12, &TLS13] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = Tls::with_sha_1();
        let authority = tls.authority.clone();
        let (told, hint) = tokio::select! {
            told = told_of(&listener, &authority) => told,
            () = serve(&listener, tls.acceptor(version, false)) => unreachable!(),
        };
        let said = "the server's certificate, or its authority's, is signed with SHA-1, which is not accepted any more";
        assert_eq!(told, said);
        assert!(hint.contains("issue another certificate for the server"), "{hint}");
    }
}

#[tokio::test]
async fn a_server_of_tls_1_1_is_told_as_that() {
    for what in [REFUSES_NEWER, GOES_ON] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (told, hint) = tokio::select! {
            told = told_of(&listener, SHA_1) => told,
            () = say(&listener, what) => unreachable!(),
        };
        assert_eq!(told, "the server speaks TLS 1.1 or older, which neither kubectl nor kubectl-mc accepts");
        assert!(hint.contains("speak TLS 1.2 or 1.3"), "{hint}");
    }
}

#[tokio::test]
async fn a_server_that_demands_a_client_certificate_is_told_as_that() {
    for version in [&TLS12, &TLS13] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = Tls::of_today();
        let authority = tls.authority.clone();
        let (told, hint) = tokio::select! {
            told = told_of(&listener, &authority) => told,
            () = serve(&listener, tls.acceptor(version, true)) => unreachable!(),
        };
        assert_eq!(told, "the server asks for a client certificate, and the context brings none");
        assert!(hint.contains("set-credentials USER --client-certificate=FILE"), "{hint}");
    }
}
