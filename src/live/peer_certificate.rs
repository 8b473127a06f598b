//! A server's certificate, seen over a context's own connection and judged by what will be stored.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use tokio::{net::TcpStream, time::timeout_at};
use tokio_rustls::TlsConnector;
use tower::ServiceExt as _;
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

use super::{
    cause::{certificate_detail, handshake_detail},
    proxy::{socks, tunnel},
    server_trust::Authority,
    time_limit::within,
};
use crate::plan::member_server::CertificateSeen;

/// A server that was just asked answers a handshake sooner.
const SHAKES_HANDS_WITHIN: Duration = Duration::from_secs(10);

/// The certificates of a server, its own first.
pub(super) struct Chain(Vec<CertificateDer<'static>>);

/// Shakes hands with a server, called `name`, and takes its certificates, whatever they are; nothing is sent. A server
/// of several names shows the certificate of the one that it is called.
pub(super) async fn peek(server: &Uri, name: &str, proxy: Option<&Uri>) -> Result<Chain, String> {
    let seen = timeout_at(within(SHAKES_HANDS_WITHIN), shake_hands(server, name, proxy)).await;
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
        Err(error) if seen.is_empty() => Err(handshake_detail(&error)),
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
            tunnel(proxy, direct).oneshot(server.clone()).await.map_err(|error| failed(&error))?
        }
        Some((proxy, Some("socks5"))) => {
            socks(proxy, direct).oneshot(server.clone()).await.map_err(|error| failed(&error))?
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
        let no_certificate = "the certificate authority to be stored is not a PEM certificate";
        let authority = Authority::of_pem(authority).ok_or(no_certificate)?;
        let own = self.0.first().ok_or("its certificate cannot be read")?;
        let intermediates = self.0.get(1..).unwrap_or_default();
        match authority.vouches_for(own, intermediates, UnixTime::now()) {
            Ok(())
            | Err(TlsError::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => Ok(()),
            Err(TlsError::InvalidCertificate(error)) => Err(certificate_detail(&error)),
            Err(error) => Err(super::server_text::message(&error.to_string())),
        }
    }
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

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
    use rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, pem::PemObject as _},
        server::ResolvesServerCertUsingSni,
        sign::CertifiedKey,
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };
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
    fn of_a_damaged_authority_counts_what_can_be_read() {
        let (chain, authority) = signed(2100);
        let (cut, _) = authority.split_once("-----END").unwrap();
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let distrusted = |authority: &str| chain.judged("192.0.2.7", Some(authority)).unwrap().distrusted;
        for damaged in [cut, empty, ""] {
            let said = "the certificate authority to be stored is not a PEM certificate";
            assert_eq!(distrusted(damaged).as_deref(), Some(said), "{damaged}");
            assert_eq!(distrusted(&format!("{damaged}\n{authority}{damaged}")), None, "{damaged}");
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

    /// Reads up to the empty line, answers, and takes what comes on to the server.
    async fn proxied(listener: TcpListener, server: std::net::SocketAddr) -> String {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
        String::from_utf8(head).unwrap()
    }

    #[tokio::test]
    async fn a_proxy_is_told_its_user_as_the_connection_tells_it() {
        let [server, proxy] =
            [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
        let (server, proxy) = (server.unwrap(), proxy.unwrap());
        let address = server.local_addr().unwrap();
        let url = format!("http://us:p%40ss%20w@{}", proxy.local_addr().unwrap()).parse().unwrap();
        let acceptor = of_several_names(&["edge.example.org"]);
        // Dropped, so that what goes through the proxy comes to its end.
        let accepted = async { drop(acceptor.accept(server.accept().await.unwrap().0).await) };
        let uri = "https://192.0.2.1:6443".parse().unwrap();
        let peeked = peek(&uri, "edge.example.org", Some(&url));
        let (head, (), chain) = tokio::join!(proxied(proxy, address), accepted, peeked);
        assert!(chain.unwrap().covers("edge.example.org"));
        let told = format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode("us:p@ss w"));
        assert!(head.starts_with("CONNECT 192.0.2.1:6443 ") && head.contains(&told), "{head}");
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
