//! What a request asks for, as an API server reads it from method, path and query.
//!
//! Source: `staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use super::store::GroupResource;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Resource(ResourceRequest),
    /// Anything else, as /version.
    Path(String),
}

/// A request for a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceRequest {
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// What follows the subresource, for proxies.
    pub(crate) rest: String,
}

impl ResourceRequest {
    pub(super) fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.plural)
    }

    /// `pods`, `pods/log`
    pub(super) fn with_subresource(&self) -> String {
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!("{}{slash}{}", self.plural, self.subresource)
    }
}

/// The query's parameters, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The text; empty where it is absent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1" | ""))
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.get("dryRun") == Some("All")
    }
}

pub(super) fn read(method: &Method, uri: &Uri) -> Asked {
    let decoded = percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
    read_resource(method, &decoded, &Query::of(uri)).map_or(Asked::Path(decoded), Asked::Resource)
}

fn read_resource(method: &Method, path: &str, query: &Query) -> Option<ResourceRequest> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let group = match parts.next()? {
        "api" => "",
        "apis" => parts.next()?,
        _ => return None,
    };
    let version = parts.next()?.to_owned();
    let mut parts: Vec<&str> = parts.collect();
    if parts.is_empty() {
        return None;
    }
    let mut request = ResourceRequest { group: group.to_owned(), version, ..ResourceRequest::default() };
    if parts[0] == "namespaces" && parts.len() > 1 {
        parts[1].clone_into(&mut request.namespace);
        if parts.len() > 2 && !["status", "finalize"].contains(&parts[2]) {
            parts.drain(..2);
        }
    }
    parts[0].clone_into(&mut request.plural);
    parts.get(1).copied().unwrap_or_default().clone_into(&mut request.name);
    parts.get(2).copied().unwrap_or_default().clone_into(&mut request.subresource);
    request.rest = parts.get(3..).unwrap_or_default().join("/");
    request.verb = verb(method, &mut request, query)?.to_owned();
    Some(request)
}

/// A list of one name counts as about that name, also for RBAC.
fn verb(method: &Method, request: &mut ResourceRequest, query: &Query) -> Option<&'static str> {
    let is_one = !request.name.is_empty();
    Some(match method.as_str() {
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if is_one => "delete",
        "DELETE" => "deletecollection",
        "GET" | "HEAD" if is_one => "get",
        "GET" | "HEAD" => {
            let name = query.text("fieldSelector").strip_prefix("metadata.name=");
            if let Some(name) = name.filter(|name| !name.contains([',', '='])) {
                name.clone_into(&mut request.name);
            }
            if query.is("watch") { "watch" } else { "list" }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, uri: &str) -> ResourceRequest {
        match read(method, &uri.parse().unwrap()) {
            Asked::Resource(request) => request,
            Asked::Path(path) => panic!("{path} is a path"),
        }
    }

    fn shown(request: &ResourceRequest) -> String {
        let ResourceRequest { verb, group, namespace, name, rest, .. } = request;
        format!("{verb} {group}:{} in {namespace}: {name} {rest}", request.with_subresource())
    }

    #[test]
    fn paths_are_read_as_an_api_server_reads_them() {
        let cases = [
            ("/api/v1/namespaces/a/pods/x/log?follow=true", "get :pods/log in a: x "),
            ("/api/v1/namespaces/a", "get :namespaces in a: a "),
            ("/api/v1/namespaces", "list :namespaces in :  "),
            ("/api/v1/pods?watch=1", "watch :pods in :  "),
            ("/apis/g.io/v1/namespaces/a/ks?fieldSelector=metadata.name%3Db", "list g.io:ks in a: b "),
            (
                "/api/v1/namespaces/a/services/:b:80/proxy/kapis/version",
                "get :services/proxy in a: :b:80 kapis/version",
            ),
        ];
        for (uri, expected) in cases {
            assert_eq!(shown(&of(&Method::GET, uri)), expected);
        }
        assert_eq!(
            read(&Method::GET, &"/apis/g.io/v1".parse().unwrap()),
            Asked::Path("/apis/g.io/v1".into())
        );
        assert_eq!(of(&Method::DELETE, "/api/v1/namespaces/a/pods").verb, "deletecollection");
    }
}
