use tokio::time::Instant;

use crate::{
    live::{
        connection::Connection,
        execute::{Execute, Turn},
        failure::Failure,
        objects::Objects,
        patience::retry_until,
        report::{Activity, Completed, Event},
        steps::remove::until_gone,
    },
    plan::steps::await_gone::AwaitGone,
};

impl Execute for AwaitGone {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let member = turn.connection(&self.cluster)?;
        let deadline = turn.run.deadline;
        if !turn.run.wait || !self.goes(member, deadline).await? {
            return Ok(());
        }
        turn.tell(&self.cluster, Event::Begins(Activity::Gone(self.existing.clone())));
        let stands = |text: &str| turn.tell(&self.cluster, Event::Stands(text.to_owned()));
        until_gone(member, &self.existing, deadline, stands).await?;
        turn.tell(&self.cluster, Event::Done(Completed::Gone(self.existing.clone())));
        Ok(())
    }

    async fn dry_run(&self, _: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

impl AwaitGone {
    /// Whether it is gone or will be. Nobody waits for one that the step before has left, which is told as left over.
    async fn goes(&self, member: &Connection, deadline: Instant) -> Result<bool, Failure> {
        let namespaces = Objects::like(member, &self.existing.object);
        let ask = async || namespaces.find_metadata(&self.existing.object.name).await;
        let found = retry_until(&member.side, deadline, ask).await?;
        Ok(found.is_none_or(|found| found.deletion_timestamp.is_some()))
    }
}
