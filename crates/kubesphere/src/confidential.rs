//! What must never be shown, and what is shown in its place.
//!
//! Generated secrets, tokens and keys become fingerprints; passwords are masked whole, because they are
//! short enough to be guessed from a fingerprint. When in doubt a value is hidden: a log that hides too
//! much costs a second look, one that hides too little costs a cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{go_base64, known_secrets::learn, stored_kubeconfig::StoredKubeconfig};

/// What stands for a password, and for every secret of a text that others wrote.
pub const MASK: &str = "***";

/// What key names say of a value that must not be shown, in lower case without separators.
const CONFIDENTIAL_WORDS: [&str; 14] = [
    "secret",
    "token",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "credential",
    "kubeconfig",
    "jwt",
    "keydata",
    "privatekey",
    "accesskey",
    "apikey",
    "authorization",
];

/// What ends the name of a key that tells of a secret, and holds none: its name, a reference to it, its life time.
const HARMLESS_ENDS: [&str; 7] = ["name", "namespace", "ref", "type", "enabled", "seconds", "maxage"];

/// `sha256:` and the first eight hexadecimal digits: enough to compare by eye, useless to an attacker of
/// a generated value.
pub fn fingerprint(value: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(value.as_ref());
    format!("sha256:{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

/// Learns what [`redact_body`] would hide.
pub fn learn_from(body: &[u8]) {
    if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
        redact_json(&mut value);
    }
}

/// A request's or response's body as it may be logged. What is hidden in it is learned, because it may stand where nothing
/// tells that it is a secret, too.
pub fn redact_body(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            redact_json(&mut value);
            value.to_string()
        }
        Err(_) => format!("<{} bytes, not JSON>", body.len()),
    }
}

/// Replaces every confidential value of a Kubernetes object, a list of objects or a patch.
pub fn redact_json(value: &mut Value) {
    // A merge patch has no kind, so `data` at its top may be a Secret's.
    let kind = match value.get("kind").and_then(Value::as_str) {
        Some(kind) => kind.trim_end_matches("List").to_owned(),
        None => "Secret".to_owned(),
    };
    redact_object(value, &kind);
}

fn redact_object(value: &mut Value, kind: &str) {
    match value {
        Value::Object(fields) => redact_fields(fields, kind),
        Value::Array(items) => items.iter_mut().for_each(|item| {
            let kind = item.get("kind").and_then(Value::as_str).unwrap_or(kind).to_owned();
            redact_object(item, &kind);
        }),
        Value::String(text) => {
            if let Some(redacted) = redact_text(text) {
                *text = redacted;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redact_fields(fields: &mut Map<String, Value>, kind: &str) {
    let named_value = names_its_value_confidential(fields);
    for (key, value) in fields.iter_mut() {
        if kind == "Secret" && key == "data" {
            hide_encoded(value);
        } else if kind == "Secret" && key == "stringData" || key == "value" && named_value {
            hide(value, "");
        } else if is_confidential(key) {
            hide(value, key);
        } else {
            redact_object(value, if key == "items" { kind } else { "" });
        }
    }
}

/// Whether the sibling `value` is confidential: an environment variable (`name`), or an operation of a
/// JSON Patch (`path`) on a confidential field, or on a field of a Secret.
fn names_its_value_confidential(fields: &Map<String, Value>) -> bool {
    let text = |key| fields.get(key).and_then(Value::as_str);
    let of_patch = text("op").and(text("path")).is_some_and(|path| {
        let mut segments =
            path.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"));
        path.starts_with("/data/")
            || path.starts_with("/stringData")
            || segments.any(|it| is_confidential(&it))
    });
    let data_of_patch = text("op").and(text("path")) == Some("/data");
    of_patch || data_of_patch || text("name").is_some_and(is_confidential)
}

/// Whether the name of a key says that its value is confidential: in an object, a file or a line of a log.
pub fn is_confidential(key: &str) -> bool {
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let is_harmless = HARMLESS_ENDS.iter().any(|end| key.ends_with(end));
    let is_key = key.ends_with("key") && key != "key" && key != "topologykey";
    // A registry's `auth` is its user and password in base64.
    let is_login = key == "auth" || key.ends_with("pass");
    !is_harmless && (is_key || is_login || CONFIDENTIAL_WORDS.iter().any(|word| key.contains(word)))
}

/// Whether the name of a confidential key says that its value is a password.
pub fn is_password(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("pass") || key.contains("pwd")
}

/// Hides every text and number below `value`; what is empty, true or false tells nothing.
fn hide(value: &mut Value, key: &str) {
    let shown = |plain: &str| if is_password(key) { MASK.to_owned() } else { fingerprint(plain) };
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(inner, value)| {
            hide(value, if is_password(key) { key } else { inner });
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, key)),
        Value::String(text) if !text.is_empty() => {
            learn(text);
            // What is stored of a member: whoever parses it learns what is in it.
            if key.eq_ignore_ascii_case("kubeconfig") {
                go_base64::decoded(text).and_then(|kubeconfig| StoredKubeconfig::parse(&kubeconfig));
            }
            *text = shown(text);
        }
        Value::Number(number) => *value = Value::String(shown(&number.to_string())),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Hides the `data` of a Secret under the fingerprints of the decoded values, so that they compare with
/// the same values elsewhere.
fn hide_encoded(value: &mut Value) {
    let Value::Object(entries) = value else {
        return hide(value, "");
    };
    for (key, entry) in entries {
        let text = entry.as_str().and_then(|text| STANDARD.decode(text).ok());
        text.and_then(|text| String::from_utf8(text).ok()).iter().for_each(|text| learn(text));
        match entry.as_str().and_then(|text| STANDARD.decode(text).ok()).filter(|plain| !plain.is_empty()) {
            Some(_) if is_password(key) => *entry = Value::String(MASK.to_owned()),
            Some(plain) => *entry = Value::String(fingerprint(plain)),
            None => hide(entry, key),
        }
    }
}

/// A text that is itself YAML or JSON (kubesphere-config, the annotation of `kubectl apply`) with its
/// confidential values replaced, or a token's or key's fingerprint; nothing if there is nothing to hide.
fn redact_text(text: &str) -> Option<String> {
    if text.contains("PRIVATE KEY-----") || is_token(text) {
        return Some(fingerprint(text));
    }
    if !text.contains([':', '=']) {
        return None;
    }
    match serde_yaml::from_str::<Value>(text) {
        Ok(plain) if plain.is_object() || plain.is_array() => redact_document(text, &plain),
        _ if speaks_of_secrets(text) => Some(fingerprint(text)),
        _ => without_user_information(text),
    }
}

/// Whether a text that is no YAML (properties, several documents, a script) may hold a secret.
fn speaks_of_secrets(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains('\n') && CONFIDENTIAL_WORDS.iter().any(|word| text.contains(word))
        || CONFIDENTIAL_WORDS.iter().any(|word| text.contains(&format!("{word}=")))
}

fn redact_document(text: &str, plain: &Value) -> Option<String> {
    let mut redacted = plain.clone();
    redact_json(&mut redacted);
    if redacted == *plain {
        // Comments are not values; they may still hold what was commented out.
        return text
            .contains('#')
            .then(|| serde_yaml::to_string(plain).unwrap_or_else(|_| fingerprint(text)));
    }
    if text.trim_start().starts_with(['{', '[']) {
        return Some(redacted.to_string());
    }
    Some(serde_yaml::to_string(&redacted).unwrap_or_else(|_| fingerprint(text)))
}

/// Whether this is a JSON Web Token.
fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3 && !text.contains(char::is_whitespace)
}

/// `https://user:password@proxy` as `https://***@proxy`.
fn without_user_information(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority_end = rest.find(['/', '?', '#', ' ']).unwrap_or(rest.len());
    let at = rest[..authority_end].rfind('@')?;
    Some(format!("{scheme}://{MASK}{}", &rest[at..]))
}

#[cfg(test)]
#[path = "confidential_tests.rs"]
mod tests;
