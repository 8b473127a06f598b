use std::{pin::pin, time::Duration};

use futures::{
    Stream, StreamExt as _,
    future::join_all,
    stream::{self, BoxStream},
};
use kubesphere::{
    cluster::RegisteredCluster,
    object::{ExistingObject, ObjectKind},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    live::{
        apply::{create_cluster, withdraw_cluster},
        connection::Connection,
        execute::{Execute, Turn},
        failure::Failure,
        identify::identified,
        objects::Persistence,
        observation::State,
        observe::cluster_named,
        patience::{Patience, in_time, retry_until},
        registering::Registering,
        registrations::{Roll, watch},
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
        race::{Arrivals, earlier_twin, twins},
        result::{Effect, StepResult},
        steps::register::Register,
    },
};

/// A Cluster that somebody else is just withdrawing is gone by then: its finalizer takes a request or two.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(10);
/// A watch shows within moments what was created.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

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
        let (ours, mut standing) = created?.unzip();
        if !turn.run.wait {
            turn.entry.unfinished = true;
            return Ok(());
        }
        let states = match &mut standing {
            Some(standing) if standing.are_seen => standing.states(&self.name).boxed(),
            _ => creation.registering.states(),
        };
        let waiting = Waiting::new(ours.as_ref());
        match &self.installer {
            // Boxed, because many requests are more state than a stack should carry around.
            Some(host) => Box::pin(creation.registering.until_installed(states, waiting, host)).await?,
            None => turn.entry.without_version = creation.registering.until_joined(states, waiting).await?,
        }
        if let (Some(ours), Some(mut standing)) = (ours, standing) {
            // Again, because of two objects of the same second neither operator may have seen the other's.
            creation.settle_race(&ours, &standing, turn).await?;
            creation.until_alone(&ours, &mut standing).await;
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
    async fn create(
        &self,
        turn: &mut Turn<'_>,
    ) -> Result<Option<(RegisteredCluster, Standing<'_>)>, Failure> {
        let Registering { host, deadline, .. } = self.registering;
        let kubeconfig = turn.kubeconfig(&self.step.member)?;
        let mut standing = Standing::on(host);
        standing.until_first_look(deadline).await;
        self.is_not_registered(&standing).await?;
        turn.run.undo.users.ask(host, &self.step.member, &self.step.name);
        let (mut unanswered, mut patience) = (false, Patience::until(&host.side, deadline));
        loop {
            let creation = create_cluster(host, self.step, &kubeconfig, Persistence::Stored);
            let creation = Box::pin(in_time(&host.side, deadline, creation));
            match standing.along_with(creation).await? {
                Ok(created) => return self.created(created, standing, turn).await.map(Some),
                Err(RequestError { cause: Cause::AlreadyExists, .. }) => {
                    let Some(found) = self.existing().await? else { continue };
                    if unanswered && found.stores(&stored(&kubeconfig)) {
                        return self.created(found, standing, turn).await.map(Some);
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

    /// With all Clusters, once no race is lost.
    async fn created<'s>(
        &self,
        ours: RegisteredCluster,
        mut standing: Standing<'s>,
        turn: &mut Turn<'_>,
    ) -> Result<(RegisteredCluster, Standing<'s>), Failure> {
        self.registering.tell(Event::Done(Completed::ClusterCreated(self.step.name.clone())));
        turn.done(self.result());
        standing.until_seen(&ours, self.registering.deadline).await;
        self.settle_race(&ours, &standing, turn).await?;
        Ok((ours, standing))
    }

    /// A member that a colleague has registered since the plan was made keeps their Cluster: one that was created and withdrawn
    /// would leave on the member what the controller has made for it.
    async fn is_not_registered(&self, standing: &Standing<'_>) -> Result<(), Failure> {
        let name = &self.step.name;
        let others = standing.others(name).await;
        let mut staying = twins(name, &others, &self.step.uid).filter(|twin| !twin.is_being_deleted());
        let Some(twin) = staying.next().map(|twin| twin.name().to_owned()) else { return Ok(()) };
        Err(Failure::RegisteredMeanwhile { side: self.step.member.clone(), name: name.clone(), twin })
    }

    /// The Cluster of this name, identified.
    async fn existing(&self) -> Result<Option<RegisteredCluster>, Failure> {
        let Registering { host, deadline, .. } = self.registering;
        let ask = async || cluster_named(host, &self.step.name).await;
        let found = retry_until(&host.side, deadline, ask).await?;
        Ok(match found {
            Some(found) => Some(identified(found).await),
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
    async fn settle_race(
        &self,
        ours: &RegisteredCluster,
        standing: &Standing<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        let others = standing.others(ours.name()).await;
        let twin = earlier_twin(ours, &others, &self.step.uid, &standing.arrivals);
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
    async fn until_alone(&self, ours: &RegisteredCluster, standing: &mut Standing<'_>) {
        let deadline = self.registering.deadline.min(Instant::now() + WITHDRAWN_WITHIN);
        let mut told = false;
        loop {
            let others = standing.others(ours.name()).await;
            let Some(twin) = twins(ours.name(), &others, &self.step.uid).next() else { return };
            if !told {
                self.registering.tell(Event::Notice(Notice::Twin(twin.name().to_owned())));
                told = true;
            }
            if timeout_at(deadline, standing.next()).await.is_err() {
                return;
            }
        }
    }

    fn result(&self) -> StepResult {
        StepResult::new(&self.step.host, ObjectKind::CLUSTER.named(&self.step.name), Effect::Created)
    }
}

/// All Clusters of the host, as they change.
struct Standing<'a> {
    rolls: BoxStream<'a, Roll>,
    now: Vec<RegisteredCluster>,
    arrivals: Arrivals,
    /// Whether they were seen at all: who may not list them gets by without.
    are_seen: bool,
}

impl<'a> Standing<'a> {
    fn on(host: &'a Connection) -> Self {
        Self { rolls: watch(host, None), now: Vec::new(), arrivals: Arrivals::default(), are_seen: false }
    }

    /// The answer; what is seen until then is taken.
    async fn along_with<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                _ = self.next() => {}
            }
        }
    }

    /// Waits until they are seen for the first time.
    async fn until_first_look(&mut self, deadline: Instant) {
        self.until(deadline, |standing| standing.are_seen).await;
    }

    /// Waits until this object is among them, and so all that was there before it.
    async fn until_seen(&mut self, ours: &RegisteredCluster, deadline: Instant) {
        let is_ours = |one: &RegisteredCluster| one.object_uid() == ours.object_uid();
        self.until(deadline, |standing| standing.now.iter().any(is_ours)).await;
    }

    /// Waits until this holds, unless they may not be seen.
    async fn until(&mut self, deadline: Instant, holds: impl Fn(&Self) -> bool) {
        let deadline = deadline.min(Instant::now() + SEEN_WITHIN);
        while !holds(self) {
            match timeout_at(deadline, self.next()).await {
                Ok(Some(Cause::Forbidden { .. })) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// What is seen next of the one with this name, at first as it is now.
    fn states<'s>(&'s mut self, name: &'s str) -> impl Stream<Item = State<RegisteredCluster>> + Send + 's {
        let now = State::Seen(self.named(name));
        let later = stream::unfold(self, move |standing| async move {
            let state = match standing.next().await {
                Some(why) => State::Interrupted(why.to_string()),
                None => State::Seen(standing.named(name)),
            };
            Some((state, standing))
        });
        stream::iter([now]).chain(later)
    }

    /// Takes what is seen next; why nothing can be seen at present, where that is so.
    async fn next(&mut self) -> Option<Cause> {
        match self.rolls.next().await? {
            Roll::Seen(now) => {
                self.arrivals.see(&now);
                (self.now, self.are_seen) = (now, true);
                None
            }
            Roll::Interrupted(cause) => Some(cause),
        }
    }

    fn named(&self, name: &str) -> Option<RegisteredCluster> {
        self.now.iter().find(|cluster| cluster.name() == name).cloned()
    }

    /// The others; those whose identity no status tells are asked themselves.
    async fn others(&self, than: &str) -> Vec<RegisteredCluster> {
        let others = self.now.iter().filter(|cluster| cluster.name() != than).cloned();
        join_all(others.map(identified)).await
    }
}
