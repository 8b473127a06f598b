//! A jwtSecret that nobody has seen.

use rustls::crypto::ring;

use kubesphere::jwt_secret::JwtSecret;

/// As many characters as KubeSphere makes (ks-installer `roles/ks-core/init-token/tasks/main.yaml`).
const LENGTH: usize = 32;
/// Those of base64 that are no syntax anywhere.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// # Panics
/// If there is no randomness.
pub fn fresh_secret() -> JwtSecret {
    let mut text = String::with_capacity(LENGTH);
    while text.len() < LENGTH {
        let mut random = [0; LENGTH];
        ring::default_provider().secure_random.fill(&mut random).expect("the machine has randomness");
        // Six bits of each byte, and what is beyond the alphabet is thrown away: every letter is as likely.
        let letters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
        let lacking = LENGTH - text.len();
        text.extend(letters.map(|letter| char::from(*letter)).take(lacking));
    }
    JwtSecret::new(text)
}

#[cfg(test)]
mod tests {
    use super::fresh_secret;

    #[test]
    fn it_is_as_kubesphere_makes_them_and_never_the_same() {
        let (one, other) = (fresh_secret(), fresh_secret());
        assert_eq!((one.expose().len(), one.usable()), (32, Ok(())));
        assert!(one.expose().chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(one, other);
    }
}
