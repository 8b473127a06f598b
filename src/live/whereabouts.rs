//! Which cluster a context leads to, asked of many contexts at once.

use std::time::Duration;

use tokio::time::timeout_at;

use super::{
    connection::Connection,
    environment::Environment,
    observe::{kube_system_uid, observe},
    places::Places,
    request_error::Cause,
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
    pub why: NoAnswer,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It was asked, and waited for until the time was up, the command's or its own.
    #[error("no answer in time")]
    Late,
    /// It has failed, or was not asked.
    #[error("{0}")]
    Because(String),
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
        let late = |_| Err(NoAnswer::Late);
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
) -> Result<Whereabouts, NoAnswer> {
    let name = context.name.clone();
    let connection = Connection::open(context, environment, request_timeout).await;
    let connection = connection.map_err(|error| NoAnswer::Because(error.to_string()))?;
    let uid = {
        let _stay = places.stay(&connection);
        kube_system_uid(&connection).await.map_err(|error| no_answer(&error.cause))?
    };
    Ok(Whereabouts { context: name, server: connection.server.clone(), uid, connection })
}

fn no_answer(cause: &Cause) -> NoAnswer {
    match cause {
        Cause::TimeUp => NoAnswer::Late,
        cause => NoAnswer::Because(cause.to_string()),
    }
}

impl Whereabouts {
    /// All that a first look shows of the cluster.
    pub async fn look(&self, places: &Places) -> Option<Observed> {
        let _stay = places.stay(&self.connection);
        timeout_at(within(ANSWERS_WITHIN), observe(&self.connection)).await.ok()?.ok()
    }
}
