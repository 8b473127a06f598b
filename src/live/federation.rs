//! A host's kubefed, and the webhooks before its Clusters.

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingWebhookConfiguration,
    core::v1::Endpoints,
    discovery::v1::{Endpoint, EndpointSlice},
};
use kube::api::ListParams;
use kubesphere::{cluster_webhook::CONFIGURATION, object::ObjectKind};

use super::{
    connection::Connection,
    objects::Objects,
    observe::{FEDERATION_NAMESPACE, seen_if_possible},
    workloads::Deployment,
};
use crate::plan::{
    observed::Seen,
    surroundings::{Federation, Release, Webhook},
};

/// kubefed's controller (kubefed `charts/kubefed/charts/controllermanager/templates/deployments.yaml`).
const CONTROLLER: &str = "kubefed-controller-manager";
/// What is asked before kubefed's own objects change (kubefed `…/templates/webhook.yaml`), and before a Cluster does
/// (KubeSphere 3.4).
const WEBHOOKS: [&str; 2] = ["validations.core.kubefed.io", CONFIGURATION];
/// The label of a slice with the name of its Service.
const SERVICE: &str = "kubernetes.io/service-name";
/// Helm's records of the release that the installer makes (ks-installer `roles/ks-multicluster/tasks/main.yaml`).
const RELEASE: &str = "owner=helm,name=kubefed";

/// Looks at all of it at once.
pub(super) async fn federation(connection: &Connection) -> Federation {
    let (controller, webhooks, releases) =
        tokio::join!(controller(connection), webhooks(connection), releases(connection));
    Federation { controller, webhooks, releases }
}

async fn controller(connection: &Connection) -> Seen<bool> {
    let deployments = Objects::<Deployment>::on(connection).in_namespace(FEDERATION_NAMESPACE);
    seen_if_possible(deployments.get(CONTROLLER).await, |deployment| {
        deployment.status.and_then(|status| status.available_replicas).unwrap_or_default() > 0
    })
}

async fn webhooks(connection: &Connection) -> Seen<Vec<Webhook>> {
    let found = join_all(WEBHOOKS.map(|name| services(connection, name))).await;
    let mut asked = BTreeMap::new();
    for (name, services) in WEBHOOKS.into_iter().zip(found) {
        match services {
            Seen::Present(services) => asked.extend(services.into_iter().map(|service| (service, name))),
            Seen::Absent => {}
            Seen::Unreadable(why) | Seen::Malformed(why) => return Seen::Unreadable(why),
        }
    }
    let webhooks = asked.into_iter().map(|((namespace, service), configuration)| async move {
        let is_served = is_served(connection, &namespace, &service).await;
        Webhook { configuration: configuration.to_owned(), namespace, service, is_served }
    });
    Seen::Present(join_all(webhooks).await)
}

/// The namespaces and names of the Services that a configuration asks.
async fn services(connection: &Connection, name: &str) -> Seen<Vec<(String, String)>> {
    let configurations = Objects::<ValidatingWebhookConfiguration>::on(connection);
    seen_if_possible(configurations.get(name).await, |configuration| {
        let webhooks = configuration.webhooks.unwrap_or_default().into_iter();
        let services = webhooks.filter_map(|webhook| webhook.client_config.service);
        services.map(|service| (service.namespace, service.name)).collect()
    })
}

/// Servers before 1.21 have no slices to tell it, newer ones warn of the old kind.
async fn is_served(connection: &Connection, namespace: &str, service: &str) -> Seen<bool> {
    match is_served_by_slices(connection, namespace, service).await {
        Seen::Absent => is_served_by_endpoints(connection, namespace, service).await,
        told => told,
    }
}

async fn is_served_by_slices(connection: &Connection, namespace: &str, service: &str) -> Seen<bool> {
    let slices = Objects::<EndpointSlice>::on(connection).in_namespace(namespace);
    let parameters = ListParams::default().labels(&format!("{SERVICE}={service}")).match_any();
    seen_if_possible(slices.list(&parameters).await, |list| {
        // What says nothing of it counts as ready.
        let is_ready = |endpoint: &Endpoint| {
            endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
        };
        list.iter().any(|slice| slice.endpoints.iter().flatten().any(is_ready))
    })
}

async fn is_served_by_endpoints(connection: &Connection, namespace: &str, service: &str) -> Seen<bool> {
    let endpoints = Objects::<Endpoints>::on(connection).in_namespace(namespace);
    seen_if_possible(endpoints.get(service).await, |endpoints| {
        let subsets = endpoints.subsets.unwrap_or_default();
        subsets.iter().any(|subset| subset.addresses.as_ref().is_some_and(|ready| !ready.is_empty()))
    })
}

/// The labels alone: the records themselves hold all values of the release.
async fn releases(connection: &Connection) -> Seen<Vec<Release>> {
    let secrets = Objects::of(connection, ObjectKind::SECRET).in_namespace(FEDERATION_NAMESPACE);
    let list = secrets.list_metadata(&ListParams::default().labels(RELEASE).match_any()).await;
    seen_if_possible(list, |list| {
        let labels = list.into_iter().filter_map(|secret| secret.labels);
        labels.filter_map(|labels| release(&labels)).collect()
    })
}

fn release(labels: &BTreeMap<String, String>) -> Option<Release> {
    Some(Release { revision: labels.get("version")?.parse().ok()?, status: labels.get("status")?.clone() })
}
