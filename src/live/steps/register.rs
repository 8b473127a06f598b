use std::time::Duration;

use kubesphere::{cluster::RegisteredCluster, object::ObjectKind};
use tokio::time::{Instant, sleep};

use crate::{
    live::{
        apply::{create_cluster, withdraw_cluster},
        execute::{Execute, Turn},
        failure::Failure,
        objects::Persistence,
        observe::registered_clusters,
        patience::{in_time, may_pass, retry_until},
        registering::Registering,
        report::{Completed, Event, Notice},
        request_error::{Cause, RequestError},
        waiting::Waiting,
    },
    plan::{
        cluster_manifest::stored,
        race::{earlier_twin, twins},
        result::{Effect, StepResult},
        steps::register::Register,
    },
};

/// A Cluster that somebody else is just withdrawing is gone by then: its finalizer takes a request or two.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(10);
/// Before an answer that was lost is looked for.
const PAUSE: Duration = Duration::from_secs(1);

impl Execute for Register {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        // Before both sides are in effect the host's controller could only fail with it.
        if turn.ledger.is_unfinished_on(&self.host) {
            turn.entry.unfinished = true;
            return Ok(());
        }
        let registering = Registering::new(
            turn,
            (&self.host, &self.member),
            (&self.name, &self.uid),
            (self.version, self.resync),
        )?;
        let creation = Creation { step: self, registering };
        let ours = if self.creates { creation.create(turn).await? } else { None };
        if !turn.run.wait {
            turn.entry.unfinished = true;
            return Ok(());
        }
        let joined = creation.registering.until_joined(Waiting::new(ours.as_ref())).await?;
        turn.entry.without_version = joined;
        if let Some(ours) = &ours {
            // Again, because of two objects of the same second neither operator may have seen the other's.
            creation.settle_race(ours, turn).await?;
            creation.until_alone(ours).await?;
        }
        Ok(())
    }

    /// Without a user: the credential is not there yet.
    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if self.creates {
            let stored = turn.kubeconfig(&self.member)?;
            create_cluster(turn.connection(&self.host)?, self, &stored, Persistence::DryRun).await?;
        }
        Ok(())
    }
}

struct Creation<'a> {
    step: &'a Register,
    registering: Registering<'a>,
}

impl Creation<'_> {
    /// Creates the Cluster; nothing if somebody else has, of the same member.
    async fn create(&self, turn: &mut Turn<'_>) -> Result<Option<RegisteredCluster>, Failure> {
        let Registering { host, deadline, .. } = self.registering;
        let kubeconfig = turn.kubeconfig(&self.step.member)?;
        let mut unanswered = false;
        loop {
            let creation = create_cluster(host, self.step, &kubeconfig, Persistence::Stored);
            match in_time(&host.side, deadline, creation).await? {
                Ok(created) => return self.created(created, turn).await,
                Err(RequestError { cause: Cause::AlreadyExists, .. }) => {
                    let Some(found) = self.existing().await? else { continue };
                    if unanswered && found.stores(&stored(&kubeconfig)) {
                        return self.created(found, turn).await;
                    }
                    self.registering.tell(Event::Notice(Notice::CreatedByOthers(self.step.name.clone())));
                    return self.is_of_member(&found).map(|()| None);
                }
                Err(error) if may_pass(&error.cause) && Instant::now() + PAUSE < deadline => {
                    unanswered = true;
                    self.registering.tell(Event::Notice(Notice::CreationUnanswered(error.cause.to_string())));
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn created(
        &self,
        ours: RegisteredCluster,
        turn: &mut Turn<'_>,
    ) -> Result<Option<RegisteredCluster>, Failure> {
        self.registering.tell(Event::Done(Completed::ClusterCreated(self.step.name.clone())));
        turn.done(self.result());
        self.settle_race(&ours, turn).await?;
        Ok(Some(ours))
    }

    /// The Cluster of this name, identified.
    async fn existing(&self) -> Result<Option<RegisteredCluster>, Failure> {
        let listed = self.listed().await?;
        Ok(listed.into_iter().find(|cluster| cluster.name() == self.step.name))
    }

    async fn listed(&self) -> Result<Vec<RegisteredCluster>, Failure> {
        let ask = async || registered_clusters(self.registering.host, true).await;
        let listed = retry_until(&self.registering.host.side, self.registering.deadline, ask).await?;
        Ok(listed.present().cloned().unwrap_or_default())
    }

    /// Nobody waits for a Cluster of another member.
    fn is_of_member(&self, found: &RegisteredCluster) -> Result<(), Failure> {
        match found.member_uid() {
            Some(uid) if uid != self.step.uid => Err(Failure::NameTaken {
                side: self.step.member.clone(),
                name: self.step.name.clone(),
                uid: uid.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// The Kubernetes API takes a member twice; only the console's validation endpoint does not
    /// (kubesphere `pkg/kapis/cluster/v1alpha1/handler.go@v3.4.1`).
    async fn settle_race(&self, ours: &RegisteredCluster, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let listed = self.listed().await?;
        let Some(twin) = earlier_twin(ours, &listed, &self.step.uid) else { return Ok(()) };
        let ask = async || withdraw_cluster(self.registering.host, ours).await;
        retry_until(&self.registering.host.side, self.registering.deadline, ask).await?;
        let created = self.result();
        turn.entry.results.retain(|result| *result != created);
        let (name, twin) = (ours.name().to_owned(), twin.name().to_owned());
        Err(Failure::Withdrawn { side: self.step.member.clone(), name, twin })
    }

    /// The other operator of a race that we have won withdraws the later Cluster; the last look must not find it.
    async fn until_alone(&self, ours: &RegisteredCluster) -> Result<(), Failure> {
        let deadline = self.registering.deadline.min(Instant::now() + WITHDRAWN_WITHIN);
        let mut told = false;
        loop {
            let listed = self.listed().await?;
            let Some(twin) = twins(ours, &listed, &self.step.uid).next() else { return Ok(()) };
            if !told {
                self.registering.tell(Event::Notice(Notice::Twin(twin.name().to_owned())));
                told = true;
            }
            if Instant::now() + PAUSE >= deadline {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    fn result(&self) -> StepResult {
        StepResult::new(&self.step.host, ObjectKind::CLUSTER.named(&self.step.name), Effect::Created)
    }
}
