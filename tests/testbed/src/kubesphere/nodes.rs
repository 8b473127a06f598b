//! The nodes of a cluster, written by hand as their kubelets would.

use serde_json::{Value, json};

use super::{
    Peculiarity, clock, secret,
    site::{Site, unused_address},
};

/// What the first node and every healthy one has of a pause image, as a kubelet lists it.
pub const PAUSE: &str = "registry.k8s.io/pause:3.9";
const PAUSE_BY_DIGEST: &str =
    "registry.k8s.io/pause@sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097";

/// How a node, and its kubelet's way to the members, behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// It starts pods of images that it has, and probes what it is told to.
    Healthy,
    /// It has no image that only waits, nor one with `sleep` in it.
    Bare,
    /// It lists a pause image that is not there any more.
    Forgetful,
    /// Its kubelet takes no pod up, though the node is still Ready.
    Silent,
    /// It has as many pods as it may have.
    Full,
    /// A firewall rejects what it sends to the members.
    Refused,
    /// A firewall drops it.
    TimedOut,
    /// Its resolver knows no names.
    Nameless,
    /// It has no route there.
    Routeless,
    NotReady,
    Edge,
    /// It runs Windows.
    Windows,
}

/// Every node of a cluster with its name: the first one, which runs KubeSphere, and those that the scenario adds.
pub(super) fn of(site: &Site) -> Vec<(String, Node)> {
    let added = site.installation.peculiarities.iter().filter_map(|peculiarity| match peculiarity {
        Peculiarity::Node(node) => Some(*node),
        _ => None,
    });
    let nodes = std::iter::once(Node::Healthy).chain(added);
    nodes.zip(1..).map(|(node, number)| (format!("{}-node{number}", site.name), node)).collect()
}

/// All Nodes of a cluster, as the apiserver takes them.
pub(super) fn objects(site: &Site) -> Vec<Value> {
    let address = |name: &str| if name == site.node() { site.node_address.clone() } else { unused_address() };
    of(site).into_iter().map(|(name, node)| object(&name, &address(&name), node)).collect()
}

impl Node {
    /// Whether a container of this image can be started without pulling it.
    pub(super) fn has(self, image: &str) -> bool {
        self != Self::Forgetful && self.images().iter().flatten().any(|name| *name == image)
    }

    fn system(self) -> &'static str {
        if self == Self::Windows { "windows" } else { "linux" }
    }

    fn images(self) -> Vec<Vec<&'static str>> {
        let mut images = vec![
            vec!["docker.io/calico/cni:v3.23.2"],
            vec!["docker.io/kubesphere/kube-state-metrics:v2.6.0"],
            vec!["<none>@<none>", "<none>:<none>"],
        ];
        if self != Self::Bare {
            images.push(vec![PAUSE_BY_DIGEST, PAUSE]);
        }
        images
    }
}

fn object(name: &str, address: &str, node: Node) -> Value {
    let machine: String = secret::random_secret(32).to_lowercase();
    let system = node.system();
    let mut labels = json!({"kubernetes.io/hostname": name, "kubernetes.io/os": system});
    if node == Node::Edge {
        labels["node-role.kubernetes.io/edge"] = "".into();
    }
    let ready = if node == Node::NotReady {
        json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
               "message": "Kubelet stopped posting node status."})
    } else {
        json!({"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is ready"})
    };
    let images: Vec<Value> =
        node.images().into_iter().map(|names| json!({"names": names, "sizeBytes": 321_520})).collect();
    let mut ready = ready;
    ready["lastHeartbeatTime"] = clock::now().into();
    ready["lastTransitionTime"] = clock::now().into();
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": [ready],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": images,
            "nodeInfo": {"machineID": machine, "systemUUID": machine, "bootID": machine, "kernelVersion": "5.10.0",
                         "osImage": "Debian GNU/Linux 12", "containerRuntimeVersion": "containerd://1.7.0",
                         "kubeletVersion": "v1.27.4", "kubeProxyVersion": "v1.27.4", "operatingSystem": system,
                         "architecture": "amd64"},
        },
    })
}
