//! Which cluster stands behind a registered one, where its status does not tell.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use kubesphere::{cluster::RegisteredCluster, side::Side};
use secrecy::ExposeSecret as _;

use super::{
    connection::Connection,
    environment::Environment,
    kubeconfig::ConnectionOptions,
    observe::kube_system_uid,
    request_error::Cause,
    selected_context::{SelectedContext, select},
};

/// A member that is gone must not hold up a join.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Asks the member for the UID of its kube-system, through the kubeconfig that the host has stored.
///
/// KubeSphere 3.1 and 3.2 do not record it (kubesphere `cluster_types.go@v3.2.1`), and no version does before
/// its controller has reached the member.
pub(super) async fn identified(mut cluster: RegisteredCluster) -> RegisteredCluster {
    if cluster.member_uid().is_none() && !cluster.is_host() && cluster.is_direct() {
        cluster.asked_uid = identity(&cluster, ANSWERS_WITHIN).await.ok();
    }
    cluster
}

/// Whether the member of a Cluster answers here through the kubeconfig that the host has stored.
pub(super) async fn answers(cluster: &RegisteredCluster) -> bool {
    identity(cluster, ANSWERS_WITHIN).await.is_ok()
}

/// Why a member could not be asked through what is stored of it.
#[derive(Debug, thiserror::Error)]
pub enum Unidentified {
    /// There is nothing to ask it with.
    #[error("no kubeconfig is stored")]
    NotStored,
    /// It cannot be read, or names nothing that one can connect to.
    #[error("the stored kubeconfig is not one that can be used")]
    Unusable,
    /// What somebody stored on the host must neither start a program on this machine nor have a file of it sent to a
    /// server of their choice.
    #[error("the stored kubeconfig names a program or a file, which are not taken from this machine")]
    NotSelfContained,
    /// No answer, or a refusal.
    #[error("{0}")]
    Unanswered(Cause),
}

/// The UID of the member's kube-system, asked through the stored kubeconfig and from this machine.
pub async fn identity(cluster: &RegisteredCluster, within: Duration) -> Result<String, Unidentified> {
    let context = stored_context(cluster)?;
    let asked = async {
        let connection = Connection::open(context, &Environment::of_process(), Some(within)).await;
        // What it fails with is what was stored: the kinds of authentication that it cannot have are told above.
        let connection = connection.map_err(|_| Unidentified::Unusable)?;
        kube_system_uid(&connection).await.map_err(|error| Unidentified::Unanswered(error.cause))
    };
    let late = |_| Err(Unidentified::Unanswered(Cause::TimedOut { after: within }));
    tokio::time::timeout(within, asked).await.unwrap_or_else(late)
}

fn stored_context(cluster: &RegisteredCluster) -> Result<SelectedContext, Unidentified> {
    let stored = cluster.kubeconfig_base64().ok_or(Unidentified::NotStored)?;
    let text = STANDARD.decode(stored.expose_secret()).map_err(|_| Unidentified::Unusable)?;
    let kubeconfig: Kubeconfig = serde_yaml::from_slice(&text).map_err(|_| Unidentified::Unusable)?;
    let context = select(&kubeconfig, Side::member, &ConnectionOptions::default());
    let context = context.map_err(|_| Unidentified::Unusable)?;
    if is_self_contained(&context) { Ok(context) } else { Err(Unidentified::NotSelfContained) }
}

fn is_self_contained(context: &SelectedContext) -> bool {
    let Cluster { certificate_authority, .. } = &context.cluster;
    let AuthInfo { exec, auth_provider, token_file, client_certificate, client_key, .. } = &context.user;
    let files = [certificate_authority, token_file, client_certificate, client_key];
    exec.is_none() && auth_provider.is_none() && files.iter().all(|file| file.is_none())
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::{Kubeconfig, is_self_contained};
    use crate::live::{kubeconfig::ConnectionOptions, selected_context::select};

    fn stored(user: &str) -> bool {
        let text = format!(
            "{{clusters: [{{name: a, cluster: {{server: 'https://192.0.2.1'}}}}], users: [{{name: a, user: {user}}}], \
             contexts: [{{name: a, context: {{cluster: a, user: a}}}}], current-context: a}}"
        );
        let kubeconfig: Kubeconfig = serde_yaml::from_str(&text).unwrap();
        is_self_contained(&select(&kubeconfig, Side::member, &ConnectionOptions::default()).unwrap())
    }

    #[test]
    fn no_file_and_no_program_of_this_machine_is_used_for_a_stored_kubeconfig() {
        assert!(stored("{token: abc}"));
        for user in [
            "{tokenFile: /etc/passwd}",
            "{client-certificate: /a, client-key: /b}",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: touch}}",
        ] {
            assert!(!stored(user), "{user}");
        }
    }
}
