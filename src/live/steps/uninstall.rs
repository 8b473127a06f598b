use std::collections::BTreeSet;

use kubesphere::object::ExistingObject;
use tokio::time::Instant;

use crate::{
    live::{
        connection::Connection,
        core::release,
        execute::{Execute, Turn},
        failure::{Failure, LookAt},
        objects::{Deletion, Objects, Persistence},
        patience::{Pace, retry_until},
        report::{Activity, Completed, Event},
        request_error::RequestError,
        unjoin::installed::installed,
    },
    plan::{
        core::CoreRelease,
        observed::Seen,
        result::{Effect, StepResult},
        steps::uninstall::Uninstall,
        unjoin::core::Uninstallation,
    },
};

impl Execute for Uninstall {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (member, deadline) = (turn.connection(&self.cluster)?, turn.run.deadline);
        let found = match self.uninstallation.at_work {
            Some(_) => &self.ended(turn, member).await?,
            None => &self.uninstallation,
        };
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
    /// What there is of it when the host's helm is at work no longer.
    async fn ended(&self, turn: &mut Turn<'_>, member: &Connection) -> Result<Uninstallation, Failure> {
        let (deadline, mut pace) = (turn.run.deadline, Pace::until(turn.run.deadline));
        turn.tell(&self.cluster, Event::Begins(Activity::Helm));
        let mut told = BTreeSet::new();
        while let Some(why) = why_it_waits(&release(member).await, member) {
            if told.insert(why.clone()) {
                turn.tell(&self.cluster, Event::Stands(why.clone()));
            }
            if !pace.goes_on().await {
                return Err(timed_out(member, "waiting until no helm is at work on ks-core", why));
            }
        }
        let read = async || Box::pin(installed(member)).await;
        let found = retry_until(&member.side, deadline, read).await?.found;
        Ok(found
            .present()
            .map_or_else(|| self.uninstallation.clone(), |found| Uninstallation::of(found, None)))
    }

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
                return Err(timed_out(member, "waiting until ks-core is gone", why));
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

/// A helm that ended with its process leaves its release as if it were at work.
fn why_it_waits(release: &Seen<CoreRelease>, member: &Connection) -> Option<String> {
    match release {
        Seen::Present(release) if release.is_at_work(member.clock.now()) => {
            Some(format!("helm release ks-core is {}", release.status))
        }
        Seen::Unreadable(why) | Seen::Malformed(why) => Some(why.clone()),
        Seen::Present(_) | Seen::Absent => None,
    }
}

fn timed_out(member: &Connection, waiting: &'static str, missing: String) -> Failure {
    Failure::TimedOut {
        side: member.side.clone(),
        waiting,
        look_at: LookAt::ApiServer(member.side.clone()),
        missing,
        known: Vec::new(),
    }
}
