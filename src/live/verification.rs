//! Whether a credential works: asked over the context's own connection, as the user that will be stored.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::config::AuthInfo;
use kubesphere::cluster::RegisteredCluster;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::{
    closer_look::may,
    connection::Connection,
    environment::Environment,
    failure::Failure,
    identify::stored_context,
    observe::kube_system_uid,
    patience::{Pace, retry_until},
    request_error::{Cause, RequestError},
    selected_context::SelectedContext,
};
use crate::plan::{access::EVERYTHING, member_kubeconfig::StoredUser};

/// Authenticator and authorizer of an API server know a new account and binding a moment later.
const TAKES_EFFECT_WITHIN: Duration = Duration::from_secs(20);

/// Confirms that the user is let in by the cluster with this UID, and may do everything.
pub(super) async fn verify(
    member: &Connection,
    user: &StoredUser,
    uid: &str,
    deadline: Instant,
) -> Result<(), Failure> {
    verify_as(member, auth_info(user), uid, deadline).await
}

/// The same of the user in the kubeconfig that a Cluster stores.
pub(super) async fn verify_stored(
    member: &Connection,
    cluster: &RegisteredCluster,
    uid: &str,
    deadline: Instant,
) -> Result<(), Failure> {
    let unverified = |why: String| Failure::Unverified { side: member.side.clone(), why };
    let stored = stored_context(cluster).map_err(|error| unverified(error.to_string()))?;
    verify_as(member, stored.user, uid, deadline).await
}

async fn verify_as(member: &Connection, user: AuthInfo, uid: &str, deadline: Instant) -> Result<(), Failure> {
    let context = SelectedContext { user, user_place: None, token_place: None, ..member.context.clone() };
    let connection = Connection::open(context, &Environment::of_process(), member.request_timeout).await?;
    let mut pace = Pace::until(deadline.min(Instant::now() + TAKES_EFFECT_WITHIN));
    loop {
        let ask = async || trial(&connection, uid).await;
        let failed = match retry_until(&member.side, deadline, ask).await? {
            Ok(()) => return Ok(()),
            Err(why) => why,
        };
        if failed.is_final || !pace.goes_on().await {
            return Err(Failure::Unverified { side: member.side.clone(), why: failed.why });
        }
    }
}

struct Failed {
    why: String,
    /// Whether waiting does not help.
    is_final: bool,
}

/// The outer error may pass, or ends it.
async fn trial(connection: &Connection, uid: &str) -> Result<Result<(), Failed>, RequestError> {
    match identity_and_rights(connection).await {
        Ok((found, _)) if found != uid => {
            let why = format!("it points to another cluster (the UID of its kube-system is {found})");
            Ok(Err(Failed { why, is_final: true }))
        }
        Ok((_, true)) => Ok(Ok(())),
        Ok((_, false)) => Ok(Err(Failed { why: "it is not a cluster-admin's".to_owned(), is_final: false })),
        Err(RequestError { cause: cause @ (Cause::Unauthorized | Cause::Forbidden { .. }), .. }) => {
            Ok(Err(Failed { why: cause.to_string(), is_final: false }))
        }
        Err(error) => Err(error),
    }
}

async fn identity_and_rights(connection: &Connection) -> Result<(String, bool), RequestError> {
    tokio::try_join!(kube_system_uid(connection), may(connection, &EVERYTHING))
}

fn auth_info(user: &StoredUser) -> AuthInfo {
    match user {
        StoredUser::Token(token) => {
            let token = SecretString::from(token.expose_secret().trim());
            AuthInfo { token: Some(token), ..AuthInfo::default() }
        }
        StoredUser::Certificate { certificate, key } => AuthInfo {
            client_certificate_data: Some(STANDARD.encode(certificate.expose_secret())),
            client_key_data: Some(SecretString::from(STANDARD.encode(key.expose_secret()))),
            ..AuthInfo::default()
        },
    }
}
