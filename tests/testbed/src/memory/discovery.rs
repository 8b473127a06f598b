//! What is served, told in the two ways in which clients ask: group by group, or all at once.
//!
//! Source: `staging/src/k8s.io/apiserver/pkg/endpoints/discovery`.

use serde_json::{Value, json};

use super::{
    resources::{self, Resource, Source},
    store::Store,
};

/// The answer to a path of discovery, or nothing where it is none.
pub(super) fn answer(store: &Store, path: &str, accept: &str) -> Option<(Value, &'static str)> {
    let all = resources::all(store);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let aggregated = aggregated_version(accept);
    let plain = "application/json";
    Some(match (parts.as_slice(), aggregated) {
        (["api"], Some((version, media))) => (groups_at_once(&all, version, str::is_empty), media),
        (["apis"], Some((version, media))) => {
            (groups_at_once(&all, version, |group| !group.is_empty()), media)
        }
        (["api"], None) => (
            json!({"kind": "APIVersions", "versions": ["v1"],
                   "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]}),
            plain,
        ),
        (["apis"], None) => {
            let groups: Vec<Value> = groups(&all)
                .iter()
                .filter(|group| !group.is_empty())
                .map(|group| described(&all, group))
                .collect();
            (json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}), plain)
        }
        (["api", "v1"], _) => (version_list(&all, "", "v1")?, plain),
        (["apis", group], _) if groups(&all).contains(group) => {
            let mut group = described(&all, group);
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            (group, plain)
        }
        (["apis", group, version], _) => (version_list(&all, group, version)?, plain),
        _ => return None,
    })
}

fn aggregated_version(accept: &str) -> Option<(&'static str, &'static str)> {
    let first = accept.split(',').find(|part| part.contains("json"))?;
    if !first.contains("as=APIGroupDiscoveryList") {
        return None;
    }
    Some(if first.contains("v=v2beta1") {
        ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
    } else {
        ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    })
}

fn groups(all: &[Resource]) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for resource in all {
        if !groups.contains(&resource.group.as_str()) {
            groups.push(&resource.group);
        }
    }
    groups
}

fn versions<'a>(all: &'a [Resource], group: &str) -> Vec<&'a str> {
    let mut versions: Vec<&str> = Vec::new();
    for resource in all.iter().filter(|resource| resource.group == group) {
        if !versions.contains(&resource.version.as_str()) {
            versions.push(&resource.version);
        }
    }
    versions
}

fn described(all: &[Resource], group: &str) -> Value {
    let named = |version: &&str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Value> = versions(all, group).iter().map(named).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions[0]})
}

fn of_version<'a>(all: &'a [Resource], group: &str, version: &str) -> Vec<&'a Resource> {
    all.iter().filter(|resource| resource.group == group && resource.version == version).collect()
}

fn version_list(all: &[Resource], group: &str, version: &str) -> Option<Value> {
    let resources = of_version(all, group, version);
    let api_version = resources.first()?.api_version();
    let listed: Vec<Value> = resources.iter().flat_map(|resource| listed(resource)).collect();
    Some(
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": listed}),
    )
}

fn listed(resource: &Resource) -> Vec<Value> {
    let mut own = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.is_namespaced,
        "kind": resource.kind, "verbs": resource.verbs(),
    });
    if !resource.short_names.is_empty() {
        own["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        own["categories"] = json!(resource.categories);
    }
    let subresource = |name: &String| {
        json!({"name": format!("{}/{name}", resource.plural), "singularName": "", "kind": resource.kind,
               "namespaced": resource.is_namespaced, "verbs": subresource_verbs(name)})
    };
    std::iter::once(own).chain(resource.subresources.iter().map(subresource)).collect()
}

fn subresource_verbs(name: &str) -> &'static [&'static str] {
    match name {
        "log" => &["get"],
        "binding" | "eviction" | "token" => &["create"],
        "proxy" | "exec" => &["create", "delete", "get", "patch", "update"],
        "finalize" => &["update"],
        _ => &["get", "patch", "update"],
    }
}

fn groups_at_once(all: &[Resource], version: &str, is_meant: impl Fn(&str) -> bool) -> Value {
    let items: Vec<Value> = groups(all)
        .into_iter()
        .filter(|group| is_meant(group))
        .map(|group| {
            let of = |version: &&str| {
                let resources: Vec<Value> =
                    of_version(all, group, version).into_iter().map(at_once).collect();
                json!({"version": version, "resources": resources, "freshness": "Current"})
            };
            let versions: Vec<Value> = versions(all, group).iter().map(of).collect();
            let metadata = if group.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {}, "items": items})
}

fn at_once(resource: &Resource) -> Value {
    let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let subresource =
        |name: &String| json!({"subresource": name, "responseKind": kind, "verbs": subresource_verbs(name)});
    let mut described = json!({
        "resource": resource.plural, "responseKind": kind, "singularResource": resource.singular,
        "scope": if resource.is_namespaced { "Namespaced" } else { "Cluster" }, "verbs": resource.verbs(),
    });
    for (name, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
        if !list.is_empty() {
            described[name] = json!(list);
        }
    }
    if !resource.subresources.is_empty() {
        described["subresources"] = resource.subresources.iter().map(subresource).collect();
    }
    if matches!(resource.source, Source::Answered) {
        described["verbs"] = json!(["create"]);
    }
    described
}
