//! The binding of client certificates' users on a member.

use std::time::Duration;

use kube::api::{DeleteParams, Patch, Preconditions};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    account::{api, object, users_in},
    apply::Persistence,
    connection::Connection,
    member_credential::{Ensured, create},
    observe::as_value,
    request_error::{Cause, RequestError, Verb, request},
};
use crate::plan::credential::{Asked, Ownership, Piece, user};

/// Between two tries where somebody else was faster.
const TRIES_EVERY: Duration = Duration::from_millis(250);

/// Binds the new user, and nobody else any more: a certificate that was signed before has no rights left.
pub(super) async fn bind(
    member: &Connection,
    asked: Asked<'_>,
    persistence: Persistence,
) -> Result<Ensured, RequestError> {
    if let Some(binding) = binding(member).await? {
        return rebind(member, asked, &binding, persistence).await;
    }
    match create(member, Piece::UserBinding, Some(asked), persistence).await {
        Ok(_) => Ok(Ensured::Made(Piece::UserBinding)),
        // Somebody has made it meanwhile.
        Err(error) if matches!(error.cause, Cause::AlreadyExists) => match binding(member).await? {
            Some(binding) => rebind(member, asked, &binding, persistence).await,
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

async fn binding(member: &Connection) -> Result<Option<Value>, RequestError> {
    let piece = Piece::Rebinding;
    let api = api(member, piece);
    match request(&member.side, Verb::Get, &object(piece), api.get(&piece.name())).await {
        Ok(found) => Ok(Some(as_value(&found))),
        Err(RequestError { cause: Cause::NotFound, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn rebind(
    member: &Connection,
    asked: Asked<'_>,
    binding: &Value,
    persistence: Persistence,
) -> Result<Ensured, RequestError> {
    let piece = Piece::Rebinding;
    if let Ownership::Foreign(why) = piece.ownership(binding) {
        return Ok(Ensured::Taken(why));
    }
    let subjects = &piece.manifest(Some(asked))["subjects"];
    if binding["subjects"] == *subjects {
        // The answer to our own creation was lost.
        return Ok(Ensured::Made(Piece::UserBinding));
    }
    let uid = &binding["metadata"]["uid"];
    let patch = Patch::Merge(json!({"metadata": {"uid": uid}, "subjects": subjects}));
    let parameters = persistence.patch_parameters();
    let api = api(member, piece);
    let name = piece.name();
    let answer = api.patch(&name, &parameters, &patch);
    request(&member.side, Verb::Patch, &object(piece), answer).await.map(|_| Ensured::Made(piece))
}

/// Binds the new user besides those of earlier certificates: the host still has one of these.
pub(super) async fn add_user(
    member: &Connection,
    asked: Asked<'_>,
    persistence: Persistence,
) -> Result<Ensured, RequestError> {
    let piece = Piece::AddedUser;
    loop {
        let Some(binding) = binding(member).await? else {
            // Somebody has removed it meanwhile.
            return bind(member, asked, persistence).await;
        };
        if let Ownership::Foreign(why) = piece.ownership(&binding) {
            return Ok(Ensured::Taken(why));
        }
        let mut users = users_in(&binding);
        if users.iter().any(|user| user == asked.user) {
            // The answer to our own patch was lost.
            return Ok(Ensured::Made(piece));
        }
        users.push(asked.user.to_owned());
        match set_users(member, &binding, &users, persistence).await {
            Ok(()) => return Ok(Ensured::Made(piece)),
            Err(RequestError { cause: Cause::Conflict, .. }) => sleep(TRIES_EVERY).await,
            Err(error) => return Err(error),
        }
    }
}

/// Lets these users go, and removes the binding where nobody is left. Returns what became of the binding, where anything
/// did.
pub(super) async fn remove_users(
    member: &Connection,
    users: &[String],
) -> Result<Option<&'static str>, RequestError> {
    loop {
        let Some(binding) = binding(member).await? else { return Ok(None) };
        let bound = users_in(&binding);
        let staying: Vec<String> = bound.iter().filter(|user| !users.contains(user)).cloned().collect();
        if staying.len() == bound.len() {
            return Ok(None);
        }
        let (result, outcome) = if staying.is_empty() {
            (delete_binding(member, &binding).await, "deleted")
        } else {
            (set_users(member, &binding, &staying, Persistence::Stored).await, "patched")
        };
        match result {
            Ok(()) => return Ok(Some(outcome)),
            Err(RequestError { cause: Cause::Conflict, .. }) => sleep(TRIES_EVERY).await,
            Err(RequestError { cause: Cause::NotFound, .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Replaces the subjects of this very state of the binding.
async fn set_users(
    member: &Connection,
    binding: &Value,
    users: &[String],
    persistence: Persistence,
) -> Result<(), RequestError> {
    let piece = Piece::AddedUser;
    let subjects: Vec<Value> = users.iter().map(|name| user(name)).collect();
    let (uid, version) = (&binding["metadata"]["uid"], &binding["metadata"]["resourceVersion"]);
    let patch =
        Patch::Merge(json!({"metadata": {"uid": uid, "resourceVersion": version}, "subjects": subjects}));
    let api = api(member, piece);
    let name = piece.name();
    let parameters = persistence.patch_parameters();
    let answer = api.patch(&name, &parameters, &patch);
    request(&member.side, Verb::Patch, &object(piece), answer).await.map(drop)
}

async fn delete_binding(member: &Connection, binding: &Value) -> Result<(), RequestError> {
    let text = |key: &str| binding["metadata"][key].as_str().map(str::to_owned);
    let preconditions = Preconditions { uid: text("uid"), resource_version: text("resourceVersion") };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    let piece = Piece::UserBinding;
    let api = api(member, piece);
    let name = piece.name();
    let answer = api.delete(&name, &parameters);
    request(&member.side, Verb::Delete, &object(piece), answer).await.map(drop)
}
