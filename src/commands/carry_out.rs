//! Taking the steps of a plan: the host first, then every member at once.

use futures::future::join_all;
use tokio::time::Instant;

use super::{connect::Clusters, look::Settled};
use crate::{
    checks::{self, Finding, MemberSituation, Situation},
    error::{Error, Kind},
    kubesphere::{
        cluster, cluster_configuration, jwt_secret::JwtSecret, kubesphere_config::DEFAULT_RESYNC, side::Side,
    },
    live::{
        connection::Connection,
        observe::observe,
        patience::patiently,
        prepare::{Freshness, Preparation, Prepared, prepare},
        register::{Registered, Registering, register},
        report::Report,
    },
    output::{document::Outcome, outcomes::UnknownVersion},
    plan::{
        course::Goal,
        intent::{ClusterIntent, MemberIntent},
        join::{ConfigurationStep, Registration, Unplannable, host_step, member_step, registration},
        member_kubeconfig::StoredKubeconfig,
        observed::Observed,
    },
};

/// What the steps are taken with.
pub(super) struct CarryOut<'a> {
    pub(super) clusters: &'a Clusters,
    pub(super) skipped: &'a [String],
    pub(super) deadline: Instant,
    pub(super) wait: bool,
    pub(super) report: &'a dyn Report,
}

/// What came of one cluster.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) unknown_version: Option<UnknownVersion>,
    pub(super) error: Option<Error>,
    /// Whether something is left to do that can only take effect later (`--wait=false`).
    pub(super) unfinished: bool,
}

impl CarryOut<'_> {
    /// Takes every step. The host's failure ends it; a member's failure is that member's alone.
    pub(super) async fn all(&self, settled: &Settled<'_>) -> Vec<Carried> {
        let plan = settled.plan;
        if plan.renewals().next().is_some() {
            return self.renewals(settled).await;
        }
        let mut carried = Carried::default();
        let kubeconfigs = match self.credentials(settled, &mut carried).await {
            Ok(kubeconfigs) => kubeconfigs,
            Err(error) => return vec![Carried { error: Some(error), ..carried }],
        };
        let host = match self.host(settled, &mut carried).await {
            Ok(host) => host,
            Err(error) => return vec![Carried { error: Some(error), ..carried }],
        };
        let host_ready = !carried.unfinished;
        let freshness = if plan.host_stays() { Freshness::Fresh } else { Freshness::Stale };
        // A host that has just come into effect may sign with another secret than was foreseen.
        let changed = host.as_ref().filter(|_| host_ready && !plan.host_stays());
        let secret = changed.and_then(Observed::effective_secret).unwrap_or(&plan.secret).clone();
        let each = self.clusters.members.iter().zip(&self.clusters.intent.members).zip(&settled.members);
        let each = each.zip(&kubeconfigs).map(|(((connection, intent), observed), kubeconfig)| {
            let member = Member { connection, intent, observed, freshness, kubeconfig: kubeconfig.as_ref() };
            self.member(host.as_ref(), host_ready, &secret, member)
        });
        std::iter::once(carried).chain(join_all(each).await).collect()
    }

    /// Brings the host into effect, where the plan does, and looks at it again.
    async fn host(&self, settled: &Settled<'_>, carried: &mut Carried) -> Result<Option<Observed>, Error> {
        let (Some(connection), Some(host)) = (&self.clusters.host, settled.host) else { return Ok(None) };
        if settled.plan.host.is_none() {
            return Ok(Some(host.clone()));
        }
        let check = |fresh: &Observed| self.check_host(fresh);
        let preparation = self.preparation(connection, Goal::Host(&self.clusters.intent.host), &check);
        let mut prepared = Prepared::default();
        let result = prepare(&preparation, host, Freshness::Fresh, &mut prepared).await;
        record(&connection.side, prepared, carried);
        result?;
        if settled.plan.host_stays() {
            return Ok(Some(host.clone()));
        }
        let ask = async || observe(connection).await;
        Ok(Some(patiently(&connection.side, self.deadline, ask).await?))
    }

    async fn member(
        &self,
        host: Option<&Observed>,
        host_ready: bool,
        secret: &JwtSecret,
        member: Member<'_>,
    ) -> Carried {
        let mut carried = Carried::default();
        if let Err(error) = self.try_member(host, host_ready, secret, member, &mut carried).await {
            carried.error = Some(error);
        }
        carried
    }

    async fn try_member(
        &self,
        host: Option<&Observed>,
        host_ready: bool,
        secret: &JwtSecret,
        member: Member<'_>,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        let Member { connection, intent, observed, freshness, kubeconfig } = member;
        let check = |fresh: &Observed| self.check_member(host, intent, fresh, secret);
        let preparation = self.preparation(connection, Goal::Member(secret), &check);
        let mut prepared = Prepared::default();
        let result = prepare(&preparation, observed, freshness, &mut prepared).await;
        record(&connection.side, prepared, carried);
        result?;
        let (Some(cluster), Some(host), Some(steering)) = (&intent.cluster, host, &self.clusters.host) else {
            return Ok(());
        };
        let step = registration(&cluster.name, host, &observed.uid);
        // Before both sides are in effect the host's controller could only fail with it.
        if step != Registration::Joined && !(host_ready && prepared.in_effect) {
            carried.unfinished = true;
            return Ok(());
        }
        let registering = Registering {
            kubeconfig,
            ..self.registering(steering, host, connection, cluster, &observed.uid)
        };
        self.register(&registering, &step, carried).await
    }

    /// What makes a member known, or known anew, to its host.
    pub(super) fn registering<'r>(
        &'r self,
        steering: &'r Connection,
        host: &Observed,
        member: &'r Connection,
        cluster: &'r ClusterIntent,
        uid: &'r str,
    ) -> Registering<'r> {
        Registering {
            host: steering,
            member,
            cluster,
            kubeconfig: None,
            renewed: None,
            uid,
            version: host.kubesphere_version(),
            resync: host.config.present().map_or(DEFAULT_RESYNC, |config| config.resync),
            deadline: self.deadline,
            wait: self.wait,
            report: self.report,
        }
    }

    pub(super) async fn register(
        &self,
        registering: &Registering<'_>,
        step: &Registration,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        let mut registered = Registered::default();
        let result = match step {
            Registration::Joined => Ok(()),
            Registration::Await | Registration::Create | Registration::Renew(_) => {
                register(registering, step, &mut registered).await
            }
        };
        let (host, name) = (&registering.host.side, &registering.cluster.name);
        carried.outcomes.extend(registered.created.then(|| created(host, name)));
        carried.outcomes.extend(registered.renewed.then(|| renewed(host, name)));
        carried.outcomes.extend(registered.unchanged.then(|| unchanged(host, name)));
        let member = &registering.member.side;
        let unknown = registered.without_version.map(|why| UnknownVersion { member: member.clone(), why });
        carried.unknown_version = unknown.or(carried.unknown_version.take());
        result?;
        carried.unfinished |= !self.wait && *step != Registration::Joined;
        Ok(())
    }

    fn preparation<'p>(
        &'p self,
        connection: &'p Connection,
        goal: Goal<'p>,
        check: &'p dyn Fn(&Observed) -> Result<(), Vec<Finding>>,
    ) -> Preparation<'p> {
        Preparation { connection, goal, deadline: self.deadline, wait: self.wait, report: self.report, check }
    }

    /// The same checks as before the first change, on a fresh look at the host.
    fn check_host(&self, host: &Observed) -> Result<(), Vec<Finding>> {
        let step = host_step(&self.clusters.intent.host, host);
        self.check(Some(host), Vec::new(), &step)
    }

    fn check_member(
        &self,
        host: Option<&Observed>,
        intent: &MemberIntent,
        member: &Observed,
        secret: &JwtSecret,
    ) -> Result<(), Vec<Finding>> {
        let step = member_step(member, secret);
        self.check(host, vec![MemberSituation { intent, observed: Some(member) }], &step)
    }

    fn check(
        &self,
        host: Option<&Observed>,
        members: Vec<MemberSituation<'_>>,
        step: &Result<ConfigurationStep, Unplannable>,
    ) -> Result<(), Vec<Finding>> {
        let situation = Situation {
            intent: &self.clusters.intent,
            host,
            members,
            silent: &[],
            plan: None,
            unplannable: step.as_ref().err(),
        };
        let findings = checks::run(&situation, self.skipped);
        if findings.iter().any(Finding::is_obstacle) { Err(findings) } else { Ok(()) }
    }
}

#[derive(Clone, Copy)]
struct Member<'a> {
    connection: &'a Connection,
    intent: &'a MemberIntent,
    observed: &'a Observed,
    freshness: Freshness,
    /// What its Cluster will store, where that is to be created.
    kubeconfig: Option<&'a StoredKubeconfig>,
}

fn record(side: &Side, prepared: Prepared, carried: &mut Carried) {
    carried.outcomes.extend(of_preparation(side, prepared));
    carried.unfinished |= !prepared.in_effect;
}

/// What was done to a configuration.
pub(super) fn of_preparation(side: &Side, prepared: Prepared) -> impl Iterator<Item = Outcome> + use<> {
    let patched = (prepared.patches > 0).then(|| patched(side));
    let restarted = prepared.restarted.then(|| restarted(side));
    patched.into_iter().chain(restarted)
}

pub(super) fn patched(side: &Side) -> Outcome {
    Outcome { side: side.clone(), object: configuration_object(), verb: "patched" }
}

pub(super) fn restarted(side: &Side) -> Outcome {
    let object = format!("deployment.apps/{}", cluster_configuration::NAME);
    Outcome { side: side.clone(), object, verb: "restarted" }
}

pub(super) fn created(host: &Side, name: &str) -> Outcome {
    Outcome { side: host.clone(), object: cluster_object(name), verb: "created" }
}

pub(super) fn renewed(host: &Side, name: &str) -> Outcome {
    Outcome { side: host.clone(), object: cluster_object(name), verb: "patched" }
}

fn unchanged(host: &Side, name: &str) -> Outcome {
    Outcome { side: host.clone(), object: cluster_object(name), verb: "unchanged" }
}

pub(super) fn configuration_object() -> String {
    format!("clusterconfiguration.{}/{}", cluster_configuration::GROUP, cluster_configuration::NAME)
}

pub(super) fn cluster_object(name: &str) -> String {
    format!("cluster.{}/{name}", cluster::GROUP)
}

/// One error for everything that failed. The host's failure ends a join before its members' turn, so it stands
/// alone.
pub(super) fn sum_up(carried: Vec<Carried>, members: usize, hint: &str) -> Result<(), (Vec<Error>, Error)> {
    let host_failed = carried.first().is_some_and(|host| host.error.is_some());
    let mut errors: Vec<Error> = carried.into_iter().filter_map(|carried| carried.error).collect();
    if errors.is_empty() {
        return Ok(());
    }
    if host_failed || members == 1 {
        return Err((Vec::new(), errors.remove(0)));
    }
    let message = format!("{} of {members} members failed", errors.len());
    let sum = Error::new(Kind::Partial, message).hint(hint);
    Err((errors, sum))
}
