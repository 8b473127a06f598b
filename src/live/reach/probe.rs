//! Probing: pods are created on all nodes at once, looked at until each has told, and deleted.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kubesphere::cluster_configuration::NAMESPACE;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    probe_plan::pods,
    remains::Remains,
    sight::{UNHEALTHY, pod_sight, unhealthy},
};
use crate::{
    live::{
        connection::Connection,
        failure::Failure,
        objects::{Objects, Persistence},
        patience::retry_until,
        report::{self, Activity, Completed, Notice, Reached, Reporter},
        request_error::{Cause, RequestError},
        workloads::Pod,
    },
    plan::reach::{
        limits::{AT_ONCE, tells_within},
        pod::{self, ProbePod, RUN_LABEL, container},
        probing::{Probed, Probing},
        target::Target,
        verdict::{Judgement, Reach, judge, refusal},
    },
};

/// A server that does not take a pod by then is not waited for: what is not probed is told as unknown.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);
/// How often the pods are looked at, at first.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// And later.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Probes the members from the host's nodes, no longer than until `deadline`, and deletes the pods again. What
/// an interruption leaves stands in `remains`.
pub async fn probe(
    host: &Connection,
    probing: &Probing,
    deadline: Instant,
    remains: &Remains,
    report: &dyn Reporter,
) -> Vec<Probed> {
    let run = format!("{:08x}", RandomState::new().build_hasher().finish() >> 32);
    let pods = pod::pods(probing, &run);
    let round = Round { host, probing, pods: &pods, run, remains };
    report.tell(&host.side, report::Event::Begins(Activity::Probes));
    // What is not answered by then may be there all the same, and is deleted like the others.
    let refused = timeout_at(deadline, round.create(Persistence::Stored)).await.unwrap_or_default();
    let told = Instant::now() + tells_within(probing.targets().len());
    let probed = round.look(refused, deadline.min(told)).await;
    for problem in remains.delete().await {
        report.tell(&host.side, report::Event::Notice(Notice::PodStays(problem)));
    }
    report.tell(&host.side, report::Event::Done(Completed::Probed(reached(&probed))));
    probed
}

/// Sends the pods with `dryRun=All`: admission says what it would refuse. Only nodes whose pod is refused are in the
/// result.
pub async fn dry_run(host: &Connection, probing: &Probing) -> Vec<Probed> {
    let pods = pod::pods(probing, "rehearsal");
    let remains = Remains::default();
    let round = Round { host, probing, pods: &pods, run: String::new(), remains: &remains };
    let refused = round.create(Persistence::DryRun).await;
    round.results(|_, node| refused.get(node).cloned())
}

/// One command's probes.
struct Round<'a> {
    host: &'a Connection,
    probing: &'a Probing,
    pods: &'a [ProbePod],
    run: String,
    remains: &'a Remains,
}

/// What a look showed.
#[derive(Default)]
struct Seen {
    pods: BTreeMap<String, Pod>,
    events: Vec<Event>,
}

impl Round<'_> {
    /// Creates all pods at once. Returns the nodes whose pod was refused, and why.
    async fn create(&self, persistence: Persistence) -> BTreeMap<String, Reach> {
        let creations = stream::iter(self.pods).map(|pod| async move {
            let refused = self.create_one(pod, persistence).await.err()?;
            Some((pod.node.clone(), refusal(&refused.cause.to_string())))
        });
        creations.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
    }

    async fn create_one(&self, pod: &ProbePod, persistence: Persistence) -> Result<(), RequestError> {
        if persistence == Persistence::Stored {
            self.remains.expect(self.host, &self.run, &pod.name);
        }
        let ask = async || match pods(self.host).create(&pod.manifest, persistence).await {
            // The answer to our own request was lost.
            Err(RequestError { cause: Cause::AlreadyExists, .. }) => Ok(()),
            created => created.map(drop),
        };
        match retry_until(&self.host.side, Instant::now() + TAKEN_WITHIN, ask).await {
            Ok(()) => {
                self.remains.confirm(&pod.name);
                Ok(())
            }
            Err(Failure::Request(error)) => {
                self.remains.forget(&pod.name);
                Err(error)
            }
            // It may have arrived: it is looked for like the others.
            Err(_) => Ok(()),
        }
    }

    /// Looks at the pods until each has told, or the time is up.
    async fn look(&self, refused: BTreeMap<String, Reach>, until: Instant) -> Vec<Probed> {
        let mut pause = FIRST_LOOK;
        let mut seen = Seen::default();
        loop {
            sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
            pause = (pause * 3 / 2).min(LOOKS_EVERY);
            // An API server that is away for a moment is asked again.
            if let Ok(Ok(now)) = timeout_at(until, self.see()).await {
                seen = now;
            }
            if self.is_over(&seen, &refused) || Instant::now() >= until {
                break;
            }
        }
        self.results(|target, node| match refused.get(node) {
            Some(refused) => Some(refused.clone()),
            None => Some(self.judge(&seen, target, node).reach),
        })
    }

    async fn see(&self) -> Result<Seen, RequestError> {
        let ours = ListParams::default().labels(&format!("{RUN_LABEL}={}", self.run)).match_any();
        let pods = pods(self.host)
            .list(&ours)
            .await?
            .into_iter()
            .map(|pod| (pod.metadata.name.clone().unwrap_or_default(), pod));
        Ok(Seen { pods: pods.collect(), events: self.events().await })
    }

    /// Without events the pods alone tell.
    async fn events(&self) -> Vec<Event> {
        if !self.probing.reads_events {
            return Vec::new();
        }
        let failing = format!("reason={UNHEALTHY},involvedObject.kind=Pod");
        let parameters = ListParams::default().fields(&failing).match_any();
        let events = Objects::<Event>::on(self.host).in_namespace(NAMESPACE);
        events.list(&parameters).await.unwrap_or_default()
    }

    fn is_over(&self, seen: &Seen, refused: &BTreeMap<String, Reach>) -> bool {
        let targets = self.probing.targets();
        let pods = self.pods.iter().filter(|pod| !refused.contains_key(&pod.node));
        let mut probes = pods.flat_map(|pod| targets.iter().map(move |target| (*target, &pod.node)));
        probes.all(|(target, node)| self.judge(seen, target, node).is_final)
    }

    fn judge(&self, seen: &Seen, target: &Target, node: &str) -> Judgement {
        let Some(pod) = self.pods.iter().find(|pod| pod.node == node) else {
            let why = "there is no image on the node that a probe pod can use".to_owned();
            return Judgement { reach: Reach::Unknown(why), is_final: true };
        };
        let container = container(self.probing, target);
        let events = unhealthy(&seen.events, &pod.name, &container);
        let sight = seen.pods.get(&pod.name).map(pod_sight);
        judge(sight.as_ref(), &container, &events, self.probing.reads_events)
    }

    /// Every member with the nodes of which something can be said.
    fn results(&self, say: impl Fn(&Target, &str) -> Option<Reach>) -> Vec<Probed> {
        let of_member = |target: &Target| {
            let nodes = self.probing.nodes.iter();
            nodes.filter_map(|node| Some((node.name.clone(), say(target, &node.name)?))).collect()
        };
        let members = self.probing.members.iter().map(|member| Probed {
            member: member.member.clone(),
            target: member.target.clone(),
            nodes: of_member(&member.target),
        });
        members.collect()
    }
}

fn reached(probed: &[Probed]) -> Vec<Reached> {
    let reached = probed.iter().map(|Probed { target, nodes, .. }| Reached {
        server: target.server.clone(),
        from: nodes.iter().filter(|(_, reach)| *reach == Reach::Reachable).count(),
        of: nodes.iter().filter(|(_, reach)| !matches!(reach, Reach::Unknown(_))).count(),
        unknown: nodes.iter().filter(|(_, reach)| matches!(reach, Reach::Unknown(_))).count(),
    });
    reached.collect()
}
