//! Who a client is, by its certificate, as an apiserver finds out.

use std::sync::Arc;

use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::ring,
    pki_types::{CertificateDer, UnixTime, pem::PemObject as _},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use crate::Error;

/// A client's name and groups.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

/// Lets every certificate through the handshake and judges it afterwards: an apiserver answers 401 to one that has
/// ended or that another CA signed, and does not cut the handshake.
#[derive(Debug)]
pub(crate) struct ClientCertificates {
    judge: Arc<dyn ClientCertVerifier>,
}

impl ClientCertificates {
    pub(crate) fn new(authority: &str) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        let root =
            CertificateDer::from_pem_slice(authority.as_bytes()).expect("the test bed's own PEM is valid");
        roots.add(root)?;
        let provider = Arc::new(ring::default_provider());
        let judge = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build()
            .map_err(|error| TlsError::General(error.to_string()))?;
        Ok(Self { judge })
    }

    /// The user, where the certificate holds.
    pub(crate) fn user(&self, certificate: &CertificateDer<'_>) -> Option<User> {
        self.judge.verify_client_cert(certificate, &[], UnixTime::now()).ok()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let subject = parsed.subject();
        let name = subject.iter_common_name().next()?.as_str().ok()?.to_owned();
        let groups =
            subject.iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned).collect();
        Some(User { name, groups })
    }
}

impl ClientCertVerifier for ClientCertificates {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.judge.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pki::{Authority, Validity};

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    #[test]
    fn only_a_certificate_that_holds_names_a_user() {
        let authority = Authority::new("ca").unwrap();
        let clients = ClientCertificates::new(&authority.certificate()).unwrap();
        let hour = Duration::from_secs(3600);
        let jane = authority.client("jane", Some("ops"), hour.into()).unwrap();
        let ended = authority.client("jane", None, Validity::ended(hour)).unwrap();
        let foreign = Authority::new("ca").unwrap().client("jane", None, hour.into()).unwrap();
        let user = User { name: "jane".into(), groups: vec!["ops".into()] };
        assert_eq!(clients.user(&der(&jane.certificate)), Some(user));
        assert_eq!(clients.user(&der(&ended.certificate)), None);
        assert_eq!(clients.user(&der(&foreign.certificate)), None);
    }
}
