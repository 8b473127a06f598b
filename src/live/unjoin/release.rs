//! Taking a namespace from its workspace.

use kube::api::Patch;

use super::namespaces::{NAMESPACES, workspace_namespaces};
use crate::{
    live::{
        apply::Persistence,
        connection::Connection,
        request_error::{Cause, RequestError, Verb, request},
    },
    plan::{
        course::ATTEMPTS,
        unjoin::namespaces::{Release, WorkspaceNamespace},
    },
};

/// Sends the guarded patch; whether the server took it. Where somebody has changed the namespace meanwhile it is looked
/// at again, and one that no workspace of the host owns any more is left.
pub async fn release(
    member: &Connection,
    release: &Release,
    persistence: Persistence,
) -> Result<bool, RequestError> {
    let mut release = release.clone();
    for _ in 1..ATTEMPTS {
        match send(member, &release, persistence).await {
            Err(RequestError { cause: Cause::Invalid { .. } | Cause::Conflict, .. }) => {}
            Err(RequestError { cause: Cause::NotFound, .. }) => return Ok(false),
            answer => return answer.map(|()| true),
        }
        match owned(member, &release.namespace).await? {
            Some(fresh) => release = fresh,
            None => return Ok(false),
        }
    }
    send(member, &release, persistence).await.map(|()| true)
}

async fn send(member: &Connection, release: &Release, persistence: Persistence) -> Result<(), RequestError> {
    let document = serde_json::from_value(release.document.clone()).expect("the planner writes JSON Patch");
    let (name, patch) = (release.namespace.as_str(), Patch::<()>::Json(document));
    let api = NAMESPACES.api(member);
    let parameters = persistence.patch_parameters();
    let answer = api.patch_metadata(name, &parameters, &patch);
    request(&member.side, Verb::Patch, &NAMESPACES.object().named(name), answer).await.map(drop)
}

async fn owned(member: &Connection, name: &str) -> Result<Option<Release>, RequestError> {
    let (namespaces, _) = workspace_namespaces(member).await?;
    let mut found = namespaces.present().into_iter().flatten();
    Ok(found
        .find(|namespace| namespace.name() == name && namespace.is_of_host())
        .map(WorkspaceNamespace::release))
}
