//! One look at all clusters, from which checks and plan follow.

use std::iter;

use kubesphere::{
    cluster::RegisteredCluster,
    object::ObjectKind,
    readiness::{Membership, membership},
    side::Side,
};

use super::{
    changing::{Changes, Changing},
    connect::Clusters,
    pipeline::Looked,
    reachability::{self, Left},
};
use crate::{
    checks::{self, Finding, MemberSituation, Silent, Situation, Subject, member_reachable},
    error::Error,
    live::{
        account::{account, earlier},
        closer_look::{denied, look_at_installer, look_at_user, still_needed},
        connection::Connection,
        endpoint::look_at_endpoint,
        failure::causes,
        identify::probe_all,
        observe::{clusters_object, observe_since},
        request_error::{Cause, RequestError, Verb},
        similarity::did_you_mean,
        surroundings::look_around,
    },
    output::plan::View,
    plan::{
        access::Access,
        credential::HostUid,
        intent::Intent,
        needs::Unplannable,
        observed::{Denied, Observed},
        operation::Operation,
        operations::{Decision, decide},
        reach::probing::ProbePlan,
        registered_name::{is_members, with_registered_names},
        result::{Effect, StepResult},
        steps::configure::configuration,
        surroundings::ReadScope,
    },
};

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

/// What was asked for without the members that these findings have stopped.
fn without(mut intent: Intent, stopped: &[Finding]) -> Intent {
    intent.members.retain(|member| !is_stopped(&member.side, stopped));
    intent
}

fn is_stopped(member: &Side, stopped: &[Finding]) -> bool {
    stopped.iter().any(|finding| finding.report.side.as_ref() == Some(member))
}

fn is_among(member: &Side, intent: &Intent) -> bool {
    intent.members.iter().any(|wanted| wanted.side == *member)
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

    fn is_away(&self) -> bool {
        self.silent.iter().any(|silent| silent.is_away)
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
        let host = self.host.as_ref()?;
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

/// What a closer look has asked of a cluster.
struct Asked {
    accesses: Vec<Access>,
    scope: ReadScope,
    denied: Vec<Denied>,
    silent: Vec<Silent>,
}

/// Looks at all that the first decision makes worth a look, at once.
async fn look_at_what_changes(changing: Changing<'_>, host: (Option<&Connection>, HostUid)) -> Asked {
    let Changing { connection, observed, accesses, scope, cluster, .. } = changing;
    let around = look_around(connection, host.0, (observed.storage_class(), observed.generation()), scope);
    let installer = async {
        if changing.runs_installer {
            look_at_installer(connection, observed, changing.is_in_effect).await;
        }
    };
    let credential = async {
        let Some((_, kind)) = cluster else { return Ok((None, None)) };
        let earlier =
            async { Ok(if changing.renews { Some(earlier(connection, host.1).await?) } else { None }) };
        tokio::try_join!(account(connection, kind, host.1), earlier)
    };
    let endpoint = async {
        match cluster {
            Some((cluster, _)) => Some(look_at_endpoint(connection, cluster).await),
            None => None,
        }
    };
    // Boxed, because many requests are more state than a stack should carry around.
    let looks = Box::pin(async {
        tokio::join!(installer, credential, endpoint, around, denied(connection, &accesses))
    });
    let ((), credential, endpoint, surroundings, denied) = looks.await;
    (observed.endpoint, observed.surroundings) = (endpoint, surroundings);
    let mut silent = Vec::new();
    let mut told = |error: RequestError| silent.push(self::silent(connection, &error));
    let credential = credential.map_err(&mut told).unwrap_or_default();
    let denied = denied.map_err(told).unwrap_or_default();
    (observed.account, observed.earlier) = credential;
    Asked { accesses, scope, denied, silent }
}

/// Looks at what only the second decision makes worth a look: mostly nothing.
async fn look_at_the_rest(changing: Changing<'_>, host: Option<&Connection>, asked: Asked) -> Vec<Silent> {
    let Changing { connection, observed, accesses, scope, .. } = changing;
    if scope != asked.scope {
        let around =
            Box::pin(look_around(connection, host, (observed.storage_class(), observed.generation()), scope));
        observed.surroundings = around.await;
    }
    let unasked: Vec<Access> =
        accesses.iter().filter(|access| !asked.accesses.contains(access)).cloned().collect();
    let mut silent = asked.silent;
    let denied = denied(connection, &unasked).await;
    let denied = denied.map_err(|error| silent.push(self::silent(connection, &error))).unwrap_or_default();
    observed.denied = still_needed(asked.denied, &accesses);
    observed.denied.extend(denied);
    look_at_user(connection, observed).await;
    silent
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

    /// Leaves the members out that checks have stopped, as long as others are left, and nothing stops those.
    pub(super) async fn leaving_out_stopped(mut self, clusters: &Clusters) -> Self {
        while self.can_leave_out() {
            let stopped: Vec<Finding> = self.obstacles().map(left_out).collect();
            let members = self.intent.members.iter().zip(std::mem::take(&mut self.members));
            self.members = members
                .filter(|(intent, _)| !is_stopped(&intent.side, &stopped))
                .map(|(_, seen)| seen)
                .collect();
            self.intent = without(self.intent, &stopped);
            self.silent.retain(|silent| !is_stopped(&silent.side, &stopped));
            self.left_out.extend(stopped);
            self.judge(clusters, true).await;
        }
        self
    }

    /// The members that are left out.
    pub(super) fn left_out(&self) -> Vec<&Side> {
        let mut sides: Vec<&Side> = Vec::new();
        for side in self.left_out.iter().filter_map(|finding| finding.report.side.as_ref()) {
            if !sides.contains(&side) {
                sides.push(side);
            }
        }
        sides
    }

    fn can_leave_out(&self) -> bool {
        let stopped: Vec<Finding> = self.obstacles().cloned().collect();
        let is_members =
            |finding: &Finding| finding.report.side.as_ref().is_some_and(|side| is_among(side, &self.intent));
        let mut members = self.intent.members.iter();
        !stopped.is_empty()
            && stopped.iter().all(is_members)
            && members.any(|member| !is_stopped(&member.side, &stopped))
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

    /// The installers and accounts decide which steps, and so which rights, are needed: the plan is made again, and what is
    /// needed then and was not asked is asked.
    async fn look_closer(&mut self, clusters: &Clusters, is_first: bool) {
        let uid = HostUid::new(self.host.as_ref().map_or("", |host| host.uid.as_str()));
        let host = clusters.host.as_ref();
        let all = self.checks_only();
        let concerns = |side| self.decision.as_ref().is_ok_and(|decision| decision.plan.concerns(side));
        let tidied = host.filter(|host| self.host.is_some() && (all || concerns(&host.side)));
        let left = async {
            match tidied {
                Some(host) => Some(Left::on(host).await),
                None => None,
            }
        };
        let places = &clusters.places;
        let stored = if is_first { self.registered() } else { Vec::new() };
        let stored = Box::pin(probe_all(stored, places));
        let looks = places.each(self.changing(clusters), async |changing| {
            let _stay = places.stay(changing.connection);
            Box::pin(look_at_what_changes(changing, (host, uid))).await
        });
        let (left, asked, stored) = tokio::join!(left, looks, stored);
        self.left = left;
        if let Some(host) = &mut self.host {
            host.stored = stored;
        }
        self.decide();
        let looks = self.changing(clusters).into_iter().zip(asked);
        let failures = places.each(looks, async |(changing, asked)| {
            let _stay = places.stay(changing.connection);
            Box::pin(look_at_the_rest(changing, host, asked)).await
        });
        let failures = failures.await;
        self.silent.extend(failures.into_iter().flatten());
    }

    /// The Clusters through whose kubeconfigs the host has to reach the members, or all members where none is named.
    fn registered(&self) -> Vec<RegisteredCluster> {
        if !self.intent.operation.relies_on_stored_kubeconfigs() {
            return Vec::new();
        }
        let clusters = self.host.iter().filter_map(|host| host.clusters.present()).flatten();
        let asked = clusters.filter(|cluster| {
            let is_asked = !cluster.is_host() && cluster.is_direct() && !cluster.is_being_deleted();
            is_asked && (self.intent.members.is_empty() || self.concerns_member(cluster))
        });
        asked.cloned().collect()
    }

    fn concerns_member(&self, cluster: &RegisteredCluster) -> bool {
        let mut members = self.intent.members.iter().zip(&self.members);
        members.any(|(intent, member)| is_members(cluster, intent, member.as_ref()))
    }

    /// What the plan changes, with its connections; all clusters where all are to be checked.
    fn changing<'a>(&'a mut self, clusters: &'a Clusters) -> Vec<Changing<'a>> {
        let known: Vec<bool> = self.members.iter().map(|member| self.knows(member.as_ref())).collect();
        let changes = Changes {
            operation: self.intent.operation,
            decision: self.decision.as_ref().ok(),
            host: self.host.as_ref().and_then(Observed::generation),
        };
        let host = clusters.host.iter().zip(&mut self.host);
        let host = host.map(|(connection, observed)| changes.of_host(connection, observed));
        let members = self.intent.members.iter().zip(&mut self.members).zip(known);
        let members = members.filter_map(|((intent, observed), known)| {
            let connection = clusters.members.iter().find(|member| member.side == intent.side)?;
            Some(changes.of_member(intent, known, connection, observed.as_mut()?))
        });
        host.chain(members).collect()
    }

    /// Whether the host has this member as a Cluster.
    fn knows(&self, member: Option<&Observed>) -> bool {
        let (Some(host), Some(member)) = (&self.host, member) else { return false };
        host.clusters_with_uid(&member.uid).next().is_some()
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

/// What stops a member, and nobody else.
fn left_out(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    finding.report.message.push_str(" (this member is left out)");
    finding
}

pub(super) fn silent(connection: &Connection, error: &RequestError) -> Silent {
    let hints = error.hints();
    let asked = format!("{} {}", error.verb, error.object);
    let message: Vec<String> = iter::once(asked).chain(causes(error)).collect();
    let is_away = error.cause.may_pass();
    Silent { side: connection.side.clone(), message: message.join(": "), hints, is_away }
}
