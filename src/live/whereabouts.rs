//! Which cluster a context leads to, asked of many contexts at once.

use std::time::Duration;

use tokio::time::timeout_at;

use super::{
    connection::Connection,
    environment::Environment,
    observe::{kube_system_uid, observe},
    places::Places,
    selected_context::SelectedContext,
    time_limit::within,
};
use crate::plan::observed::Observed;

/// A kubeconfig may be full of clusters that are gone.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// A context whose cluster has answered.
pub struct Whereabouts {
    pub context: String,
    /// The address in it.
    pub server: String,
    /// The UID of the cluster's kube-system.
    pub uid: String,
    connection: Connection,
}

/// A context of whose cluster nothing is known.
pub struct Unanswered {
    pub context: String,
    /// Why there is no answer.
    pub why: String,
}

/// Where the contexts lead to whose clusters answer, and the other contexts.
pub async fn whereabouts(
    contexts: Vec<SelectedContext>,
    places: &Places,
    environment: &Environment,
    request_timeout: Option<Duration>,
) -> (Vec<Whereabouts>, Vec<Unanswered>) {
    let answers = places.each(contexts, async |context: SelectedContext| {
        let name = context.name.clone();
        let late = |_| Err(format!("no answer within {} s", ANSWERS_WITHIN.as_secs()));
        let asked = ask(context, places, environment, request_timeout);
        let answer = timeout_at(within(ANSWERS_WITHIN), asked).await.unwrap_or_else(late);
        answer.map_err(|why| Unanswered { context: name, why })
    });
    let answers = answers.await;
    let (mut found, mut silent) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(place) => found.push(place),
            Err(unanswered) => silent.push(unanswered),
        }
    }
    (found, silent)
}

async fn ask(
    context: SelectedContext,
    places: &Places,
    environment: &Environment,
    request_timeout: Option<Duration>,
) -> Result<Whereabouts, String> {
    let name = context.name.clone();
    let connection = Connection::open(context, environment, request_timeout).await;
    let connection = connection.map_err(|error| error.to_string())?;
    let uid = {
        let _stay = places.stay(&connection);
        kube_system_uid(&connection).await.map_err(|error| error.cause.to_string())?
    };
    Ok(Whereabouts { context: name, server: connection.server.clone(), uid, connection })
}

impl Whereabouts {
    /// All that a first look shows of the cluster.
    pub async fn look(&self, places: &Places) -> Option<Observed> {
        let _stay = places.stay(&self.connection);
        timeout_at(within(ANSWERS_WITHIN), observe(&self.connection)).await.ok()?.ok()
    }
}
