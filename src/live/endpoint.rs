//! Looking at the address that will be stored of a member: its certificate, and better addresses where there are any.

use std::{collections::BTreeSet, time::Duration};

use http::Uri;
use k8s_openapi::api::{
    core::v1::{ConfigMap, Endpoints, Node},
    discovery::v1::EndpointSlice,
};
use kube::api::ListParams;
use kubesphere::stored_kubeconfig::StoredKubeconfig;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{net::TcpStream, time::timeout_at};

use super::{
    connection::Connection,
    environment::Environment,
    objects::Objects,
    peer_certificate::{Chain, peek},
    proxy::proxy_for,
    time_limit::within,
};
use crate::plan::{
    intent::ClusterIntent,
    member_server::{EndpointSeen, Reach, host, reach, url},
};

/// What this machine does not reach by then it does not reach; it is no more than a warning.
const DIALLED_WITHIN: Duration = Duration::from_secs(3);
/// The port of an API server that tells none.
const DEFAULT_PORT: u16 = 6443;
const HTTPS_PORT: u16 = 443;
/// How control-plane nodes are labelled, by now and before Kubernetes 1.20.
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Looks at the address in `cluster`. Nothing of it fails: what could not be seen is said.
pub async fn look_at_endpoint(member: &Connection, cluster: &ClusterIntent) -> EndpointSeen {
    let stored = host(&cluster.server);
    let (chain, out_of_reach) = tokio::join!(chain(member, stored), out_of_reach(member, &cluster.server));
    let authority =
        cluster.endpoint.as_ref().ok().and_then(|endpoint| endpoint.certificate_authority.as_ref());
    let authority = authority.map(SecretString::expose_secret);
    let certificate = chain.as_ref().map_err(Clone::clone).and_then(|chain| chain.judged(stored, authority));
    let is_good = reach(&cluster.server) == Reach::Anybody
        && certificate.as_ref().is_ok_and(|certificate| certificate.covers);
    let proposals = match &chain {
        Ok(chain) if !is_good => proposals(member, chain).await,
        _ => Vec::new(),
    };
    EndpointSeen { certificate, out_of_reach, proposals, at: member.clock.now().as_second() }
}

/// Dials the context's address, which this machine reaches, and calls the server by the name that the host will use.
async fn chain(member: &Connection, stored: &str) -> Result<Chain, String> {
    let context = &member.context;
    let environment = Environment::of_process();
    let proxy = proxy_for(&context.server, context.cluster.proxy_url.as_deref(), &environment.proxy);
    let proxy = proxy.map_err(|error| error.to_string())?;
    if context.server.scheme_str() != Some("https") {
        return Err("its server does not speak TLS".to_owned());
    }
    peek(&context.server, stored, proxy.as_ref()).await
}

/// The host's reach is what counts; where the context has the same address, it was just reached.
async fn out_of_reach(member: &Connection, server: &str) -> Option<String> {
    if server == member.server {
        return None;
    }
    let server: Uri = server.parse().ok()?;
    let name = server.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let dialled = TcpStream::connect((name, server.port_u16().unwrap_or(HTTPS_PORT)));
    match timeout_at(within(DIALLED_WITHIN), dialled).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(super::server_text::message(&error.to_string())),
        Err(_) => Some(format!("no answer within {} s", DIALLED_WITHIN.as_secs())),
    }
}

/// The member's own addresses that others can reach and the certificate covers.
async fn proposals(member: &Connection, chain: &Chain) -> Vec<String> {
    let (cluster_info, endpoints, nodes) =
        tokio::join!(cluster_info(member), endpoints(member), nodes(member));
    let port = endpoints.first().map_or(DEFAULT_PORT, |(_, port)| *port);
    let nodes = nodes.into_iter().map(|address| url(&address, port));
    let endpoints = endpoints.iter().map(|(address, port)| url(address, *port));
    let mut seen = BTreeSet::new();
    let known =
        cluster_info.into_iter().chain(endpoints).chain(nodes).filter(|server| seen.insert(server.clone()));
    known.filter(|server| reach(server) == Reach::Anybody && chain.covers(host(server))).collect()
}

/// What kubeadm and KubeKey tell to those who join nodes.
async fn cluster_info(member: &Connection) -> Option<String> {
    let config_maps = Objects::<ConfigMap>::on(member).in_namespace("kube-public");
    let text = config_maps.get("cluster-info").await.ok()?.data?.remove("kubeconfig")?;
    let server: Uri = StoredKubeconfig::parse(text.as_bytes())?.server()?.parse().ok()?;
    Some(url(
        server.host()?.trim_start_matches('[').trim_end_matches(']'),
        server.port_u16().unwrap_or(HTTPS_PORT),
    ))
}

/// The API servers' own addresses, as the member's pods get them.
async fn endpoints(member: &Connection) -> Vec<(String, u16)> {
    let slices = Objects::<EndpointSlice>::on(member).in_namespace("default");
    if let Ok(slice) = slices.get("kubernetes").await {
        let port = slice.ports.into_iter().flatten().find_map(|port| u16::try_from(port.port?).ok());
        let addresses = slice.endpoints.into_iter().flatten().flat_map(|endpoint| endpoint.addresses);
        return addresses.map(|address| (address, port.unwrap_or(DEFAULT_PORT))).collect();
    }
    // Kubernetes before 1.21 has no slices of this version; newer ones warn of Endpoints.
    let found = Objects::<Endpoints>::on(member).in_namespace("default").get("kubernetes").await.ok();
    let subsets = found.and_then(|found| found.subsets).into_iter().flatten();
    let all = subsets.flat_map(|subset| {
        let port = subset.ports.into_iter().flatten().find_map(|port| u16::try_from(port.port).ok());
        let addresses = subset.addresses.into_iter().flatten().map(|address| address.ip);
        addresses.map(move |address| (address, port.unwrap_or(DEFAULT_PORT))).collect::<Vec<_>>()
    });
    all.collect()
}

async fn nodes(member: &Connection) -> Vec<String> {
    let nodes = Objects::<Node>::on(member).list(&ListParams::default().match_any()).await;
    let nodes = nodes.into_iter().flatten();
    let control_plane = nodes.filter(|node| {
        let labels = node.metadata.labels.as_ref();
        labels.is_some_and(|labels| CONTROL_PLANE.iter().any(|label| labels.contains_key(*label)))
    });
    let addresses = control_plane.filter_map(|node| node.status?.addresses).flatten();
    let addresses = addresses.filter(|address| matches!(address.type_.as_str(), "InternalIP" | "ExternalIP"));
    addresses.map(|address| address.address).collect()
}
