//! What a former host left on a member.

use std::collections::BTreeSet;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
};

use super::{
    connection::Connection,
    observe::seen_if_possible,
    request_error::{Object, RequestError, Verb, request},
};
use crate::plan::{
    observed::Seen,
    surroundings::{LeftoverWorkspace, Leftovers},
};

/// What kubefed writes on everything that it manages on a member.
const MANAGED: &str = "kubefed.io/managed=true";
/// To which workspace a namespace belongs.
const WORKSPACE: &str = "kubesphere.io/workspace";

/// Looks at the member, and where there are workspaces, at the host's of the same names.
pub(super) async fn leftovers(member: &Connection, host: Option<&Connection>) -> Leftovers {
    let (workspaces, namespaces) = tokio::join!(managed_workspaces(member), namespaces(member, MANAGED));
    let names = match workspaces {
        Seen::Present(names) => names,
        Seen::Absent => return Leftovers { workspaces: Seen::Absent, namespaces: seen(namespaces) },
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            return Leftovers { workspaces: Seen::Unreadable(why), namespaces: seen(namespaces) };
        }
    };
    let namespaces = with_theirs(member, &names, namespaces).await;
    let workspaces = join_all(names.into_iter().map(|name| async move {
        let placed_on = match host {
            Some(host) => placed_on(host, &name).await,
            None => Seen::Absent,
        };
        LeftoverWorkspace { name, placed_on }
    }));
    Leftovers { workspaces: Seen::Present(workspaces.await), namespaces: seen(namespaces) }
}

async fn managed_workspaces(member: &Connection) -> Seen<Vec<String>> {
    let resource = resource("tenant.kubesphere.io", "v1alpha1", "Workspace", "workspaces");
    let api: Api<DynamicObject> = Api::all_with(member.client.clone(), &resource);
    let object = Object::all("tenant.kubesphere.io", "workspaces");
    let parameters = ListParams::default().labels(MANAGED).match_any();
    let list = request(&member.side, Verb::List, &object, api.list_metadata(&parameters)).await;
    seen_if_possible(list, |list| list.items.into_iter().filter_map(|item| item.metadata.name).collect())
}

/// The managed namespaces with those that belong to these workspaces, each once.
async fn with_theirs(
    member: &Connection,
    workspaces: &[String],
    managed: Result<BTreeSet<String>, RequestError>,
) -> Result<BTreeSet<String>, RequestError> {
    let mut names = managed?;
    if !workspaces.is_empty() {
        let theirs = format!("{WORKSPACE} in ({})", workspaces.join(","));
        names.extend(namespaces(member, &theirs).await?);
    }
    Ok(names)
}

async fn namespaces(member: &Connection, labels: &str) -> Result<BTreeSet<String>, RequestError> {
    let api: Api<Namespace> = Api::all(member.client.clone());
    let object = Object::all("", "namespaces");
    let parameters = ListParams::default().labels(labels).match_any();
    let list = request(&member.side, Verb::List, &object, api.list_metadata(&parameters)).await?;
    Ok(list.items.into_iter().filter_map(|item| item.metadata.name).collect())
}

fn seen(names: Result<BTreeSet<String>, RequestError>) -> Seen<Vec<String>> {
    seen_if_possible(names, |names| names.into_iter().collect())
}

/// The clusters on which the host's own workspace of this name is placed.
async fn placed_on(host: &Connection, name: &str) -> Seen<Vec<String>> {
    let resource = resource("types.kubefed.io", "v1beta1", "FederatedWorkspace", "federatedworkspaces");
    let api: Api<DynamicObject> = Api::all_with(host.client.clone(), &resource);
    let object = Object::all("types.kubefed.io", "federatedworkspaces").named(name);
    let found = request(&host.side, Verb::Get, &object, api.get(name)).await;
    seen_if_possible(found, |workspace| {
        let clusters = workspace.data.pointer("/spec/placement/clusters").and_then(|list| list.as_array());
        let names = clusters.into_iter().flatten().filter_map(|cluster| cluster["name"].as_str());
        names.map(str::to_owned).collect()
    })
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}
