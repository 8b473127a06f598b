//! The ConfigMap `devops-config`: what ks-devops, which KubeSphere has from 3.2, runs with.
//!
//! It has a jwtSecret of its own, under the key and path of kubesphere-config (ks-devops-helm-chart
//! `charts/ks-devops/templates/config.yaml`). The installer fills it from the Secret kubesphere-secret, but only when it
//! installs DevOps (ks-installer `roles/ks-devops/tasks/ci.yaml`, `playbooks/devops.yaml`): a cluster that had DevOps
//! before it got another secret keeps the old one there.

use super::{command::Kubectl, side::Side};

pub const NAME: &str = "devops-config";
pub const NAMESPACE: &str = "kubesphere-devops-system";
/// What reads it at its start; the init container of each signs Jenkins' token with its jwtSecret (ks-devops
/// `cmd/tools/jwt/app/jwt_root.go`).
pub const DEPLOYMENTS: [&str; 2] = ["devops-apiserver", "devops-controller"];

/// The command that opens it in an editor.
pub fn edit(side: &Side) -> String {
    kubectl(side).words("edit configmap").words(NAME).to_string()
}

/// The command that restarts what reads it.
pub fn restart(side: &Side) -> String {
    kubectl(side).words("rollout restart deployment").words(&DEPLOYMENTS.join(" ")).to_string()
}

fn kubectl(side: &Side) -> Kubectl {
    Kubectl::on(side).namespace(NAMESPACE)
}
