//! The namespaces that belong to workspaces.

use kube::api::{ListParams, ObjectMeta};
use kubesphere::object::ObjectKind;
use serde_json::Value;

use super::reading::seen_or_denied;
use crate::{
    live::{connection::Connection, objects::Objects, request_error::RequestError},
    plan::{
        observed::{Denied, Seen},
        unjoin::namespaces::{
            MANAGED_LABEL, TENANT_GROUP, WORKSPACE_LABEL, WorkspaceNamespace, WorkspaceSeen,
        },
    },
};

pub(in crate::live) const WORKSPACE: ObjectKind =
    ObjectKind::new(TENANT_GROUP, "v1alpha1", "Workspace", "workspaces");

/// All of them, with what the member has of their workspaces; and what of that may not be listed.
pub(in crate::live) async fn workspace_namespaces(
    member: &Connection,
) -> Result<(Seen<Vec<WorkspaceNamespace>>, Vec<Denied>), RequestError> {
    let labelled = ListParams::default().labels(WORKSPACE_LABEL);
    let ((namespaces, unlisted), (workspaces, unseen)) = tokio::try_join!(
        list(member, ObjectKind::NAMESPACE, labelled),
        list(member, WORKSPACE, ListParams::default()),
    )?;
    let denied = [unlisted, unseen].into_iter().flatten().collect();
    let known: Vec<(String, bool)> = match workspaces {
        Seen::Present(workspaces) => workspaces
            .into_iter()
            .map(|workspace| {
                let labels = workspace.labels.unwrap_or_default();
                let managed = labels.get(MANAGED_LABEL).is_some_and(|managed| managed == "true");
                (workspace.name.unwrap_or_default(), managed)
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
        let metadata = namespaces.into_iter().map(|namespace| metadata_of(&namespace));
        Seen::Present(metadata.filter_map(|metadata| WorkspaceNamespace::of(&metadata, seen)).collect())
    });
    Ok((found, denied))
}

async fn list(
    member: &Connection,
    kind: ObjectKind,
    parameters: ListParams,
) -> Result<(Seen<Vec<ObjectMeta>>, Option<Denied>), RequestError> {
    seen_or_denied(Objects::of(member, kind).list_metadata(&parameters).await)
}

fn metadata_of(metadata: &ObjectMeta) -> Value {
    serde_json::to_value(metadata).expect("what came as JSON can be written as JSON")
}
