//! The pods that make the kubelets probe.

use kubesphere::cluster_configuration::NAMESPACE;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    limits::runs_within,
    probing::{ProbedNode, Probing},
    target::Target,
};

/// The labels of every probe pod of every command.
pub const SELECTOR: &str = "app.kubernetes.io/managed-by=kubectl-mc,app.kubernetes.io/component=reachability";
/// The label that tells one command's pods from another's.
pub const RUN_LABEL: &str = "kubectl-mc/run";
/// The label with the hash of the node's name, which may be longer than a label or a pod's name.
pub const NODE_LABEL: &str = "kubectl-mc/node";

/// How long one probe may take: connection, TLS and answer over a slow line.
const PROBE_SECONDS: i64 = 5;
/// Nobody.
const USER: i64 = 65_535;

/// A pod to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbePod {
    pub name: String,
    pub node: String,
    /// All of it.
    pub manifest: Value,
}

/// One pod for each node that has an image for it, with one container for each target: on the node's network none
/// takes a port or an address.
///
/// `run` tells these pods from those of other commands.
pub fn pods(probing: &Probing, run: &str) -> Vec<ProbePod> {
    probing.nodes.iter().filter_map(|node| pod(probing, node, run)).collect()
}

/// The name of the container whose probe goes to this target.
pub fn container(probing: &Probing, target: &Target) -> String {
    let number = probing.targets().iter().position(|one| *one == target).unwrap_or_default();
    format!("probe-{number}")
}

/// Pinned by its name, not by the scheduler, which would keep it from a cordoned or tainted node.
fn pod(probing: &Probing, node: &ProbedNode, run: &str) -> Option<ProbePod> {
    let image = node.image.as_ref()?;
    let hash = short_hash(&node.name);
    let name = format!("kubectl-mc-reach-{run}-{hash}");
    let targets = probing.targets();
    let containers = targets.iter().map(|target| {
        json!({
            "name": container(probing, target),
            "image": image.name,
            "command": image.command,
            "imagePullPolicy": "Never",
            "readinessProbe": readiness_probe(target),
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        })
    });
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(run, &hash)},
        "spec": {
            "nodeName": node.name,
            "hostNetwork": true,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": runs_within(targets.len(), probing.nodes.len()).as_secs(),
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": containers.collect::<Vec<_>>(),
        },
    });
    Some(ProbePod { name, node: node.name.clone(), manifest })
}

fn labels(run: &str, node: &str) -> Value {
    json!({
        "app.kubernetes.io/managed-by": "kubectl-mc",
        "app.kubernetes.io/component": "reachability",
        RUN_LABEL: run,
        NODE_LABEL: node,
    })
}

/// Asked by the kubelet itself, from the node's network whatever the pod's is.
fn readiness_probe(target: &Target) -> Value {
    json!({
        "httpGet": {"scheme": target.scheme, "host": target.host, "port": target.port, "path": target.path},
        "periodSeconds": 1,
        "timeoutSeconds": PROBE_SECONDS,
    })
}

fn short_hash(text: &str) -> String {
    let number =
        Sha256::digest(text).iter().take(5).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:010x}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{container, pods};
    use crate::plan::reach::{
        node::{HostNode, fixture},
        probing::tests::{member, probing},
    };

    #[test]
    fn each_node_with_an_image_gets_one_pod_of_its_own() {
        let bare = HostNode { images: Vec::new(), ..fixture("bare") };
        let pods = pods(&probing(&[fixture("a"), bare, fixture("b")]), "1f2e3d4c");
        assert_eq!(pods.iter().map(|pod| pod.node.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_ne!(pods[0].name, pods[1].name);
        let long = fixture(&format!("{}.example.org", "n".repeat(200)));
        let pods = super::pods(&probing(&[long]), "1f2e3d4c");
        assert!(pods[0].name.len() <= 63, "{}", pods[0].name);
    }

    #[test]
    fn a_pod_pulls_nothing_holds_nothing_and_ends_by_itself() {
        let pod = &pods(&probing(&[fixture("a")]), "1f2e3d4c")[0];
        let spec = &pod.manifest["spec"];
        assert_eq!(spec["nodeName"], "a");
        assert_eq!(spec["hostNetwork"], true);
        assert_eq!(spec["automountServiceAccountToken"], false);
        assert_eq!(spec["tolerations"], json!([{"operator": "Exists"}]));
        assert_eq!(
            (&spec["activeDeadlineSeconds"], &spec["terminationGracePeriodSeconds"]),
            (&json!(60), &json!(0))
        );
        let container = &spec["containers"][0];
        assert_eq!(container["imagePullPolicy"], "Never");
        assert_eq!(container["command"], json!(null));
        assert_eq!(container["resources"], json!(null));
        assert_eq!(pod.manifest["metadata"]["labels"]["kubectl-mc/run"], "1f2e3d4c");
    }

    #[test]
    fn each_target_is_probed_by_a_container() {
        let mut probing = probing(&[fixture("a")]);
        probing.members.push(member("edge-2", "https://gate.example.org/edge-2"));
        let pod = &pods(&probing, "1f2e3d4c")[0];
        let probe = |number: usize| &pod.manifest["spec"]["containers"][number]["readinessProbe"]["httpGet"];
        assert_eq!(
            *probe(0),
            json!({"scheme": "HTTPS", "host": "10.0.0.1", "port": 6443, "path": "/readyz"})
        );
        assert_eq!(
            *probe(1),
            json!({"scheme": "HTTPS", "host": "gate.example.org", "port": 443, "path": "/edge-2/readyz"})
        );
        assert_eq!(container(&probing, &probing.members[1].target), "probe-1");
    }

    #[test]
    fn a_pod_of_many_containers_may_run_longer() {
        let mut probing = probing(&[fixture("a")]);
        probing.members =
            (1..=40).map(|n| member(&format!("edge-{n}"), &format!("https://10.0.0.{n}:6443"))).collect();
        let pod = &pods(&probing, "1f2e3d4c")[0];
        assert_eq!(pod.manifest["spec"]["activeDeadlineSeconds"], json!(99));
    }

    #[test]
    fn what_is_no_pause_sleeps() {
        let node = HostNode { images: vec!["prom/node-exporter:v1.3.1".to_owned()], ..fixture("a") };
        let pod = &pods(&probing(&[node]), "1f2e3d4c")[0];
        assert_eq!(pod.manifest["spec"]["containers"][0]["command"], json!(["sleep", "3600"]));
    }
}
