//! The binding of client certificates' users on a member.

use std::time::Duration;

use kubesphere::object::ObjectKind;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    account::users_in,
    connection::Connection,
    objects::{Change, Deletion, Objects, Persistence},
    observe::as_value,
    registrations::list,
    request_error::{Cause, RequestError},
    steps::make_credential::{Ensured, create},
};
use crate::plan::{
    credential::{Asked, CredentialObject, HostUid, Ownership, USER_BINDING, user},
    member_kubeconfig::StoredKubeconfig,
    result::Effect,
    superseded::{own_user, useless_users},
};

/// Between two tries where somebody else was faster.
const TRIES_EVERY: Duration = Duration::from_millis(250);

/// Binds the new user besides those of earlier certificates: the host, or a colleague, still has one of these. Whatever somebody
/// else does meanwhile, it is done to the binding as it stands then.
pub(super) async fn add_user(
    member: &Connection,
    asked: Asked<'_>,
    persistence: Persistence,
) -> Result<Ensured, RequestError> {
    let piece = CredentialObject::AddedUser;
    loop {
        let Some(binding) = binding(member).await? else {
            match create(member, CredentialObject::UserBinding, Some(asked), persistence).await {
                Ok(_) => return Ok(Ensured::bound(CredentialObject::UserBinding)),
                // Somebody has made it meanwhile.
                Err(RequestError { cause: Cause::AlreadyExists, .. }) => sleep(TRIES_EVERY).await,
                Err(error) => return Err(error),
            }
            continue;
        };
        if let Ownership::Foreign(why) = piece.ownership(&binding) {
            return Ok(Ensured::Taken(why));
        }
        let bound = users_in(&binding);
        if bound.iter().any(|user| user == asked.user) {
            // The answer to our own request was lost.
            return Ok(Ensured::bound(if bound.len() == 1 { CredentialObject::UserBinding } else { piece }));
        }
        let users = [bound, vec![asked.user.to_owned()]].concat();
        match set_users(member, &binding, &users, persistence).await {
            Ok(()) => return Ok(Ensured::bound(piece)),
            Err(RequestError { cause: Cause::Conflict, .. }) => sleep(TRIES_EVERY).await,
            // Somebody has removed it meanwhile.
            Err(RequestError { cause: Cause::NotFound, .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets the users go that are of no use now that this kubeconfig was to be stored.
pub(super) async fn remove_useless_users(
    (host, uid): (&Connection, HostUid),
    member: &Connection,
    kubeconfig: &StoredKubeconfig,
) -> Result<Option<Effect>, RequestError> {
    if own_user(kubeconfig, uid).is_none() {
        return Ok(None);
    }
    let Some(binding) = binding(member).await? else { return Ok(None) };
    let clusters = list(host, None).await?;
    let useless = useless_users(&users_in(&binding), uid, kubeconfig, clusters.iter());
    if useless.is_empty() { Ok(None) } else { remove_users(member, &useless).await }
}

/// Lets this user go. Of a binding that nobody else needs nothing is taken: whoever joins next replaces its user.
pub(super) async fn let_go(member: &Connection, user: &str) -> Result<Option<Effect>, RequestError> {
    let Some(binding) = binding(member).await? else { return Ok(None) };
    if users_in(&binding).iter().all(|bound| bound == user) {
        return Ok(None);
    }
    remove_users(member, &[user.to_owned()]).await
}

fn bindings(member: &Connection) -> Objects<'_> {
    Objects::of(member, ObjectKind::CLUSTER_ROLE_BINDING)
}

async fn binding(member: &Connection) -> Result<Option<Value>, RequestError> {
    Ok(bindings(member).find(USER_BINDING).await?.as_ref().map(as_value))
}

/// Lets these users go, and removes the binding where nobody is left. Returns what became of the binding, where anything
/// did.
pub(super) async fn remove_users(
    member: &Connection,
    users: &[String],
) -> Result<Option<Effect>, RequestError> {
    loop {
        let Some(binding) = binding(member).await? else { return Ok(None) };
        let bound = users_in(&binding);
        let staying: Vec<String> = bound.iter().filter(|user| !users.contains(user)).cloned().collect();
        if staying.len() == bound.len() {
            return Ok(None);
        }
        let (result, effect) = if staying.is_empty() {
            (delete_binding(member, &binding).await, Effect::Deleted)
        } else {
            (set_users(member, &binding, &staying, Persistence::Stored).await, Effect::Patched)
        };
        match result {
            Ok(()) => return Ok(Some(effect)),
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
    let subjects: Vec<Value> = users.iter().map(|name| user(name)).collect();
    let (uid, version) = (&binding["metadata"]["uid"], &binding["metadata"]["resourceVersion"]);
    let patch = json!({"metadata": {"uid": uid, "resourceVersion": version}, "subjects": subjects});
    bindings(member).patch(USER_BINDING, &Change::merge(patch), persistence).await.map(drop)
}

async fn delete_binding(member: &Connection, binding: &Value) -> Result<(), RequestError> {
    let text = |key: &str| binding["metadata"][key].as_str().unwrap_or_default();
    let deletion = Deletion::of(text("uid")).at_version(text("resourceVersion"));
    bindings(member).delete(USER_BINDING, &deletion).await
}
