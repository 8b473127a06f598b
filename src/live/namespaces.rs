//! The namespaces that a join writes to, as far as they are being deleted.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kubesphere::cluster_configuration::NAMESPACE;

use super::{
    connection::Connection,
    objects::Objects,
    observe::{FEDERATION_NAMESPACE, seen_if_possible},
};
use crate::plan::{observed::Seen, surroundings::TerminatingNamespace};

/// Where we write, where the installer and the host's controller do (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
const WRITTEN: [&str; 2] = [NAMESPACE, FEDERATION_NAMESPACE];

/// Those that are being deleted; one that is not there yet is made when it is needed.
pub(super) async fn terminating(connection: &Connection) -> Seen<Vec<TerminatingNamespace>> {
    let namespaces = Objects::<Namespace>::on(connection);
    let found = join_all(WRITTEN.map(|name| namespaces.get(name))).await;
    let (mut terminating, mut unread) = (Vec::new(), None);
    for namespace in found {
        match seen_if_possible(namespace, going) {
            Seen::Present(found) => terminating.extend(found),
            Seen::Absent => {}
            Seen::Unreadable(why) | Seen::Malformed(why) => unread = Some(why),
        }
    }
    match unread {
        Some(why) if terminating.is_empty() => Seen::Unreadable(why),
        _ => Seen::Present(terminating),
    }
}

fn going(namespace: Namespace) -> Option<TerminatingNamespace> {
    namespace.metadata.deletion_timestamp.as_ref()?;
    // Of the conditions those that are true tell what is left, or what failed (Kubernetes
    // `pkg/controller/namespace/deletion/status_condition_utils.go@v1.34.0`).
    let conditions = namespace.status.and_then(|status| status.conditions).unwrap_or_default();
    let remaining = conditions.into_iter().filter(|condition| condition.status == "True");
    let remaining = remaining.filter_map(|condition| condition.message.filter(|message| !message.is_empty()));
    Some(TerminatingNamespace {
        name: namespace.metadata.name.unwrap_or_default(),
        finalizers: namespace.metadata.finalizers.unwrap_or_default(),
        remaining: remaining.collect(),
    })
}
