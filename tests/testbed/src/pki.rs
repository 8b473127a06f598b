//! Certificates and keys of a cluster: EC P-256 throughout, made in process.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use time::OffsetDateTime;

use crate::Error;

/// How long the cluster's own certificates hold: as kubeadm's, so that nobody warns of their end.
pub const CLUSTER_VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);

/// Certificates are valid from a little before now, so that a clock that is set back does no harm.
const BACKDATED: Duration = Duration::from_secs(300);

/// A certificate and its private key, both as PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate: String,
    /// Its private key, PKCS#8.
    pub key: String,
}

/// From when until when a certificate holds.
#[derive(Clone, Copy)]
pub struct Validity {
    /// The first moment.
    pub from: OffsetDateTime,
    /// The last moment.
    pub until: OffsetDateTime,
}

impl Validity {
    /// Valid now and for so long.
    pub fn lasting(duration: Duration) -> Self {
        let now = OffsetDateTime::now_utc();
        Self { from: now - BACKDATED, until: now + duration }
    }

    /// Valid until then, whether that is to come or past.
    pub fn until(until: OffsetDateTime) -> Self {
        Self { from: until.min(OffsetDateTime::now_utc()) - BACKDATED, until }
    }

    /// Valid once, but no more since so long.
    pub fn ended(ago: Duration) -> Self {
        let until = OffsetDateTime::now_utc() - ago;
        Self { from: until - BACKDATED, until }
    }
}

impl From<Duration> for Validity {
    fn from(duration: Duration) -> Self {
        Self::lasting(duration)
    }
}

/// A certificate authority that signs servers and clients.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority of this name, with a key of its own.
    pub fn new(name: &str) -> Result<Self, Error> {
        let mut params = parameters(name, CLUSTER_VALIDITY.into())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, key()?)? })
    }

    /// The authority's certificate as PEM.
    pub fn certificate(&self) -> String {
        self.issuer.as_ref().pem()
    }

    /// Its private key as PEM, for who signs in its place.
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A server's certificate for these DNS names and IP addresses.
    pub fn server(&self, name: &str, alternative_names: &[&str]) -> Result<Identity, Error> {
        let mut params = parameters(name, CLUSTER_VALIDITY.into())?;
        for alternative in CertificateParams::new(owned(alternative_names))?.subject_alt_names {
            params.subject_alt_names.push(alternative);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// A client's certificate: Kubernetes reads the user from its common name and the group from its organisation.
    ///
    /// One group at most, as rcgen writes each part of a name once; bind roles to the user where more are needed.
    pub fn client(&self, user: &str, group: Option<&str>, validity: Validity) -> Result<Identity, Error> {
        let mut params = parameters(user, validity)?;
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    /// The certificate that a request asks for, as PEM.
    pub(crate) fn sign_request(&self, request: &CertificateSigningRequestParams) -> Result<String, Error> {
        Ok(request.signed_by(&self.issuer)?.pem())
    }

    fn sign(&self, params: &CertificateParams) -> Result<Identity, Error> {
        let key = key()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// A request for a client's certificate without groups, and its private key, both as PEM.
pub(crate) fn request(user: &str) -> Result<(String, String), Error> {
    let (params, key) = (parameters(user, CLUSTER_VALIDITY.into())?, key()?);
    Ok((params.serialize_request(&key)?.pem()?, key.serialize_pem()))
}

/// The key that signs service account tokens.
pub struct ServiceAccountKey {
    /// The private key as PEM.
    pub private: String,
    /// The public key as PEM.
    pub public: String,
}

impl ServiceAccountKey {
    pub fn new() -> Result<Self, Error> {
        let key = key()?;
        Ok(Self { private: key.serialize_pem(), public: key.public_key_pem() })
    }
}

fn key() -> Result<KeyPair, Error> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn parameters(name: &str, validity: Validity) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = validity.from;
    params.not_after = validity.until;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use x509_parser::pem::parse_x509_pem;

    use super::*;

    #[test]
    fn a_client_carries_user_group_and_validity() {
        let authority = Authority::new("ca").unwrap();
        let client = authority.client("jane", Some("ops"), Duration::from_secs(3600).into()).unwrap();
        let (_, pem) = parse_x509_pem(client.certificate.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        assert_eq!(certificate.subject().to_string(), "CN=jane, O=ops");
        assert_eq!(certificate.issuer().to_string(), "CN=ca");
        let left = certificate.validity().time_to_expiration().unwrap();
        assert!((3590..=3600).contains(&left.whole_seconds()), "{left}");
    }

    #[test]
    fn a_certificate_can_have_ended() {
        let authority = Authority::new("ca").unwrap();
        let ended = Validity::ended(Duration::from_secs(60));
        let client = authority.client("jane", None, ended).unwrap();
        let (_, pem) = parse_x509_pem(client.certificate.as_bytes()).unwrap();
        assert!(!pem.parse_x509().unwrap().validity().is_valid());
    }
}
