//! What there is on the host of the member that leaves, as its KubeSphere has it.

use std::future::ready;

use kubesphere::{
    object::{ExistingObject, ObjectKind},
    versions::Generation,
};
use tokio::sync::oneshot::Sender;

use super::{connect::Clusters, forced::forced};
use crate::{
    commands::narrowing::left_narrowed,
    live::{
        connection::Connection,
        identify::probe_all,
        observe::observe_since,
        request_error::{Cause, RequestError},
        unjoin::{admission::admission, host_remains::host_remains},
    },
    plan::{
        narrowing::{Field, Restoration},
        observed::{Denied, Observed},
        unjoin::admission::Admission,
    },
};

pub(super) struct HostSeen {
    pub(super) observed: Observed,
    /// What kubefed has of the name.
    pub(super) remains: Vec<ExistingObject>,
    /// What of that may not be read.
    pub(super) untold: Vec<Denied>,
    pub(super) admission: Admission,
    pub(super) forced: Option<Field>,
    pub(super) narrowed: Option<Restoration>,
}

/// `sends`: whether anything at all may be sent that is not a mere question. Which KubeSphere it is is told as soon as it is known.
pub(super) async fn of_host(
    clusters: &Clusters,
    before: Option<&Observed>,
    sends: bool,
    tell: Sender<Option<Generation>>,
) -> Result<HostSeen, RequestError> {
    let observing = Box::pin(observe_since(&clusters.host, before));
    // Boxed, because many requests are more state than a stack should carry around.
    if before.and_then(Observed::generation) == Some(Generation::Three) {
        return Box::pin(of_3(&clusters.host, clusters, observing, sends)).await;
    }
    let observed = observing.await?;
    let generation = observed.generation();
    // Nobody waits for it where the member is not asked.
    let _ = tell.send(generation);
    match generation {
        Some(Generation::Four) => Ok(of_4(&clusters.intent.name, observed)),
        _ => Box::pin(of_3(&clusters.host, clusters, ready(Ok(observed)), sends)).await,
    }
}

/// It has no kubefed, and no webhook before Clusters but one that 3.4 has left, which a check tells.
fn of_4(name: &str, observed: Observed) -> HostSeen {
    let stands = observed.cluster_named(name).is_some();
    HostSeen {
        admission: if stands { Admission::Unguarded } else { Admission::NotAsked },
        observed,
        remains: Vec::new(),
        untold: Vec::new(),
        forced: None,
        narrowed: None,
    }
}

async fn of_3(
    host: &Connection,
    clusters: &Clusters,
    observing: impl Future<Output = Result<Observed, RequestError>>,
    sends: bool,
) -> Result<HostSeen, RequestError> {
    let name = &clusters.intent.name;
    let left = async { Ok(left_narrowed(host).await) };
    let asked = async {
        let observed = observing.await?;
        let cluster = observed.cluster_named(name).filter(|cluster| !cluster.is_host());
        let admission = admission(host, cluster, sends).await;
        Ok((observed, admission))
    };
    let (remains, narrowed, (observed, admission)) = tokio::try_join!(host_remains(host, name), left, asked)?;
    let cluster = observed.cluster_named(name).filter(|cluster| !cluster.is_host());
    // Who may not ask is told so, with the verb, among the permissions.
    let (admission, denied) = match admission {
        Err(RequestError { cause: Cause::Forbidden { .. }, verb, .. }) => (Admission::NotAsked, Some(verb)),
        answer => (answer?, None),
    };
    let doubted = cluster.filter(|_| admission.denial().is_some()).cloned();
    let stored = probe_all(doubted, None, &clusters.places).await;
    let denied = denied.map(|verb| Denied {
        verb: verb.to_string(),
        resource: ObjectKind::CLUSTER.qualified(),
        namespace: None,
    });
    let (remains, untold) = remains;
    let forced = if clusters.intent.force {
        forced(host, &observed, &admission, narrowed.as_ref(), (name, sends)).await?
    } else {
        None
    };
    Ok(HostSeen {
        observed: Observed { denied: denied.into_iter().collect(), stored, ..observed },
        remains,
        untold,
        admission,
        forced,
        narrowed,
    })
}
