//! Whether the host's admission lets a Cluster go: asked of it, without changing anything.

use std::time::Duration;

use kubesphere::cluster::RegisteredCluster;
use tokio::time::{Instant, sleep};

use crate::{
    live::{
        connection::Connection,
        identify::probe_shortly,
        narrowing::{admission::attempt, webhook::read},
        observe::seen,
        request_error::RequestError,
    },
    plan::{
        observed::Seen,
        unjoin::admission::{Admission, MemberHealth},
    },
};

/// How long a webhook may take; the API server gives up on it after 30 s at most.
const ANSWERS_WITHIN: Duration = Duration::from_secs(35);
/// How long a webhook may be away, so that it is only a restart.
const CALLED_WITHIN: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks, where a webhook stands before Clusters or nobody may see whether one does. `sends`: whether a request with
/// `dryRun=All` may be sent.
pub async fn admission(
    host: &Connection,
    cluster: Option<&RegisteredCluster>,
    sends: bool,
) -> Result<Admission, RequestError> {
    let Some(cluster) = cluster else { return Ok(Admission::NotAsked) };
    if guards(host).await?.present() == Some(&false) {
        return Ok(Admission::Unguarded);
    }
    if !sends {
        return Ok(Admission::Unasked(MemberHealth::of(cluster, &probe_shortly(cluster).await)));
    }
    ask(host, cluster).await
}

/// Whether the webhook stands before every update of a Cluster; where that may not be read, nobody knows.
async fn guards(host: &Connection) -> Result<Seen<bool>, RequestError> {
    Ok(match seen(read(host).await)? {
        Seen::Present(webhook) => Seen::Present(webhook.is_some_and(|webhook| webhook.looks_at_updates())),
        Seen::Absent => Seen::Present(false),
        Seen::Unreadable(why) | Seen::Malformed(why) => Seen::Unreadable(why),
    })
}

/// Asks until KubeSphere's webhook is there to answer: its controller may restart, and the installer may have renewed its
/// certificate just now.
async fn ask(host: &Connection, cluster: &RegisteredCluster) -> Result<Admission, RequestError> {
    let until = Instant::now() + CALLED_WITHIN;
    loop {
        let admission = attempt(host, (cluster.name(), cluster.object_uid()), ANSWERS_WITHIN).await?;
        if !matches!(admission, Admission::NotCalled(_)) {
            return Ok(admission);
        }
        let admission = admission.knowing(&MemberHealth::of(cluster, &probe_shortly(cluster).await));
        if matches!(admission, Admission::Denies(_)) || Instant::now() >= until {
            return Ok(admission);
        }
        sleep(PAUSE).await;
    }
}
