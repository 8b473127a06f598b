//! Looking at what a join to a host of KubeSphere 4 has left on a member.

use kubesphere::{cluster_configuration::NAMESPACE, object::ObjectKind};

use super::{
    installed::{Reading, installed},
    traces::credential,
};
use crate::{
    live::{
        connection::Connection,
        core::core,
        request_error::{RequestError, Verb},
    },
    plan::{
        core::Core,
        observed::{Denied, Seen},
        unjoin::{core::CoreSeen, trace::Traces},
    },
};

/// Looks at everything at once.
pub async fn traces(member: &Connection, uninstalls: bool) -> Result<Traces, RequestError> {
    let installed = async { if uninstalls { Box::pin(installed(member)).await.map(Some) } else { Ok(None) } };
    let core = async { Ok(core(member).await) };
    let (credential, core, installed) = tokio::try_join!(credential(member), core, installed)?;
    let (installed, unread) = installed.map(|Reading { found, denied }| (found, denied)).unzip();
    let denied = credential.denied.into_iter().chain(unclaimed(&core)).chain(unread.into_iter().flatten());
    Ok(Traces {
        kubefed: Vec::new(),
        federation_namespace: None,
        credential: credential.found,
        namespaces: Seen::Absent,
        denied: denied.collect(),
        core: Some(CoreSeen { core, installed }),
    })
}

/// Whose it is has to be known.
fn unclaimed(core: &Core) -> Option<Denied> {
    core.claim.unreadable().map(|_| Denied {
        verb: Verb::Get.to_string(),
        resource: ObjectKind::NAMESPACE.qualified(),
        namespace: Some(NAMESPACE.to_owned()),
    })
}
