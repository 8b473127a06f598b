//! Why two do not come together by TLS: whose certificate or key it is, what about it, and the way out.

use std::io;

use kubesphere::command::Kubectl;
use kubesphere::side::Side;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError, PeerIncompatible};

use super::server_text;
use super::server_trust::NoAuthority;
use super::shown::Shown;

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// The context has no authority that vouches for the server.
    NameAuthority,
    /// The server needs another certificate.
    Reissue,
    /// It is called by a wrong name.
    Rename,
    /// Somebody's time is over.
    RenewServer,
    /// The server is shown a wrong certificate, or none.
    RenewClient,
    /// The server wants a certificate, and the context has none.
    BringClient,
    /// The server is too old, or what stands before it.
    ModerniseServer,
    /// The server speaks something else.
    SpeakPlainly,
    /// Nothing that is known.
    None,
}

impl WayOut {
    pub(super) fn hint(self, side: &Side) -> Option<String> {
        let config = Kubectl::config(side);
        Some(match self {
            Self::NameAuthority => format!(
                "name the authority that signed it, in the kubeconfig: `{config} set-cluster CLUSTER \
                 --certificate-authority=FILE --embed-certs`"
            ),
            Self::Reissue => format!(
                "issue another certificate for the server, as with `kubeadm certs renew apiserver`, or connect without \
                 verification: {}",
                side.option("insecure-skip-tls-verify", "")
            ),
            Self::Rename => format!(
                "use a name or address that the certificate holds, or say which with {}",
                side.option("tls-server-name", "NAME")
            ),
            Self::RenewServer => {
                "renew it, as with `kubeadm certs renew apiserver`, or set this machine's clock".to_owned()
            }
            Self::RenewClient => format!(
                "renew the credentials of context \"{}\": `{config} set-credentials USER --client-certificate=FILE \
                 --client-key=FILE --embed-certs`",
                side.context()
            ),
            Self::BringClient => format!(
                "give the user of context \"{}\" the certificate that the server, or a proxy before it, asks for: `{config} \
                 set-credentials USER --client-certificate=FILE --client-key=FILE --embed-certs`",
                side.context()
            ),
            Self::ModerniseServer => {
                "have the server, or the load balancer before it, speak TLS 1.2 or 1.3, or name the API server's own address"
                    .to_owned()
            }
            Self::SpeakPlainly => "is it an `http://` server, or a proxy?".to_owned(),
            Self::None => return None,
        })
    }
}

/// One sentence, and the way out.
pub(super) fn explained(error: &TlsError, shown: Shown) -> (String, WayOut) {
    match error {
        TlsError::InvalidCertificate(error) => (certificate_detail(error), way_out(error)),
        TlsError::AlertReceived(alert) => of_alert(*alert, shown),
        TlsError::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => of_old_version(),
        TlsError::InvalidMessage(_) => ("the server does not speak TLS".to_owned(), WayOut::SpeakPlainly),
        error => (format!("TLS failed: {}", server_text::message(&error.to_string())), WayOut::None),
    }
}

/// Why a handshake failed in which nothing was shown.
pub fn handshake_detail(error: &io::Error) -> String {
    match error.get_ref().and_then(|error| error.downcast_ref::<TlsError>()) {
        Some(error) => explained(error, Shown::default()).0,
        None => server_text::message(&error.to_string()),
    }
}

fn of_old_version() -> (String, WayOut) {
    let why = "the server speaks TLS 1.1 or older, which neither kubectl nor kubectl-mc accepts";
    (why.to_owned(), WayOut::ModerniseServer)
}

fn of_missing_certificate() -> (String, WayOut) {
    let why = "the server asks for a client certificate, and the context brings none";
    (why.to_owned(), WayOut::BringClient)
}

/// What the server says of what it was shown, or that nothing could be agreed on.
fn of_alert(alert: AlertDescription, shown: Shown) -> (String, WayOut) {
    use AlertDescription as Alert;
    let refused = |why: &str| {
        let why = shown.ended().map_or_else(|| why.to_owned(), |on| format!("it expired on {on}"));
        (format!("the server does not accept the client certificate: {why}"), WayOut::RenewClient)
    };
    match alert {
        Alert::CertificateRequired | Alert::BadCertificate if shown.certificate_until.is_none() => {
            of_missing_certificate()
        }
        // OpenSSL's word for it in TLS 1.2 (`ssl/statem/statem_srvr.c`, `tls_process_client_certificate`).
        Alert::HandshakeFailure if shown.was_asked => of_missing_certificate(),
        Alert::CertificateRequired => refused("it says that none came"),
        Alert::UnknownCA => refused("it does not know the authority that signed it"),
        Alert::CertificateExpired => refused("it says that it has expired"),
        Alert::CertificateRevoked => refused("it says that it is revoked"),
        Alert::UnsupportedCertificate => refused("it takes none of its kind"),
        Alert::BadCertificate | Alert::CertificateUnknown | Alert::AccessDenied | Alert::DecryptError => {
            refused("it does not say why")
        }
        Alert::HandshakeFailure | Alert::InsufficientSecurity => (
            "the server and kubectl-mc have no kind of key or cipher in common (a server's key on P-521 is one that only \
             kubectl knows)"
                .to_owned(),
            WayOut::Reissue,
        ),
        Alert::ProtocolVersion => of_old_version(),
        Alert::UnrecognisedName => {
            ("the server has no certificate for the name that it is called by".to_owned(), WayOut::Rename)
        }
        other => (format!("the server has ended TLS ({})", in_words(&format!("{other:?}"))), WayOut::None),
    }
}

/// What is wrong with a server's certificate.
pub fn certificate_detail(error: &CertificateError) -> String {
    let certificate = "the server's certificate";
    match error {
        // The authorities of most clusters have the same name: the wrong one shows as a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("{certificate} is signed by an unknown authority")
        }
        CertificateError::Expired => format!("{certificate} has expired, or this machine's clock is wrong"),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("{certificate} has expired on {}, or this machine's clock is wrong", day(*not_after))
        }
        CertificateError::NotValidYet => {
            format!("{certificate} is not valid yet, or this machine's clock is wrong")
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("{certificate} is not valid before {}, or this machine's clock is wrong", day(*not_before))
        }
        CertificateError::NotValidForName => format!("{certificate} is for another name or address"),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let (expected, names) = (expected.to_str(), names(presented));
            format!("{certificate} is for another name or address: it is for {names}, not for {expected}")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("{certificate} is not one for servers (it has other purposes than `serverAuth`)")
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id, ..
        } => format!("{certificate}, or its authority's, is signed {}", signature(signature_algorithm_id)),
        CertificateError::BadEncoding => format!("{certificate} cannot be read"),
        CertificateError::Other(other) if other.0.is::<NoAuthority>() => {
            "what is named as the certificate authority is one server's own certificate, and the server shows another"
                .to_owned()
        }
        CertificateError::Other(other) => of_webpki(&other.0.to_string()),
        error => format!("{certificate} is not accepted: {}", in_words(&format!("{error:?}"))),
    }
}

/// webpki's errors are words written together.
fn of_webpki(error: &str) -> String {
    match error {
        "CaUsedAsEndEntity" => "the server uses the certificate of an authority as its own".to_owned(),
        "UnsupportedCertVersion" => {
            "the server's certificate is one of X.509 version 1, which holds no names".to_owned()
        }
        other => format!("the server's certificate is not accepted: {}", in_words(other)),
    }
}

fn way_out(error: &CertificateError) -> WayOut {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => WayOut::NameAuthority,
        CertificateError::Other(other) if other.0.is::<NoAuthority>() => WayOut::NameAuthority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => WayOut::Rename,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => WayOut::RenewServer,
        _ => WayOut::Reissue,
    }
}

/// Object identifiers as they stand in an algorithm's, and what people call them (RFC 3279, 5758).
const SIGNATURES: [(&[u8], &str); 4] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "with SHA-1, which is not accepted any more"),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", "with SHA-1, which is not accepted any more"),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", "with MD5, which is not accepted any more"),
    (
        b"\x2a\x86\x48\xce\x3d\x04\x03\x04",
        "by a key on P-521, which kubectl-mc cannot verify, unlike kubectl",
    ),
];

fn signature(algorithm: &[u8]) -> &'static str {
    let is_in = |id: &[u8]| algorithm.windows(id.len()).any(|part| part == id);
    let known = SIGNATURES.iter().find(|(id, _)| is_in(id));
    known.map_or("by a kind of key that kubectl-mc cannot verify", |(_, words)| words)
}

fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "no name (no subjectAltName)".to_owned();
    }
    // webpki writes DnsName("a") and IpAddress(192.0.2.1).
    let bare = |name: &String| {
        let within = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest.trim_end_matches(')'));
        within.trim_matches('"').to_owned()
    };
    server_text::message(&presented.iter().map(bare).collect::<Vec<_>>().join(", "))
}

fn day(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(second)
        .map_or_else(|_| "an unknown day".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// `NameConstraintViolation` as "name constraint violation".
fn in_words(camel_case: &str) -> String {
    let mut words = String::new();
    for letter in camel_case.chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
#[path = "tls_failure_tests.rs"]
mod tests;
