//! The webhook's configuration on the host: read, and changed by guarded patches.

use kubesphere::{
    cluster_webhook::{CONFIGURATION, ClusterWebhook},
    object::ObjectKind,
};

use tokio::time::Instant;

use super::failure::NarrowingFailure;
use crate::{
    checks::cluster_webhook,
    live::{
        connection::Connection,
        objects::{Change, Objects, Persistence},
        observe::{as_value, seen_if_possible},
        patience::{Patience, retry_until},
        request_error::{Cause, RequestError},
    },
    plan::{
        guarded_patch::Guarded,
        narrowing::{ANNOTATION, Field, NotNarrowed, Remark, Restoration, Standing, narrow, standing},
        observed::Seen,
    },
};

/// How often a patch is made anew because somebody else was faster.
pub(super) const ATTEMPTS: u32 = 5;

fn configurations(host: &Connection) -> Objects<'_> {
    Objects::of(host, ObjectKind::VALIDATING_WEBHOOK)
}

/// The configuration; hosts before KubeSphere 3.4 have none.
pub async fn read(host: &Connection) -> Result<Option<ClusterWebhook>, RequestError> {
    let found = configurations(host).find(CONFIGURATION).await?;
    Ok(found.map(|object| ClusterWebhook::new(as_value(&object))))
}

/// How the webhook stands, for those who can do without knowing it. One GET.
pub async fn look(host: &Connection) -> Seen<Standing> {
    let found = configurations(host).get(CONFIGURATION).await;
    seen_if_possible(found, |object| standing(&ClusterWebhook::new(as_value(&object))))
}

/// What there is to warn those of who list the Clusters. One GET; what cannot be read is nothing to warn of.
pub async fn warning(host: &Connection) -> Option<String> {
    cluster_webhook::warning(&look(host).await)
}

/// Sends a guarded patch. Somebody else's change since it was made shows as [`lost_race`].
pub async fn patch(
    host: &Connection,
    patch: &Guarded,
    persistence: Persistence,
) -> Result<ClusterWebhook, RequestError> {
    // A server that does not know match conditions shall drop them without a warning on the screen.
    let change = Change::json(patch.document()).unvalidated();
    let patched = configurations(host).patch(CONFIGURATION, &change, persistence).await?;
    Ok(ClusterWebhook::new(as_value(&patched)))
}

/// Whether a guard did not hold: a failing `test` answers 422, a write in between 409.
pub(super) fn lost_race(error: &RequestError) -> bool {
    matches!(error.cause, Cause::Conflict | Cause::Invalid { .. })
}

/// By which field the webhook would be narrowed for this Cluster; nothing where it does not stand. The API server itself
/// tells whether it keeps match conditions: older ones drop them silently, and in between a feature gate decides.
pub async fn field(host: &Connection, cluster: &str) -> Result<Option<Field>, NarrowingFailure> {
    for _ in 0..ATTEMPTS {
        let Some(webhook) = read(host).await? else { return Ok(None) };
        let wanted = match narrow(&webhook, cluster, Field::MatchConditions, host.clock.now()) {
            Ok(narrowing) => narrowing,
            Err(NotNarrowed::DoesNotStand) => return Ok(None),
            Err(NotNarrowed::Already(record)) => return Ok(Some(record.field)),
            Err(NotNarrowed::Left(restoration)) => return Ok(Some(restoration.record.field)),
            Err(NotNarrowed::Malformed(why)) => return Err(malformed(host, why)),
        };
        match patch(host, &wanted.patch, Persistence::DryRun).await {
            Ok(answer) if wanted.is_kept_by(&answer) => return Ok(Some(Field::MatchConditions)),
            Ok(_) => return Ok(Some(Field::Rules)),
            Err(error) if lost_race(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(NarrowingFailure::NotSettled { side: host.side.clone(), attempts: ATTEMPTS })
}

pub(super) fn malformed(host: &Connection, why: String) -> NarrowingFailure {
    NarrowingFailure::Malformed { side: host.side.clone(), annotation: ANNOTATION, why }
}

/// Restores what an earlier command has left narrowed, as it was seen or, where somebody was faster, as it is now.
/// Returns what is worth a word.
pub async fn restore_left(
    host: &Connection,
    seen: &Restoration,
    deadline: Instant,
) -> Result<Option<Remark>, String> {
    let mut restoration = seen.clone();
    let mut patience = Patience::until(&host.side, deadline);
    let mut lost = 0;
    while lost < ATTEMPTS {
        match restore(host, &restoration, Persistence::Stored).await {
            Ok(()) => return Ok(restoration.remark()),
            Err(error) if lost_race(&error) => lost += 1,
            Err(error) => {
                patience.bear(error).await.map_err(|failure| failure.in_full())?;
                continue;
            }
        }
        let now = retry_until(&host.side, deadline, async || read(host).await).await;
        match now.map_err(|failure| failure.in_full())?.map(|webhook| standing(&webhook)) {
            Some(Standing::Narrowed(now)) => restoration = *now,
            _ => return Ok(Some(Remark::OthersFaster)),
        }
    }
    Err(format!("it was changed by somebody else {ATTEMPTS} times in a row"))
}

/// Restores what an earlier command has left narrowed, if it still stands as it was seen.
pub async fn restore(
    host: &Connection,
    restoration: &Restoration,
    persistence: Persistence,
) -> Result<(), RequestError> {
    patch(host, &restoration.patch, persistence).await.map(drop)
}
