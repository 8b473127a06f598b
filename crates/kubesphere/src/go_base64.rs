//! Base64 as Go reads it, and so kubectl and KubeSphere: line ends may stand anywhere in it, and what the last character has
//! to spare does not matter (source: `encoding/base64/base64.go@go1.26`, `StdEncoding`).

use base64::{
    Engine as _, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};

const GO: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Nothing where it is not base64.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    GO.decode(text.replace(['\r', '\n'], "")).ok()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn line_ends_and_spare_bits_do_not_matter() {
        for text in ["aGVsbG8=", "aGV\r\n\nsbG8=\n", "\naGVsbG8=", "aGVsbG9=", "a\rGVsbG8\n="] {
            assert_eq!(decoded(text).as_deref(), Some(&b"hello"[..]), "{text}");
        }
        assert_eq!(decoded("\r\n").unwrap(), b"");
    }

    #[test]
    fn what_go_refuses_is_none() {
        for text in ["aGVs bG8=", " aGVsbG8=", "aGVsbG8", "aGVsbG8==", "aGVsbG8=a", "aGVs\tbG8=", "%"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
