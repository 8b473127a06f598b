//! The forms in which an answer may be wanted: the object, its metadata alone, or a table.
//!
//! Source: `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/response.go`,
//! `staging/src/k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor`.

use k8s_openapi::jiff::{SpanRelativeTo, Timestamp, Unit};
use serde_json::{Value, json};

use super::resources::Resource;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    Metadata,
    Table,
}

impl Form {
    /// The first of an `Accept` header that is known.
    pub(super) fn of(accept: &str) -> Self {
        let wanted = accept.split(',').find_map(|part| {
            let has = |parameter: &str| part.split(';').any(|one| one.trim() == parameter);
            if has("as=Table") {
                Some(Self::Table)
            } else if has("as=PartialObjectMetadata") || has("as=PartialObjectMetadataList") {
                Some(Self::Metadata)
            } else {
                part.contains("json").then_some(Self::Whole)
            }
        });
        wanted.unwrap_or(Self::Whole)
    }

    /// One object in this form.
    pub(super) fn one(self, resource: &Resource, object: Value) -> Value {
        match self {
            Self::Whole => object,
            Self::Metadata => metadata_of(&object),
            Self::Table => {
                let version = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                table(resource, &version, std::slice::from_ref(&object))
            }
        }
    }

    /// A list in this form.
    pub(super) fn list(self, resource: &Resource, metadata: &Value, items: Vec<Value>) -> Value {
        match self {
            Self::Whole => json!({
                "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(), "metadata": metadata,
                "items": items.into_iter().map(|item| unlabelled(resource, item)).collect::<Vec<_>>(),
            }),
            Self::Metadata => json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "items": items.iter().map(metadata_of).collect::<Vec<_>>(),
            }),
            Self::Table => table(resource, metadata, &items),
        }
    }
}

/// Items of lists of Kubernetes' own kinds do not say their kind, those of custom resources do.
fn unlabelled(resource: &Resource, mut item: Value) -> Value {
    if let (false, Value::Object(members)) = (resource.is_custom(), &mut item) {
        members.remove("kind");
        members.remove("apiVersion");
    }
    item
}

fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn table(resource: &Resource, metadata: &Value, objects: &[Value]) -> Value {
    let columns = columns(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({"name": column.name, "type": column.kind, "format": if column.name == "Name" { "name" } else { "" },
                   "description": column.description, "priority": column.priority})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|column| column.cell(object)).collect();
            json!({"cells": cells, "object": metadata_of(object)})
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
           "columnDefinitions": definitions, "rows": rows})
}

struct Column {
    name: String,
    kind: String,
    path: String,
    description: String,
    priority: u64,
}

impl Column {
    fn new(name: &str, path: &str, kind: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            path: path.to_owned(),
            description: String::new(),
            priority: 0,
        }
    }

    fn cell(&self, object: &Value) -> Value {
        let found =
            self.path.split('.').filter(|name| !name.is_empty()).fold(object, |value, name| &value[name]);
        match (self.kind.as_str(), found) {
            ("date", Value::String(at)) => age(at).into(),
            (_, found) => found.clone(),
        }
    }
}

fn columns(resource: &Resource) -> Vec<Column> {
    let name = Column::new("Name", ".metadata.name", "string");
    let age = || Column::new("Age", ".metadata.creationTimestamp", "date");
    let printed = resource.definition().and_then(|version| version["additionalPrinterColumns"].as_array());
    let Some(printed) = printed.filter(|columns| !columns.is_empty()) else { return vec![name, age()] };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let printed = printed.iter().map(|column| Column {
        name: text(&column["name"]),
        kind: text(&column["type"]),
        path: text(&column["jsonPath"]),
        description: text(&column["description"]),
        priority: column["priority"].as_u64().unwrap_or_default(),
    });
    std::iter::once(name).chain(printed).collect()
}

/// As kubectl shows how long ago something was: `5s`, `3m`, `2d`.
fn age(at: &str) -> String {
    let Ok(at) = at.parse::<Timestamp>() else { return "<unknown>".to_owned() };
    let seconds = (Timestamp::now() - at).total((Unit::Second, SpanRelativeTo::days_are_24_hours()));
    #[expect(clippy::cast_possible_truncation, reason = "ages are far from the limits of whole seconds")]
    let seconds = seconds.unwrap_or_default() as i64;
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
