//! The namespaces that belong to workspaces.

use kube::api::ListParams;
use serde_json::Value;

use super::reading::Place;
use crate::{
    kubesphere::object::ObjectKind,
    live::{
        connection::Connection,
        request_error::{RequestError, Verb},
    },
    plan::{
        observed::{Denied, Seen},
        unjoin::namespaces::{
            MANAGED_LABEL, TENANT_GROUP, WORKSPACE_LABEL, WorkspaceNamespace, WorkspaceSeen,
        },
    },
};

pub(in crate::live) const NAMESPACES: Place = Place { kind: ObjectKind::NAMESPACE, namespace: None };
const WORKSPACES: Place = Place {
    kind: ObjectKind { group: TENANT_GROUP, version: "v1alpha1", kind: "Workspace", plural: "workspaces" },
    namespace: None,
};

/// All of them, with what the member has of their workspaces; and what of that may not be listed.
pub(in crate::live) async fn workspace_namespaces(
    member: &Connection,
) -> Result<(Seen<Vec<WorkspaceNamespace>>, Vec<Denied>), RequestError> {
    let labelled = ListParams::default().labels(WORKSPACE_LABEL);
    let all = ListParams::default();
    let (namespaces, workspaces) =
        tokio::try_join!(NAMESPACES.list(member, &labelled), WORKSPACES.list(member, &all))?;
    let denied = [NAMESPACES.denied(Verb::List, &namespaces), WORKSPACES.denied(Verb::List, &workspaces)];
    let denied = denied.into_iter().flatten().collect();
    let known: Vec<(String, bool)> = match workspaces {
        Seen::Present(workspaces) => workspaces
            .into_iter()
            .map(|workspace| {
                let labels = workspace.metadata.labels.unwrap_or_default();
                let managed = labels.get(MANAGED_LABEL).is_some_and(|managed| managed == "true");
                (workspace.metadata.name.unwrap_or_default(), managed)
            })
            .collect(),
        Seen::Absent => Vec::new(),
        Seen::Unreadable(why) | Seen::Malformed(why) => return Ok((Seen::Unreadable(why), denied)),
    };
    let seen = |name: &str| match known.iter().find(|(known, _)| known == name) {
        Some((_, true)) => WorkspaceSeen::Managed,
        Some((_, false)) => WorkspaceSeen::Own,
        None => WorkspaceSeen::Gone,
    };
    let found = namespaces.and_then(|namespaces| {
        let metadata = namespaces.into_iter().map(|namespace| metadata_of(&namespace.metadata));
        Seen::Present(metadata.filter_map(|metadata| WorkspaceNamespace::of(&metadata, seen)).collect())
    });
    Ok((found, denied))
}

fn metadata_of(metadata: &kube::api::ObjectMeta) -> Value {
    serde_json::to_value(metadata).expect("what came as JSON can be written as JSON")
}
