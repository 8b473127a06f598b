//! Certificates that a cluster signs.

use rcgen::{CertificateSigningRequestParams, ExtendedKeyUsagePurpose, KeyUsagePurpose};
use serde_json::Value;

use crate::{
    kubesphere::secret,
    pki::{Authority, CLUSTER_VALIDITY, Validity},
};

/// The certificate that a request asks for, as PEM in base64.
pub(super) fn certificate(authority: &Authority, request: &Value) -> Option<String> {
    let pem = secret::base64_decoded(request["spec"]["request"].as_str()?)?;
    let mut asked = CertificateSigningRequestParams::from_pem(std::str::from_utf8(&pem).ok()?).ok()?;
    let validity = Validity::lasting(CLUSTER_VALIDITY);
    asked.params.not_before = validity.from;
    asked.params.not_after = validity.until;
    asked.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    asked.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let signed = authority.sign_request(&asked).ok()?;
    Some(secret::base64(signed.as_bytes()))
}
