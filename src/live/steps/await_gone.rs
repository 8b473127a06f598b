use crate::{
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        report::{Activity, Completed, Event},
        steps::remove::{is_still_empty, until_gone},
    },
    plan::steps::await_gone::AwaitGone,
};

impl Execute for AwaitGone {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let member = turn.connection(&self.cluster)?;
        let deadline = turn.run.deadline;
        // One that somebody has filled meanwhile stays.
        if !turn.run.wait || !is_still_empty(member, deadline).await? {
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
