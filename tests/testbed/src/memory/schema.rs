//! The schema of a custom resource: what is pruned, set by default and refused.
//!
//! Source: `staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema`.

use serde_json::{Map, Value};

use super::{resources::Resource, status::Cause};

/// Never pruned, whatever a schema names.
const ALWAYS: [&str; 3] = ["apiVersion", "kind", "metadata"];

fn of(resource: &Resource) -> Option<&Value> {
    Some(&resource.definition()?["schema"]["openAPIV3Schema"])
}

/// Removes what the schema does not know, and adds its defaults.
pub(super) fn shape(resource: &Resource, object: &mut Value) {
    let Some(schema) = of(resource) else { return };
    let Value::Object(members) = object else { return };
    let kept: Map<String, Value> = ALWAYS.iter().filter_map(|name| members.remove_entry(*name)).collect();
    shape_value(schema, object);
    if let Value::Object(members) = object {
        members.extend(kept);
    }
}

fn shape_value(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(members) => {
            let known = &schema["properties"];
            let others = &schema["additionalProperties"];
            let keeps_unknown = schema["x-kubernetes-preserve-unknown-fields"] == true || !others.is_null();
            members.retain(|name, _| keeps_unknown || known.get(name).is_some());
            for (name, member) in members.iter_mut() {
                // What is kept although nobody knows it is kept whole.
                if let Some(schema) = known.get(name).or(others.as_object().map(|_| others)) {
                    shape_value(schema, member);
                }
            }
            for (name, property) in known.as_object().into_iter().flatten() {
                if let (None, Some(default)) = (members.get(name), property.get("default")) {
                    members.insert(name.clone(), default.clone());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shape_value(&schema["items"], item)),
        _ => {}
    }
}

/// What is wrong by the schema.
pub(super) fn faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(schema) = of(resource) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let value = object.get(name).filter(|_| !ALWAYS.contains(&name.as_str()));
            if let Some(value) = value {
                look(property, value, name, &mut causes);
            }
        }
    }
    causes
}

fn look(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let Some(wanted) = schema["type"].as_str() else { return };
    let found = type_of(value);
    let is_number = wanted == "number" && found == "integer";
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if found != wanted && !is_number {
        let why = format!("{path} in body must be of type {wanted}: \"{found}\"");
        causes.push(Cause {
            field: path.to_owned(),
            reason: "FieldValueTypeInvalid",
            message: format!("Invalid value: \"{found}\": {why}"),
        });
        return;
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            causes.push(Cause::required(format!("{path}.{name}"), ""));
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(member) = value.get(name) {
            look(property, member, &format!("{path}.{name}"), causes);
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        if schema["additionalProperties"].is_object() && schema["properties"].get(name).is_none() {
            look(&schema["additionalProperties"], member, &format!("{path}.{name}"), causes);
        }
    }
    for (item, index) in value.as_array().into_iter().flatten().zip(0..) {
        look(&schema["items"], item, &format!("{path}[{index}]"), causes);
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
