//! Who may do what.
//!
//! Source: `plugin/pkg/auth/authorizer/rbac/rbac.go`, `pkg/apis/rbac/v1/evaluation_helpers.go`.

use serde_json::Value;

use super::{
    identity::User,
    requests::{Asked, ResourceRequest},
    store::{GroupResource, Key, Store},
};

/// The group that is allowed everything, whatever the roles say.
const MASTERS: &str = "system:masters";

const GROUP: &str = "rbac.authorization.k8s.io";

/// What is to be allowed.
pub(super) enum Right<'a> {
    Resource(&'a ResourceRequest),
    Path { verb: &'a str, path: &'a str },
}

impl<'a> Right<'a> {
    pub(super) fn of(asked: &'a Asked, method: &'a str) -> Self {
        match asked {
            Asked::Resource(request) => Self::Resource(request),
            Asked::Path(path) => Self::Path { verb: method, path },
        }
    }

    fn namespace(&self) -> &str {
        match self {
            Self::Resource(request) => &request.namespace,
            Self::Path { .. } => "",
        }
    }

    fn is_given_by(&self, rule: &Value) -> bool {
        match self {
            Self::Resource(request) => {
                let names = &rule["resourceNames"];
                covers(&rule["verbs"], &request.verb)
                    && covers(&rule["apiGroups"], &request.group)
                    && covers_resource(&rule["resources"], request)
                    && (texts(names).next().is_none() || texts(names).any(|name| name == request.name))
            }
            Self::Path { verb, path } => {
                let reaches = |pattern: &str| match pattern.strip_suffix('*') {
                    Some(start) => path.starts_with(start),
                    None => pattern == *path,
                };
                covers(&rule["verbs"], verb) && texts(&rule["nonResourceURLs"]).any(reaches)
            }
        }
    }
}

pub(super) fn allows(store: &Store, user: &User, right: &Right<'_>) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
        || rules(store, user, right.namespace()).iter().any(|rule| right.is_given_by(rule))
}

/// Every rule that holds for the user in a namespace (or, empty, in the whole cluster).
pub(super) fn rules(store: &Store, user: &User, namespace: &str) -> Vec<Value> {
    let bindings = |plural: &str, namespace: &str| store.list(&GroupResource::new(GROUP, plural), namespace);
    let mut bound = bindings("clusterrolebindings", "");
    if !namespace.is_empty() {
        bound.extend(bindings("rolebindings", namespace));
    }
    let held = bound.iter().filter(|(key, binding)| binds(binding, &key.namespace, user));
    held.flat_map(|(key, binding)| role_rules(store, &key.namespace, &binding["roleRef"])).collect()
}

fn role_rules(store: &Store, namespace: &str, reference: &Value) -> Vec<Value> {
    let name = reference["name"].as_str().unwrap_or_default();
    let (plural, namespace) = match reference["kind"].as_str() {
        Some("Role") => ("roles", namespace),
        _ => ("clusterroles", ""),
    };
    let role = store.get(&Key::new(&GroupResource::new(GROUP, plural), namespace, name));
    role.and_then(|role| role["rules"].as_array().cloned()).unwrap_or_default()
}

fn binds(binding: &Value, namespace: &str, user: &User) -> bool {
    let subjects = binding["subjects"].as_array().into_iter().flatten();
    subjects.into_iter().any(|subject| {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("User") => user.name == name,
            Some("Group") => user.groups.iter().any(|group| group == name),
            Some("ServiceAccount") => {
                let namespace = subject["namespace"].as_str().unwrap_or(namespace);
                user.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    })
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn covers(list: &Value, wanted: &str) -> bool {
    texts(list).any(|text| text == "*" || text == wanted)
}

fn covers_resource(list: &Value, request: &ResourceRequest) -> bool {
    let wanted = request.with_subresource();
    let of_any = format!("*/{}", request.subresource);
    texts(list)
        .any(|text| text == "*" || text == wanted || (!request.subresource.is_empty() && text == of_any))
}
