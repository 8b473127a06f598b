//! Waiting until a host of KubeSphere 4 has installed its member, and that is what the host says it is.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    versions::Generation,
};
use tokio::time::{Instant, timeout_at};

use super::{
    core::core,
    failure::{Failure, LookAt},
    installation::Installation,
    observation::State,
    observe::config,
    registering::Registering,
    report::{Event, Notice},
    surroundings::ks_apiserver,
    waiting::Waiting,
};
use crate::plan::{
    core::{HostIdentity, OnMember},
    foreign_writes::ForeignWrites,
};

/// The host annotates its member a moment after it has called it ready.
const CLAIMED_WITHIN: Duration = Duration::from_millis(300);

impl Registering<'_> {
    pub(super) async fn until_installed(
        &self,
        mut states: impl Stream<Item = State<RegisteredCluster>> + Unpin,
        mut waiting: Waiting,
        (host, is_new): (&HostIdentity, bool),
    ) -> Result<(), Failure> {
        self.begins();
        let mut installation = Installation::on(self.member, is_new);
        let mut writes = ForeignWrites::default();
        let (mut is_joined, mut by_job) = (false, false);
        loop {
            let soon = Instant::now() + CLAIMED_WITHIN;
            let next = if is_joined { soon } else { installation.next() };
            match timeout_at(self.deadline.min(next), states.next()).await {
                Err(_) if Instant::now() < self.deadline && is_joined => {
                    match timeout_at(self.deadline, self.missing(host)).await {
                        Ok(Some(missing)) => self.stands(&mut waiting, missing),
                        Ok(None) => {
                            self.tell_joined();
                            return Ok(());
                        }
                        Err(_) => {}
                    }
                }
                Err(_) if Instant::now() < self.deadline => {
                    self.look(&mut installation, &waiting, by_job).await?;
                }
                Ok(Some(State::Interrupted(why))) => waiting.interrupted = Some(why),
                Ok(Some(State::Seen(cluster))) => {
                    let cluster = waiting.identified(self.host, cluster).await;
                    if let Some(cluster) = &cluster {
                        if let Some(how) = writes.see(cluster) {
                            self.tell(Event::Notice(Notice::WrittenByOthers(how)));
                        }
                        self.is_not_given_up(cluster, &installation)?;
                        by_job = cluster.install_job().is_some();
                        installation.asked_for = cluster.created_at().parse().ok();
                    }
                    is_joined = self.judge(cluster.as_ref(), &mut waiting)?;
                }
                Ok(None) | Err(_) => return Err(self.not_installed(&waiting, &installation).await),
            }
        }
    }

    async fn look(
        &self,
        installation: &mut Installation<'_>,
        waiting: &Waiting,
        by_job: bool,
    ) -> Result<(), Failure> {
        for notice in installation.look().await {
            self.tell(Event::Notice(notice));
        }
        if let Some(release) = installation.abandoned(self.host, by_job).await {
            return Err(Failure::Abandoned { side: self.side(), release: release.clone() });
        }
        // What a narrow screen cuts off is what stands in it all the time.
        let stands = installation.stands().into_iter().chain([waiting.missing.clone()]);
        self.tell(Event::Stands(stands.collect::<Vec<_>>().join("; ")));
        Ok(())
    }

    /// What the member itself still lacks.
    async fn missing(&self, host: &HostIdentity) -> Option<String> {
        let (config, core, answer) = tokio::join!(
            config(self.member),
            core(self.member),
            ks_apiserver(self.member, Some(Generation::Four))
        );
        match config {
            Ok(config) => {
                let on_member = OnMember { config: &config, core: Some(&core), answer: Some(&answer) };
                on_member.missing(self.name, host)
            }
            Err(error) => Some(error.cause.to_string()),
        }
    }

    /// After 4.1.3 the controller tries a failed installation again only when it is asked to.
    fn is_not_given_up(
        &self,
        cluster: &RegisteredCluster,
        installation: &Installation<'_>,
    ) -> Result<(), Failure> {
        match cluster.condition(ConditionType::CoreReady) {
            Some(core) if !core.is_true && !cluster.asks_for_installation() => Err(Failure::NotInstalled {
                side: self.side(),
                host: self.host.side.clone(),
                name: self.name.to_owned(),
                why: core.why().to_owned(),
                known: installation.known(),
            }),
            _ => Ok(()),
        }
    }

    async fn not_installed(&self, waiting: &Waiting, installation: &Installation<'_>) -> Failure {
        let missing = waiting.still_missing();
        let why = installation.failed_on(self.host, self.name).await.filter(|why| !missing.contains(why));
        let why = why.map(|why| format!("the last look of the host's controller at it that failed: {why}"));
        Failure::TimedOut {
            side: self.side(),
            waiting: "waiting until its host has installed KubeSphere on it",
            look_at: LookAt::Installation {
                host: self.host.side.clone(),
                member: self.side(),
                name: self.name.to_owned(),
                lacks_image: installation.lacks_image(),
                is_new: installation.is_new,
            },
            missing,
            known: installation.known().into_iter().chain(why).collect(),
        }
    }
}
