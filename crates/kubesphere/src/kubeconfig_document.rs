//! The text of a kubeconfig as client-go reads it: YAML or JSON of which the first document counts, whose unknown fields do
//! not matter, and where null means absent (source: client-go `tools/clientcmd/loader.go@v0.34`).
//!
//! client-go refuses the whole for any field of a wrong kind; here that matters only in an entry that is used.

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Error as YamlError, Spanned, options, read_with_options};

use super::{
    confidential::is_confidential,
    known_secrets::{learn, learn_named},
    wiped::Wiped,
};

/// What a kubeconfig says. It is confidential, so it is never shown.
#[derive(Clone, Default)]
pub struct KubeconfigDocument {
    pub current_context: Option<String>,
    pub clusters: Vec<Entry>,
    pub users: Vec<Entry>,
    pub contexts: Vec<Entry>,
}

/// A cluster, user or context.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    /// Where it begins.
    pub line: u64,
    /// What it says, without nulls.
    pub fields: Wiped,
}

/// What of a user is a secret itself; other names of the kind are those of files.
pub(super) const SECRETS: [&str; 3] = ["token", "password", "client-key-data"];

impl Entry {
    /// From now on nothing that is printed has the secrets of this user.
    pub(super) fn learn_secrets(&self) {
        let fields = &self.fields;
        SECRETS.iter().filter_map(|key| fields[key].as_str()).for_each(learn);
        learn_named(&fields["auth-provider"]["config"]);
        for variable in fields["exec"]["env"].as_array().into_iter().flatten() {
            let is_secret = variable["name"].as_str().is_some_and(is_confidential);
            variable["value"].as_str().filter(|_| is_secret).into_iter().for_each(learn);
        }
    }
}

/// Why a text is no kubeconfig. Never repeats what stands in it but names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is not text")]
    NotText,
    #[error("{place}it is not YAML")]
    NotYaml { place: Place },
    #[error("line {line}: a tab indents it, where YAML has spaces")]
    Tab { line: u64 },
    #[error("{place}a kubeconfig is a mapping in which clusters, users and contexts are lists")]
    NotKubeconfig { place: Place },
    /// Another object.
    #[error("it is of kind {kind} and apiVersion {version}, not of Config and v1")]
    OtherKind { kind: String, version: String },
    /// client-go takes neither (`tools/clientcmd/api/v1/conversion.go@v0.34`).
    #[error("line {line}: there is another {what} named \"{name}\" in line {first}")]
    Duplicate {
        /// `cluster`, `user` or `context`.
        what: &'static str,
        name: String,
        line: u64,
        first: u64,
    },
}

/// Where something stands, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(Option<(u64, u64)>);

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some((line, column)) => write!(formatter, "line {line}, column {column}: "),
            None => Ok(()),
        }
    }
}

/// The document before its entries are looked at: one of a wrong kind shall not spoil the rest.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Raw {
    #[serde(rename = "apiVersion")]
    api_version: Value,
    kind: Value,
    current_context: Value,
    clusters: Option<Vec<Spanned<Value>>>,
    users: Option<Vec<Spanned<Value>>>,
    contexts: Option<Vec<Spanned<Value>>>,
}

impl KubeconfigDocument {
    /// Reads UTF-8, or UTF-16 with a byte order mark.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        // Of a field that stands twice, the last one counts.
        let options = options! { with_snippet: false, duplicate_keys: DuplicateKeyPolicy::LastWins };
        let mut rest = text;
        let document = read_with_options::<_, Raw>(&mut rest, options).next();
        let raw = document.transpose().map_err(|error| malformed(text, &error))?.unwrap_or_default();
        confirm_kind(&raw)?;
        let users = entries("user", raw.users)?;
        users.iter().for_each(Entry::learn_secrets);
        Ok(Self {
            current_context: text_of(&raw.current_context),
            clusters: entries("cluster", raw.clusters)?,
            users,
            contexts: entries("context", raw.contexts)?,
        })
    }
}

/// The parser's own words quote what stands there, which may be a key.
fn malformed(text: &[u8], error: &YamlError) -> Malformed {
    let place = Place(error.location().map(|place| (place.line(), place.column())));
    match error {
        YamlError::IOError { .. } | YamlError::InvalidUtf8Input => Malformed::NotText,
        YamlError::Unexpected { .. } | YamlError::SerdeInvalidType { .. } => {
            Malformed::NotKubeconfig { place }
        }
        _ => match place.0 {
            Some((line, _)) if is_indented_by_tab(text, line) => Malformed::Tab { line },
            _ => Malformed::NotYaml { place },
        },
    }
}

fn is_indented_by_tab(text: &[u8], line: u64) -> bool {
    let found =
        usize::try_from(line - 1).ok().and_then(|before| text.split(|byte| *byte == b'\n').nth(before));
    found.is_some_and(|line| line.iter().find(|byte| **byte != b' ') == Some(&b'\t'))
}

/// What says neither is taken for one (`api/latest/latest.go`).
fn confirm_kind(raw: &Raw) -> Result<(), Malformed> {
    let said = |value: &Value, default: &str| text_of(value).unwrap_or_else(|| default.to_owned());
    let (kind, version) = (said(&raw.kind, "Config"), said(&raw.api_version, "v1"));
    if (kind.as_str(), version.as_str()) == ("Config", "v1") {
        return Ok(());
    }
    Err(Malformed::OtherKind { kind, version })
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What cannot be named cannot be used, and so does not matter.
fn entries(what: &'static str, items: Option<Vec<Spanned<Value>>>) -> Result<Vec<Entry>, Malformed> {
    let mut entries: Vec<Entry> = Vec::new();
    for Spanned { mut value, referenced, .. } in
        items.into_iter().flatten().filter(|item| item.value.is_object())
    {
        let Some(name) = name_of(&value) else { continue };
        let line = referenced.line();
        let before = entries.iter().find(|entry| entry.name == name && !name.is_empty());
        if let Some(Entry { line: first, .. }) = before {
            return Err(Malformed::Duplicate { what, name, line, first: *first });
        }
        let fields = without_nulls(value[what].take()).into();
        entries.push(Entry { name, line, fields });
    }
    Ok(entries)
}

/// Go takes what is absent for empty.
fn name_of(item: &Value) -> Option<String> {
    let name = &item["name"];
    if name.is_null() { Some(String::new()) } else { name.as_str().map(str::to_owned) }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let present = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(present.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{KubeconfigDocument, Malformed};

    fn parsed(text: &str) -> KubeconfigDocument {
        KubeconfigDocument::parse(text.as_bytes()).unwrap()
    }

    fn refused(text: &str) -> String {
        KubeconfigDocument::parse(text.as_bytes()).err().expect("it is refused").to_string()
    }

    #[test]
    fn the_first_document_counts_with_its_names_lines_and_fields() {
        let document = parsed(
            "current-context: a\nclusters:\n- name: a\n  cluster: {server: x}\n- cluster: {}\n  name: b\n---\nclusters: 1\n",
        );
        assert_eq!(document.current_context.as_deref(), Some("a"));
        let clusters: Vec<_> = document.clusters.iter().map(|it| (it.name.as_str(), it.line)).collect();
        assert_eq!(clusters, [("a", 3), ("b", 5)]);
        assert_eq!(document.clusters[0].fields["server"], "x");
        for empty in ["", "# nothing\n", "clusters:\nusers: []\n", "{}"] {
            assert!(parsed(empty).clusters.is_empty(), "{empty}");
        }
    }

    #[test]
    fn values_are_those_of_go() {
        let user = |text: &str| parsed(&format!("users:\n- name: a\n  user:\n{text}")).users.remove(0).fields;
        assert_eq!(user("    token: !!binary aGVsbG8=")["token"], "hello");
        assert_eq!(user("    token: !!binary |\n      aGVs\n      bG8=\n")["token"], "hello");
        assert_eq!(user("    token: a\n    token: b")["token"], "b", "the last one counts");
        assert_eq!(user("    x: yes")["x"], true);
        assert_eq!(user("    x: {a: null, b: [null, {c: ~}]}")["x"], serde_json::json!({"b": [null, {}]}));
        let merged = parsed("x: &x {token: t}\nusers:\n- name: a\n  user:\n    <<: *x\n");
        assert_eq!(merged.users[0].fields["token"], "t");
    }

    #[test]
    fn an_odd_entry_spoils_no_other() {
        for odd in [
            "- 7",
            "-",
            "- {context: {}}\n- {context: {}}",
            "- {name: no}",
            "- [a]",
            "- {name: x, context: 3}",
        ] {
            let document = parsed(&format!("contexts:\n- {{name: a, context: {{cluster: b}}}}\n{odd}\n"));
            assert_eq!(document.contexts[0].fields["cluster"], "b", "{odd}");
        }
    }

    #[test]
    fn other_encodings_are_read() {
        let text = "clusters: [{name: ä}]";
        let utf_16: Vec<u8> =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes().to_vec(), format!("\u{feff}{text}").into_bytes(), utf_16] {
            assert_eq!(KubeconfigDocument::parse(&bytes).unwrap().clusters[0].name, "ä");
        }
        assert_eq!(KubeconfigDocument::parse(&[0x80, 0x81]).err(), Some(Malformed::NotText));
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_as_kubectl_refuses_it() {
        for (list, what) in [("clusters", "cluster"), ("users", "user"), ("contexts", "context")] {
            let text = format!("{list}:\n- name: a\n- name: b\n- name: a\n");
            assert_eq!(refused(&text), format!("line 4: there is another {what} named \"a\" in line 2"));
        }
    }

    #[test]
    fn what_is_no_kubeconfig_is_told_with_its_place_and_nothing_of_it() {
        for (text, said) in [
            ("hunter22", "line 1, column 1: a kubeconfig is a mapping"),
            ("- hunter22", "line 1, column 1: a kubeconfig is a mapping"),
            ("users: hunter22", "line 1, column 8: a kubeconfig is a mapping"),
            ("users: {hunter22: x}", "line 1, column 8: a kubeconfig is a mapping"),
            ("users:\n\t- name: hunter22", "line 2: a tab indents it, where YAML has spaces"),
            ("users: [{name: hunter22", "it is not YAML"),
            ("users: *hunter22", "it is not YAML"),
            ("kind: Secret\napiVersion: v1", "it is of kind Secret and apiVersion v1"),
            ("apiVersion: v2", "it is of kind Config and apiVersion v2"),
        ] {
            let told = refused(text);
            assert!(told.contains(said) && !told.contains("hunter22"), "{text}: {told}");
        }
    }
}
