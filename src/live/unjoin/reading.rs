//! What is found of objects, and what of it may not be read.

use kube::core::ObjectMeta;
use kubesphere::object::{ExistingObject, ObjectRef};

use crate::{
    live::{
        connection::Connection,
        objects::Objects,
        observe::seen,
        request_error::{Cause, RequestError},
    },
    plan::observed::{Denied, Seen},
};

/// What was found, and what may not be read.
pub(super) struct Found<T> {
    pub(super) found: Vec<T>,
    pub(super) denied: Vec<Denied>,
}

impl<T> Found<T> {
    /// What is taken of what an answer holds.
    pub(super) fn of<S>(
        answer: Result<Vec<S>, RequestError>,
        take: impl FnMut(S) -> Option<T>,
    ) -> Result<Self, RequestError> {
        let (seen, denied) = seen_or_denied(answer)?;
        let all = if let Seen::Present(all) = seen { all } else { Vec::new() };
        Ok(Self { found: all.into_iter().filter_map(take).collect(), denied: denied.into_iter().collect() })
    }

    /// All of it, in this order.
    pub(super) fn all<const N: usize>(parts: [Self; N]) -> Self {
        let (mut found, mut denied) = (Vec::new(), Vec::new());
        for part in parts {
            found.extend(part.found);
            denied.extend(part.denied);
        }
        Self { found, denied }
    }
}

/// The object, where it is there; its metadata is all that is read.
pub(super) async fn existing(
    connection: &Connection,
    object: ObjectRef,
) -> Result<Found<ExistingObject>, RequestError> {
    let found = Objects::like(connection, &object).get_metadata(&object.name).await;
    Found::of(found.map(|metadata| vec![metadata]), |metadata| Some(existing_like(&object, metadata)))
}

/// The object that this is the metadata of, of the kind and in the namespace of another one.
pub(super) fn existing_like(like: &ObjectRef, metadata: ObjectMeta) -> ExistingObject {
    let name = metadata.name.unwrap_or_default();
    ExistingObject { object: ObjectRef { name, ..like.clone() }, uid: metadata.uid.unwrap_or_default() }
}

/// A fact to decide on, and what may not be done where that is why it is not known.
pub(super) fn seen_or_denied<T>(
    answer: Result<T, RequestError>,
) -> Result<(Seen<T>, Option<Denied>), RequestError> {
    let denied = match &answer {
        Err(RequestError { cause: Cause::Forbidden { .. }, verb, object, .. }) => Some(Denied {
            verb: verb.to_string(),
            resource: object.rule(),
            namespace: object.namespace().map(str::to_owned),
        }),
        _ => None,
    };
    Ok((seen(answer)?, denied))
}
