//! Doing the controller's part for a Cluster that goes, where it is down or fails at the member that is gone.

use kubesphere::{cluster::FINALIZER, object::ObjectKind};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::{
    admission::{judged, send},
    failure::NarrowingFailure,
    removal::{CONTROLLER_WITHIN, Deleting, PAUSE, Removal, Removed, TRY},
};
use crate::{
    live::{
        objects::{Change, Deletion, Objects, Persistence},
        observe::FEDERATION_NAMESPACE,
        patience::retry_until,
        report::{Event, Notice},
        request_error::Cause,
    },
    plan::unjoin::admission::Admission,
};

impl Removal<'_> {
    /// What the controller does for a Cluster that goes: its `KubeFedCluster` and the Secret with the member's token are
    /// deleted, then its finalizer is taken off (kubesphere `pkg/controller/cluster/join.go@v3.4.1`, unJoinFederation).
    pub(super) async fn finalize(&self, object: Deleting) -> Result<Removed, NarrowingFailure> {
        let seconds = CONTROLLER_WITHIN.as_secs();
        let cluster = self.cluster.to_owned();
        self.tell(Event::Notice(Notice::ControllerAway { cluster, seconds }));
        self.delete_federated(ObjectKind::KUBEFED_CLUSTER, self.cluster).await?;
        self.delete_federated(ObjectKind::SECRET, &format!("{}-secret", self.cluster)).await?;
        self.until_finalized(object).await
    }

    /// Takes the finalizer off as often as it takes: others write the Cluster too, and an API server may be away.
    async fn until_finalized(&self, object: Deleting) -> Result<Removed, NarrowingFailure> {
        let (mut left, mut undone) = (Some(object), 0);
        while let Some(object) = left {
            let position = object.position_of_finalizer().filter(|_| Instant::now() < self.deadline);
            let position = position.ok_or_else(|| self.stays(&object))?;
            if let Some(why) = self.take_finalizer(position).await? {
                self.tell(Event::Stands(why));
                self.narrow_again(&mut undone).await?;
            }
            left = self.look().await?;
            if left.is_some() {
                sleep(PAUSE).await;
            }
        }
        Ok(Removed::ByUs)
    }

    /// Sends the patch once; why nothing came of it, where the webhook denies it. Whether it was carried out shows when
    /// the Cluster is looked for.
    async fn take_finalizer(&self, position: usize) -> Result<Option<String>, NarrowingFailure> {
        let path = format!("/metadata/finalizers/{position}");
        let document = json!([
            {"op": "test", "path": "/metadata/uid", "value": self.uid},
            {"op": "test", "path": path, "value": FINALIZER},
            {"op": "remove", "path": path},
        ]);
        let change = Change::json(document);
        let answer = timeout(TRY, send(self.host, self.cluster, &change, Persistence::Stored)).await;
        let Ok(Err(error)) = answer else { return Ok(None) };
        match judged(error) {
            Ok(Admission::Denies(why) | Admission::NotCalled(why) | Admission::Silent(why)) => Ok(Some(why)),
            Ok(Admission::DeniedByOther(why)) => Err(self.denied_by_other(why)),
            Ok(_) => Ok(None),
            Err(error) if has_moved(&error.cause) || error.cause.may_pass() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes this very object, which a join under the same name may have made anew by then.
    async fn delete_federated(&self, kind: ObjectKind, name: &str) -> Result<(), NarrowingFailure> {
        let objects = Objects::of(self.host, kind).in_namespace(FEDERATION_NAMESPACE);
        let ask = async || match objects.find_metadata(name).await? {
            Some(found) => objects.remove(name, &Deletion::of(found.uid.unwrap_or_default())).await,
            None => Ok(false),
        };
        retry_until(&self.host.side, self.deadline, ask).await?;
        Ok(())
    }
}

/// Whether the object has changed so that a guard failed.
fn has_moved(cause: &Cause) -> bool {
    matches!(cause, Cause::Conflict | Cause::Invalid { .. })
}
