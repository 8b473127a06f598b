//! What is left of a Cluster on its host.

use kubesphere::object::{ExistingObject, ObjectKind};

use super::reading::{Found, existing};
use crate::{
    live::{closer_look::foresee_rights, connection::Connection, request_error::RequestError},
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
    let cluster = ObjectKind::KUBEFED_CLUSTER.named(name).in_namespace(FEDERATION_NAMESPACE);
    let token = ObjectKind::SECRET.named(kubefed_secret(name)).in_namespace(FEDERATION_NAMESPACE);
    let remains = async { tokio::try_join!(existing(host, cluster), existing(host, token)) };
    let (remains, ()) = tokio::join!(remains, foresee_rights(host));
    let (cluster, token) = remains?;
    let Found { found, denied } = Found::all([cluster, token]);
    Ok((found, denied))
}
