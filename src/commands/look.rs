//! One look at all clusters, from which checks and plan follow.

use futures::future::join_all;

use super::{
    changing::{Changes, Changing},
    connect::Clusters,
    reachability,
};
use crate::{
    checks::{self, Finding, MemberSituation, Silent, Situation},
    error::Error,
    kubesphere::{
        cluster::RegisteredCluster,
        readiness::{Membership, membership},
    },
    live::{
        account::{look_at_account, look_at_earlier},
        closer_look::{look_at_installer, look_at_rights},
        connection::Connection,
        endpoint::look_at_endpoint,
        observe::{clusters_object, observe},
        request_error::{Cause, RequestError, Verb},
        surroundings::look_around,
    },
    output::plan::PlanView,
    plan::{
        credential::HostUid,
        intent::{Intent, Part},
        join::{MemberPlan, Plan, Unplannable, plan},
        observed::Observed,
        registered_name::with_registered_names,
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
    pub(super) plan: Result<Plan, Unplannable>,
    pub(super) findings: Vec<Finding>,
}

/// Looks at all clusters at once; and where something is to change, or all is to be checked, closer.
pub(super) async fn look(clusters: &Clusters, skipped: &[String]) -> Look {
    let host = async {
        match &clusters.host {
            Some(host) => Some(observe(host).await),
            None => None,
        }
    };
    let members = join_all(clusters.members.iter().map(observe));
    let (host, members) = tokio::join!(host, members);
    let mut look = Look {
        intent: clusters.intent.clone(),
        silent: Vec::new(),
        host: None,
        members: Vec::new(),
        plan: Err(Unplannable::NotObserved),
        findings: Vec::new(),
    };
    look.host = clusters.host.iter().zip(host).find_map(|(connection, host)| look.answer(connection, host));
    for (connection, member) in clusters.members.iter().zip(members) {
        let member = look.answer(connection, member);
        look.members.push(member);
    }
    if look.checks_only() {
        look.intent = with_registered_names(look.intent, look.host.as_ref(), &look.members);
    }
    look.decide();
    look.look_closer(clusters).await;
    if let Ok(plan) = &mut look.plan {
        // Boxed, because most looks find nothing to probe.
        Box::pin(reachability::look(clusters, plan)).await;
    }
    look.check(skipped);
    look
}

/// A plan without obstacles, and what it was made of.
pub(super) struct Settled<'a> {
    /// Absent where it is not asked.
    pub(super) host: Option<&'a Observed>,
    /// In the intent's order, as the plan's.
    pub(super) members: Vec<&'a Observed>,
    pub(super) plan: &'a Plan,
}

impl<'a> Settled<'a> {
    /// For those who show it.
    pub(super) fn view<'v>(&'v self, intent: &'v Intent) -> PlanView<'v> {
        PlanView { intent, host: self.host, members: &self.members, plan: self.plan }
    }

    /// Whether the host knows this member, and not its KubeSphere.
    pub(super) fn lacks_kubesphere_version(&self, member: &MemberPlan, observed: &'a Observed) -> bool {
        let (Some(host), Some(cluster)) = (self.host, &member.cluster) else { return false };
        let registered = host.cluster_named(&cluster.name);
        membership(registered, &observed.uid, host.kubesphere_version())
            == Membership::WithoutKubesphereVersion
    }
}

/// What decides which steps, and so which rights, are needed.
async fn look_at_what_changes(changing: Changing<'_>, host: HostUid) -> Option<Silent> {
    let Changing { connection, observed, .. } = changing;
    if changing.runs_installer {
        look_at_installer(connection, observed).await;
    }
    let (cluster, kind) = changing.cluster?;
    let account = async {
        look_at_account(connection, observed, kind, host).await?;
        if changing.renews { look_at_earlier(connection, observed, host).await } else { Ok(()) }
    };
    let (endpoint, account) = tokio::join!(look_at_endpoint(connection, cluster), account);
    observed.endpoint = Some(endpoint);
    account.err().map(|error| silent(connection, error))
}

impl Look {
    /// The clusters that answered, the host first.
    pub(super) fn observed(&self) -> impl Iterator<Item = &Observed> {
        self.host.iter().chain(self.members.iter().flatten())
    }

    /// What the plan is carried out with, once no obstacle is left.
    pub(super) fn settled(&self) -> Result<Settled<'_>, Error> {
        let obstacles = self.findings.iter().any(Finding::is_obstacle);
        let members: Option<Vec<_>> = self.members.iter().map(Option::as_ref).collect();
        match (members, &self.plan) {
            (Some(members), Ok(plan)) if !obstacles => {
                Ok(Settled { host: self.host.as_ref(), members, plan })
            }
            _ => Err(Error::refused(self.findings.clone())),
        }
    }

    /// That there is no Cluster of the name that was given, which is no finding: nothing was looked for but that.
    pub(super) fn not_found(&self) -> Option<Error> {
        let Err(Unplannable::NoCluster { name }) = &self.plan else { return None };
        let host = self.host.as_ref()?;
        let object = clusters_object().named(name);
        let error = RequestError { side: host.side.clone(), verb: Verb::Get, object, cause: Cause::NotFound };
        let known = host.clusters.present()?.iter().filter(|cluster| !cluster.is_host());
        let known: Vec<_> = known.map(RegisteredCluster::name).collect();
        let names = if known.is_empty() { "no member".to_owned() } else { known.join(", ") };
        Some(Error::from(error).hint(format!("the host has registered {names}")))
    }

    fn answer(
        &mut self,
        connection: &Connection,
        answer: Result<Observed, RequestError>,
    ) -> Option<Observed> {
        answer.map_err(|error| self.silent.push(silent(connection, error))).ok()
    }

    fn checks_only(&self) -> bool {
        self.intent.part == Part::Check
    }

    fn decide(&mut self) {
        let members: Option<Vec<&Observed>> = self.members.iter().map(Option::as_ref).collect();
        self.plan = match members {
            Some(members) => plan(&self.intent, self.host.as_ref(), &members),
            None if self.checks_only() => self.plan_of_answering(),
            None => Err(Unplannable::NotObserved),
        };
    }

    /// A member that does not answer hides nothing of the others.
    fn plan_of_answering(&self) -> Result<Plan, Unplannable> {
        let answering = self.intent.members.iter().zip(&self.members);
        let (members, observed): (Vec<_>, Vec<_>) =
            answering.filter_map(|(intent, observed)| Some((intent.clone(), observed.as_ref()?))).unzip();
        plan(&Intent { members, ..self.intent.clone() }, self.host.as_ref(), &observed)
    }

    /// First at the installers and accounts, because these decide which steps, and so which rights, are needed.
    async fn look_closer(&mut self, clusters: &Clusters) {
        let host = HostUid::new(self.host.as_ref().map_or("", |host| host.uid.as_str()));
        let looks = self.changing(clusters).into_iter().map(|changing| look_at_what_changes(changing, host));
        let failures: Vec<Silent> = join_all(looks).await.into_iter().flatten().collect();
        self.silent.extend(failures);
        self.decide();
        let host = clusters.host.as_ref();
        let looks = self.changing(clusters).into_iter().map(|changing| async move {
            let Changing { connection, observed, accesses, interest, .. } = changing;
            // Boxed, because many requests are more state than a stack should carry around.
            let around = Box::pin(look_around(connection, host, observed.storage_class(), interest));
            let (around, rights) = tokio::join!(around, look_at_rights(connection, observed, &accesses));
            observed.surroundings = around;
            rights.map_err(|error| silent(connection, error))
        });
        let failures: Vec<Silent> = join_all(looks).await.into_iter().filter_map(Result::err).collect();
        self.silent.extend(failures);
    }

    /// What the plan changes, with its connections; all clusters where all are to be checked.
    fn changing<'a>(&'a mut self, clusters: &'a Clusters) -> Vec<Changing<'a>> {
        let known: Vec<bool> = self.members.iter().map(|member| self.knows(member.as_ref())).collect();
        let changes = Changes { part: self.intent.part, plan: self.plan.as_ref().ok() };
        let host = clusters.host.iter().zip(&mut self.host);
        let host = host.map(|(connection, observed)| changes.of_host(connection, observed));
        let members = clusters.members.iter().zip(&self.intent.members).zip(&mut self.members).zip(known);
        let members = members.filter_map(|(((connection, intent), observed), known)| {
            Some(changes.of_member(intent, known, connection, observed.as_mut()?))
        });
        host.chain(members).collect()
    }

    /// Whether the host has this member as a Cluster.
    fn knows(&self, member: Option<&Observed>) -> bool {
        let (Some(host), Some(member)) = (&self.host, member) else { return false };
        host.clusters_with_uid(&member.uid).next().is_some()
    }

    fn check(&mut self, skipped: &[String]) {
        let members = self.intent.members.iter().zip(&self.members);
        let situation = Situation {
            intent: &self.intent,
            host: self.host.as_ref(),
            members: members
                .map(|(intent, observed)| MemberSituation { intent, observed: observed.as_ref() })
                .collect(),
            silent: &self.silent,
            plan: self.plan.as_ref().ok(),
            unplannable: self.plan.as_ref().err(),
        };
        self.findings = checks::run(&situation, skipped);
        let outlook = self.plan.as_ref().ok().and_then(|plan| plan.probing.as_ref());
        self.findings.extend(outlook.into_iter().flat_map(checks::member_reachable::foreseen));
    }
}

pub(super) fn silent(connection: &Connection, error: RequestError) -> Silent {
    let hints = error.hints();
    let error = Error::from(error);
    let context = format!("{}: ", connection.side);
    let message = [error.message].into_iter().chain(error.causes).collect::<Vec<_>>().join(": ");
    let message = message.strip_prefix(&context).map_or_else(|| message.clone(), str::to_owned);
    Silent { side: connection.side.clone(), message, hints }
}
