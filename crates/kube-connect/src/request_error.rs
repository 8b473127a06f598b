//! A failed request as a user reads it: side, verb and object, then the cause, then what to do.

use std::fmt;

use kubesphere::command::Kubectl;
use kubesphere::missing_right;
use kubesphere::object::ObjectKind;
use kubesphere::side::Side;

pub use super::answer_values::MOST_OBJECTS;
pub use super::cause::{Cause, TooLong};
use super::time_limit::in_time;

/// What is done to an object, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads a collection.
    List,
    /// Creates an object.
    Create,
    /// Changes parts of an object.
    Patch,
    /// Removes an object.
    Delete,
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Patch => "patch",
            Self::Delete => "delete",
        })
    }
}

/// What a request is about, in words: `clusterconfigurations/ks-installer in kubesphere-system`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    group: String,
    resource: String,
    name: Option<String>,
    namespace: Option<String>,
}

impl Object {
    /// All objects of a resource, such as `("cluster.kubesphere.io", "clusters")`. The core group is empty.
    pub fn all(group: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { group: group.into(), resource: resource.into(), name: None, namespace: None }
    }

    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    #[must_use]
    pub fn in_namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), ..self }
    }

    /// This part of it, such as `approval`.
    #[must_use]
    pub fn of_subresource(self, subresource: &str) -> Self {
        Self { resource: format!("{}/{subresource}", self.resource), ..self }
    }

    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Its resource as a rule of RBAC names it, with the group.
    pub fn rule(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

impl From<ObjectKind> for Object {
    fn from(kind: ObjectKind) -> Self {
        Self::all(kind.group, kind.plural)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.resource)?;
        if let Some(name) = &self.name {
            write!(formatter, "/{name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(formatter, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// A request that failed. Its text ends before the cause, which is the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{side}: {verb} {object}")]
pub struct RequestError {
    /// The cluster that was asked.
    pub side: Side,
    /// What was to be done.
    pub verb: Verb,
    /// To what.
    pub object: Object,
    /// Why it failed.
    #[source]
    pub cause: Cause,
}

impl RequestError {
    pub fn hints(&self) -> Vec<String> {
        match &self.cause {
            // It has read the request, and its words stand in the cause.
            Cause::Forbidden { message, .. } if message.contains("admission webhook") => {
                vec!["no permission is missing: the webhook's own words say what it minds".to_owned()]
            }
            Cause::Forbidden { .. } => {
                vec![
                    missing_right::needed(None, self.verb, self.object.rule()),
                    missing_right::ROLES.to_owned(),
                ]
            }
            Cause::Unauthorized => {
                vec![format!("log in again, or renew the credentials of context \"{}\"", self.side.context())]
            }
            Cause::Refused { .. } => vec![format!(
                "is the cluster running, and is the server's address in context \"{}\" right?",
                self.side.context()
            )],
            Cause::UnknownHost { .. } => {
                vec![
                    "check the server's name in the kubeconfig, and the VPN or DNS of this machine"
                        .to_owned(),
                ]
            }
            Cause::ConnectTimedOut { .. } => {
                vec!["check the server's address, and the VPN, firewall or proxy on the way to it".to_owned()]
            }
            Cause::TimedOut { .. } => vec!["raise `--request-timeout` if the server is slow".to_owned()],
            Cause::TimeUp | Cause::NotAsked => vec!["give it more time with `--timeout`".to_owned()],
            Cause::Certificate { way_out, .. } => way_out.hint(&self.side).into_iter().collect(),
            Cause::NotLetIn(refusal) => vec![refusal.hint(&self.side)],
            Cause::TooLong(TooLong::LogLine) => Vec::new(),
            Cause::TooLong(_) => vec![format!(
                "see what answers there in the API server's place, such as a proxy: `{}`",
                Kubectl::on(&self.side).words("get --raw /version")
            )],
            Cause::Credentials { hints, .. } => hints.clone(),
            // In the words of Go (`net/http/server.go`).
            Cause::Invalid { message } if message.contains("HTTP request to an HTTPS server") => {
                vec!["write the server's address with `https://`".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Waits for a request of kube's client and says what it was about if it fails.
pub async fn request<T>(
    side: &Side,
    verb: Verb,
    object: &Object,
    response: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, RequestError> {
    let failed = |cause| RequestError { side: side.clone(), verb, object: object.clone(), cause };
    // Boxed, because it is more state than a stack should carry around.
    match in_time(Box::pin(response)).await {
        Ok(answer) => answer.map_err(|error| failed(Cause::from(&error))),
        Err(cause) => Err(failed(cause)),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn failed(cause: Cause) -> RequestError {
        let object = Object::all("installer.kubesphere.io", "clusterconfigurations")
            .named("ks-installer")
            .in_namespace("kubesphere-system");
        RequestError { side: Side::member("edge-1"), verb: Verb::Patch, object, cause }
    }

    #[test]
    fn an_error_says_side_verb_object_and_cause() {
        let error = failed(Cause::Forbidden { user: Some("jane".to_owned()), message: String::new() });
        assert_eq!(
            format!("{error}: {}", error.source().unwrap()),
            "member \"edge-1\": patch clusterconfigurations/ks-installer in kubesphere-system: forbidden for user \"jane\""
        );
        assert_eq!(
            error.hints(),
            [
                "the user needs \"patch\" on clusterconfigurations.installer.kubesphere.io",
                missing_right::ROLES
            ]
        );
    }

    #[test]
    fn a_core_resource_has_no_group() {
        let namespace = Object::all("", "namespaces").named("kube-system");
        assert_eq!(namespace.to_string(), "namespaces/kube-system");
        assert_eq!(namespace.rule(), "namespaces");
    }

    #[test]
    fn hints_name_the_context() {
        assert!(failed(Cause::Unauthorized).hints()[0].contains("context \"edge-1\""));
        let refused = failed(Cause::Refused { address: "10.0.0.1:6443".into() });
        assert!(refused.hints()[0].contains("is the cluster running"));
    }
}
