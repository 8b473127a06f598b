//! Refusals, as the `Status` objects that an API server answers.
//!
//! Source: `staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go`.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    identity::User,
    requests::ResourceRequest,
    resources::Resource,
    store::{GroupResource, Key},
};

/// An answer that is no success.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: StatusCode,
    pub(super) body: RefusalBody,
    /// In seconds.
    pub(super) retry_after: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) enum RefusalBody {
    Status(Value),
    Text(String),
}

impl Refusal {
    pub(super) fn new(code: StatusCode, reason: &str, message: impl Into<String>, details: Value) -> Self {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message.into(),
            "reason": reason, "code": code.as_u16(),
        });
        if !details.is_null() {
            status["details"] = details;
        }
        Self { code, body: RefusalBody::Status(status), retry_after: None }
    }

    /// As the HTTP server below answers a path that nobody serves.
    pub(super) fn page_not_found() -> Self {
        let body = RefusalBody::Text("404 page not found\n".to_owned());
        Self { code: StatusCode::NOT_FOUND, body, retry_after: None }
    }

    /// A resource that is not served in a group that is.
    pub(super) fn unknown_resource() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
            json!({}),
        )
    }

    pub(super) fn not_found(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message, details(resource, name))
    }

    pub(super) fn already_exists(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message, details(resource, name))
    }

    pub(super) fn modified(resource: &GroupResource, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    pub(super) fn conflict(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::new(StatusCode::CONFLICT, "Conflict", message, details(resource, name))
    }

    /// An update of an object that has another uid, as the store below says it.
    pub(super) fn other_uid(key: &Key, asked: &str, found: &str) -> Self {
        let parts = [&key.resource.group, &key.resource.plural, &key.namespace, &key.name];
        let path: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {asked}, UID in object meta: {found}",
            path.join("/")
        );
        Self::conflict(&key.resource, &key.name, &why)
    }

    pub(super) fn forbidden(request: &ResourceRequest, user: &User) -> Self {
        let resource = request.group_resource();
        let place = if request.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", request.namespace)
        };
        let why = format!(
            "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            user.name,
            request.verb,
            request.with_subresource(),
            request.group
        );
        Self::forbidden_because(&resource, &request.name, &why)
    }

    pub(super) fn forbidden_because(resource: &GroupResource, name: &str, why: &str) -> Self {
        let quoted = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!("{}{quoted} is forbidden: {why}", resource.qualified());
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, details(resource, name))
    }

    pub(super) fn forbidden_path(path: &str, verb: &str, user: &User) -> Self {
        let message = format!("forbidden: User \"{}\" cannot {verb} path \"{path}\"", user.name);
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, json!({}))
    }

    pub(super) fn terminating(resource: &GroupResource, name: &str, namespace: &str) -> Self {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut this = Self::forbidden_because(resource, name, &why);
        if let RefusalBody::Status(status) = &mut this.body {
            status["details"]["causes"] = json!([{
                "reason": "NamespaceTerminating", "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            }]);
        }
        this
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized", Value::Null)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message, Value::Null)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let causes = json!({"causes": [{"message": message}]});
        let message = format!("Internal error occurred: {message}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message, causes)
    }

    /// As [`Self::internal`], in the words of somebody else.
    pub(super) fn internal_plain(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message, Value::Null)
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message, Value::Null)
    }

    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message, Value::Null)
    }

    /// A patch that does not fit what is there.
    pub(super) fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, json!({}))
    }

    pub(super) fn unsupported_media(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message, Value::Null)
    }

    /// Fields that an object of this kind may not have so.
    pub(super) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let kind = if resource.group.is_empty() {
            resource.kind.clone()
        } else {
            format!("{}.{}", resource.kind, resource.group)
        };
        let worded: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let mut worded = worded;
        worded.dedup();
        let worded = match worded.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let told: Vec<Value> = causes.iter().map(Cause::json).collect();
        let mut details = json!({"kind": resource.kind, "causes": told});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !resource.group.is_empty() {
            details["group"] = resource.group.as_str().into();
        }
        let message = format!("{kind} \"{name}\" is invalid: {worded}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, details)
    }

    /// The `Status` as JSON, as an event of a watch carries it.
    pub(super) fn json(&self) -> Value {
        match &self.body {
            RefusalBody::Status(status) => status.clone(),
            RefusalBody::Text(text) => json!(text),
        }
    }
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) field: String,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Cause {
    pub(super) fn required(field: impl Into<String>, more: &str) -> Self {
        let more = if more.is_empty() { String::new() } else { format!(": {more}") };
        Self { field: field.into(), reason: "FieldValueRequired", message: format!("Required value{more}") }
    }

    pub(super) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {why}"),
        }
    }

    fn json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

fn details(resource: &GroupResource, name: &str) -> Value {
    let mut details = json!({"kind": resource.plural});
    if !name.is_empty() {
        details["name"] = name.into();
    }
    if !resource.group.is_empty() {
        details["group"] = resource.group.as_str().into();
    }
    details
}
