use crate::{
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        objects::Persistence,
        reach::leftovers::sweep,
        report::{Completed, Event, Notice},
    },
    plan::steps::sweep_pods::SweepPods,
};

impl Execute for SweepPods {
    /// That it cannot is worth a notice, not an end.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let failed = sweep(turn.connection(&self.host)?, &self.pods, Persistence::Stored).await;
        let deleted = self.pods.len() - failed.len();
        for problem in failed {
            turn.tell(&self.host, Event::Notice(Notice::LeftoverStays(problem)));
        }
        turn.tell(&self.host, Event::Done(Completed::LeftoversDeleted(deleted)));
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        sweep(turn.connection(&self.host)?, &self.pods, Persistence::DryRun).await;
        Ok(())
    }
}
