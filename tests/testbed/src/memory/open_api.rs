//! As much of the `OpenAPI` description as kubectl reads before it writes: whether a kind's fields are validated by the
//! server.
//!
//! Source: `staging/src/k8s.io/cli-runtime/pkg/resource/query_param_verifier_v3.go`.

use serde_json::{Map, Value, json};

use super::{
    resources::{self, Resource},
    store::Store,
};

pub(super) fn answer(store: &Store, path: &str) -> Option<Value> {
    let all = resources::all(store);
    let rest = path.strip_prefix("/openapi/v3")?.trim_matches('/');
    if rest.is_empty() {
        let paths: Map<String, Value> = all
            .iter()
            .map(place)
            .map(|place| (place.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{place}?hash=0")})))
            .collect();
        return Some(json!({ "paths": paths }));
    }
    let described: Vec<&Resource> = all.iter().filter(|resource| place(resource) == rest).collect();
    if described.is_empty() {
        return None;
    }
    let paths: Map<String, Value> = described.into_iter().map(patchable).collect();
    Some(
        json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "unversioned"}, "paths": paths,
                "components": {"schemas": {}}}),
    )
}

/// `api/v1`, `apis/apps/v1`
fn place(resource: &Resource) -> String {
    let root = if resource.group.is_empty() { "api" } else { "apis" };
    format!("{root}/{}", resource.api_version())
}

fn patchable(resource: &Resource) -> (String, Value) {
    let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let operation = json!({
        "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string", "uniqueItems": true}}],
        "responses": {}, "x-kubernetes-group-version-kind": kind,
    });
    (format!("/{}/{}/{{name}}", place(resource), resource.plural), json!({ "patch": operation }))
}
