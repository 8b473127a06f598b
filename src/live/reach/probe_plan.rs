//! What can be found out from the host's nodes.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kubesphere::cluster_configuration::NAMESPACE;

use crate::{
    live::{
        closer_look::denied, connection::Connection, objects::Objects, observe::seen_if_possible,
        workloads::Pod,
    },
    plan::{
        access::of_probing,
        observed::Seen,
        reach::{
            node::{EDGE_LABEL, HostNode},
            probing::{ProbePlan, ProbedMember, probe_plan},
        },
    },
};

/// Says what a node runs, where its kubelet has not told yet.
const SYSTEM_LABEL: &str = "kubernetes.io/os";

/// Looks at the host's nodes with their images, and at what its user may do. Nothing is written.
pub async fn look(host: &Connection, members: Vec<ProbedMember>) -> ProbePlan {
    let accesses = of_probing();
    let (nodes, denied) = tokio::join!(nodes(host), denied(host, &accesses));
    match denied {
        Ok(denied) => probe_plan(&host.side, members, &nodes, &denied),
        Err(error) => {
            let why = format!("what its user may do is not known: {}", error.cause);
            ProbePlan::Unknown { host: host.side.clone(), why, hints: Vec::new() }
        }
    }
}

pub(super) fn pods(host: &Connection) -> Objects<'_, Pod> {
    Objects::on(host).in_namespace(NAMESPACE)
}

async fn nodes(host: &Connection) -> Seen<Vec<HostNode>> {
    let list = Objects::<Node>::on(host).list(&ListParams::default().match_any()).await;
    seen_if_possible(list, |list| list.into_iter().map(node).collect())
}

fn node(node: Node) -> HostNode {
    let status = node.status.unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let images = status.images.unwrap_or_default().into_iter();
    let labels = node.metadata.labels.unwrap_or_default();
    let told = status.node_info.map(|info| info.operating_system).filter(|system| !system.is_empty());
    let system = told.or_else(|| labels.get(SYSTEM_LABEL).cloned());
    HostNode {
        name: node.metadata.name.unwrap_or_default(),
        is_ready: conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        system: system.unwrap_or_else(|| "unknown system".to_owned()),
        is_edge: labels.contains_key(EDGE_LABEL),
        images: images.flat_map(|image| image.names.unwrap_or_default()).collect(),
    }
}
