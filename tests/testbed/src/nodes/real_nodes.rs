//! Real nodes of a bed's host.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::{Node as NodeObject, Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;

use super::{Lack, Machine, Node, cgroups, forwarder::Forwarder, lacking, node::Surroundings};
use crate::{
    Bed, ControlPlane, Error,
    bed::{Cluster, chain},
    kubeconfig::{Access, Credentials},
    kubelet,
};

/// A node was ready within 3 s on an idle machine; twenty times that means that it will not be.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long the objects of nodes that have ended may take to delete.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(5);

/// Nodes of a bed's host that are real; dropped, they end and their objects are deleted.
///
/// The node that is played is not ready as long as they are there: nobody runs its pods.
///
/// They share a network with the control planes of the host and of one member. On it the member has an address that its
/// certificate is valid for; this process reaches it too, and each node as far as its [`super::Reach`] lets it.
pub struct RealNodes<'bed> {
    bed: &'bed Bed,
    member: &'bed Cluster,
    nodes: Vec<Node>,
    played: Vec<String>,
    _forwarders: [Forwarder; 2],
}

impl<'bed> RealNodes<'bed> {
    /// Starts nodes at the same time, and waits until they are ready and nothing keeps pods from them. Blocks.
    ///
    /// # Panics
    /// When they cannot be had ([`super::can_run`] tells before), the bed has no member of this number, or no node is
    /// asked for.
    pub fn attach(bed: &'bed Bed, member: usize, machines: &[Machine]) -> Self {
        Self::try_attach(bed, member, machines)
            .unwrap_or_else(|error| panic!("no real nodes: {}", chain(&error)))
    }

    /// As [`Self::attach`], for who can say what is missing.
    ///
    /// # Errors
    /// When the machine lacks what nodes need, the kubelet cannot be brought, or a node does not become ready.
    pub fn try_attach(bed: &'bed Bed, member: usize, machines: &[Machine]) -> Result<Self, Error> {
        assert!(!machines.is_empty(), "the network comes and goes with its nodes");
        let lacks = lacking();
        if !lacks.is_empty() {
            let lacks: Vec<String> = lacks.iter().map(Lack::to_string).collect();
            return Err(Error::Machine(lacks.join(", ")));
        }
        cgroups::sweep();
        let kubelet = kubelet()?;
        let (host, member) = (bed.host(), bed.member(member));
        let around = Surroundings {
            kubelet: &kubelet,
            port: host.plane().port(),
            host: host.plane().address(),
            member: member.plane().address(),
        };
        let client = host.client();
        let played = crate::block_on(async move { stop_played(&client).await })?;
        let nodes = (0..).zip(machines);
        let nodes = nodes
            .map(|(index, machine)| Node::start(machine, index, &around, &kubeconfig(host, &machine.name)?))
            .collect::<Result<Vec<_>, Error>>()?;
        let forwarders = forward_both(host, member);
        // Without its node's network there is no address either, and why is in the node's log.
        let forwarders = forwarders.map_err(|error| match nodes.iter().find(|node| !node.is_running()) {
            Some(node) => node.failed("it has ended"),
            None => error,
        })?;
        let attached = Self { bed, member, nodes, played, _forwarders: forwarders };
        attached.nodes.iter().zip(machines).try_for_each(|(node, machine)| attached.settle(node, machine))?;
        Ok(attached)
    }

    /// The nodes, in the order in which they were asked for.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name() == name).expect("a node that was asked for")
    }

    /// The URL of the member's apiserver on the network of the nodes; its certificate is valid for it.
    pub fn member_server(&self) -> String {
        format!("https://{}", on_network(self.member.plane(), &self.member.server()))
    }

    /// The bed's kubeconfig, with [`Self::member_server`] as the member's server.
    pub fn kubeconfig(&self) -> String {
        let text = fs::read_to_string(self.bed.kubeconfig()).expect("the bed has written it");
        text.replace(&self.member.server(), &self.member_server())
    }

    /// Waits until a node is ready, and lifts the taint that its registration set, as the node lifecycle controller
    /// would: a bed has none, since it would take the nodes that are played for dead.
    fn settle(&self, node: &Node, machine: &Machine) -> Result<(), Error> {
        let api: Api<NodeObject> = Api::all(self.bed.host().client());
        let begun = Instant::now();
        loop {
            let (asked, name) = (api.clone(), machine.name.clone());
            let found = crate::block_on(async move { asked.get_opt(&name).await })?;
            if found.is_some_and(|found| is_ready(&found, machine)) {
                break;
            }
            if !node.is_running() {
                return Err(node.failed("it has ended"));
            }
            if begun.elapsed() > READY_WITHIN {
                return Err(node.failed("it is not ready"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let (name, taints) = (machine.name.clone(), Patch::Merge(json!({"spec": {"taints": null}})));
        crate::block_on(async move { api.patch(&name, &PatchParams::default(), &taints).await })?;
        Ok(())
    }
}

impl Drop for RealNodes<'_> {
    fn drop(&mut self) {
        let names: Vec<String> = self.nodes.drain(..).map(|node| node.name().to_owned()).collect();
        let (client, played) = (self.bed.host().client(), std::mem::take(&mut self.played));
        // Whatever fails: the bed may be broken on purpose, and is wiped anyway.
        let forgotten = async move {
            for name in names {
                let _ = forget(&client, &name).await;
            }
            for name in played {
                let _ = tell(&client, &name, ["True", "KubeletReady", "kubelet is ready"]).await;
            }
        };
        let _ = crate::block_on(async { tokio::time::timeout(FORGOTTEN_WITHIN, forgotten).await });
    }
}

/// Tells the nodes that are there, all of them played, as the node lifecycle controller tells those whose kubelet has stopped.
async fn stop_played(client: &Client) -> kube::Result<Vec<String>> {
    let nodes: Api<NodeObject> = Api::all(client.clone());
    let mut played = Vec::new();
    for name in nodes.list(&ListParams::default()).await?.into_iter().filter_map(|node| node.metadata.name) {
        tell(client, &name, ["Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."]).await?;
        played.push(name);
    }
    Ok(played)
}

/// Changes whether a node is ready.
async fn tell(client: &Client, node: &str, [status, reason, message]: [&str; 3]) -> kube::Result<()> {
    let nodes: Api<NodeObject> = Api::all(client.clone());
    let condition = json!({"type": "Ready", "status": status, "reason": reason, "message": message});
    let change = Patch::Strategic(json!({"status": {"conditions": [condition]}}));
    nodes.patch_status(node, &PatchParams::default(), &change).await.map(drop)
}

/// Deletes a node that has ended and its pods, which no controller does in a bed.
async fn forget(client: &Client, name: &str) -> kube::Result<()> {
    let pods: Api<Pod> = Api::all(client.clone());
    let of_node = ListParams::default().fields(&format!("spec.nodeName={name}"));
    for pod in pods.list(&of_node).await? {
        let (namespace, name) =
            (pod.metadata.namespace.unwrap_or_default(), pod.metadata.name.unwrap_or_default());
        let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        pods.delete(&name, &DeleteParams::default().grace_period(0)).await?;
    }
    let nodes: Api<NodeObject> = Api::all(client.clone());
    nodes.delete(name, &DeleteParams::default()).await.map(drop)
}

fn is_ready(node: &NodeObject, machine: &Machine) -> bool {
    let Some(status) = &node.status else { return false };
    let ready = |kind: &str, status: &str| kind == "Ready" && status == "True";
    let mut conditions = status.conditions.iter().flatten();
    conditions.any(|condition| ready(&condition.type_, &condition.status))
        && status.images.iter().flatten().count() >= machine.images.len().min(1)
}

/// By which a kubelet comes to the host, on the network of the nodes.
fn kubeconfig(host: &Cluster, node: &str) -> Result<String, Error> {
    let plane = host.plane();
    let identity = plane.component_identity(&format!("system:node:{node}"))?;
    let access = Access {
        name: host.name(),
        server: &format!("https://{}", on_network(plane, &plane.server())),
        authority: &plane.ca_pem(),
        credentials: &Credentials::Certificate(identity),
    };
    Ok(access.to_yaml())
}

/// Kubelets come to the host's apiserver itself, whatever proxy stands before it; the member is found as in the bed.
fn forward_both(host: &Cluster, member: &Cluster) -> Result<[Forwarder; 2], Error> {
    let forward =
        |plane: &ControlPlane, server: &str| Forwarder::start(on_network(plane, server), on_loopback(server));
    Ok([forward(host.plane(), &host.plane().server())?, forward(member.plane(), &member.server())?])
}

/// Where a server of a control plane on loopback is found on the network of the nodes.
fn on_network(plane: &ControlPlane, server: &str) -> SocketAddr {
    (plane.address(), on_loopback(server).port()).into()
}

fn on_loopback(server: &str) -> SocketAddr {
    server.trim_start_matches("https://").parse().expect("a bed's servers are addresses with ports")
}
