//! One look at the places where a cluster keeps its jwtSecret. Only GET.

use super::{
    connection::Connection,
    observe::{config, configuration, kube_system_uid, secret},
    request_error::RequestError,
    surroundings::devops,
};
use crate::plan::{observed::Seen, secret_places::SecretPlaces};

/// Reads all places at once. An error is one that leaves nothing to say about the cluster: kubesphere-config cannot be
/// asked for.
pub async fn secret_places(connection: &Connection) -> Result<SecretPlaces, RequestError> {
    // Boxed, because five requests are more state than a stack should carry around.
    let reads = Box::pin(async {
        tokio::join!(
            config(connection),
            secret(connection),
            configuration(connection),
            devops(connection),
            kube_system_uid(connection),
        )
    });
    let (config, secret, configuration, devops, uid) = reads.await;
    let why_not = |error: RequestError| Seen::Unreadable(error.cause.to_string());
    Ok(SecretPlaces {
        side: connection.side.clone(),
        uid: uid.ok().filter(|uid| !uid.is_empty()),
        config: config?,
        secret: secret?,
        configuration: configuration.unwrap_or_else(why_not),
        devops,
    })
}
