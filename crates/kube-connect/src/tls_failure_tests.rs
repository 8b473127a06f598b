use std::sync::Arc;

use rustls::OtherError;
use rustls::pki_types::ServerName;

use super::*;

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
    let with = |until| Shown { certificate_until: Some(until), otherwise: false };
    let asked = (
        "the server asks for a client certificate, and the context brings none".to_owned(),
        WayOut::RenewClient,
    );
    assert_eq!(told(AlertDescription::CertificateRequired, nothing), asked);
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
    assert!(told(AlertDescription::ProtocolVersion, nothing).0.contains("no version of TLS from 1.2 on"));
    assert_eq!(told(AlertDescription::InternalError, nothing).0, "the server has ended TLS (internal error)");
}
