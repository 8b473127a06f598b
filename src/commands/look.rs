//! One look at all clusters, from which checks and plan follow.

mod closer;
mod leaving_out;

use std::iter;

use kubesphere::{
    cluster::RegisteredCluster,
    object::ObjectKind,
    readiness::{Membership, membership},
    side::Side,
};

use super::{
    connect::Clusters,
    reachability::{self, Left},
    task::Looked,
};
use crate::{
    checks::{self, Finding, MemberSituation, Silence, Silent, Situation, Subject, member_reachable},
    error::Error,
    live::{
        connection::Connection,
        failure::causes,
        observe::{clusters_object, observe_since},
        request_error::{Cause, RequestError, Verb},
        similarity::did_you_mean,
    },
    output::plan::View,
    plan::{
        intent::Intent,
        needs::Unplannable,
        observed::Observed,
        operation::Operation,
        operations::{Decision, decide},
        reach::probing::ProbePlan,
        registered_name::with_registered_names,
        result::{Effect, StepResult},
        steps::configure::configuration,
    },
};
use leaving_out::{is_among, without};

/// What was seen, and what follows from it.
pub(super) struct Look {
    /// What was asked for; for a check with the names that the host knows the members by.
    pub(super) intent: Intent,
    pub(super) host: Option<Observed>,
    /// In the intent's order.
    pub(super) members: Vec<Option<Observed>>,
    silent: Vec<Silent>,
    /// What earlier commands have left behind on the host, where that matters.
    pub(super) left: Option<Left>,
    /// From where the new members are probed, where that is asked for.
    probe_plan: Option<ProbePlan>,
    pub(super) decision: Result<Decision, Unplannable>,
    pub(super) findings: Vec<Finding>,
    /// What has stopped the members that are left out.
    left_out: Vec<Finding>,
}

/// Looks at all clusters at once; and where something is to change, or all is to be checked, closer. Of clusters that
/// were looked at `before` only what shows whether it is done.
pub(super) async fn look(clusters: &Clusters, before: Option<&Look>) -> Look {
    look_for(clusters.intent.clone(), clusters, before).await
}

/// The same, where something else is wanted by now.
pub(super) async fn look_for(intent: Intent, clusters: &Clusters, before: Option<&Look>) -> Look {
    let host = async {
        match &clusters.host {
            Some(host) => Some(observe_since(host, before.and_then(|before| before.host.as_ref())).await),
            None => None,
        }
    };
    let left_out = before.map(|before| before.left_out.clone()).unwrap_or_default();
    let intent = without(intent, &left_out);
    let asked: Vec<&Connection> =
        clusters.members.iter().filter(|member| is_among(&member.side, &intent)).collect();
    let places = &clusters.places;
    let members = places.each(&asked, async |member: &&Connection| {
        let _stay = places.stay(member);
        let before = before.and_then(|before| before.member(&member.side));
        Box::pin(observe_since(member, before)).await
    });
    let (host, members) = tokio::join!(host, members);
    let mut look = Look {
        intent,
        silent: Vec::new(),
        left: None,
        probe_plan: None,
        host: None,
        members: Vec::new(),
        decision: Err(Unplannable::NotObserved),
        findings: Vec::new(),
        left_out,
    };
    look.host = clusters.host.iter().zip(host).find_map(|(connection, host)| look.answer(connection, host));
    for (connection, member) in asked.into_iter().zip(members) {
        let member = look.answer(connection, member);
        look.members.push(member);
    }
    if look.checks_only() {
        look.intent = with_registered_names(look.intent, look.host.as_ref(), &look.members);
    }
    look.judge(clusters, before.is_none()).await;
    look
}

impl Looked for Look {
    fn observed(&self) -> Vec<&Observed> {
        self.host.iter().chain(self.members.iter().flatten()).collect()
    }

    fn host(&self) -> Option<&Observed> {
        self.host.as_ref()
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn silent(&self) -> &[Silent] {
        &self.silent
    }

    fn ready(&self) -> Option<View<'_>> {
        let decision = self.decision.as_ref().ok().filter(|_| self.obstacles().next().is_none())?;
        Some(View {
            host: self.host.as_ref(),
            observed: self.observed(),
            plan: &decision.plan,
            secret: Some(&decision.needs.secret),
            kept: None,
        })
    }

    fn not_found(&self) -> Option<Error> {
        let Err(Unplannable::NoCluster { name }) = &self.decision else { return None };
        // A member has none, and a check says that it is one.
        let host = self.host.as_ref().filter(|host| !host.is_member())?;
        let object = clusters_object().named(name);
        let error = RequestError { side: host.side.clone(), verb: Verb::Get, object, cause: Cause::NotFound };
        let known = host.clusters.present()?.iter().filter(|cluster| !cluster.is_host());
        let known: Vec<_> = known.map(RegisteredCluster::name).collect();
        let names = if known.is_empty() { "no member".to_owned() } else { known.join(", ") };
        let error = did_you_mean(name, &known).into_iter().fold(Error::from(error), Error::hint);
        Some(error.hint(format!("the host has registered {names}")))
    }

    /// The Clusters, or else the configurations.
    fn unchanged(&self) -> Vec<StepResult> {
        let host = self.host.iter();
        let clusters = self.intent.members.iter().filter_map(|member| member.cluster.as_ref());
        let clusters: Vec<StepResult> = clusters
            .zip(host.cycle())
            .map(|(cluster, host)| {
                StepResult::new(&host.side, ObjectKind::CLUSTER.named(&cluster.name), Effect::Unchanged)
            })
            .collect();
        if !clusters.is_empty() {
            return clusters;
        }
        let needs = self.decision.as_ref().map(|decision| &decision.needs);
        let configured = self
            .observed()
            .into_iter()
            .filter(|observed| needs.is_ok_and(|needs| needs.of(&observed.side).is_some()));
        configured
            .map(|observed| StepResult::new(&observed.side, configuration(), Effect::Unchanged))
            .collect()
    }
}

impl Look {
    /// The members that the host knows, and not their KubeSphere.
    pub(super) fn without_kubesphere_version(&self) -> impl Iterator<Item = &Side> {
        let members = self.intent.members.iter().zip(&self.members);
        members.filter_map(|(intent, member)| {
            let (host, member) = (self.host.as_ref()?, member.as_ref()?);
            let registered = host.cluster_named(&intent.cluster.as_ref()?.name);
            let membership = membership(registered, &member.uid, &host.differences());
            (membership == Membership::WithoutKubesphereVersion).then_some(&member.side)
        })
    }

    /// What stops it.
    fn obstacles(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_obstacle() && !self.left_out.contains(finding))
    }

    /// What was seen of this member.
    fn member(&self, side: &Side) -> Option<&Observed> {
        self.members.iter().flatten().find(|member| member.side == *side)
    }

    /// Decides, looks closer at what that makes worth a look, and checks.
    async fn judge(&mut self, clusters: &Clusters, is_first: bool) {
        self.decide();
        self.look_closer(clusters, is_first).await;
        self.probe_plan = None;
        if let Ok(decision) = &mut self.decision {
            // Boxed, because most looks find nothing to probe.
            let looked = reachability::look(clusters, &mut decision.plan, self.left.as_ref());
            self.probe_plan = Box::pin(looked).await;
        }
        self.check();
    }

    fn answer(
        &mut self,
        connection: &Connection,
        answer: Result<Observed, RequestError>,
    ) -> Option<Observed> {
        answer.map_err(|error| self.silent.push(silent(connection, &error))).ok()
    }

    fn checks_only(&self) -> bool {
        self.intent.operation == Operation::Check
    }

    fn decide(&mut self) {
        let members: Option<Vec<&Observed>> = self.members.iter().map(Option::as_ref).collect();
        self.decision = match members {
            Some(members) => decide(&self.intent, self.host.as_ref(), &members),
            None if self.checks_only() => self.decision_about_answering(),
            None => Err(Unplannable::NotObserved),
        };
    }

    /// A member that does not answer hides nothing of the others.
    fn decision_about_answering(&self) -> Result<Decision, Unplannable> {
        let answering = self.intent.members.iter().zip(&self.members);
        let (members, observed): (Vec<_>, Vec<_>) =
            answering.filter_map(|(intent, observed)| Some((intent.clone(), observed.as_ref()?))).unzip();
        decide(&Intent { members, ..self.intent.clone() }, self.host.as_ref(), &observed)
    }

    fn check(&mut self) {
        let members = self.intent.members.iter().zip(&self.members);
        let situation = Situation {
            intent: &self.intent,
            host: self.host.as_ref(),
            members: members
                .map(|(intent, observed)| MemberSituation { intent, observed: observed.as_ref() })
                .collect(),
            silent: &self.silent,
            decision: self.decision.as_ref().ok(),
            unplannable: self.decision.as_ref().err(),
        };
        self.findings = checks::run(Subject::Joining(&situation), &self.intent.skipped);
        let reachable = match &self.probe_plan {
            Some(probe_plan) => member_reachable::foreseen(probe_plan),
            // A check asks the nodes afterwards.
            None if self.checks_only() => Vec::new(),
            None => member_reachable::unprobed(&self.intent),
        };
        self.findings.extend(reachable);
        self.findings.extend(self.left_out.iter().cloned());
    }
}

pub(super) fn silent(connection: &Connection, error: &RequestError) -> Silent {
    let hints = error.hints();
    let asked = format!("{} {}", error.verb, error.object);
    let message: Vec<String> = iter::once(asked).chain(causes(error)).collect();
    let silence = match &error.cause {
        Cause::TimeUp => Silence::Late,
        Cause::NotAsked => Silence::Unasked,
        Cause::Unauthorized | Cause::Forbidden { .. } => Silence::Refused,
        cause if cause.may_pass() => Silence::Away,
        _ => Silence::Lasting,
    };
    Silent { side: connection.side.clone(), message: message.join(": "), hints, silence }
}
