//! What to do about a right that a user has not.

use std::fmt::Display;

/// Where the roles for each command are.
pub const ROLES: &str = concat!(
    "ready-made roles for each command: ",
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/credentials.md#ready-made-roles"
);

/// The right that the user, by name where that is known, has to be given. `on` is a resource as a rule of RBAC names it, with the group.
pub fn needed(user: Option<&str>, verb: impl Display, on: impl Display) -> String {
    let user = user.map(|user| format!(" \"{user}\"")).unwrap_or_default();
    format!("the user{user} needs \"{verb}\" on {on}")
}
