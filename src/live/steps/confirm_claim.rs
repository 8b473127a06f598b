use crate::{
    checks::unjoin_recheck::recheck,
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        observe::observe_since,
        patience::retry_until,
        unjoin::{core_traces::traces, traces::of_member},
    },
    plan::{steps::confirm_claim::ConfirmClaim, unjoin::core::ownership_now},
};

impl Execute for ConfirmClaim {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (host, member) = (turn.connection(&self.host)?, turn.connection(&self.member)?);
        let deadline = turn.run.deadline;
        let name = &self.intent.name;
        let on_host = async || observe_since(host, turn.run.host).await;
        // What helm has installed tells nothing new.
        let on_member =
            async || Box::pin(of_member(member, name, Some(&self.planned), traces(member, false))).await;
        // Boxed, because many requests are more state than a stack should carry around.
        let (host, (fresh, traces)) = tokio::try_join!(
            Box::pin(retry_until(&host.side, deadline, on_host)),
            Box::pin(retry_until(&member.side, deadline, on_member)),
        )?;
        let was = (&self.member_ownership, self.evidence);
        let is = ownership_now(name, was, &host, &fresh, &traces);
        let findings = recheck((&self.planned, &self.member_ownership), (&fresh, &is));
        if findings.is_empty() {
            return Ok(());
        }
        Err(Failure::ChangedHands { side: self.member.clone(), findings })
    }

    async fn dry_run(&self, _: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
