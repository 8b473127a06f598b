use kubesphere::object::ObjectKind;

use crate::{
    checks::unjoin_recheck::recheck_claim,
    live::{
        connection::Connection,
        core::claim,
        execute::{Execute, Turn},
        failure::Failure,
        objects::{Change, Objects, Persistence},
        patience::retry_until,
        report::{Completed, Event},
        request_error::{Cause, RequestError},
    },
    plan::{
        core::Claim,
        observed::Seen,
        result::{Effect, StepResult},
        steps::release_claim::ReleaseClaim,
    },
};

impl Execute for ReleaseClaim {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let member = turn.connection(&self.cluster)?;
        let ask = async || self.release(member, Persistence::Stored).await;
        match retry_until(&member.side, turn.run.deadline, ask).await? {
            Released::Now => {
                turn.done(StepResult::new(&self.cluster, Self::namespace(), Effect::Patched));
                turn.tell(&self.cluster, Event::Done(Completed::Unclaimed));
                Ok(())
            }
            Released::Before => Ok(()),
            Released::Never(claim) => {
                let findings = recheck_claim(&self.cluster, &claim);
                Err(Failure::ChangedHands { side: self.cluster.clone(), findings })
            }
        }
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if !self.own.goes_by_itself {
            self.release(turn.connection(&self.cluster)?, Persistence::DryRun).await?;
        }
        Ok(())
    }
}

/// What became of the annotations.
enum Released {
    Now,
    /// They are not there any more.
    Before,
    /// They are another host's by now.
    Never(Claim),
}

impl ReleaseClaim {
    /// Only what names this host; the patch holds for nothing else.
    async fn release(&self, member: &Connection, persistence: Persistence) -> Result<Released, RequestError> {
        match claim(member).await {
            Seen::Present(claim) if claim.is_nobodys() => return Ok(Released::Before),
            Seen::Absent => return Ok(Released::Before),
            Seen::Present(claim) if claim != self.own.claim => return Ok(Released::Never(claim)),
            _ => {}
        }
        let (namespaces, change) =
            (Objects::of(member, ObjectKind::NAMESPACE), Change::json(self.document()));
        match namespaces.patch_metadata(&Self::namespace().name, &change, persistence).await {
            Ok(_) => Ok(Released::Now),
            // Somebody was faster: what they have made of it is seen by another look.
            Err(RequestError { cause: Cause::Invalid { .. } | Cause::NotFound, .. }) => {
                Ok(match claim(member).await {
                    Seen::Present(claim) if !claim.is_nobodys() => Released::Never(claim),
                    _ => Released::Before,
                })
            }
            Err(error) => Err(error),
        }
    }
}
