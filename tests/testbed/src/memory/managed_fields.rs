//! Which manager wrote which field, and when.
//!
//! Source: `staging/src/k8s.io/apimachinery/pkg/util/managedfields`. Lists count as one field each.

use serde_json::{Map, Value, json};

use super::requests::Query;
use crate::kubesphere::clock;

/// Who writes, as managed fields record it.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) is_apply: bool,
    /// Of a custom resource, of which nothing is there before it is written.
    pub(super) is_custom: bool,
    pub(super) api_version: String,
    pub(super) subresource: String,
}

impl Manager {
    /// By the query, or else by what the client calls itself before the first slash.
    pub(super) fn name_of(query: &Query, user_agent: &str) -> String {
        let named = query.text("fieldManager");
        let agent = user_agent.split('/').next().unwrap_or_default();
        let name = if named.is_empty() { agent } else { named };
        if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
    }

    fn owns(&self, entry: &Value) -> bool {
        entry["manager"] == self.name.as_str()
            && entry["operation"] == self.operation()
            && entry["apiVersion"] == self.api_version.as_str()
            && entry["subresource"].as_str().unwrap_or_default() == self.subresource
    }

    fn operation(&self) -> &'static str {
        if self.is_apply { "Apply" } else { "Update" }
    }

    fn entry(&self, fields: &Value) -> Value {
        let mut entry = json!({
            "manager": self.name, "operation": self.operation(), "apiVersion": self.api_version,
            "time": clock::now(), "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = self.subresource.as_str().into();
        }
        entry
    }
}

/// Never anybody's.
const SERVERS_OWN: [&str; 9] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "name",
    "namespace",
];

/// Records in `after` what the manager has changed since `before`. What somebody writes into the managed fields
/// themselves stays; `[]` or `[{}]` forgets them all.
pub(super) fn record(before: Option<&Value>, after: &mut Value, manager: &Manager) {
    let entries = match &after["metadata"]["managedFields"] {
        Value::Array(written) => written.clone(),
        _ => before
            .and_then(|before| before["metadata"]["managedFields"].as_array().cloned())
            .unwrap_or_default(),
    };
    let mut entries: Vec<Value> = entries.into_iter().filter(|entry| *entry != json!({})).collect();
    let none = json!({});
    let root = Place::Root { is_custom: manager.is_custom };
    let changed = changed(before.unwrap_or(&none), after, root);
    let kept = fields(after, root);
    for entry in &mut entries {
        let own = entry["fieldsV1"].take();
        let rest = if manager.owns(entry) { own } else { without(&own, &changed) };
        entry["fieldsV1"] = only(&rest, &kept);
    }
    if changed != json!({}) {
        match entries.iter_mut().find(|entry| manager.owns(entry)) {
            Some(entry) => *entry = manager.entry(&united(&entry["fieldsV1"], &changed)),
            None => entries.push(manager.entry(&changed)),
        }
    }
    entries.retain(|entry| entry["fieldsV1"] != json!({}));
    let order = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        (entry["operation"] != "Apply", text("time"), text("manager"))
    };
    entries.sort_by_key(order);
    match (&mut after["metadata"], entries.is_empty()) {
        (Value::Object(metadata), true) => drop(metadata.remove("managedFields")),
        (metadata, _) => metadata["managedFields"] = entries.into(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root { is_custom: bool },
    Metadata,
    Below,
}

impl Place {
    fn below(self, name: &str) -> Self {
        if matches!(self, Self::Root { .. }) && name == "metadata" { Self::Metadata } else { Self::Below }
    }

    /// Whether the member itself is somebody's, besides what is in it: not the parts that every object of a type has.
    fn owns_itself(self, name: &str) -> bool {
        match self {
            Self::Root { is_custom } => {
                name != "metadata" && (is_custom || !["spec", "status"].contains(&name))
            }
            Self::Metadata | Self::Below => true,
        }
    }

    fn is_owned(self, name: &str) -> bool {
        match self {
            Self::Root { .. } => name != "apiVersion" && name != "kind",
            Self::Metadata => !SERVERS_OWN.contains(&name),
            Self::Below => true,
        }
    }
}

/// Every field that is there.
fn fields(value: &Value, place: Place) -> Value {
    changed(&json!({}), value, place)
}

/// The fields of `after` that `before` has not, or otherwise.
fn changed(before: &Value, after: &Value, place: Place) -> Value {
    let mut set = Map::new();
    for (name, new) in after.as_object().into_iter().flatten().filter(|(name, _)| place.is_owned(name)) {
        let old = before.get(name);
        if old == Some(new) {
            continue;
        }
        let inner = match new {
            Value::Object(map) if !map.is_empty() => {
                let mut inner = changed(old.unwrap_or(&Value::Null), new, place.below(name));
                if old.is_none_or(|old| !old.is_object()) && place.owns_itself(name) {
                    inner["."] = json!({});
                }
                inner
            }
            _ => json!({}),
        };
        let is_empty_metadata = place.below(name) == Place::Metadata && inner == json!({});
        if !is_empty_metadata {
            set.insert(format!("f:{name}"), inner);
        }
    }
    Value::Object(set)
}

fn united(one: &Value, other: &Value) -> Value {
    let mut set = one.as_object().cloned().unwrap_or_default();
    for (name, fields) in other.as_object().into_iter().flatten() {
        let both = set.get(name).map(|own| united(own, fields));
        set.insert(name.clone(), both.unwrap_or_else(|| fields.clone()));
    }
    Value::Object(set)
}

/// The leaves of one that are not in the other.
fn without(one: &Value, other: &Value) -> Value {
    let mut set = Map::new();
    for (name, fields) in one.as_object().into_iter().flatten() {
        match other.get(name) {
            None => drop(set.insert(name.clone(), fields.clone())),
            Some(theirs) if *fields != json!({}) && *theirs != json!({}) => {
                let rest = without(fields, theirs);
                if rest != json!({}) {
                    set.insert(name.clone(), rest);
                }
            }
            Some(_) => {}
        }
    }
    Value::Object(set)
}

/// The leaves of one that the other has as well.
fn only(one: &Value, other: &Value) -> Value {
    let mut set = Map::new();
    for (name, fields) in one.as_object().into_iter().flatten() {
        let Some(present) = other.get(name) else {
            // Keys of lists are not told apart here; they stay as they were written.
            if name.starts_with("k:") {
                set.insert(name.clone(), fields.clone());
            }
            continue;
        };
        let inner = if *fields == json!({}) || *present == json!({}) {
            fields.clone()
        } else {
            only(fields, present)
        };
        if inner != json!({}) || *fields == json!({}) {
            set.insert(name.clone(), inner);
        }
    }
    Value::Object(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(name: &str) -> Manager {
        Manager {
            name: name.into(),
            is_apply: false,
            is_custom: true,
            api_version: "v1".into(),
            subresource: String::new(),
        }
    }

    fn owned(object: &Value, name: &str) -> Value {
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        entries
            .iter()
            .find(|entry| entry["manager"] == name)
            .map(|entry| entry["fieldsV1"].clone())
            .unwrap_or_default()
    }

    #[test]
    fn who_changes_a_field_owns_it_from_then_on() {
        let mut first = json!({"metadata": {"name": "x", "labels": {"a": "1"}}, "spec": {"b": 1, "c": [1]}});
        record(None, &mut first, &manager("one"));
        let mut second = first.clone();
        second["spec"]["b"] = 2.into();
        second["spec"].as_object_mut().unwrap().remove("c");
        record(Some(&first), &mut second, &manager("two"));
        assert_eq!(
            owned(&second, "one"),
            json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {".": {}}})
        );
        assert_eq!(owned(&second, "two"), json!({"f:spec": {"f:b": {}}}));
    }

    #[test]
    fn a_write_that_changes_nothing_leaves_no_trace() {
        let mut first = json!({"metadata": {"name": "x"}, "spec": {"b": 1}});
        record(None, &mut first, &manager("one"));
        let mut second = first.clone();
        record(Some(&first), &mut second, &manager("two"));
        assert_eq!(second, first);
    }
}
