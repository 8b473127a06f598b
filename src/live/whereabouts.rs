//! Which cluster a context leads to, asked of many contexts at once.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::timeout;

use super::{
    connection::Connection,
    environment::Environment,
    observe::{kube_system_uid, observe},
    selected_context::SelectedContext,
};
use crate::plan::observed::Observed;

/// A kubeconfig may be full of clusters that are gone.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How many contexts are asked at the same time.
const ASKED_AT_ONCE: usize = 16;

/// A context whose cluster has answered.
pub struct Whereabouts {
    /// The context's name.
    pub context: String,
    /// The address in it.
    pub server: String,
    /// The UID of the cluster's kube-system.
    pub uid: String,
    connection: Connection,
}

/// Those of the contexts whose clusters answer; of the others nothing is known.
pub async fn whereabouts(
    contexts: Vec<SelectedContext>,
    environment: &Environment,
    request_timeout: Option<Duration>,
) -> Vec<Whereabouts> {
    let each = contexts.into_iter().map(|context| {
        let asked = ask(context, environment, request_timeout);
        async { timeout(ANSWERS_WITHIN, asked).await.ok().flatten() }
    });
    stream::iter(each).buffered(ASKED_AT_ONCE).filter_map(async |answer| answer).collect().await
}

async fn ask(
    context: SelectedContext,
    environment: &Environment,
    request_timeout: Option<Duration>,
) -> Option<Whereabouts> {
    let name = context.name.clone();
    let connection = Connection::open(context, environment, request_timeout).await.ok()?;
    let uid = kube_system_uid(&connection).await.ok()?;
    Some(Whereabouts { context: name, server: connection.server.clone(), uid, connection })
}

impl Whereabouts {
    /// All that a first look shows of the cluster.
    pub async fn look(&self) -> Option<Observed> {
        timeout(ANSWERS_WITHIN, observe(&self.connection)).await.ok()?.ok()
    }
}
