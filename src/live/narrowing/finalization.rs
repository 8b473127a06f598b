//! Doing the controller's part for a Cluster that goes, where it is down or fails at the member that is gone.

use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::{
    admission::{judged, send},
    failure::NarrowingFailure,
    removal::{CONTROLLER_WITHIN, Deleting, PAUSE, Removal, Removed, TRY},
};
use crate::{
    kubesphere::cluster::FINALIZER,
    live::{
        apply::FIELD_MANAGER,
        observe::FEDERATION_NAMESPACE,
        patience::{may_pass, patiently},
        report::{Event, Note},
        request_error::{Cause, Object, RequestError, Verb, request},
    },
    plan::unjoin::admission::Admission,
};

impl Removal<'_> {
    /// What the controller does for a Cluster that goes: its `KubeFedCluster` and the Secret with the member's token are
    /// deleted, then its finalizer is taken off (kubesphere `pkg/controller/cluster/join.go@v3.4.1`, unJoinFederation).
    pub(super) async fn finalize(&self, object: Deleting) -> Result<Removed, NarrowingFailure> {
        let seconds = CONTROLLER_WITHIN.as_secs();
        let cluster = self.cluster.to_owned();
        self.tell(Event::Note(Note::ControllerAway { cluster, seconds }));
        let federated = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("core.kubefed.io", "v1beta1", "KubeFedCluster"),
            "kubefedclusters",
        );
        let secret = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", "Secret"), "secrets");
        self.delete_federated(&federated, self.cluster).await?;
        self.delete_federated(&secret, &format!("{}-secret", self.cluster)).await?;
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
        let document = serde_json::from_value(document).expect("this is JSON Patch");
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let change = Patch::Json(document);
        let answer = timeout(TRY, send(self.host, self.cluster, &change, &parameters)).await;
        let Ok(Err(error)) = answer else { return Ok(None) };
        match judged(error) {
            Ok(Admission::Denies(why) | Admission::NotCalled(why) | Admission::Silent(why)) => Ok(Some(why)),
            Ok(Admission::DeniedByOther(why)) => Err(self.denied_by_other(why)),
            Ok(_) => Ok(None),
            Err(error) if has_moved(&error.cause) || may_pass(&error.cause) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes this very object, which a join under the same name may have made anew by then.
    async fn delete_federated(&self, resource: &ApiResource, name: &str) -> Result<(), NarrowingFailure> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.host.client.clone(), FEDERATION_NAMESPACE, resource);
        let object = Object::all(resource.group.as_str(), resource.plural.as_str())
            .named(name)
            .in_namespace(FEDERATION_NAMESPACE);
        let ask = async || {
            let uid = match request(&self.host.side, Verb::Get, &object, api.get_metadata(name)).await {
                Ok(found) => found.metadata.uid,
                Err(RequestError { cause: Cause::NotFound, .. }) => return Ok(()),
                Err(error) => return Err(error),
            };
            let preconditions = Some(Preconditions { uid, resource_version: None });
            let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
            match request(&self.host.side, Verb::Delete, &object, api.delete(name, &parameters)).await {
                Ok(_) | Err(RequestError { cause: Cause::NotFound | Cause::Conflict, .. }) => Ok(()),
                Err(error) => Err(error),
            }
        };
        Ok(patiently(&self.host.side, self.deadline, ask).await?)
    }
}

/// Whether the object has changed so that a guard failed.
fn has_moved(cause: &Cause) -> bool {
    matches!(cause, Cause::Conflict | Cause::Invalid { .. })
}
