//! What two servers may answer differently is replaced by what they must have in common.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::asking::Answer;

/// The answers with placeholders for what each server makes up itself.
pub(super) fn normalised(answers: &[Answer]) -> Vec<Answer> {
    let mut seen = Seen::default();
    answers
        .iter()
        .map(|answer| Answer {
            bodies: answer.bodies.iter().map(|body| seen.replaced(body, "")).collect(),
            ..answer.clone()
        })
        .collect()
}

/// What came up so far, by the order in which it did.
#[derive(Default)]
struct Seen {
    uids: HashMap<String, String>,
    versions: HashMap<String, String>,
}

/// Of the binary that was built, and why a right is given: nobody reads them.
const UNTOLD: [&str; 10] = [
    "serverAddress",
    "emulationMajor",
    "emulationMinor",
    "minCompatibilityMajor",
    "minCompatibilityMinor",
    "gitCommit",
    "gitTreeState",
    "goVersion",
    "buildDate",
    "storageVersionHash",
];

/// Random, or signed.
const OPAQUE: [&str; 6] = ["token", "ca.crt", "certificate", "continue", "clusterIP", "request"];

impl Seen {
    fn replaced(&mut self, value: &Value, name: &str) -> Value {
        if value["type"] == "BOOKMARK" {
            return json!({"type": "BOOKMARK", "annotations": value["object"]["metadata"]["annotations"]});
        }
        if !value["status"]["allowed"].is_null() {
            return json!({"spec": value["spec"], "allowed": value["status"]["allowed"]});
        }
        match value {
            Value::Object(members) => {
                let is_list = members.contains_key("items") || members.contains_key("rows");
                let generated = members.get("generateName").and_then(Value::as_str).map(str::to_owned);
                let is_review =
                    members.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("Review"));
                let is_told =
                    |name: &&String| !(UNTOLD.contains(&name.as_str()) || is_review && **name == "metadata");
                let replaced = members.iter().filter(|(name, _)| is_told(name)).map(|(name, member)| {
                    let member = match name.as_str() {
                        "managedFields" => managers(member),
                        "metadata" if is_list => self.of_list(member),
                        "verbs" => sorted(member),
                        "resources" => sorted_by_name(member),
                        "name" if generated.is_some() => json!("GENERATED"),
                        "clusterIPs" => json!("OPAQUE"),
                        _ => self.replaced(member, name),
                    };
                    (name.clone(), member)
                });
                Value::Object(replaced.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.replaced(item, name)).collect(),
            Value::String(text) => self.text(text, name).into(),
            other => other.clone(),
        }
    }

    /// Other clients write as well: what a list's version is says nothing.
    fn of_list(&mut self, metadata: &Value) -> Value {
        let mut metadata = metadata.clone();
        if metadata["resourceVersion"].is_string() {
            metadata["resourceVersion"] = "VERSION OF LIST".into();
        }
        self.replaced(&metadata, "")
    }

    fn text(&mut self, text: &str, name: &str) -> String {
        match name {
            "uid" => numbered(&mut self.uids, text, "UID"),
            "resourceVersion" if !text.starts_with("VERSION") => {
                numbered(&mut self.versions, text, "VERSION")
            }
            _ if OPAQUE.contains(&name) => "OPAQUE".to_owned(),
            _ if is_time(text) => "TIME".to_owned(),
            _ => {
                let known = self.uids.iter().chain(self.versions.iter().filter(|_| name == "message"));
                known.fold(text.to_owned(), |text, (own, common)| text.replace(own.as_str(), common))
            }
        }
    }
}

fn sorted(list: &Value) -> Value {
    let mut items = list.as_array().cloned().unwrap_or_default();
    items.sort_by_key(Value::to_string);
    items.into()
}

/// The resources of a discovery, or of a rule.
fn sorted_by_name(list: &Value) -> Value {
    let items = list.as_array().into_iter().flatten().map(|item| match item {
        Value::Object(members) => {
            let mut members = members.clone();
            members.remove("storageVersionHash");
            if let Some(verbs) = members.get_mut("verbs") {
                *verbs = sorted(verbs);
            }
            Value::Object(members)
        }
        other => other.clone(),
    });
    let mut items: Vec<Value> = items.collect();
    items.sort_by_key(|item| item["name"].to_string());
    items.into()
}

fn numbered(seen: &mut HashMap<String, String>, text: &str, what: &str) -> String {
    let number = seen.len() + 1;
    seen.entry(text.to_owned()).or_insert_with(|| format!("{what} {number}")).clone()
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z') && text.starts_with("20")
}

/// Who wrote what kind of part.
fn managers(entries: &Value) -> Value {
    let of = |entry: &Value| {
        let fields: Vec<String> =
            entry["fieldsV1"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        json!({"manager": entry["manager"], "operation": entry["operation"], "subresource": entry["subresource"],
               "apiVersion": entry["apiVersion"], "fields": fields})
    };
    entries.as_array().into_iter().flatten().map(of).collect()
}
