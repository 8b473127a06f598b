use kubesphere::{cluster::RegisteredCluster, cluster_webhook::WEBHOOK, object::ObjectKind};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    live::{
        apply::patch_cluster,
        execute::{Execute, Turn},
        failure::Failure,
        looking::{ATTEMPTS, TRIES_EVERY},
        objects::Persistence,
        patience::{Patience, in_time},
        registering::Registering,
        report::{Completed, Event, Notice},
        request_error::{Cause, RequestError},
        steps::remove_superseded::{withdraw_account, withdraw_credential},
        waiting::Waiting,
    },
    plan::{
        cluster_manifest::stored,
        member_kubeconfig::StoredKubeconfig,
        renewal::{Before, Replacement, replacement},
        result::{Effect, StepResult},
        steps::renew::{Renew, WaitsFor},
    },
};

impl Execute for Renew {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        // A later renewal removes it with all that is superseded.
        turn.run.undo.users.forget(&self.member);
        let renewed = self.renew(turn).await;
        if matches!(renewed, Err(Failure::Overtaken { .. })) {
            Box::pin(withdraw_credential(turn, &self.host, &self.member)).await;
            Box::pin(withdraw_account(turn, &self.member)).await;
        }
        renewed
    }

    /// Without the kubeconfig, because the credential in it is not there yet.
    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let endpoint = self.changes.first().map(|change| change.new.as_str());
        let connection = endpoint.map_or(json!({}), |endpoint| json!({"kubernetesAPIEndpoint": endpoint}));
        let patch = json!({"spec": {"connection": connection}});
        let host = turn.connection(&self.host)?;
        match patch_cluster(host, self.planned.name(), &patch, Persistence::DryRun).await {
            // It asks the kubeconfig that is there, which may well have ended: that is why there shall be another.
            Err(error) if error.cause.to_string().contains(WEBHOOK) => Ok(()),
            answer => Ok(answer.map(drop)?),
        }
    }
}

impl Renew {
    async fn renew(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let kubeconfig = turn.kubeconfig(&self.member)?;
        let registering = Registering::new(
            turn,
            (&self.host, &self.member),
            (self.planned.name(), &self.uid),
            (self.differences, self.resync),
        )?;
        let registering = Registering { renewed: Some(&kubeconfig), ..registering };
        let replacing = Replacing { step: self, registering, kubeconfig: &kubeconfig };
        let (cluster, before) = match (replacing.replace().await?, self.waits_for) {
            ((_, None), WaitsFor::Look) => {
                let (cluster, before) = replacing.registering.ask_for_a_look().await?;
                (cluster, Some(before))
            }
            (replaced, _) => replaced,
        };
        // A Cluster that was to be given a new kubeconfig may have had this one already.
        let effect = if before.is_some() { Effect::Patched } else { Effect::Unchanged };
        let object = ObjectKind::CLUSTER.named(self.planned.name());
        turn.done(StepResult::new(&self.host, object, effect));
        if !turn.run.wait {
            turn.entry.unfinished = true;
            return Ok(());
        }
        if let (WaitsFor::Look, Some(before)) = (self.waits_for, &before) {
            return replacing.registering.until_looked(before).await;
        }
        // It stands: who no longer finds it knows that it was deleted.
        let waiting = Waiting { before, seen: true, ..Waiting::new(Some(&cluster)) };
        turn.entry.without_version =
            replacing.registering.until_joined(replacing.registering.states(), waiting).await?;
        Ok(())
    }
}

struct Replacing<'a> {
    step: &'a Renew,
    registering: Registering<'a>,
    kubeconfig: &'a StoredKubeconfig,
}

impl Replacing<'_> {
    /// Replaces the kubeconfig; returns the Cluster after it, and what its conditions said before, unless there was
    /// nothing to change.
    async fn replace(&self) -> Result<(RegisteredCluster, Option<Before>), Failure> {
        let Registering { host, deadline, .. } = self.registering;
        let kubeconfig = stored(self.kubeconfig);
        let planned = &self.step.planned;
        let mut before = Before::new(planned);
        let (mut attempts, mut patience) = (0, Patience::until(&host.side, deadline));
        loop {
            let found = self.registering.as_it_stands().await?;
            let patch = match replacement(planned, found.as_ref(), &kubeconfig, &self.step.server) {
                Replacement::Overtaken(how) => return Err(self.registering.overtaken(how)),
                Replacement::Arrived => {
                    let before = (attempts > 0).then_some(before);
                    if before.is_some() {
                        self.tell_replaced();
                    }
                    return Ok((found.unwrap_or_else(|| planned.clone()), before));
                }
                Replacement::Send(patch) => patch,
            };
            before = found.map_or(before, |found| Before::new(&found));
            self.registering.until_distinct(&before).await;
            attempts += 1;
            let sent = patch_cluster(host, planned.name(), &patch, Persistence::Stored);
            match in_time(&host.side, deadline, sent).await? {
                Ok(cluster) => {
                    self.tell_replaced();
                    return Ok((cluster, Some(before)));
                }
                Err(RequestError { cause: Cause::Conflict, .. }) if attempts < ATTEMPTS => {
                    sleep(TRIES_EVERY).await;
                }
                Err(error) if error.cause.may_pass() => {
                    self.registering.tell(Event::Notice(Notice::PatchUnanswered(error.cause.to_string())));
                    patience.bear(error).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn tell_replaced(&self) {
        self.registering.tell(Event::Done(Completed::ClusterRenewed(self.step.planned.name().to_owned())));
    }
}
