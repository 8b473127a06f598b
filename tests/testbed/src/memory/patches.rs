//! The kinds of patches, applied.
//!
//! Source: `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go`,
//! `staging/src/k8s.io/apimachinery/pkg/util/strategicpatch`.

use serde_json::{Value, json};

use super::{resources::Resource, status::Refusal};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// A patch as it came in.
pub(super) enum Patch {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

impl Patch {
    pub(super) fn read(media_type: &str, body: &[u8], resource: &Resource) -> Result<Self, Refusal> {
        let wrong =
            |error: &dyn std::fmt::Display| Refusal::bad_request(format!("error decoding patch: {error}"));
        let value = || serde_json::from_slice(body).map_err(|error| wrong(&error));
        match media_type {
            JSON => Ok(Self::Json(serde_json::from_slice(body).map_err(|error| wrong(&error))?)),
            MERGE => Ok(Self::Merge(value()?)),
            STRATEGIC if !resource.is_custom() => Ok(Self::Strategic(value()?)),
            APPLY => Ok(Self::Apply(serde_yaml::from_slice(body).map_err(|error| wrong(&error))?)),
            _ if resource.is_custom() => Err(Refusal::unsupported_media(&[JSON, MERGE, APPLY])),
            _ => Err(Refusal::unsupported_media(&[
                JSON,
                MERGE,
                STRATEGIC,
                "application/apply-patch+yaml",
                "application/apply-patch+cbor",
            ])),
        }
    }

    pub(super) fn is_apply(&self) -> bool {
        matches!(self, Self::Apply(_))
    }

    /// The object after the patch.
    pub(super) fn apply(&self, object: &Value) -> Result<Value, Refusal> {
        let mut patched = object.clone();
        match self {
            Self::Json(patch) => apply_json(&mut patched, patch)?,
            Self::Merge(patch) => json_patch::merge(&mut patched, patch),
            Self::Strategic(patch) | Self::Apply(patch) => merge_strategically(&mut patched, patch, ""),
        }
        Ok(patched)
    }
}

/// As the library that an API server uses, which is kinder than the standard: a `test` for null holds where nothing is,
/// and a member that is replaced or need not be there.
///
/// Source: `gopkg.in/evanphx/json-patch.v4`, `patch.go`.
fn apply_json(object: &mut Value, patch: &json_patch::Patch) -> Result<(), Refusal> {
    use json_patch::PatchOperation;
    for operation in &patch.0 {
        let lenient = match operation {
            PatchOperation::Test(test) => {
                if test.value.is_null() && object.pointer(test.path.as_str()).is_none() {
                    continue;
                }
                operation.clone()
            }
            PatchOperation::Replace(replace) if is_missing_member(object, replace.path.as_str()) => {
                PatchOperation::Add(json_patch::AddOperation {
                    path: replace.path.clone(),
                    value: replace.value.clone(),
                })
            }
            _ => operation.clone(),
        };
        json_patch::patch(object, &[lenient]).map_err(|_| Refusal::unprocessable())?;
    }
    Ok(())
}

/// Whether the path leads to an object that has no such member.
fn is_missing_member(object: &Value, path: &str) -> bool {
    let Some((parent, _)) = path.rsplit_once('/') else { return false };
    object.pointer(path).is_none() && object.pointer(parent).is_some_and(Value::is_object)
}

/// What tells the entries of a list apart, by the list's name.
///
/// Source: the `patchMergeKey` of `staging/src/k8s.io/api`.
fn merge_key(list: &str) -> Option<&'static str> {
    Some(match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "webhooks"
        | "matchConditions"
        | "secrets" => "name",
        "volumeMounts" => "mountPath",
        "ownerReferences" => "uid",
        "conditions" | "addresses" => "type",
        _ => return None,
    })
}

/// Lists that are sets of plain values.
fn is_set(list: &str) -> bool {
    list == "finalizers"
}

fn merge_strategically(target: &mut Value, patch: &Value, name: &str) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            let replaces = patch.get("$patch").and_then(Value::as_str) == Some("replace");
            if replaces {
                target.clear();
            }
            for (name, value) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
                if value.is_null() {
                    target.remove(name);
                } else {
                    merge_strategically(target.entry(name.clone()).or_insert(Value::Null), value, name);
                }
            }
        }
        (Value::Array(target), Value::Array(patch)) if is_set(name) => {
            let new: Vec<Value> = patch.iter().filter(|value| !target.contains(value)).cloned().collect();
            target.extend(new);
        }
        (Value::Array(target), Value::Array(patch)) if merge_key(name).is_some() => {
            merge_entries(target, patch, merge_key(name).unwrap_or_default());
        }
        (
            target @ (Value::Null | Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_)),
            Value::Object(patch),
        ) => {
            *target = json!({});
            merge_strategically(target, &Value::Object(patch.clone()), name);
        }
        (target, patch) => *target = patch.clone(),
    }
}

fn merge_entries(target: &mut Vec<Value>, patch: &[Value], key: &str) {
    for entry in patch {
        let own = target.iter().position(|own| own[key] == entry[key]);
        match (own, entry["$patch"].as_str()) {
            (Some(own), Some("delete")) => drop(target.remove(own)),
            (Some(own), _) => merge_strategically(&mut target[own], entry, ""),
            (None, Some("delete")) => {}
            (None, _) => target.push(entry.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(object: &Value, operations: Value) -> Result<Value, Refusal> {
        Patch::Json(serde_json::from_value(operations).unwrap()).apply(object)
    }

    #[test]
    fn a_json_patch_is_as_lenient_as_an_api_servers() {
        let object = json!({"a": {"b": 1}});
        let replaced = patched(&object, json!([{"op": "replace", "path": "/a/c", "value": 2}])).unwrap();
        assert_eq!(replaced, json!({"a": {"b": 1, "c": 2}}));
        assert!(patched(&object, json!([{"op": "test", "path": "/a/c", "value": null}])).is_ok());
        assert!(patched(&object, json!([{"op": "test", "path": "/a/b", "value": 2}])).is_err());
        assert!(patched(&object, json!([{"op": "replace", "path": "/x/c", "value": 2}])).is_err());
    }

    #[test]
    fn a_strategic_merge_keeps_the_entries_that_it_does_not_name() {
        let mut object =
            json!({"webhooks": [{"name": "a", "x": 1}, {"name": "b"}], "rules": [1], "finalizers": ["f"]});
        let patch = json!({"webhooks": [{"name": "a", "y": 2}], "rules": [2], "finalizers": ["g"]});
        merge_strategically(&mut object, &patch, "");
        let expected = json!({"webhooks": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}], "rules": [2], "finalizers": ["f", "g"]});
        assert_eq!(object, expected);
    }
}
