//! A client certificate with its key, of everything that kubectl takes: whatever the labels say, and of any version of
//! X.509 (sources: `crypto/tls/tls.go@go1.26`, `X509KeyPair` and `parsePrivateKey`).
//!
//! kube 5.0.0 goes by the labels, and rustls by a parser that knows no X.509 v1.

use std::sync::Arc;

use kubesphere::known_secrets::learn;
use kubesphere::pem::{self, Block};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::{CertifiedKey, SigningKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::connection::ConnectionError;
use super::material::{Defect, Material};

const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";

/// The curves on which rustls signs, and others that Go knows or that have been seen.
const P_256: &str = "1.2.840.10045.3.1.7";
const P_384: &str = "1.3.132.0.34";
const OTHER_CURVES: [(&str, &str); 3] =
    [("1.3.132.0.35", "P-521"), ("1.3.132.0.33", "P-224"), ("1.3.132.0.10", "secp256k1")];
const ED25519: &str = "1.3.101.112";

/// Who one is to a server.
#[derive(Clone, Debug)]
pub(super) struct ClientIdentity {
    pub(super) certified: Arc<CertifiedKey>,
    /// The last second of the certificate, since 1970.
    pub(super) until: i64,
}

/// Both with their texts.
pub(super) fn client_identity(
    (certificate, certificate_text): &(Material<'_>, String),
    (key, key_text): &(Material<'_>, String),
) -> Result<ClientIdentity, ConnectionError> {
    learn(key_text);
    let chain = certificates(certificate_text).map_err(|defect| certificate.invalid(defect))?;
    let (_, own) = parse_x509_certificate(&chain[0])
        .map_err(|_| certificate.invalid(Defect::Unreadable { wanted: CERTIFICATE }))?;
    let signer = signer(key_text, &own).map_err(|defect| key.invalid(defect))?;
    let until = own.validity().not_after.timestamp();
    let certified = Arc::new(CertifiedKey::new(chain.clone(), signer));
    Ok(ClientIdentity { certified, until })
}

/// At least one.
fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, Defect> {
    let blocks = pem::blocks(text).filter(Block::is_certificate);
    let chain: Vec<_> = blocks.map(|block| CertificateDer::from(block.content)).collect();
    if chain.is_empty() { Err(absent(CERTIFICATE, text)) } else { Ok(chain) }
}

fn signer(text: &str, own: &X509Certificate<'_>) -> Result<Arc<dyn SigningKey>, Defect> {
    let key = pem::blocks(text).find(Block::is_private_key).ok_or_else(|| absent(KEY, text))?;
    if key.label == "ENCRYPTED PRIVATE KEY" || key.has_headers {
        return Err(Defect::Encrypted);
    }
    let Some(signer) = parsed(&key.content) else {
        return Err(match unsupported(own.public_key()) {
            Some(kind) => Defect::Unsupported { kind },
            None => Defect::Unreadable { wanted: KEY },
        });
    };
    if belongs(&*signer, own.public_key()) { Ok(signer) } else { Err(Defect::Mismatched) }
}

fn absent(wanted: &'static str, text: &str) -> Defect {
    Defect::Absent { wanted, labels: pem::blocks(text).map(|block| block.label).collect() }
}

fn parsed(key: &[u8]) -> Option<Arc<dyn SigningKey>> {
    let forms: [PrivateKeyDer<'_>; 3] = [
        PrivatePkcs1KeyDer::from(key).into(),
        PrivatePkcs8KeyDer::from(key).into(),
        PrivateSec1KeyDer::from(key).into(),
    ];
    forms.iter().find_map(|form| any_supported_type(form).ok())
}

fn belongs(signer: &dyn SigningKey, own: &SubjectPublicKeyInfo<'_>) -> bool {
    let key = signer.public_key();
    let key = key.as_ref().and_then(|key| SubjectPublicKeyInfo::from_der(key).ok());
    key.is_none_or(|(_, key)| key.subject_public_key.data == own.subject_public_key.data)
}

/// The kind of a key with which rustls does not sign.
fn unsupported(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) if !(2048..=4096).contains(&rsa.key_size()) => {
            Some(format!("RSA of {} bits", rsa.key_size()))
        }
        Ok(PublicKey::RSA(_)) => None,
        Ok(PublicKey::EC(_)) => unsupported_curve(key),
        _ if key.algorithm.algorithm.to_id_string() == ED25519 => None,
        _ => Some(format!("of a kind that is not known (`{}`)", key.algorithm.algorithm)),
    }
}

fn unsupported_curve(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
    if [P_256, P_384].contains(&curve.as_str()) {
        return None;
    }
    let known = OTHER_CURVES.iter().find(|(id, _)| *id == curve).map(|(_, name)| (*name).to_owned());
    Some(format!("ECDSA on {}", known.unwrap_or_else(|| format!("the curve `{curve}`"))))
}

#[cfg(test)]
#[path = "client_identity_tests.rs"]
mod tests;
