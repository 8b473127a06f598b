//! The key that host and members share to sign and accept tokens.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::{confidential::fingerprint, known_secrets::learn};

/// Characters that the installer carries unharmed.
///
/// It puts the value unquoted into shell commands and inside double quotes in YAML
/// (ks-installer `roles/ks-core/init-token/tasks/main.yaml`).
const HARMLESS: &str = "._~-";

/// The longest secret that is taken. KubeSphere makes 32 characters, and HMAC with SHA-256 hashes what is longer than
/// 64; what is longer than this is a file of something else.
const LONGEST: usize = 4096;

/// `authentication.jwtSecret`, which shows itself as a fingerprint only.
#[derive(Clone)]
pub struct JwtSecret(SecretString);

/// Why a secret cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The value is empty.
    #[error("it is empty")]
    Empty,
    /// It is no secret but something else.
    #[error("it is longer than {LONGEST} characters, which no jwtSecret is")]
    TooLong,
    /// A character would end up as shell or YAML syntax in the installer.
    #[error(
        "it holds a character outside `A-Z a-z 0-9 . _ ~ -`, which breaks the installer's shell commands and YAML"
    )]
    Breaking,
}

impl JwtSecret {
    /// Takes a secret's value, which nothing that is printed has from now on.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        learn(&value);
        Self(SecretString::from(value))
    }

    /// The value itself, for a request's body.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// `sha256:` and eight hexadecimal digits: enough for people to compare, never used to decide.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.expose())
    }

    /// Whether the installer can carry the value.
    pub fn usable(&self) -> Result<(), Unusable> {
        let value = self.expose();
        if value.is_empty() {
            return Err(Unusable::Empty);
        }
        if value.len() > LONGEST {
            return Err(Unusable::TooLong);
        }
        let sanitize = |c: char| c.is_ascii_alphanumeric() || HARMLESS.contains(c);
        if value.chars().all(sanitize) { Ok(()) } else { Err(Unusable::Breaking) }
    }
}

impl PartialEq for JwtSecret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for JwtSecret {}

impl fmt::Debug for JwtSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fingerprint())
    }
}

impl fmt::Display for JwtSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::{JwtSecret, Unusable};

    #[test]
    fn what_the_installer_generates_is_usable() {
        assert_eq!(JwtSecret::new("gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU").usable(), Ok(()));
    }

    #[test]
    fn shell_and_yaml_syntax_is_refused() {
        for value in ["a b", "a\"b", "a$b", "a`b`", "a;b", "a\nb", "a'b", "a\\b", "ключ", "a/b+c="] {
            assert_eq!(JwtSecret::new(value).usable(), Err(Unusable::Breaking), "{value}");
        }
        assert_eq!(JwtSecret::new("").usable(), Err(Unusable::Empty));
    }

    #[test]
    fn what_is_longer_than_any_secret_is_refused() {
        assert_eq!(JwtSecret::new("a".repeat(4096)).usable(), Ok(()));
        assert_eq!(JwtSecret::new("a".repeat(4097)).usable(), Err(Unusable::TooLong));
    }

    #[test]
    fn neither_display_nor_debug_shows_the_value() {
        let secret = JwtSecret::new("gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU");
        let shown = format!("{secret} {secret:?}");
        assert!(!shown.contains("gfIw"), "{shown}");
        assert!(shown.starts_with("sha256:"), "{shown}");
    }
}
