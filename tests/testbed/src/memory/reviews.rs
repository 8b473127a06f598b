//! Questions about rights and identity, which store nothing.

use serde_json::{Value, json};

use super::{
    identity::{self, User},
    rbac::{self, Right},
    requests::ResourceRequest,
    resources::Resource,
    store::Store,
};

/// The answer to a review: what was asked, with a status.
pub(super) fn answer(store: &Store, resource: &Resource, user: &User, mut review: Value) -> Value {
    review["apiVersion"] = resource.api_version().into();
    review["kind"] = resource.kind.as_str().into();
    if let Some(Value::Object(asked)) = review.pointer_mut("/spec/resourceAttributes") {
        asked.retain(|_, value| value != "");
    }
    if review["metadata"].is_null() {
        review["metadata"] = json!({});
    }
    review["status"] = match resource.plural.as_str() {
        "selfsubjectaccessreviews" => access(store, user, &review["spec"]),
        "subjectaccessreviews" => access(store, &asked_about(&review["spec"]), &review["spec"]),
        "selfsubjectrulesreviews" => {
            let namespace = review["spec"]["namespace"].as_str().unwrap_or_default();
            json!({"resourceRules": rbac::rules(store, user, namespace), "nonResourceRules": [], "incomplete": false})
        }
        "tokenreviews" => {
            let user = identity::of_token(store, review["spec"]["token"].as_str().unwrap_or_default());
            match user {
                Some(user) => json!({"authenticated": true, "user": user_info(&user)}),
                None => json!({"user": {}, "error": "[invalid bearer token, token lookup failed]"}),
            }
        }
        "selfsubjectreviews" => json!({"userInfo": user_info(user)}),
        _ => json!({}),
    };
    review
}

pub(super) fn user_info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.as_str().into();
    }
    info
}

fn asked_about(spec: &Value) -> User {
    let groups = spec["groups"].as_array().into_iter().flatten();
    User {
        name: spec["user"].as_str().unwrap_or_default().to_owned(),
        uid: String::new(),
        groups: groups.into_iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn access(store: &Store, user: &User, spec: &Value) -> Value {
    let asked = &spec["resourceAttributes"];
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let request = ResourceRequest {
        verb: text("verb"),
        group: text("group"),
        plural: text("resource"),
        subresource: text("subresource"),
        namespace: text("namespace"),
        name: text("name"),
        ..ResourceRequest::default()
    };
    let of_path = |name: &str| spec["nonResourceAttributes"][name].as_str().unwrap_or_default();
    let right = if asked.is_null() {
        Right::Path { verb: of_path("verb"), path: of_path("path") }
    } else {
        Right::Resource(&request)
    };
    json!({"allowed": rbac::allows(store, user, &right)})
}
