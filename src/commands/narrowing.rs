//! The webhook before Clusters, as earlier commands have left it.

use crate::{
    live::{connection::Connection, narrowing::webhook::look},
    plan::narrowing::{Restoration, Standing},
};

/// What it takes to restore the webhook, where an earlier command has left it narrowed. Nothing is written; what cannot
/// be read keeps nobody from a join.
pub(super) async fn left_narrowed(host: &Connection) -> Option<Restoration> {
    look(host).await.present().cloned().and_then(Standing::into_restoration)
}
