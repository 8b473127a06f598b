//! What changes in an object, and whether it is kept.

use http::Request;
use kube::api::{Patch, PatchParams, PostParams, ValidationDirective};
use kube::core::request::{Error as NotBuilt, Request as Requests};
pub use kubesphere::management::FIELD_MANAGER;
use serde_json::Value;

use crate::request_error::Object;

/// Whether the server keeps what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Stored,
    /// Requests carry `dryRun=All`.
    DryRun,
}

impl Persistence {
    pub(super) fn is_dry_run(self) -> bool {
        self == Self::DryRun
    }

    pub(super) fn of_creation(self) -> PostParams {
        PostParams { dry_run: self.is_dry_run(), field_manager: Some(FIELD_MANAGER.to_owned()) }
    }
}

/// A patch.
#[derive(Clone, Debug)]
pub struct Change {
    patch: Patch<Value>,
    subresource: Option<&'static str>,
    validation: Option<ValidationDirective>,
}

impl Change {
    pub fn merge(patch: Value) -> Self {
        Self { patch: Patch::Merge(patch), subresource: None, validation: None }
    }

    /// A JSON patch.
    ///
    /// # Panics
    /// Where the document is none: it is the program that writes them.
    pub fn json(document: Value) -> Self {
        let document = serde_json::from_value(document).expect("the planner writes JSON Patch");
        Self { patch: Patch::Json(document), subresource: None, validation: None }
    }

    /// Of this part of the object, such as `approval`.
    #[must_use]
    pub fn of_subresource(self, subresource: &'static str) -> Self {
        Self { subresource: Some(subresource), ..self }
    }

    /// The server drops fields that it does not know without a warning.
    #[must_use]
    pub fn unvalidated(self) -> Self {
        Self { validation: Some(ValidationDirective::Ignore), ..self }
    }

    pub(super) fn of_part(&self, object: Object) -> Object {
        match self.subresource {
            Some(subresource) => object.of_subresource(subresource),
            None => object,
        }
    }

    pub(super) fn request(
        &self,
        requests: &Requests,
        name: &str,
        persistence: Persistence,
    ) -> Result<Request<Vec<u8>>, NotBuilt> {
        let parameters = self.parameters(persistence);
        match self.subresource {
            Some(subresource) => requests.patch_subresource(subresource, name, &parameters, &self.patch),
            None => requests.patch(name, &parameters, &self.patch),
        }
    }

    pub(super) fn request_for_metadata(
        &self,
        requests: &Requests,
        name: &str,
        persistence: Persistence,
    ) -> Result<Request<Vec<u8>>, NotBuilt> {
        requests.patch_metadata(name, &self.parameters(persistence), &self.patch)
    }

    fn parameters(&self, persistence: Persistence) -> PatchParams {
        PatchParams {
            dry_run: persistence.is_dry_run(),
            field_manager: Some(FIELD_MANAGER.to_owned()),
            field_validation: self.validation.clone(),
            ..PatchParams::default()
        }
    }
}
