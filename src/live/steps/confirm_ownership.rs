use crate::{
    checks::{Finding, unjoin_recheck::recheck},
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        observe::observe_since,
        patience::retry_until,
        unjoin::{
            core_traces,
            traces::{of_member, ownership},
        },
    },
    plan::{
        observed::Observed,
        steps::confirm_ownership::{ConfirmOwnership, ToldBy},
        unjoin::{
            core::ownership_now,
            member_ownership::{HostEvidence, MemberOwnership, tenure_now},
            trace::Traces,
        },
    },
};

/// What a look before a former member's first change showed, with what is judged by it.
pub(in crate::live) struct SeenAgain {
    step: ConfirmOwnership,
    host: Observed,
    traces: Traces,
}

impl SeenAgain {
    /// Nobody else's configuration is changed, however long another cluster was waited for.
    pub(in crate::live) fn judge(&self, fresh: &Observed) -> Result<(), Vec<Finding>> {
        let ConfirmOwnership { told_by, intent, planned, member_ownership, evidence, .. } = &self.step;
        // What shows whose it was goes step by step.
        let evidence = if *member_ownership == MemberOwnership::Ours && *evidence == HostEvidence::Nothing {
            HostEvidence::Named
        } else {
            *evidence
        };
        let (name, host, traces) = (&intent.name, &self.host, &self.traces);
        let now = match told_by {
            ToldBy::Configuration => tenure_now(name, (planned.as_ref(), evidence), host, fresh, traces),
            ToldBy::Claim => ownership_now(name, (member_ownership, evidence), host, fresh, traces),
        };
        let findings = recheck((planned.as_ref(), member_ownership), (fresh, &now));
        if findings.is_empty() { Ok(()) } else { Err(findings) }
    }
}

impl Execute for ConfirmOwnership {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (host, member) = (turn.connection(&self.host)?, turn.connection(&self.member)?);
        let deadline = turn.run.deadline;
        let on_host = async || observe_since(host, turn.run.host).await;
        let name = &self.intent.name;
        let on_member = async || match self.told_by {
            ToldBy::Configuration => Box::pin(ownership(member, name, &self.planned)).await,
            // What helm has installed tells nothing new.
            ToldBy::Claim => {
                let traces = core_traces::traces(member, false);
                Box::pin(of_member(member, name, Some(&self.planned), traces)).await
            }
        };
        // Boxed, because many requests are more state than a stack should carry around.
        let (host, (fresh, traces)) = tokio::try_join!(
            Box::pin(retry_until(&host.side, deadline, on_host)),
            Box::pin(retry_until(&member.side, deadline, on_member)),
        )?;
        let seen = SeenAgain { step: self.clone(), host, traces };
        seen.judge(&fresh)
            .map_err(|findings| Failure::ChangedHands { side: self.member.clone(), findings })?;
        turn.entry.seen_again = Some(seen);
        Ok(())
    }

    async fn dry_run(&self, _: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
