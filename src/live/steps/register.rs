use std::time::Duration;

use futures::StreamExt as _;
use kubesphere::{
    cluster::RegisteredCluster,
    object::{ExistingObject, ObjectKind},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    live::{
        apply::{create_cluster, withdraw_cluster},
        execute::{Execute, Turn},
        failure::Failure,
        identify::identified,
        objects::Persistence,
        observe::cluster_named,
        patience::{Patience, in_time, retry_until},
        registering::Registering,
        report::{Completed, Event, Notice},
        request_error::{Cause, RequestError},
        steps::remove::{remove_patiently, until_gone},
        unjoin::traces::of_kubefed,
        user_binding::remove_useless_users,
        waiting::Waiting,
    },
    plan::{
        cluster_manifest::stored,
        credential::{CredentialObject, HostUid},
        result::{Effect, StepResult},
        steps::register::Register,
    },
};

/// A Cluster that somebody else is just withdrawing is gone by then: its finalizer takes a request or two.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(10);

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
            (self.differences, self.resync),
        )?;
        let creation = Creation { step: self, registering };
        let created = if self.creates { creation.create(turn).await } else { Ok(None) };
        if self.creates && is_decided(&created) {
            turn.run.undo.users.forget(&self.member);
            self.remove_useless_users(turn).await;
        }
        let ours = created?;
        if !turn.run.wait {
            turn.entry.unfinished = true;
            return Ok(());
        }
        creation.until_taken(ours.as_ref(), turn).await?;
        if let Some(ours) = ours {
            // Again, because of two objects of the same second neither operator may have seen the other's.
            creation.settle_race(&ours, turn).await?;
            creation.until_alone(&ours).await;
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

/// Whether it is known of a creation that a Cluster stores the credential, or that none will.
fn is_decided<T>(created: &Result<T, Failure>) -> bool {
    let decided = |failure: &Failure| {
        matches!(
            failure,
            Failure::RegisteredMeanwhile { .. } | Failure::Withdrawn { .. } | Failure::NameTaken { .. }
        )
    };
    created.as_ref().err().is_none_or(decided)
}

impl Register {
    /// Those of certificates. That it cannot is worth a notice, not an end: the next renewal removes them.
    async fn remove_useless_users(&self, turn: &mut Turn<'_>) {
        let (Ok(host), Ok(member)) = (turn.connection(&self.host), turn.connection(&self.member)) else {
            return;
        };
        let Ok(kubeconfig) = turn.kubeconfig(&self.member) else { return };
        let uid = HostUid::new(turn.run.host.map_or("", |host| host.uid.as_str()));
        match remove_useless_users((host, uid), member, &kubeconfig).await {
            Ok(Some(Effect::Deleted)) => {
                let binding = CredentialObject::UserBinding.object();
                turn.done(StepResult::new(&self.member, binding, Effect::Deleted));
            }
            Ok(_) => {}
            Err(error) => {
                turn.tell(&self.member, Event::Notice(Notice::EarlierStay(error.cause.to_string())));
            }
        }
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
        self.is_not_registered().await?;
        turn.run.undo.users.ask(host, &self.step.member, &self.step.name);
        let (mut unanswered, mut patience) = (false, Patience::until(&host.side, deadline));
        loop {
            let creation = create_cluster(host, self.step, &kubeconfig, Persistence::Stored);
            match Box::pin(in_time(&host.side, deadline, creation)).await? {
                Ok(created) => return self.created(created, turn).await.map(Some),
                Err(RequestError { cause: Cause::AlreadyExists, .. }) => {
                    let Some(found) = self.existing().await? else { continue };
                    if unanswered && found.stores(&stored(&kubeconfig)) {
                        return self.created(found, turn).await.map(Some);
                    }
                    self.registering.tell(Event::Notice(Notice::CreatedByOthers(self.step.name.clone())));
                    return self.is_of_member(&found).map(|()| None);
                }
                Err(error) if error.cause.may_pass() => {
                    unanswered = true;
                    self.registering.tell(Event::Notice(Notice::CreationUnanswered(error.cause.to_string())));
                    patience.bear(error).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Once no race is lost.
    async fn created(
        &self,
        ours: RegisteredCluster,
        turn: &mut Turn<'_>,
    ) -> Result<RegisteredCluster, Failure> {
        self.registering.tell(Event::Done(Completed::ClusterCreated(self.step.name.clone())));
        turn.done(self.result());
        // For the other lanes: no status tells it yet.
        self.registering.host.known_members.remember(ours.object_uid(), Some(&self.step.uid));
        self.registering.standing().until_seen(&ours, self.registering.deadline).await;
        self.settle_race(&ours, turn).await?;
        Ok(ours)
    }

    /// Waits until the host has taken the member.
    async fn until_taken(
        &self,
        ours: Option<&RegisteredCluster>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        let mut standing = self.registering.standing();
        standing.until_first_look(self.registering.deadline).await;
        let states = if standing.are_seen() {
            standing.states(&self.step.name).boxed()
        } else {
            self.registering.states()
        };
        let waiting = Waiting::new(ours);
        match &self.step.installer {
            // Boxed, because many requests are more state than a stack should carry around.
            Some(installer) => {
                let is_new = self.step.creates && !installer.upgrades;
                let expected = (&installer.host, is_new);
                Box::pin(self.registering.until_installed(states, waiting, expected)).await?;
            }
            None => turn.entry.without_version = self.registering.until_joined(states, waiting).await?,
        }
        Ok(())
    }

    /// A member that a colleague has registered since the plan was made keeps their Cluster: one that was created and withdrawn
    /// would leave on the member what the controller has made for it.
    async fn is_not_registered(&self) -> Result<(), Failure> {
        let (name, mut standing) = (&self.step.name, self.registering.standing());
        standing.until_first_look(self.registering.deadline).await;
        let twins = standing.twins(name, &self.step.uid).await;
        let staying = twins.iter().find(|twin| !twin.is_being_deleted());
        let Some(twin) = staying.map(|twin| twin.name().to_owned()) else { return Ok(()) };
        Err(Failure::RegisteredMeanwhile { side: self.step.member.clone(), name: name.clone(), twin })
    }

    /// The Cluster of this name, identified.
    async fn existing(&self) -> Result<Option<RegisteredCluster>, Failure> {
        let Registering { host, deadline, .. } = self.registering;
        let ask = async || cluster_named(host, &self.step.name).await;
        let found = retry_until(&host.side, deadline, ask).await?;
        Ok(match found {
            Some(found) => Some(identified(host, found).await),
            None => None,
        })
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
        let twin = self.registering.standing().earlier_twin(ours, &self.step.uid).await;
        let Some(twin) = twin else { return Ok(()) };
        let ask = async || withdraw_cluster(self.registering.host, ours).await;
        retry_until(&self.registering.host.side, self.registering.deadline, ask).await?;
        let created = self.result();
        turn.run.journal.withdraw(&created);
        turn.entry.results.retain(|result| *result != created);
        self.remove_traces(ours, turn).await;
        let (name, twin) = (ours.name().to_owned(), twin.name().to_owned());
        Err(Failure::Withdrawn { side: self.step.member.clone(), name, twin })
    }

    /// What kubefed was given on the member for a Cluster that was withdrawn: it stays there otherwise, with all rights. What
    /// cannot be removed is told by the check `member-leftovers`.
    async fn remove_traces(&self, ours: &RegisteredCluster, turn: &mut Turn<'_>) {
        let Registering { host, member, deadline, .. } = self.registering;
        let deadline = deadline.min(Instant::now() + WITHDRAWN_WITHIN);
        if until_gone(host, &ExistingObject::of_cluster(ours), deadline, |_| {}).await.is_err() {
            return;
        }
        let Ok(traces) = of_kubefed(member, ours.name()).await else { return };
        for trace in traces {
            if matches!(remove_patiently(member, &trace, deadline).await, Ok(true)) {
                turn.done(StepResult::new(&self.step.member, trace.object.clone(), Effect::Deleted));
                self.registering.tell(Event::Done(Completed::Deleted(trace)));
            }
        }
    }

    /// The other operator of a race that we have won withdraws the later Cluster; the last look must not find it.
    async fn until_alone(&self, ours: &RegisteredCluster) {
        let deadline = self.registering.deadline.min(Instant::now() + WITHDRAWN_WITHIN);
        let (mut standing, mut told) = (self.registering.standing(), false);
        loop {
            let twins = standing.twins(ours.name(), &self.step.uid).await;
            let Some(twin) = twins.first() else { return };
            if !told {
                self.registering.tell(Event::Notice(Notice::Twin(twin.name().to_owned())));
                told = true;
            }
            if timeout_at(deadline, standing.changed()).await.is_err() {
                return;
            }
        }
    }

    fn result(&self) -> StepResult {
        StepResult::new(&self.step.host, ObjectKind::CLUSTER.named(&self.step.name), Effect::Created)
    }
}
