use kubesphere::object::ExistingObject;

use super::{
    narrow_webhook::{Window, is_denied_anew, removal},
    remove::{remove, remove_patiently, until_gone},
};
use crate::{
    checks::member_readiness::denied,
    live::{
        connection::Connection,
        execute::{Execute, Turn},
        failure::Failure,
        narrowing::removal::Removed,
        objects::Persistence,
        patience::retry_until,
        report::{Activity, Completed, Event, Notice},
        unjoin::admission::admission,
    },
    plan::{
        result::{Effect, StepResult},
        steps::delete_cluster::DeleteCluster,
    },
};

impl Execute for DeleteCluster {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let existing = ExistingObject::of_cluster(&self.planned);
        if let Some(window) = turn.entry.window.take() {
            return self.behind_narrowed_webhook(turn, window).await;
        }
        if self.asks_anew {
            is_denied_anew(turn, &self.planned, false).await?;
        }
        let host = turn.connection(&self.host)?;
        if self.deletes {
            self.delete(turn, host, &existing).await?;
        }
        if !turn.run.wait {
            turn.entry.unfinished = true;
            return Ok(());
        }
        self.until_gone(turn, host, &existing).await
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if self.deletes {
            let existing = ExistingObject::of_cluster(&self.planned);
            remove(turn.connection(&self.host)?, &existing, Persistence::DryRun).await?;
        }
        Ok(())
    }
}

impl DeleteCluster {
    async fn delete(
        &self,
        turn: &mut Turn<'_>,
        host: &Connection,
        existing: &ExistingObject,
    ) -> Result<(), Failure> {
        self.ask_once_more(turn, host).await?;
        let name = existing.object.name.clone();
        if remove_patiently(host, existing, turn.run.deadline).await? {
            self.deleted(turn);
            turn.tell(&self.host, Event::Done(Completed::ClusterDeleted(name)));
        } else {
            turn.tell(&self.host, Event::Notice(Notice::DeletedByOthers(name)));
        }
        Ok(())
    }

    /// A member that has died while a person was reading the plan would keep its Cluster for ever.
    async fn ask_once_more(&self, turn: &Turn<'_>, host: &Connection) -> Result<(), Failure> {
        let ask = async || admission(host, Some(&self.planned), true).await;
        let asked = retry_until(&host.side, turn.run.deadline, ask).await?;
        match denied(&host.side, self.planned.name(), &asked) {
            Some(finding) => Err(Failure::Denied { what: "nothing was deleted", findings: vec![finding] }),
            None => Ok(()),
        }
    }

    async fn until_gone(
        &self,
        turn: &Turn<'_>,
        host: &Connection,
        existing: &ExistingObject,
    ) -> Result<(), Failure> {
        let name = existing.object.name.clone();
        turn.tell(&self.host, Event::Begins(Activity::ClusterRelease(name.clone())));
        let stands = |text: &str| turn.tell(&self.host, Event::Stands(text.to_owned()));
        match until_gone(host, existing, turn.run.deadline, stands).await {
            Ok(()) => {
                turn.tell(&self.host, Event::Done(Completed::ClusterGone(name)));
                Ok(())
            }
            Err(failure @ Failure::TimedOut { .. }) => Err(self.why_it_hangs(host, failure).await),
            Err(failure) => Err(failure),
        }
    }

    /// A member that has died meanwhile keeps its Cluster, where the webhook stands.
    async fn why_it_hangs(&self, host: &Connection, timed_out: Failure) -> Failure {
        let asked = admission(host, Some(&self.planned), true).await;
        match asked.ok().and_then(|admission| admission.denial().map(str::to_owned)) {
            Some(why) => {
                let name = self.planned.name().to_owned();
                Failure::Hangs { timed_out: Box::new(timed_out), host: self.host.clone(), name, why }
            }
            None => timed_out,
        }
    }

    /// The webhook is restored before anything else is done.
    async fn behind_narrowed_webhook(&self, turn: &mut Turn<'_>, window: Window) -> Result<(), Failure> {
        let removed = removal(turn, &self.planned, window)?.remove().await?;
        self.deleted(turn);
        let name = self.planned.name().to_owned();
        let gone = match removed {
            Removed::ByController => Completed::ClusterGone,
            Removed::ByUs => Completed::ClusterFinalized,
        };
        turn.tell(&self.host, Event::Done(gone(name.clone())));
        match turn.run.undo.webhook.restore().await {
            Ok(remark) => {
                turn.tell(&self.host, Event::Done(Completed::Restored(remark)));
                Ok(())
            }
            Err(problem) => Err(Failure::NotRestored { side: self.host.clone(), cluster: name, problem }),
        }
    }

    fn deleted(&self, turn: &mut Turn<'_>) {
        let object = ExistingObject::of_cluster(&self.planned).object;
        turn.done(StepResult::new(&self.host, object, Effect::Deleted));
    }
}
