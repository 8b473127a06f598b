//! One look at the places where a cluster keeps its jwtSecret. Only GET.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::{
    connection::Connection,
    observe::{config, config_of, configuration, kube_system_uid, secret, seen_if_possible},
    request_error::{Object, RequestError, Verb, request},
};
use crate::{
    kubesphere::{devops_config, kubesphere_config::KubesphereConfig},
    plan::{observed::Seen, secret_places::SecretPlaces},
};

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

async fn devops(connection: &Connection) -> Seen<KubesphereConfig> {
    let api: Api<ConfigMap> = Api::namespaced(connection.client.clone(), devops_config::NAMESPACE);
    let object =
        Object::all("", "configmaps").named(devops_config::NAME).in_namespace(devops_config::NAMESPACE);
    let found = request(&connection.side, Verb::Get, &object, api.get(devops_config::NAME)).await;
    seen_if_possible(found, |config_map| config_map).and_then(|config_map| config_of(&config_map))
}
