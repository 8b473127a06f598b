//! The ConfigMap `devops-config`: what ks-devops, which KubeSphere has from 3.2, runs with.
//!
//! It has a jwtSecret of its own, under the key and path of kubesphere-config (ks-devops-helm-chart
//! `charts/ks-devops/templates/config.yaml`). The installer fills it from the Secret kubesphere-secret, but only when it
//! installs DevOps (ks-installer `roles/ks-devops/tasks/ci.yaml`, `playbooks/devops.yaml`): a cluster that had DevOps
//! before it got another secret keeps the old one there.

use super::shell_word::shell_word;

/// The ConfigMap's name.
pub const NAME: &str = "devops-config";
/// Its namespace.
pub const NAMESPACE: &str = "kubesphere-devops-system";
/// What reads it at its start; the init container of each signs Jenkins' token with its jwtSecret (ks-devops
/// `cmd/tools/jwt/app/jwt_root.go`).
pub const DEPLOYMENTS: [&str; 2] = ["devops-apiserver", "devops-controller"];

/// The command that opens it in an editor.
pub fn edit(context: &str) -> String {
    format!("{} edit configmap {NAME}", kubectl(context))
}

/// The command that restarts what reads it.
pub fn restart(context: &str) -> String {
    format!("{} rollout restart deployment {}", kubectl(context), DEPLOYMENTS.join(" "))
}

fn kubectl(context: &str) -> String {
    format!("kubectl --context {} -n {NAMESPACE}", shell_word(context))
}
