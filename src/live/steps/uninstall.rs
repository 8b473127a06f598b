use std::collections::BTreeSet;

use kubesphere::object::ExistingObject;
use tokio::time::Instant;

use crate::{
    live::{
        connection::Connection,
        execute::{Execute, Turn},
        failure::{Failure, LookAt},
        objects::{Deletion, Objects, Persistence},
        patience::{Pace, retry_until},
        report::{Activity, Completed, Event},
        request_error::RequestError,
    },
    plan::{
        result::{Effect, StepResult},
        steps::uninstall::Uninstall,
    },
};

impl Execute for Uninstall {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (member, deadline) = (turn.connection(&self.cluster)?, turn.run.deadline);
        let found = &self.uninstallation;
        self.delete(turn, member, &found.objects).await?;
        turn.tell(&self.cluster, Event::Begins(Activity::Uninstallation));
        let stands = |text: String| turn.tell(&self.cluster, Event::Stands(text));
        until_all_gone(member, &found.objects, deadline, stands).await?;
        turn.tell(&self.cluster, Event::Done(Completed::ObjectsDeleted(found.objects.len())));
        self.delete(turn, member, &found.records).await?;
        turn.tell(&self.cluster, Event::Done(Completed::Uninstalled));
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let member = turn.connection(&self.cluster)?;
        for existing in self.uninstallation.objects.iter().chain(&self.uninstallation.records) {
            remove(member, existing, Persistence::DryRun).await?;
        }
        Ok(())
    }
}

impl Uninstall {
    async fn delete(
        &self,
        turn: &mut Turn<'_>,
        member: &Connection,
        objects: &[ExistingObject],
    ) -> Result<(), Failure> {
        for existing in objects {
            let ask = async || remove(member, existing, Persistence::Stored).await;
            if retry_until(&member.side, turn.run.deadline, ask).await? {
                turn.done(StepResult::new(&self.cluster, existing.object.clone(), Effect::Deleted));
            }
        }
        Ok(())
    }
}

async fn remove(
    member: &Connection,
    existing: &ExistingObject,
    persistence: Persistence,
) -> Result<bool, RequestError> {
    let deletion = Deletion::of(&existing.uid).with_dependents().with(persistence);
    Objects::like(member, &existing.object).remove(&existing.object.name, &deletion).await
}

/// Helm's record is needed until then: by it the same command knows what there is to wait for.
async fn until_all_gone(
    member: &Connection,
    objects: &[ExistingObject],
    deadline: Instant,
    stands: impl Fn(String),
) -> Result<(), Failure> {
    let mut told = BTreeSet::new();
    for existing in objects {
        let mut pace = Pace::until(deadline);
        while let Some(why) = why_it_is_there(member, existing, deadline).await? {
            if told.insert(why.clone()) {
                stands(why.clone());
            }
            if !pace.goes_on().await {
                return Err(timed_out(member, why));
            }
        }
    }
    Ok(())
}

async fn why_it_is_there(
    member: &Connection,
    existing: &ExistingObject,
    deadline: Instant,
) -> Result<Option<String>, Failure> {
    let ask = async || Objects::like(member, &existing.object).find_metadata(&existing.object.name).await;
    let found = retry_until(&member.side, deadline, ask).await?;
    let found = found.filter(|found| found.uid.as_deref() == Some(&existing.uid));
    Ok(found.map(|found| {
        let (object, finalizers) = (existing.object.in_words(), found.finalizers.unwrap_or_default());
        match finalizers.as_slice() {
            [] => format!("{object} is still there"),
            finalizers => format!("{object} still has the finalizer {}", finalizers.join(", ")),
        }
    }))
}

fn timed_out(member: &Connection, missing: String) -> Failure {
    Failure::TimedOut {
        side: member.side.clone(),
        waiting: "waiting until ks-core is gone",
        look_at: LookAt::ApiServer(member.side.clone()),
        missing,
        known: Vec::new(),
    }
}
