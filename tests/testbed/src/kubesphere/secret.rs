//! The confidential values of one installation: random, so that a test can look for them in every output.

use std::{
    fs::File,
    io::Read as _,
    sync::{Arc, Mutex},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use sha2::{Digest as _, Sha256};

/// How long a jwtSecret is that the installer makes.
///
/// Source: ks-installer `roles/ks-core/init-token/tasks/main.yaml@v3.4.1` (`dd bs=32`).
const JWT_SECRET_LENGTH: usize = 32;

/// The block of SHA-256, which HMAC works on.
const BLOCK: usize = 64;

/// Random characters of base64's alphabet without `=`, `+` and `/`, as the installer's shell pipe makes them.
pub fn random_secret(length: usize) -> String {
    let mut bytes = [0; 512];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .expect("every Unix has /dev/urandom");
    base64(&bytes).chars().filter(char::is_ascii_alphanumeric).take(length).collect()
}

/// A random UUID of version 4.
pub fn random_uuid() -> String {
    let digits = b"0123456789abcdef";
    let hex: String =
        random_secret(32).bytes().map(|byte| char::from(digits[usize::from(byte & 15)])).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

/// A new jwtSecret.
pub fn random_jwt_secret() -> String {
    random_secret(JWT_SECRET_LENGTH)
}

/// The static token of the administrator, signed with the jwtSecret (HS256).
///
/// Source: ks-installer `roles/ks-core/init-token/tasks/main.yaml@v3.4.1` (`jwt.sh`).
pub fn static_token(jwt_secret: &str) -> String {
    let claims = br#"{"email":"admin@kubesphere.io","username":"admin","token_type":"static_token"}"#;
    signed_token(jwt_secret, claims)
}

/// A JSON web token with these claims, signed with the key (HS256).
pub(crate) fn signed_token(key: &str, claims: &[u8]) -> String {
    let header = base64url(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", base64url(claims));
    let signature = base64url(&hmac_sha256(key.as_bytes(), signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Standard base64 with padding, as the data of Secrets and `spec.connection.kubeconfig` are written.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes behind standard base64.
pub fn base64_decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// All values of a test bed that must appear in no output; the stand-ins add those they make later.
#[derive(Clone, Default)]
pub struct Confidential(Arc<Mutex<Vec<String>>>);

impl Confidential {
    /// Adds a value, once.
    pub fn add(&self, value: impl Into<String>) {
        let value = value.into();
        let mut values = self.0.lock().expect("no holder panics");
        if !value.is_empty() && !values.contains(&value) {
            values.push(value);
        }
    }

    /// The values so far.
    pub fn values(&self) -> Vec<String> {
        self.0.lock().expect("no holder panics").clone()
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; BLOCK];
    let hashed = Sha256::digest(key);
    let key = if key.len() > BLOCK { hashed.as_slice() } else { key };
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(base64(&mac), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn secrets_are_of_the_installers_form() {
        let secret = random_jwt_secret();
        assert_eq!(secret.len(), 32);
        assert!(secret.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(secret, random_jwt_secret());
        assert_eq!(static_token("a").matches('.').count(), 2);
        assert_eq!(base64_decoded(&base64(b"abc")), Some(b"abc".to_vec()));
    }
}
