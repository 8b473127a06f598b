//! What our own layer adds to kube's errors, so that their cause can be told.

use std::time::Duration;

use super::shown::Shown;

/// No answer, or not all of it, within the request timeout.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} ms", after.as_millis())]
pub struct RequestTimedOut {
    /// The timeout.
    pub after: Duration,
}

/// A request without an answer; remembers which server was asked, as the transport's errors do not.
#[derive(Debug, thiserror::Error)]
#[error("{address}")]
pub(super) struct NoAnswer {
    pub(super) address: String,
    /// What was shown to it.
    pub(super) shown: Shown,
    pub(super) source: kube::Error,
}
