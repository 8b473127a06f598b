//! `--force`: by which field the webhook is narrowed, if at all.

use crate::{
    live::{
        connection::Connection,
        failure::Failure,
        narrowing::{failure::NarrowingFailure, webhook::field},
        request_error::{Cause, RequestError},
    },
    plan::{
        narrowing::{Field, Restoration},
        observed::Observed,
        unjoin::admission::{Admission, MemberHealth},
    },
};

/// By which field the webhook has to be narrowed for the Cluster of this name, if at all. With `sends` the API server is
/// asked by a request with `dryRun=All`, else its version foretells it.
pub(super) async fn forced(
    host: &Connection,
    observed: &Observed,
    admission: &Admission,
    left: Option<&Restoration>,
    (name, sends): (&str, bool),
) -> Result<Option<Field>, RequestError> {
    // What an earlier command has left narrowed lets everything pass.
    if let Some(left) = left.filter(|left| left.concerns(name)) {
        return Ok(Some(left.record.field));
    }
    let foretold = Field::foretold_by(&observed.kubernetes);
    match admission {
        Admission::Unasked(MemberHealth::Doubtful(_)) => Ok(Some(foretold)),
        Admission::Denies(_) | Admission::Silent(_) if !sends => Ok(Some(foretold)),
        Admission::Denies(_) | Admission::Silent(_) => match field(host, name).await {
            Ok(field) => Ok(field),
            // Among the permissions it is said which one is missing; a race or a foreign annotation, when it is narrowed.
            Err(NarrowingFailure::Failure(Failure::Request(error))) if !is_forbidden(&error) => Err(error),
            Err(_) => Ok(Some(foretold)),
        },
        Admission::NotAsked
        | Admission::Unguarded
        | Admission::Passes
        | Admission::NotCalled(_)
        | Admission::DeniedByOther(_)
        | Admission::Unasked(_) => Ok(None),
    }
}

fn is_forbidden(error: &RequestError) -> bool {
    matches!(error.cause, Cause::Forbidden { .. })
}
