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
    request_error::{Cause, RequestError},
    steps::make_credential::{Ensured, create},
};
use crate::plan::{
    credential::{Asked, CredentialObject, HostUid, Ownership, USER_BINDING, user},
    result::Effect,
};

/// Between two tries where somebody else was faster.
const TRIES_EVERY: Duration = Duration::from_millis(250);

/// Binds the new user instead of the earlier ones of this host: a certificate that was signed before has no rights left.
/// What other hosts use stays.
pub(super) async fn bind(
    member: &Connection,
    asked: Asked<'_>,
    host: HostUid,
    persistence: Persistence,
) -> Result<Ensured, RequestError> {
    bind_beside(member, asked, CredentialObject::Rebinding, persistence, |user| !host.names(user)).await
}

/// Binds the new user besides those of earlier certificates: the host still has one of these.
pub(super) async fn add_user(
    member: &Connection,
    asked: Asked<'_>,
    persistence: Persistence,
) -> Result<Ensured, RequestError> {
    bind_beside(member, asked, CredentialObject::AddedUser, persistence, |_| true).await
}

/// Binds the new user besides those that stay. Whatever somebody else does meanwhile, it is done to the binding as it
/// stands then.
async fn bind_beside(
    member: &Connection,
    asked: Asked<'_>,
    piece: CredentialObject,
    persistence: Persistence,
    stays: impl Fn(&str) -> bool,
) -> Result<Ensured, RequestError> {
    loop {
        let Some(binding) = binding(member).await? else {
            match create(member, CredentialObject::UserBinding, Some(asked), persistence).await {
                Ok(_) => return Ok(Ensured::Made(CredentialObject::UserBinding)),
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
        let users = bound_users(&bound, asked.user, &stays);
        if users == bound {
            // The answer to our own request was lost.
            return Ok(Ensured::Made(if bound.len() == 1 { CredentialObject::UserBinding } else { piece }));
        }
        match set_users(member, &binding, &users, persistence).await {
            Ok(()) => return Ok(Ensured::Made(piece)),
            Err(RequestError { cause: Cause::Conflict, .. }) => sleep(TRIES_EVERY).await,
            // Somebody has removed it meanwhile.
            Err(RequestError { cause: Cause::NotFound, .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Those of the bound users that stay, and the new one.
fn bound_users(bound: &[String], new: &str, stays: &impl Fn(&str) -> bool) -> Vec<String> {
    let others = bound.iter().filter(|user| *user != new && stays(user)).cloned();
    others.chain([new.to_owned()]).collect()
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

#[cfg(test)]
mod tests {
    use super::{HostUid, bound_users};

    #[test]
    fn earlier_users_of_this_host_go_and_those_of_others_stay() {
        let host = HostUid::new("0000002a-0000-0000-0000-000000000000");
        let bound =
            ["kubectl-mc-host-0000002a-1", "kubectl-mc-host-0000002b-1", "kubectl-mc-host-0123456789abcdef"];
        let bound = bound.map(str::to_owned);
        let own = host.user("2");
        assert_eq!(
            bound_users(&bound, &own, &|user| !host.names(user)),
            [bound[1].clone(), bound[2].clone(), own.clone()]
        );
        let added = bound_users(&bound, &own, &|_| true);
        assert_eq!(added, [bound.as_slice(), std::slice::from_ref(&own)].concat());
        assert_eq!(bound_users(&added, &own, &|_| true), added, "a second try changes nothing");
    }
}
