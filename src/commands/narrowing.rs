//! The webhook before Clusters, as earlier commands have left it.

use crate::{
    live::{connection::Connection, narrowing::webhook::look},
    plan::{
        narrowing::{Restoration, Standing},
        observed::Seen,
    },
};

/// What it takes to restore the webhook, where an earlier command has left it narrowed. Nothing is written.
pub(super) async fn left_narrowed(host: &Connection) -> Option<Restoration> {
    restoration(look(host).await)
}

/// The same of a webhook that was looked at. What cannot be read keeps nobody from a join.
pub(super) fn restoration(webhook: Seen<Standing>) -> Option<Restoration> {
    match webhook {
        Seen::Present(standing) => standing.into_restoration(),
        Seen::Absent | Seen::Unreadable(_) | Seen::Malformed(_) => None,
    }
}
