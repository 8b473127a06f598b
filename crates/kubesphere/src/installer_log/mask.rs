use std::borrow::Cow;

use super::line::clean;
use crate::{
    confidential::{MASK, is_confidential, is_password},
    known_secrets::learn,
};

/// The line with every secret's value replaced by [`MASK`], for anything that is shown.
///
/// The banner's `Password: …` is masked to the end of the line (`ks-installer roles/check-result@v3.4.1` prints the
/// administrator's password there), and so are values after names that sound secret, in YAML, JSON (escaped too),
/// `--set a=b` and `--option value`, tokens by their form, private keys, and passwords in addresses. Where in doubt it
/// masks too much. A line with secrets loses its colours, since these may cut through a name.
pub fn mask(line: &str) -> Cow<'_, str> {
    let cleaned = clean(line);
    // `TASK [ks-core/init-token : KubeSphere | …]` is the playbook's own text, and names no value.
    if cleaned.starts_with("TASK [") {
        return Cow::Borrowed(line);
    }
    let mut masked = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some((start, end)) = next_secret(&cleaned, from) {
        masked.push_str(&cleaned[copied..start]);
        masked.push_str(MASK);
        copied = end;
        from = end;
    }
    if copied == 0 {
        return Cow::Borrowed(line);
    }
    masked.push_str(&cleaned[copied..]);
    Cow::Owned(masked)
}

/// The first secret value at or after `from`: where it begins and ends. Never empty.
fn next_secret(line: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(word) = next_word(line, at) {
        let (start, end) = word;
        let secret = named_value(line, start, end)
            .or_else(|| token_by_form(line, start, end))
            .or_else(|| private_key(line, start, end))
            .or_else(|| address_password(line, start, end));
        if let Some((start, end)) = secret.filter(|(start, end)| start < end) {
            // The banner's: the administrator's, which may stand elsewhere too.
            if &line[word.0..word.1] == "Password" {
                learn(&line[start..end]);
            }
            return secret;
        }
        at = end;
    }
    None
}

/// The next run of characters that names and tokens are made of.
fn next_word(line: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + line[from..].find(is_word)?;
    let length = line[start..].find(|character| !is_word(character)).unwrap_or(line.len() - start);
    Some((start, start + length))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

/// The value after a secret's name.
fn named_value(line: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let name = &line[start..end];
    if !is_confidential(name) {
        return None;
    }
    let rest = &line[end..];
    let unquoted = rest.trim_start_matches(['"', '\'', '\\']).trim_start();
    if let Some(value) = unquoted.strip_prefix([':', '=']) {
        let value_start = line.len() - value.trim_start().len();
        let in_json = rest.starts_with(['"', '\'', '\\']);
        return value_from(line, value_start, name, in_json);
    }
    let is_option = name.starts_with('-') && rest.starts_with(' ');
    is_option.then(|| value_from(line, line.len() - rest.trim_start().len(), name, true)).flatten()
}

fn value_from(line: &str, start: usize, name: &str, in_json: bool) -> Option<(usize, usize)> {
    let value = &line[start..];
    let to_line_end = !in_json && (is_password(name) || name.to_ascii_lowercase().contains("authorization"));
    if !to_line_end && let Some((quote, escapes)) = opening_quote(value) {
        let inner = start + escapes + 1;
        return Some((inner, inner + quoted_length(&line[inner..], quote, escapes)));
    }
    let length = match value.chars().next()? {
        // The banner's line is `Password:`, and always has a value.
        _ if to_line_end && name != "Password" && is_left_empty(value) => return None,
        _ if to_line_end => value.trim_end().len(),
        // What is nested has names of its own.
        '{' => return None,
        '[' => {
            let list = value.find(']').map_or(value.len(), |end| end + 1);
            list + unquoted_length(&value[list..])
        }
        _ => unquoted_length(value),
    };
    Some((start, start + length))
}

/// Whether it is empty quotes and at most a comment, as configurations have it where nothing was set yet.
fn is_left_empty(value: &str) -> bool {
    let rest = value.strip_prefix("\"\"").or_else(|| value.strip_prefix("''"));
    rest.map(str::trim).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Up to what ends a word; to the end of the line where the word is a name again (`secret: token: abc`).
fn unquoted_length(value: &str) -> usize {
    let ends = |it: char| it.is_whitespace() || matches!(it, ',' | '}' | '&' | '"' | '\'' | '\\');
    let length = value.find(ends).unwrap_or(value.len());
    if value[..length].ends_with([':', '=']) { value.len() } else { length }
}

/// The quote that the value begins with, and how many backslashes stand before it: JSON may stand in a JSON string.
fn opening_quote(value: &str) -> Option<(char, usize)> {
    let unescaped = value.trim_start_matches('\\');
    let quote = unescaped.chars().next().filter(|character| matches!(character, '"' | '\''))?;
    Some((quote, value.len() - unescaped.len()))
}

/// Up to the quote that ends the value. In a string of depth `n` a quote of its own has `2ⁿ - 1` backslashes before it,
/// and each backslash of the value has become `2ⁿ⁺¹`.
fn quoted_length(value: &str, quote: char, escapes: usize) -> usize {
    let mut backslashes = 0;
    for (at, character) in value.char_indices() {
        if character == quote && backslashes % (2 * (escapes + 1)) == escapes {
            return at - escapes;
        }
        backslashes = if character == '\\' { backslashes + 1 } else { 0 };
    }
    value.len()
}

/// A JSON Web Token, whatever stands before it.
fn token_by_form(line: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let word = &line[start..end];
    let is_token = word.starts_with("eyJ") && word.contains('.');
    is_token.then_some((start, end))
}

/// From a private key's heading to the end of the line, or to its last line.
fn private_key(line: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let heading = "PRIVATE KEY-----";
    if &line[start..end] != "-----BEGIN" {
        return None;
    }
    let key = end + line[end..].find(heading)? + heading.len();
    Some((key, line[key..].find("-----END").map_or(line.len(), |length| key + length)))
}

/// `scheme://user:password@host`.
fn address_password(line: &str, _start: usize, end: usize) -> Option<(usize, usize)> {
    let authority = line[end..].strip_prefix("://")?;
    let authority = &authority[..authority.find(['/', ' ', '"', '\'']).unwrap_or(authority.len())];
    let at = authority.rfind('@')?;
    let colon = authority[..at].find(':')?;
    let authority_start = end + "://".len();
    Some((authority_start + colon + 1, authority_start + at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_are_masked() {
        for (line, masked) in [
            ("Password: hunter 2, or \"so\"", "Password: ***"),
            ("Password: \"\" # x", "Password: ***"),
            ("\u{1b}[32mPass\u{1b}[0mword: hunter2", "Password: ***"),
            ("secret: token: abc def", "secret: ***"),
            ("  jwtSecret: abc # note", "  jwtSecret: *** # note"),
            (r#"{"jwtSecret": "a\"b", "role": "host"}"#, r#"{"jwtSecret": "***", "role": "host"}"#),
            (r#"-p '{\"token\": \"abc\", \"x\": 1}'"#, r#"-p '{\"token\": \"***\", \"x\": 1}'"#),
            (
                "--set auth.jwtSecret=abc,x=y --from-literal=token=def",
                "--set auth.jwtSecret=***,x=y --from-literal=token=***",
            ),
            ("helm --password abc --wait", "helm --password *** --wait"),
            ("helm --token [a, [b]] --wait", "helm --token *** --wait"),
            ("Authorization: Bearer abc.def", "Authorization: ***"),
            ("Proxy-Authorization: Basic abc def", "Proxy-Authorization: ***"),
            ("saw eyJhbGciOi.J9.x-_y here", "saw *** here"),
            ("http://admin:hunter2@repo/x", "http://admin:***@repo/x"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\\nMII\\n-----END RSA",
                "-----BEGIN RSA PRIVATE KEY-----***-----END RSA",
            ),
            ("client-key-data: TUlJ", "client-key-data: ***"),
            ("# bindPass: hunter 2", "# bindPass: ***"),
            ("bindPwd=hunter2", "bindPwd=***"),
            ("passphrase: hunter2", "passphrase: ***"),
            ("credential: x, privateKey: y", "credential: ***, privateKey: ***"),
            ("kubeconfig: YXBpV", "kubeconfig: ***"),
            (r#"{"auths": {"docker.io": {"auth": "dTpw"}}}"#, r#"{"auths": {"docker.io": {"auth": "***"}}}"#),
        ] {
            assert_eq!(mask(line), masked);
        }
    }

    #[test]
    fn ordinary_lines_stay_as_they_are() {
        for line in [
            "TASK [ks-core/init-token : KubeSphere | Creating components token] ****",
            "\u{1b}[33mchanged: [localhost]\u{1b}[0m",
            "secrets \"ks-admin\" not found",
            "accessTokenMaxAge: 0",
            "secretName: kubesphere-secret",
            "Password:",
            "# adminPassword: \"\"     # At least 8 characters",
            "https://kubesphere.io             2024-03-01 10:08:00",
        ] {
            assert_eq!(mask(line), line);
        }
    }
}
