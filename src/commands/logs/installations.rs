//! `kubectl mc logs` where the host has KubeSphere 4, which has no installer: what the host does on its members.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use kubesphere::{
    cluster::RegisteredCluster,
    cluster_configuration::NAMESPACE,
    command::{Kubectl, Mc, helm},
    core_log::failure,
    installer_log::mask,
    role::Role,
    side::Side,
};
use tokio::time::{Instant, sleep, timeout};

use super::{source::Source, unread};
use crate::{
    cli::{Global, Logs},
    commands::{
        contexts::{open, select_host},
        interrupt::interrupted,
    },
    error::{Error, ErrorKind, logs_command},
    live::{
        connection::Connection,
        environment::Environment,
        identify::all_identified,
        observe::{config, has_kubesphere_3, kube_system_uid},
        registrations::list,
        stuck_pods::{StuckPod, stuck},
    },
    output::{
        installations::{sentence, show, show_stuck, show_without_log},
        ui::Ui,
    },
    plan::{
        installation::{Stage, reinstallation, stage},
        secret_remarks::NAME_THE_HOST,
    },
};

/// How often the controller itself looks at its Job (kubesphere `cluster_controller.go@04a29b5c6`).
const LOOKS_EVERY: Duration = Duration::from_secs(2);
/// An API server that restarts is back by then.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2 * 60);
/// What is told beside the log must not hold it up.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Shows and follows what a host does, or says that there is no installer.
pub(super) async fn run(
    logs: &Logs,
    global: &Global,
    ui: &Ui,
    cluster: Connection,
    without_installer: Error,
) -> Result<(), Error> {
    if has_kubesphere_3(&cluster).await == Some(true) {
        return Err(without_installer);
    }
    let side = cluster.side.clone();
    let member = match side {
        Side::Host { .. } => None,
        Side::Member { .. } => Some(kube_system_uid(&cluster).await?),
    };
    let (host, member) = match member {
        Some(uid) => (host(global, ui).await, Some((cluster, uid))),
        None => (Some(cluster), None),
    };
    let Some(host) = host else { return Err(without_installer) };
    // What is known of it from here on is hidden in the log, too.
    match config(&host).await?.present().filter(|config| config.has_issuer()) {
        None => return Err(without_installer),
        Some(config) if config.role == Some(Role::Member) => return Err(is_a_member(&host.side)),
        Some(_) => {}
    }
    let mut following = Following {
        logs,
        ui,
        host: &host,
        side,
        member,
        stuck: BTreeSet::new(),
        sources: BTreeMap::new(),
        failures: BTreeMap::new(),
        has_shown: false,
    };
    tokio::select! {
        biased;
        result = following.follow() => result,
        interruption = interrupted() => Err(Error { message: String::new(), ..interruption }),
    }
}

fn is_a_member(side: &Side) -> Error {
    let message =
        format!("{side}: it is a member of KubeSphere 4, and its host has the log of what it installs there");
    Error::new(ErrorKind::Obstacle, message).hint(NAME_THE_HOST)
}

/// The host of `--context`, where there is one that answers.
async fn host(global: &Global, ui: &Ui) -> Option<Connection> {
    let environment = Environment::of_process();
    let selected = select_host(global, &environment).ok()?;
    Some(open(vec![selected], global, &environment, ui).await.ok()?.remove(0))
}

struct Following<'a> {
    logs: &'a Logs,
    ui: &'a Ui,
    host: &'a Connection,
    /// What was asked for: the host, or one member.
    side: Side,
    /// With the UID of its kube-system.
    member: Option<(Connection, String)>,
    /// The member's pods that cannot start, which were told.
    stuck: BTreeSet<StuckPod>,
    /// By the Job's name; the controller's has none.
    sources: BTreeMap<Option<String>, Source>,
    /// When and how the last failed look at a Cluster has failed, by its name.
    failures: BTreeMap<String, (Timestamp, String)>,
    has_shown: bool,
}

fn is_under_way(clusters: &[(RegisteredCluster, Stage)]) -> bool {
    clusters.iter().any(|(_, stage)| matches!(stage, Stage::UnderWay(_) | Stage::NotTakenUp))
}

fn is_recent(looked: Instant) -> bool {
    looked.elapsed() < GIVE_UP_AFTER
}

impl Following<'_> {
    async fn follow(&mut self) -> Result<(), Error> {
        let mut looked = None;
        loop {
            match self.look().await {
                Ok(clusters) if !(self.logs.follow && is_under_way(&clusters)) => return self.end(&clusters),
                Ok(_) => looked = Some(Instant::now()),
                Err(error) if error.kind == ErrorKind::Error && looked.is_some_and(is_recent) => {}
                Err(error) => return Err(error),
            }
            sleep(LOOKS_EVERY).await;
        }
    }

    /// Shows what is new. The Clusters are seen first: what has ended then is in the log.
    async fn look(&mut self) -> Result<Vec<(RegisteredCluster, Stage)>, Error> {
        let clusters = self.clusters().await?;
        let from = self.logs.since.map(|since| self.host.clock.now() - since);
        for (job, cluster) in self.logs_of(&clusters) {
            self.show(job, cluster, from).await?;
        }
        if clusters.iter().any(|(_, stage)| *stage != Stage::Installed) {
            self.show_stuck().await;
        }
        Ok(clusters)
    }

    /// Those that were asked for.
    async fn clusters(&self) -> Result<Vec<(RegisteredCluster, Stage)>, Error> {
        let all = list(self.host, None).await?;
        // Whom the host has never reached it cannot tell, and is asked from here.
        let all = match self.member {
            Some(_) => all_identified(self.host, all).await,
            None => all,
        };
        let member = self.member.as_ref().map(|(_, uid)| uid.as_str());
        let asked = all.into_iter().filter(|cluster| member.is_none() || member == cluster.member_uid());
        let asked: Vec<RegisteredCluster> = asked.collect();
        let installed = asked.iter().filter_map(|cluster| Some((cluster.clone(), stage(cluster)?)));
        let clusters: Vec<_> = installed.collect();
        if clusters.is_empty() { Err(self.nothing_installed(&asked)) } else { Ok(clusters) }
    }

    /// Every Job is a log of its own; what the controller does itself is told in its own log.
    fn logs_of(&self, clusters: &[(RegisteredCluster, Stage)]) -> Vec<(Option<String>, Option<String>)> {
        let named = |cluster: &RegisteredCluster| self.member.is_some().then(|| cluster.name().to_owned());
        let logs =
            clusters.iter().map(|(cluster, _)| (cluster.install_job().map(str::to_owned), named(cluster)));
        let logs: BTreeMap<_, _> = logs.collect();
        logs.into_iter().collect()
    }

    async fn show(
        &mut self,
        job: Option<String>,
        cluster: Option<String>,
        from: Option<Timestamp>,
    ) -> Result<(), Error> {
        let source = self.sources.entry(job.clone()).or_insert_with(|| Source::of(self.host, job.as_deref()));
        let new = source.log.read().await;
        let new = match new {
            Ok(new) => new,
            Err(reason) => return Err(unread(self.host, &reason)),
        };
        let failures = new.iter().filter_map(|line| Some((line.at, failure(&line.text)?)));
        self.failures.extend(failures.map(|(at, (name, why))| (name, (at, why))));
        let texts = source.told(&new, (job.is_some(), cluster.as_deref()), (self.logs.run, from));
        self.has_shown |= !texts.is_empty();
        source.lines.show(self.ui, texts)
    }

    /// What keeps helm waiting stands in no log of the host.
    async fn show_stuck(&mut self) {
        let Some((member, _)) = &self.member else { return };
        let pods = timeout(ANSWERS_WITHIN, stuck(member, NAMESPACE)).await.unwrap_or_default();
        for pod in pods.into_iter().filter(|pod| !self.stuck.contains(pod)).collect::<Vec<_>>() {
            show_stuck(self.ui, &self.side, &pod);
            self.stuck.insert(pod);
        }
    }

    fn end(&self, clusters: &[(RegisteredCluster, Stage)]) -> Result<(), Error> {
        if !self.has_shown && clusters.iter().any(|(_, stage)| *stage != Stage::NotTakenUp) {
            let by_job = clusters.iter().any(|(cluster, _)| cluster.install_job().is_some());
            show_without_log(self.ui, &self.host.side, by_job);
        }
        // What is wrong stands last, where it is read.
        let mut clusters: Vec<_> = clusters.iter().collect();
        clusters.sort_by_key(|(_, stage)| (*stage != Stage::Installed, matches!(stage, Stage::Failed(_))));
        let last = clusters.pop_if(|(_, stage)| *stage != Stage::Installed);
        for (cluster, stage) in clusters {
            show(self.ui, &self.side, cluster, stage);
        }
        last.map_or(Ok(()), |(cluster, stage)| Err(self.error(cluster, stage)))
    }

    fn error(&self, cluster: &RegisteredCluster, stage: &Stage) -> Error {
        let message = format!("{}: {}", self.side, sentence(cluster, stage));
        match stage {
            Stage::Failed(_) => self.cause(Error::new(ErrorKind::Obstacle, message)).hint(format!(
                "fix the cause, then have the host try again: {}",
                reinstallation(&self.host.side, cluster.name())
            )),
            Stage::NotTakenUp => Error::new(ErrorKind::TimedOut, message).hint(format!(
                "see that it runs: `{}`",
                Kubectl::on(&self.host.side)
                    .namespace(NAMESPACE)
                    .words("get pods -l app=ks-controller-manager")
            )),
            Stage::Installed | Stage::UnderWay(_) => {
                let mut error = Error::new(ErrorKind::TimedOut, message);
                error.causes.extend(self.failure(cluster).filter(|_| *stage == Stage::UnderWay(None)));
                // What keeps helm waiting stands on the member alone.
                let error = if self.member.is_none() {
                    let logs = Mc::new("logs MEMBER").host(&self.host.side);
                    error.hint(format!("see what the member's pods wait for: `{logs}`"))
                } else {
                    error
                };
                error.hint(format!("follow it: {}", self.command()))
            }
        }
    }

    /// Up to 4.1.3 no condition tells it.
    fn failure(&self, cluster: &RegisteredCluster) -> Option<String> {
        let created: Timestamp = cluster.created_at().parse().ok()?;
        let (_, why) = self.failures.get(cluster.name()).filter(|(at, _)| *at >= created)?;
        Some(format!("the last look at it that failed: {}", mask(why)))
    }

    /// The member itself tells it, where it is named.
    fn cause(&self, error: Error) -> Error {
        let pods = self.member.as_ref().map(|(member, _)| {
            Kubectl::on(&member.side).namespace(NAMESPACE).words("get pods,events").to_string()
        });
        let logs = Mc::new("logs MEMBER").host(&self.host.side).to_string();
        error.hint(format!("see what the member's pods wait for: `{}`", pods.unwrap_or(logs)))
    }

    fn command(&self) -> String {
        match &self.side {
            Side::Host { .. } => logs_command(&self.side),
            member @ Side::Member { .. } => {
                format!("`{}`", Mc::new("logs").member(member).host(&self.host.side))
            }
        }
    }

    fn nothing_installed(&self, asked: &[RegisteredCluster]) -> Error {
        let host = &self.host.side;
        let is_member = self.member.is_some();
        let is_host = is_member && asked.iter().any(RegisteredCluster::is_host);
        let going = asked.iter().find(|cluster| is_member && cluster.is_being_deleted());
        let (message, hint) = match (&self.side, going) {
            (Side::Member { .. }, _) if is_host => (
                "it is the host itself, which installs KubeSphere on its members".to_owned(),
                format!("see what it does there: {}", logs_command(host)),
            ),
            (Side::Member { .. }, Some(going)) => (
                format!(
                    "its Cluster \"{}\" is being deleted, and nothing is installed on it any more",
                    going.name()
                ),
                format!("see what that waits for: `{}`", Mc::new("get").word(going.name()).host(host)),
            ),
            (Side::Host { .. }, _) => (
                "KubeSphere 4 has no ks-installer, and this host has no member on which it installs anything"
                    .to_owned(),
                format!(
                    "see how its own installation stands: `{} status ks-core -n {NAMESPACE}`; and its pods: `{}`",
                    helm(host),
                    Kubectl::on(host).namespace(NAMESPACE).words("get pods")
                ),
            ),
            (member @ Side::Member { .. }, None) => (
                format!("it is no member of {host}, which would install KubeSphere 4 on it"),
                format!("join it: `{}`", Mc::new("join").member(member).host(host)),
            ),
        };
        Error::new(ErrorKind::Obstacle, format!("{}: {message}", self.side)).hint(hint)
    }
}
