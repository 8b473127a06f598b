//! What a former host left on a member.

use std::collections::BTreeSet;

use futures::future::join_all;
use kube::api::ListParams;
use kubesphere::object::ObjectKind;

use super::{
    connection::Connection, objects::Objects, observe::seen_if_possible, request_error::RequestError,
    unjoin::namespaces::WORKSPACE,
};
use crate::plan::{
    observed::Seen,
    surroundings::{LeftoverWorkspace, Leftovers},
};

/// What kubefed writes on everything that it manages on a member.
const MANAGED: &str = "kubefed.io/managed=true";
/// To which workspace a namespace belongs.
const OF_WORKSPACE: &str = "kubesphere.io/workspace";
/// What a host makes of a workspace that it places on members.
const FEDERATED_WORKSPACE: ObjectKind =
    ObjectKind::new("types.kubefed.io", "v1beta1", "FederatedWorkspace", "federatedworkspaces");

/// Looks at the member, and where there are workspaces, at the host's of the same names.
pub(super) async fn leftovers(member: &Connection, host: Option<&Connection>) -> Leftovers {
    let (workspaces, namespaces) =
        tokio::join!(names(member, WORKSPACE, MANAGED), names(member, ObjectKind::NAMESPACE, MANAGED));
    let names = match seen(workspaces) {
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

/// The names of those with these labels.
async fn names(
    member: &Connection,
    kind: ObjectKind,
    labels: &str,
) -> Result<BTreeSet<String>, RequestError> {
    let parameters = ListParams::default().labels(labels).match_any();
    let list = Objects::of(member, kind).list_metadata(&parameters).await?;
    Ok(list.into_iter().filter_map(|found| found.name).collect())
}

/// The managed namespaces with those that belong to these workspaces, each once.
async fn with_theirs(
    member: &Connection,
    workspaces: &[String],
    managed: Result<BTreeSet<String>, RequestError>,
) -> Result<BTreeSet<String>, RequestError> {
    let mut names = managed?;
    if !workspaces.is_empty() {
        let theirs = format!("{OF_WORKSPACE} in ({})", workspaces.join(","));
        names.extend(self::names(member, ObjectKind::NAMESPACE, &theirs).await?);
    }
    Ok(names)
}

fn seen(names: Result<BTreeSet<String>, RequestError>) -> Seen<Vec<String>> {
    seen_if_possible(names, |names| names.into_iter().collect())
}

/// The clusters on which the host's own workspace of this name is placed.
async fn placed_on(host: &Connection, name: &str) -> Seen<Vec<String>> {
    let found = Objects::of(host, FEDERATED_WORKSPACE).get(name).await;
    seen_if_possible(found, |workspace| {
        let clusters = workspace.data.pointer("/spec/placement/clusters").and_then(|list| list.as_array());
        let names = clusters.into_iter().flatten().filter_map(|cluster| cluster["name"].as_str());
        names.map(str::to_owned).collect()
    })
}
