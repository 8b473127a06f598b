//! Whether a server is the one that is meant, judged as Go judges it, and so kubectl and KubeSphere.
//!
//! webpki vouches neither for a certificate that itself stands in the authority nor for one that says it is an authority's.

use std::sync::Arc;

use kubesphere::pem::{self, Block};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, OtherError, RootCertStore, SignatureScheme,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;
use x509_parser::x509::X509Version;

/// What is named as an authority is one server's own certificate, and another server's was shown.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no authority's certificate")]
pub struct NoAuthority;

/// Certificates that vouch for a server.
#[derive(Clone, Debug)]
pub struct Authority {
    roots: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Authority {
    /// All certificates in a PEM text that can be read, if there is one (`crypto/x509/cert_pool.go@go1.26`).
    pub fn of_pem(text: &str) -> Option<Self> {
        let blocks = pem::blocks(text).filter(|block| block.is_certificate() && !block.has_headers);
        let certificates: Vec<_> =
            blocks.map(|Block { content, .. }| CertificateDer::from(content)).collect();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        let algorithms = ring::default_provider().signature_verification_algorithms;
        (added > 0).then_some(Self { roots, certificates, algorithms })
    }

    /// Fails with why it does not vouch for a certificate; its name is another matter.
    pub fn vouches_for(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), TlsError> {
        // What stands in it is trusted (`crypto/x509/verify.go@go1.26`, `opts.Roots.contains(c)`).
        if self.certificates.contains(own) {
            return suits_a_server(own, now);
        }
        let parsed = ParsedCertificate::try_from(own)?;
        let all = self.algorithms.all;
        let judged = verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, all);
        match judged {
            Err(TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) if !self.has_authority() => {
                Err(CertificateError::Other(OtherError(Arc::new(NoAuthority))).into())
            }
            judged => judged,
        }
    }

    fn has_authority(&self) -> bool {
        let mut parsed = self.certificates.iter().filter_map(|one| Some(parse_x509_certificate(one).ok()?.1));
        parsed.any(|one| one.is_ca() || one.version() == X509Version::V1)
    }
}

/// What a certificate says of its own time and purpose.
fn suits_a_server(own: &CertificateDer<'_>, now: UnixTime) -> Result<(), TlsError> {
    let (_, own) = parse_x509_certificate(own).map_err(|_| CertificateError::BadEncoding)?;
    let second = |time: i64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(time.unsigned_abs()));
    let (begin, end) = (own.validity().not_before.timestamp(), own.validity().not_after.timestamp());
    let time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if time < begin {
        return Err(CertificateError::NotValidYetContext { time: now, not_before: second(begin) }.into());
    }
    if time > end {
        return Err(CertificateError::ExpiredContext { time: now, not_after: second(end) }.into());
    }
    if is_for_servers(&own) { Ok(()) } else { Err(CertificateError::InvalidPurpose.into()) }
}

fn is_for_servers(own: &X509Certificate<'_>) -> bool {
    let purposes = own.extended_key_usage().ok().flatten();
    purposes.is_none_or(|purposes| purposes.value.any || purposes.value.server_auth)
}

impl ServerCertVerifier for Authority {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.vouches_for(own, intermediates, now)?;
        verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
