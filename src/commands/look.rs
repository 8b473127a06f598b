//! One look at all clusters, from which checks and plan follow.

use futures::future::join_all;

use super::connect::Clusters;
use crate::{
    checks::{self, Finding, MemberSituation, Silent, Situation},
    error::Error,
    kubesphere::readiness::{Membership, membership},
    live::{
        account::look_at_account,
        closer_look::{look_at_installer, look_at_rights},
        connection::Connection,
        endpoint::look_at_endpoint,
        observe::observe,
        request_error::RequestError,
    },
    output::plan::PlanView,
    plan::{
        access::{Access, on_host, on_member},
        credential::Kind,
        intent::{ClusterIntent, Intent},
        join::{MemberPlan, Plan, Unplannable, plan},
        observed::Observed,
    },
};

/// What was seen, and what follows from it.
pub(super) struct Look {
    pub(super) host: Option<Observed>,
    /// In the intent's order.
    pub(super) members: Vec<Option<Observed>>,
    silent: Vec<Silent>,
    pub(super) plan: Result<Plan, Unplannable>,
    pub(super) findings: Vec<Finding>,
}

/// Looks at all clusters at once; and where something is to change, closer.
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
    look.decide(&clusters.intent);
    look.look_closer(clusters).await;
    look.check(&clusters.intent, skipped);
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

/// A cluster with what the plan does to it.
struct Changing<'a> {
    connection: &'a Connection,
    observed: &'a mut Observed,
    accesses: Vec<Access>,
    runs_installer: bool,
    /// The Cluster that is to be created, with the credential that it stores.
    cluster: Option<(&'a ClusterIntent, Kind)>,
}

fn kind_of_credential(member: &MemberPlan) -> Option<Kind> {
    Some(member.cluster.as_ref()?.credential.as_ref()?.kind)
}

async fn look_at_what_changes(changing: Changing<'_>) -> Option<Silent> {
    let Changing { connection, observed, .. } = changing;
    if changing.runs_installer {
        look_at_installer(connection, observed).await;
    }
    let (cluster, kind) = changing.cluster?;
    let (endpoint, account) =
        tokio::join!(look_at_endpoint(connection, cluster), look_at_account(connection, observed, kind));
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

    fn answer(
        &mut self,
        connection: &Connection,
        answer: Result<Observed, RequestError>,
    ) -> Option<Observed> {
        answer.map_err(|error| self.silent.push(silent(connection, error))).ok()
    }

    fn decide(&mut self, intent: &Intent) {
        let members: Option<Vec<&Observed>> = self.members.iter().map(Option::as_ref).collect();
        self.plan = match members {
            Some(members) => plan(intent, self.host.as_ref(), &members),
            None => Err(Unplannable::NotObserved),
        };
    }

    /// First at the installers and accounts, because these decide which steps, and so which rights, are needed.
    async fn look_closer(&mut self, clusters: &Clusters) {
        let looks = self.changing(clusters).into_iter().map(look_at_what_changes);
        let failures: Vec<Silent> = join_all(looks).await.into_iter().flatten().collect();
        self.silent.extend(failures);
        self.decide(&clusters.intent);
        let rights = self.changing(clusters).into_iter().map(|changing| async move {
            look_at_rights(changing.connection, changing.observed, &changing.accesses)
                .await
                .map_err(|error| silent(changing.connection, error))
        });
        let failures: Vec<Silent> = join_all(rights).await.into_iter().filter_map(Result::err).collect();
        self.silent.extend(failures);
    }

    fn changing<'a>(&'a mut self, clusters: &'a Clusters) -> Vec<Changing<'a>> {
        let Ok(plan) = &self.plan else { return Vec::new() };
        let part = clusters.intent.part;
        let host = clusters.host.iter().zip(&mut self.host).map(|(connection, observed)| Changing {
            connection,
            observed,
            accesses: on_host(part, plan),
            runs_installer: plan.host.as_ref().is_some_and(|host| host.configuration.runs_installer()),
            cluster: None,
        });
        let members = clusters.members.iter().zip(&clusters.intent.members).zip(&mut self.members);
        let members = members.zip(&plan.members).filter_map(|(((connection, intent), observed), plan)| {
            Some(Changing {
                connection,
                observed: observed.as_mut()?,
                accesses: on_member(part, plan),
                runs_installer: plan.configuration.runs_installer(),
                cluster: intent.cluster.as_ref().zip(kind_of_credential(plan)),
            })
        });
        host.chain(members).collect()
    }

    fn check(&mut self, intent: &Intent, skipped: &[String]) {
        let members = intent.members.iter().zip(&self.members);
        let situation = Situation {
            intent,
            host: self.host.as_ref(),
            members: members
                .map(|(intent, observed)| MemberSituation { intent, observed: observed.as_ref() })
                .collect(),
            silent: &self.silent,
            unplannable: self.plan.as_ref().err(),
        };
        self.findings = checks::run(&situation, skipped);
    }
}

fn silent(connection: &Connection, error: RequestError) -> Silent {
    let hints = error.hints();
    let error = Error::from(error);
    let context = format!("{}: ", connection.side);
    let message = [error.message].into_iter().chain(error.causes).collect::<Vec<_>>().join(": ");
    let message = message.strip_prefix(&context).map_or_else(|| message.clone(), str::to_owned);
    Silent { side: connection.side.clone(), message, hints }
}
