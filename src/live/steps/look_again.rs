use crate::{
    live::{
        apply::patch_cluster,
        execute::{Execute, Turn},
        failure::Failure,
        objects::Persistence,
        registering::Registering,
        report::{Completed, Event},
        verification::verify_stored,
        waiting::Waiting,
    },
    plan::{renewal::another_look, steps::look_again::LookAgain},
};

impl Execute for LookAgain {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let kubeconfig = turn.kubeconfig(&self.member)?;
        let registering = Registering::new(
            turn,
            (&self.host, &self.member),
            (&self.name, &self.uid),
            (self.differences, self.resync),
        )?;
        let registering = Registering { renewed: Some(&kubeconfig), ..registering };
        registering.until_core_ready().await?;
        let (cluster, before) = registering.ask_for_a_look().await?;
        let waiting = Waiting { before: Some(before), seen: true, ..Waiting::new(Some(&cluster)) };
        turn.entry.without_version = registering.until_joined(registering.states(), waiting).await?;
        verify_stored(registering.member, &cluster, &self.uid, turn.run.deadline).await?;
        turn.tell(&self.member, Event::Done(Completed::CredentialTried));
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.host)?;
        let patch = another_look(host.clock.now());
        patch_cluster(host, &self.name, &patch, Persistence::DryRun).await?;
        Ok(())
    }
}
