use std::time::Duration;

use kubesphere::object::ObjectKind;
use tokio::time::{Instant, timeout_at};

use crate::{
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        narrowing::webhook::{restore, restore_left},
        objects::Persistence,
        report::{Completed, Event, Notice},
    },
    plan::{
        result::{Effect, StepResult},
        steps::restore_webhook::RestoreWebhook,
    },
};

/// So long a command tries to restore what another one has narrowed.
const RESTORED_WITHIN: Duration = Duration::from_secs(30);

impl Execute for RestoreWebhook {
    /// That it cannot is worth a notice, not an end.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.host)?;
        let until = Instant::now() + RESTORED_WITHIN;
        let restored = timeout_at(until, restore_left(host, &self.restoration, until)).await;
        let restored =
            restored.unwrap_or_else(|_| Err(format!("not restored within {} s", RESTORED_WITHIN.as_secs())));
        match restored {
            Ok(remark) => {
                turn.entry.restored_webhook = true;
                turn.done(StepResult::new(&self.host, ObjectKind::cluster_webhook(), Effect::Patched));
                turn.tell(&self.host, Event::Done(Completed::OthersRestored(remark)));
            }
            Err(problem) => turn.tell(&self.host, Event::Notice(Notice::StaysNarrowed(problem))),
        }
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        drop(restore(turn.connection(&self.host)?, &self.restoration, Persistence::DryRun).await);
        Ok(())
    }
}
