//! What is in kubefed's namespace on a member: everything that the server can list.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use http::{Request, header::ACCEPT};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource;
use kube::{
    Error,
    api::ListParams,
    core::{
        ApiResource, GroupVersionKind, ObjectMeta,
        discovery::v2::{APIGroupDiscoveryList, APIResourceDiscovery},
    },
};
use kubesphere::object::{ExistingObject, ObjectKind};

use super::reading::existing_like;
use crate::{
    live::{
        closer_look::DISCOVERY,
        connection::Connection,
        objects::Objects,
        observe::seen,
        request_error::{Cause, Object, RequestError, Verb, request},
    },
    plan::{
        credential::ACCOUNT_ANNOTATION,
        observed::Seen,
        unjoin::trace::{FEDERATION_NAMESPACE, FederationNamespace},
    },
};

/// How many requests are under way at the same time.
const AT_ONCE: usize = 32;
/// Of each kind so many are looked at: one that counts is enough.
const LOOKED_AT: u32 = 500;
/// Every namespace has this ConfigMap (Kubernetes `pkg/controller/certificates/rootcacertpublisher`).
const ROOT_AUTHORITY: &str = "kube-root-ca.crt";
/// Every namespace has this service account.
const DEFAULT: &str = "default";

/// What listing one kind gave.
type Listed = Result<Vec<ObjectMeta>, RequestError>;

/// The namespace as it stands, with all that is in it.
pub(in crate::live) struct Contents {
    trace: ExistingObject,
    is_going: bool,
    listed: Vec<(String, Listed)>,
    untold: Vec<String>,
}

/// The namespace, where it is there and may be read; `accounted` are the UIDs of what goes anyway.
pub(in crate::live) async fn federation_namespace(
    member: &Connection,
    accounted: &BTreeSet<&str>,
) -> Result<Seen<FederationNamespace>, RequestError> {
    Ok(contents(member).await?.and_then(|contents| Seen::Present(contents.without(accounted))))
}

/// All that is in the namespace, unless that goes anyway.
pub(in crate::live) async fn contents(member: &Connection) -> Result<Seen<Contents>, RequestError> {
    let object = ObjectKind::NAMESPACE.named(FEDERATION_NAMESPACE);
    let found = Objects::like(member, &object).get(&object.name).await;
    let namespace = match seen(found)? {
        Seen::Present(namespace) => namespace.metadata,
        Seen::Absent => return Ok(Seen::Absent),
        Seen::Unreadable(why) | Seen::Malformed(why) => return Ok(Seen::Unreadable(why)),
    };
    let is_going = namespace.deletion_timestamp.is_some();
    let trace = existing_like(&object, namespace);
    if is_going {
        return Ok(Seen::Present(Contents { trace, is_going, listed: Vec::new(), untold: Vec::new() }));
    }
    let (kinds, untold) = kinds(member).await?;
    let listed = stream::iter(kinds).map(|kind| listed(member, kind)).buffered(AT_ONCE).collect().await;
    Ok(Seen::Present(Contents { trace, is_going, listed, untold }))
}

impl Contents {
    /// What counts of it, without what goes anyway.
    pub(super) fn without(self, accounted: &BTreeSet<&str>) -> FederationNamespace {
        let Self { trace, is_going, listed, mut untold } = self;
        let mut others = Vec::new();
        for (resource, objects) in listed {
            match objects {
                Ok(objects) => {
                    let counting =
                        objects.iter().filter(|object| !is_accounted(&resource, object, accounted));
                    others.extend(
                        counting.filter_map(|object| Some(format!("{resource}/{}", object.name.as_deref()?))),
                    );
                }
                // Between the two requests the kind may have gone, or it cannot be listed by anybody.
                Err(RequestError { cause: Cause::NotFound, .. }) => {}
                Err(error) => untold.push(format!("{resource} ({})", error.cause)),
            }
        }
        FederationNamespace { trace, is_going, others, untold }
    }
}

/// What every namespace has, and what is removed anyway, does not count.
fn is_accounted(resource: &str, object: &ObjectMeta, accounted: &BTreeSet<&str>) -> bool {
    let name = object.name.as_deref().unwrap_or_default();
    let account = object.annotations.as_ref().and_then(|all| all.get(ACCOUNT_ANNOTATION));
    object.uid.as_deref().is_some_and(|uid| accounted.contains(uid))
        || match resource {
            "serviceaccounts" => name == DEFAULT,
            "configmaps" => name == ROOT_AUTHORITY,
            "secrets" => account.is_some_and(|account| account == DEFAULT),
            _ => false,
        }
}

/// A kind of objects that live in namespaces.
struct Listable {
    group: String,
    version: String,
    resource: APIResource,
}

/// What one version of a group has, or the error.
type Served = (String, String, Result<Vec<APIResource>, Error>);

/// Every such kind that a namespace's deletion would have to delete, each once, and the groups that do not answer.
async fn kinds(member: &Connection) -> Result<(Vec<Listable>, Vec<String>), RequestError> {
    let (mut kinds, mut untold) = (BTreeMap::new(), Vec::new());
    for (group, version, resources) in served(member).await? {
        match resources {
            Ok(resources) => {
                for resource in resources.into_iter().filter(counts) {
                    let key = (group.clone(), resource.name.clone());
                    let (group, version) = (group.clone(), version.clone());
                    kinds.entry(key).or_insert(Listable { group, version, resource });
                }
            }
            Err(error) => untold.push(format!("{group}/{version} ({})", Cause::from(&error))),
        }
    }
    Ok((kinds.into_values().collect(), untold))
}

/// All that the server serves, told at once from Kubernetes 1.26 on; a group that may have changed since is asked itself.
async fn served(member: &Connection) -> Result<Vec<Served>, RequestError> {
    let (core, groups) = tokio::try_join!(told_at_once(member, "/api"), told_at_once(member, "/apis"))?;
    if core.items.is_empty() || groups.items.is_empty() {
        return served_one_by_one(member).await;
    }
    let versions = core.items.into_iter().chain(groups.items).flat_map(|group| {
        let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
        group.versions.into_iter().map(move |version| (name.clone(), version))
    });
    let served = stream::iter(versions).map(|(group, told)| async move {
        let version = told.version.unwrap_or_default();
        let resources = if told.freshness.as_deref() == Some("Stale") {
            resources(member, &group, &version).await
        } else {
            Ok(told.resources.into_iter().map(resource).collect())
        };
        (group, version, resources)
    });
    Ok(served.buffered(AT_ONCE).collect().await)
}

/// Nothing from older servers.
async fn told_at_once(member: &Connection, path: &str) -> Result<APIGroupDiscoveryList, RequestError> {
    let ask = Request::get(path).header(ACCEPT, DISCOVERY).body(Vec::new());
    let ask = ask.expect("a path and a header make a request");
    request(&member.side, Verb::List, &Object::all("", "apis"), member.client.request(ask)).await
}

/// What counts of a resource, as the older form of discovery tells it.
fn resource(told: APIResourceDiscovery) -> APIResource {
    APIResource {
        name: told.resource.unwrap_or_default(),
        kind: told.response_kind.and_then(|kind| kind.kind).unwrap_or_default(),
        namespaced: told.scope.as_deref() == Some("Namespaced"),
        verbs: told.verbs,
        ..APIResource::default()
    }
}

async fn served_one_by_one(member: &Connection) -> Result<Vec<Served>, RequestError> {
    let groups = Object::all("", "apis");
    let groups = request(&member.side, Verb::List, &groups, member.client.list_api_groups()).await?;
    let versions = groups.groups.into_iter().flat_map(|group| {
        let versions = group.versions.into_iter();
        versions.map(move |version| (group.name.clone(), version.version)).collect::<Vec<_>>()
    });
    let versions = std::iter::once((String::new(), "v1".to_owned())).chain(versions);
    let answers = stream::iter(versions).map(|(group, version)| async {
        let resources = resources(member, &group, &version).await;
        (group, version, resources)
    });
    Ok(answers.buffered(AT_ONCE).collect().await)
}

pub(super) async fn resources(
    member: &Connection,
    group: &str,
    version: &str,
) -> Result<Vec<APIResource>, Error> {
    let client = &member.client;
    let list = if group.is_empty() {
        client.list_core_api_resources(version).await?
    } else {
        client.list_api_group_resources(&format!("{group}/{version}")).await?
    };
    Ok(list.resources)
}

/// What follows others, or is no reason to keep a namespace.
const NEGLIGIBLE: [&str; 2] = ["events", "endpoints"];

/// As the controller of namespaces sees it.
fn counts(resource: &APIResource) -> bool {
    let can = |verb: &str| resource.verbs.iter().any(|known| known == verb);
    let negligible = NEGLIGIBLE.contains(&resource.name.as_str());
    resource.namespaced && can("list") && can("delete") && !negligible && !resource.name.contains('/')
}

async fn listed(member: &Connection, kind: Listable) -> (String, Listed) {
    let Listable { group, version, resource } = kind;
    let gvk = GroupVersionKind::gvk(&group, &version, &resource.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, &resource.name);
    let objects = Objects::of_resource(member, resource).in_namespace(FEDERATION_NAMESPACE);
    let list = objects.list_metadata(&ListParams::default().limit(LOOKED_AT)).await;
    (objects.object().rule(), list)
}
