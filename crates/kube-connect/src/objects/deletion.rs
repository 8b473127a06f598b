//! Which object is deleted, and how.

use http::{Request, Uri};
use kube::api::{DeleteParams, ListParams, Preconditions, PropagationPolicy};
use kube::core::request::{Error as NotBuilt, Request as Requests};

use super::Persistence;

/// How an object is deleted.
#[derive(Clone, Debug)]
pub struct Deletion {
    parameters: DeleteParams,
}

impl Deletion {
    /// Of this very object, and of no later one of the same name.
    pub fn of(uid: impl Into<String>) -> Self {
        let guard = Preconditions { uid: Some(uid.into()), resource_version: None };
        Self { parameters: DeleteParams::default().preconditions(guard) }
    }

    /// Of whatever has the name.
    pub fn by_name() -> Self {
        Self { parameters: DeleteParams::default() }
    }

    /// What belongs to it goes behind it, as kubectl and helm delete; some kinds would orphan it by default.
    #[must_use]
    pub fn with_dependents(self) -> Self {
        let propagation_policy = Some(PropagationPolicy::Background);
        Self { parameters: DeleteParams { propagation_policy, ..self.parameters } }
    }

    /// Only as it was seen: a change in between is a [`Cause::Conflict`].
    #[must_use]
    pub fn at_version(self, version: impl Into<String>) -> Self {
        let guard = self.parameters.preconditions.unwrap_or_default();
        let guard = Preconditions { resource_version: Some(version.into()), ..guard };
        Self { parameters: DeleteParams { preconditions: Some(guard), ..self.parameters } }
    }

    /// A pod's containers are killed at once.
    #[must_use]
    pub fn without_grace(self) -> Self {
        Self { parameters: self.parameters.grace_period(0) }
    }

    #[must_use]
    pub fn with(self, persistence: Persistence) -> Self {
        Self { parameters: DeleteParams { dry_run: persistence.is_dry_run(), ..self.parameters } }
    }

    pub(super) fn request(&self, requests: &Requests, name: &str) -> Result<Request<Vec<u8>>, NotBuilt> {
        requests.delete(name, &self.parameters).map(|request| self.said_in_address(request))
    }

    pub(super) fn request_for_all(
        &self,
        requests: &Requests,
        parameters: &ListParams,
    ) -> Result<Request<Vec<u8>>, NotBuilt> {
        let request = requests.delete_collection(&self.parameters, parameters);
        request.map(|request| self.said_in_address(request))
    }

    /// A dry run says so in its address too, where kube says it in the body alone: an audit log shows the address.
    fn said_in_address(&self, mut request: Request<Vec<u8>>) -> Request<Vec<u8>> {
        if self.parameters.dry_run {
            let uri = request.uri();
            let separator = if uri.query().is_none_or(str::is_empty) { "" } else { "&" };
            let uri: Result<Uri, _> = format!("{uri}{separator}dryRun=All").parse();
            *request.uri_mut() = uri.expect("a path with another parameter is one");
        }
        request
    }

    /// The UID that guards it, where nothing else does.
    pub(super) fn guarded_uid(&self) -> Option<&str> {
        let guard =
            self.parameters.preconditions.as_ref().filter(|guard| guard.resource_version.is_none())?;
        guard.uid.as_deref()
    }
}
