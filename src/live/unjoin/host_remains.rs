//! What is left of a Cluster on its host.

use super::reading::Place;
use crate::{
    kubesphere::object::{ExistingObject, ObjectKind},
    live::{
        connection::Connection,
        request_error::{RequestError, Verb},
    },
    plan::{
        observed::Denied,
        unjoin::trace::{FEDERATION_NAMESPACE, kubefed_secret},
    },
};

/// What the host's kubefed has of this name, which the controller removes together with the Cluster; and what may not be
/// read.
pub async fn host_remains(
    host: &Connection,
    name: &str,
) -> Result<(Vec<ExistingObject>, Vec<Denied>), RequestError> {
    let namespace = Some(FEDERATION_NAMESPACE);
    let cluster = Place { kind: ObjectKind::KUBEFED_CLUSTER, namespace };
    let secret = Place { kind: ObjectKind::SECRET, namespace };
    let token = kubefed_secret(name);
    let (registered, token) = tokio::try_join!(cluster.find(host, name), secret.find(host, &token))?;
    let denied = [cluster.denied(Verb::Get, &registered), secret.denied(Verb::Get, &token)];
    let found = [registered, token].into_iter().filter_map(|seen| seen.present().cloned());
    Ok((found.collect(), denied.into_iter().flatten().collect()))
}
