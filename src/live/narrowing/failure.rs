//! Why a webhook could not be narrowed, or its Cluster not be taken out behind it.

use kubesphere::side::Side;

use crate::live::{failure::Failure, request_error::RequestError};

/// Why it came to no good end.
#[derive(Debug, thiserror::Error)]
pub enum NarrowingFailure {
    /// A request failed, or the time was up.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// Somebody else changes the webhook at the same time.
    #[error("{side}: the webhook was changed by somebody else {attempts} times in a row")]
    NotSettled {
        side: Side,
        /// How often it was tried.
        attempts: u32,
    },
    /// There is an annotation of our name that is not ours.
    #[error(
        "{side}: the webhook cannot be narrowed: its annotation {annotation} is not as kubectl-mc writes it ({why})"
    )]
    Malformed {
        side: Side,
        annotation: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The narrowing has not come into effect.
    #[error(
        "{side}: timed out while waiting until the webhook lets updates of Cluster \"{cluster}\" pass: {last}"
    )]
    NotEffective {
        side: Side,
        cluster: String,
        /// What the API server said last.
        last: String,
    },
    /// Something else than KubeSphere's webhook keeps the Cluster from being changed.
    #[error("{side}: Cluster \"{cluster}\" cannot be deleted: {why}")]
    DeniedByOther {
        side: Side,
        cluster: String,
        /// What the API server said.
        why: String,
    },
    /// The Cluster stays although its update would pass.
    #[error("{side}: timed out while waiting until Cluster \"{cluster}\" is gone: {last}")]
    Stays {
        side: Side,
        cluster: String,
        /// What is known of it.
        last: String,
    },
}

impl From<RequestError> for NarrowingFailure {
    fn from(error: RequestError) -> Self {
        Self::Failure(error.into())
    }
}
