//! Removing one object, and waiting until it is gone.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use kube::Api;
use kubesphere::object::{ExistingObject, ObjectKind};
use tokio::time::{Instant, timeout_at};

use crate::{
    live::{
        connection::Connection,
        execute::{Execute, Turn},
        failure::{Failure, LookAt},
        objects::{Deletion, Objects, Persistence},
        observation::{Selection, State, latest},
        patience::retry_until,
        report::{Completed, Event, Notice},
        request_error::RequestError,
        unjoin::federation_namespace::federation_namespace,
    },
    plan::{
        observed::Seen,
        result::{Effect, StepResult},
        steps::remove::Remove,
        unjoin::trace::FEDERATION_NAMESPACE,
    },
};

impl Execute for Remove {
    /// A namespace that somebody has filled meanwhile stays. Where its content cannot be told any more the command ends, while
    /// there is more by which the same command knows it again.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (connection, deadline) = (turn.connection(&self.cluster)?, turn.run.deadline);
        let is_namespace = self.existing.object.kind == ObjectKind::NAMESPACE;
        if is_namespace && !is_still_empty(connection, deadline).await? {
            turn.tell(&self.cluster, Event::Notice(Notice::NotEmpty(self.existing.clone())));
            return Ok(());
        }
        if remove_patiently(connection, &self.existing, deadline).await? {
            turn.done(StepResult::new(&self.cluster, self.existing.object.clone(), Effect::Deleted));
            turn.tell(&self.cluster, Event::Done(Completed::Deleted(self.existing.clone())));
        }
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        remove(turn.connection(&self.cluster)?, &self.existing, Persistence::DryRun).await?;
        Ok(())
    }
}

/// Deletes this very object and no later one of the same name; whether it was still there.
pub async fn remove(
    connection: &Connection,
    trace: &ExistingObject,
    persistence: Persistence,
) -> Result<bool, RequestError> {
    let deletion = Deletion::of(&trace.uid).with(persistence);
    Objects::like(connection, &trace.object).remove(&trace.object.name, &deletion).await
}

/// The same, as long as there is time for an answer.
pub async fn remove_patiently(
    connection: &Connection,
    trace: &ExistingObject,
    deadline: Instant,
) -> Result<bool, Failure> {
    let ask = async || remove(connection, trace, Persistence::Stored).await;
    retry_until(&connection.side, deadline, ask).await
}

/// Whether kubefed's namespace is still as empty as when it was planned.
async fn is_still_empty(member: &Connection, deadline: Instant) -> Result<bool, Failure> {
    let ask = async || federation_namespace(member, &BTreeSet::new()).await;
    let found = retry_until(&member.side, deadline, ask).await?;
    let untold = |why| Failure::Untold { side: member.side.clone(), namespace: FEDERATION_NAMESPACE, why };
    match found {
        Seen::Present(found) if !found.others.is_empty() => Ok(false),
        Seen::Present(found) if !found.untold.is_empty() => Err(untold(found.untold.join(", "))),
        Seen::Absent | Seen::Present(_) => Ok(true),
        Seen::Unreadable(why) | Seen::Malformed(why) => Err(untold(why)),
    }
}

/// Waits until this very object is gone; `stands` is told what it looks like meanwhile.
pub async fn until_gone(
    connection: &Connection,
    trace: &ExistingObject,
    deadline: Instant,
    mut stands: impl FnMut(&str),
) -> Result<(), Failure> {
    let api = Api::from(Objects::like(connection, &trace.object));
    let mut states = std::pin::pin!(latest(api, Selection::Name(trace.object.name.clone()), None));
    let mut missing = why_it_stays(trace, &[]);
    loop {
        match timeout_at(deadline, states.next()).await {
            Ok(Some(State::Seen(Some(object)))) if object.metadata.uid.as_deref() == Some(&trace.uid) => {
                missing = why_it_stays(trace, object.metadata.finalizers.as_deref().unwrap_or_default());
                stands(&missing);
            }
            Ok(Some(State::Seen(_))) => return Ok(()),
            Ok(Some(State::Interrupted(why))) => stands(&why),
            Ok(None) | Err(_) => return Err(timed_out(connection, trace, missing)),
        }
    }
}

fn why_it_stays(trace: &ExistingObject, finalizers: &[String]) -> String {
    match finalizers {
        [] => format!("{} is still there", trace.object.in_words()),
        finalizers => {
            format!("{} still has the finalizer {}", trace.object.in_words(), finalizers.join(", "))
        }
    }
}

fn timed_out(connection: &Connection, trace: &ExistingObject, missing: String) -> Failure {
    let side = connection.side.clone();
    let (waiting, look_at) = if trace.object.kind == ObjectKind::CLUSTER {
        (
            "waiting until ks-controller-manager removes the finalizer of the Cluster",
            LookAt::Controller(side.clone()),
        )
    } else {
        ("waiting until kubefed's namespace is gone", LookAt::Namespace(side.clone(), FEDERATION_NAMESPACE))
    };
    Failure::TimedOut { side, waiting, look_at, missing, known: Vec::new() }
}
