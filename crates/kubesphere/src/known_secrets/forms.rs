//! How a secret may be encoded, before a text carries it.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::letters::{Reading, letters};
use crate::go_base64;

/// How a secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As it is, read in this way.
    Plain(Reading),
    /// In base64, so many bytes after a multiple of three.
    Base64 { offset: usize, of: Escaping },
    /// Its bytes in hexadecimal digits of this case.
    Hexadecimal(Case),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
}

/// What may stand in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escaping {
    None,
    Json,
    /// Go's JSON has escapes for the letters that HTML has a meaning for.
    GoJson,
}

impl Encoding {
    pub(super) const PLAIN: Self = Self::Plain(Reading::Resolved);

    pub(super) fn letters(self, value: &str) -> Vec<u8> {
        let mut read = Vec::new();
        match self {
            Self::Hexadecimal(Case::Lower) => return hex::encode(value).into_bytes(),
            Self::Hexadecimal(Case::Upper) => return hex::encode_upper(value).into_bytes(),
            Self::Plain(reading) => letters(value, reading, |letter, _| read.push(letter)),
            Self::Base64 { offset, of } => {
                let encoded = base64(&escaped(value, of), offset);
                letters(&encoded, Reading::Verbatim, |letter, _| read.push(letter));
            }
        }
        read
    }
}

/// All in which this value is looked for.
pub(super) fn encodings(value: &str) -> Vec<Encoding> {
    let readings = Reading::of_secret(value).iter().copied().map(Encoding::Plain);
    let mut base64: Vec<(Cow<'_, str>, Escaping)> = Vec::new();
    for of in [Escaping::None, Escaping::Json, Escaping::GoJson] {
        let escaped = escaped(value, of);
        if base64.iter().all(|(other, _)| *other != escaped) {
            base64.push((escaped, of));
        }
    }
    let offsets = |(_, of)| [0, 1, 2].map(|offset| Encoding::Base64 { offset, of });
    let digits = [Case::Lower, Case::Upper].map(Encoding::Hexadecimal);
    readings.chain(base64.into_iter().flat_map(offsets)).chain(digits).collect()
}

/// The characters that depend on nothing but the value.
fn base64(value: &str, offset: usize) -> String {
    let bytes = [&[0, 0][..offset], value.as_bytes()].concat();
    let first = (offset * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    STANDARD_NO_PAD.encode(&bytes)[first..end].to_owned()
}

fn escaped(value: &str, escaping: Escaping) -> Cow<'_, str> {
    if escaping == Escaping::None {
        return Cow::Borrowed(value);
    }
    let quoted = serde_json::Value::from(value).to_string();
    let escaped = &quoted[1..quoted.len() - 1];
    let html = [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")];
    let html = html.iter().filter(|_| escaping == Escaping::GoJson);
    Cow::Owned(html.fold(escaped.to_owned(), |text, (letter, escape)| text.replace(letter, escape)))
}

/// The PEM that this is the base64 of.
pub(super) fn decoded_pem(value: &str) -> Option<String> {
    // `-----BEGIN`
    let value = value.strip_prefix("LS0tLS1CRUdJTi").map(|_| value)?;
    String::from_utf8(go_base64::decoded(value)?).ok()
}
