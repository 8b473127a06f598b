//! A server's certificate, seen over a context's own connection and judged by what will be stored.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Uri;
use hyper_util::client::legacy::connect::{
    HttpConnector,
    proxy::{SocksV5, Tunnel},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tower::ServiceExt as _;
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

use super::{cause::certificate_detail, proxy::authorization};
use crate::plan::member_server::CertificateSeen;

/// A server that was just asked answers a handshake sooner.
const SHAKES_HANDS_WITHIN: Duration = Duration::from_secs(10);

/// The certificates of a server, its own first.
pub(super) struct Chain(Vec<CertificateDer<'static>>);

/// Shakes hands with a server, called `name`, and takes its certificates, whatever they are; nothing is sent. A server
/// of several names shows the certificate of the one that it is called.
pub(super) async fn peek(server: &Uri, name: &str, proxy: Option<&Uri>) -> Result<Chain, String> {
    let seen = timeout(SHAKES_HANDS_WITHIN, shake_hands(server, name, proxy)).await;
    seen.map_err(|_| "no answer in time".to_owned())?
}

async fn shake_hands(server: &Uri, name: &str, proxy: Option<&Uri>) -> Result<Chain, String> {
    let stream = dial(server, proxy).await?;
    let recorder =
        Arc::new(Recorder { provider: Arc::new(ring::default_provider()), seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::clone(&recorder.provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = server_name(name).ok_or("its name cannot be one")?;
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let seen = std::mem::take(&mut *recorder.seen.lock().expect("no holder panics"));
    match shaken {
        Err(error) if seen.is_empty() => Err(error.to_string()),
        _ => Ok(Chain(seen)),
    }
}

async fn dial(server: &Uri, proxy: Option<&Uri>) -> Result<TcpStream, String> {
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    let failed = |error: &dyn std::error::Error| super::server_text::message(&error.to_string());
    let stream = match proxy.map(|proxy| (proxy, proxy.scheme_str())) {
        None => direct.oneshot(server.clone()).await.map_err(|error| failed(&error))?,
        Some((proxy, Some("http"))) => {
            let tunnel = Tunnel::new(proxy.clone(), direct);
            let tunnel = match authorization(proxy) {
                Some(authorization) => tunnel.with_auth(authorization),
                None => tunnel,
            };
            tunnel.oneshot(server.clone()).await.map_err(|error| failed(&error))?
        }
        Some((proxy, Some("socks5"))) => {
            let socks = SocksV5::new(proxy.clone(), direct);
            socks.oneshot(server.clone()).await.map_err(|error| failed(&error))?
        }
        Some(_) => {
            return Err("it is reached through a proxy of a kind that is not looked through".to_owned());
        }
    };
    Ok(stream.into_inner())
}

fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    ServerName::try_from(bare.to_owned()).ok()
}

impl Chain {
    /// Whether it covers this name or address.
    pub(super) fn covers(&self, host: &str) -> bool {
        let parsed = self.0.first().and_then(|own| ParsedCertificate::try_from(own).ok());
        parsed.zip(server_name(host)).is_some_and(|(own, name)| verify_server_name(&own, &name).is_ok())
    }

    /// What it says, judged by the address and the authority that will be stored. Without an authority it is the
    /// host's own store that decides.
    pub(super) fn judged(&self, host: &str, authority: Option<&str>) -> Result<CertificateSeen, String> {
        let own = self.0.first().ok_or("it shows no certificate")?;
        let (_, parsed) = parse_x509_certificate(own).map_err(|_| "its certificate cannot be read")?;
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(shown);
        Ok(CertificateSeen {
            names: names.collect(),
            covers: self.covers(host),
            distrusted: authority.and_then(|authority| self.vouched_by(authority).err()),
            until: parsed.validity().not_after.timestamp(),
        })
    }

    /// Fails with why this authority does not vouch for it; that its time is over is no reason of the authority's.
    fn vouched_by(&self, authority: &str) -> Result<(), String> {
        let roots = roots(authority)?;
        let unreadable = "its certificate cannot be read";
        let own = self.0.first().and_then(|own| ParsedCertificate::try_from(own).ok()).ok_or(unreadable)?;
        let algorithms = ring::default_provider().signature_verification_algorithms.all;
        let intermediates = self.0.get(1..).unwrap_or_default();
        let judged = verify_server_cert_signed_by_trust_anchor(
            &own,
            &roots,
            intermediates,
            UnixTime::now(),
            algorithms,
        );
        match judged {
            Ok(())
            | Err(TlsError::InvalidCertificate(
                rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. },
            )) => Ok(()),
            Err(TlsError::InvalidCertificate(error)) => Err(certificate_detail(&error)),
            Err(error) => Err(super::server_text::message(&error.to_string())),
        }
    }
}

/// The certificates of an authority; a file that is damaged would be stored damaged.
fn roots(authority: &str) -> Result<RootCertStore, String> {
    let no_certificate = "the certificate authority to be stored is not a PEM certificate";
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(authority.as_bytes()).collect();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates.map_err(|_| no_certificate)?);
    if added == 0 { Err(no_certificate.to_owned()) } else { Ok(roots) }
}

fn shown(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(super::server_text::message(name)),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = address.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Takes every certificate down, and judges none: that is done afterwards, by another name and authority.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let chain = std::iter::once(own).chain(intermediates).map(|one| one.clone().into_owned());
        *self.seen.lock().expect("no holder panics") = chain.collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
    use rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, pem::PemObject as _},
        server::ResolvesServerCertUsingSni,
        sign::CertifiedKey,
    };
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::{Chain, peek};

    /// A server's chain with the PEM of the authority that signed it.
    fn signed(until: i32) -> (Chain, String) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let names = ["edge.example.org", "192.0.2.7", "2001:db8::1"].map(str::to_owned);
        let mut server = CertificateParams::new(names).unwrap();
        server.not_before = date_time_ymd(2020, 1, 1);
        server.not_after = date_time_ymd(until, 1, 1);
        let server = server.signed_by(&KeyPair::generate().unwrap(), &authority).unwrap();
        (Chain(vec![server.der().clone()]), authority.as_ref().pem())
    }

    #[test]
    fn a_certificate_is_judged_by_the_stored_address_and_authority() {
        let (chain, authority) = signed(2100);
        let seen = chain.judged("192.0.2.7", Some(&authority)).unwrap();
        assert_eq!(seen.names, ["edge.example.org", "192.0.2.7", "2001:db8::1"]);
        assert_eq!((seen.covers, seen.distrusted), (true, None));
        assert!(!chain.judged("192.0.2.8", Some(&authority)).unwrap().covers);
        let (_, another) = signed(2100);
        let why = chain.judged("192.0.2.7", Some(&another)).unwrap().distrusted.unwrap();
        assert!(why.contains("signed by an unknown authority"), "{why}");
        let why = chain.judged("192.0.2.7", Some("no PEM")).unwrap().distrusted.unwrap();
        assert!(why.contains("is not a PEM certificate"), "{why}");
        assert_eq!(chain.judged("192.0.2.7", None).unwrap().distrusted, None, "the host's store decides");
    }

    #[test]
    fn a_damaged_authority_vouches_for_nobody() {
        let (chain, authority) = signed(2100);
        let (cut, _) = authority.split_once("-----END").unwrap();
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for damaged in [cut.to_owned(), format!("{authority}{cut}"), empty.to_owned(), String::new()] {
            let why = chain.judged("192.0.2.7", Some(&damaged)).unwrap().distrusted;
            let said = "the certificate authority to be stored is not a PEM certificate";
            assert_eq!(why.as_deref(), Some(said), "{damaged}");
        }
    }

    #[test]
    fn names_in_brackets_and_with_a_final_dot_are_covered() {
        let (chain, _) = signed(2100);
        assert!(
            chain.covers("[2001:db8::1]") && chain.covers("2001:db8::1") && chain.covers("edge.example.org.")
        );
        assert!(!chain.covers("other.example.org") && !chain.covers(""));
    }

    #[test]
    fn that_its_time_is_over_is_no_fault_of_its_authority() {
        let (chain, authority) = signed(2021);
        let seen = chain.judged("192.0.2.7", Some(&authority)).unwrap();
        assert_eq!((seen.distrusted, seen.until), (None, 1_609_459_200));
    }

    /// A server that shows each caller the certificate of the name that it is called.
    fn of_several_names(names: &[&str]) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut resolver = ResolvesServerCertUsingSni::new();
        for name in names {
            let key = KeyPair::generate().unwrap();
            let own = CertificateParams::new([(*name).to_owned()]).unwrap().self_signed(&key).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
            let certified = CertifiedKey::from_der(vec![own.der().clone()], key, &provider).unwrap();
            resolver.add(name, certified).unwrap();
        }
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_cert_resolver(Arc::new(resolver));
        TlsAcceptor::from(Arc::new(config))
    }

    #[tokio::test]
    async fn a_server_of_several_names_is_called_by_the_one_that_is_stored() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = of_several_names(&["localhost", "edge.example.org"]);
        let accepted = async { acceptor.accept(listener.accept().await.unwrap().0).await };
        let server = server.parse().unwrap();
        let (_, chain) = tokio::join!(accepted, peek(&server, "edge.example.org", None));
        assert!(chain.unwrap().covers("edge.example.org"));
    }
}
