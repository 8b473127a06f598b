//! One look at both sides, from which plan and findings follow.

use super::{connect::Clusters, forced::forced};
use crate::{
    checks::{
        Finding, Silent,
        unjoin::{Unjoining, findings},
    },
    commands::{look::silent, narrowing::left_narrowed},
    error::Error,
    kubesphere::object::{ExistingObject, ObjectKind},
    live::{
        closer_look::{look_at_installer, look_at_rights},
        connection::Connection,
        observe::{clusters_object, observe},
        request_error::{Cause, RequestError, Verb},
        surroundings::look_around,
        unjoin::{admission::admission, host_remains::host_remains, traces::traces},
    },
    output::{unjoin::UnjoinView, words::harmless},
    plan::{
        access::Access,
        join::Unplannable,
        narrowing::{Field, Restoration},
        observed::{Denied, Observed, Seen},
        surroundings::Interest,
        unjoin::{
            access::{on_host, on_member},
            admission::Admission,
            plan::{Deletion, MemberSeen, UnjoinIntent, UnjoinPlan, plan},
            trace::{Traces, kubefed_account},
        },
    },
};

/// What was seen, and what follows from it.
pub(super) struct Look {
    pub(super) host: Option<Observed>,
    /// What kubefed has of the name on the host.
    pub(super) host_remains: Vec<ExistingObject>,
    /// What of that may not be read.
    pub(super) host_untold: Vec<Denied>,
    pub(super) member: Option<Observed>,
    pub(super) traces: Option<Traces>,
    admission: Admission,
    forced: Option<Field>,
    narrowed: Option<Restoration>,
    silent: Vec<Silent>,
    plan: Result<UnjoinPlan, Unplannable>,
    pub(super) findings: Vec<Finding>,
}

/// Looks at both sides at once, and closer where something is to change. `sends`: whether the host's webhook may be
/// asked by a request with `dryRun=All`.
pub(super) async fn look(clusters: &Clusters, sends: bool) -> Look {
    let member = async {
        match &clusters.member {
            Some(member) => Some(of_member(member, &clusters.intent).await),
            None => None,
        }
    };
    // Boxed, because many requests are more state than a stack should carry around.
    let (host, member) = tokio::join!(Box::pin(of_host(&clusters.host, clusters, sends)), Box::pin(member));
    let mut silent = Vec::new();
    let host = host.map_err(|error| silent.push(self::silent(&clusters.host, error))).ok();
    let member = clusters.member.as_ref().zip(member);
    let member = member.and_then(|(connection, member)| {
        member.map_err(|error| silent.push(self::silent(connection, error))).ok()
    });
    let (member, traces) = member.unzip();
    let mut look = Look {
        host: None,
        host_remains: Vec::new(),
        host_untold: Vec::new(),
        member,
        traces,
        admission: Admission::NotAsked,
        forced: None,
        narrowed: None,
        silent,
        plan: Err(Unplannable::NotObserved),
        findings: Vec::new(),
    };
    if let Some(host) = host {
        look.take(host);
    }
    look.decide(clusters);
    look.look_closer(clusters).await;
    look.check(clusters);
    look
}

struct HostSeen {
    observed: Observed,
    remains: Vec<ExistingObject>,
    untold: Vec<Denied>,
    admission: Admission,
    forced: Option<Field>,
    narrowed: Option<Restoration>,
}

async fn of_host(host: &Connection, clusters: &Clusters, sends: bool) -> Result<HostSeen, RequestError> {
    let name = &clusters.intent.name;
    let left = async { Ok(left_narrowed(host).await) };
    let (observed, remains, narrowed) = tokio::try_join!(observe(host), host_remains(host, name), left)?;
    let cluster = observed.cluster_named(name).filter(|cluster| !cluster.is_host());
    let admission = admission(host, cluster, sends).await;
    // Who may not ask is told so, with the verb, among the permissions.
    let (admission, denied) = match admission {
        Err(RequestError { cause: Cause::Forbidden { .. }, verb, .. }) => (Admission::NotAsked, Some(verb)),
        answer => (answer?, None),
    };
    let denied = denied.map(|verb| Denied {
        verb: verb.to_string(),
        resource: ObjectKind::CLUSTER.qualified(),
        namespace: None,
    });
    let (remains, untold) = remains;
    let forced = if clusters.intent.force {
        forced(host, &observed, &admission, narrowed.as_ref(), (name, sends)).await?
    } else {
        None
    };
    Ok(HostSeen {
        observed: Observed { denied: denied.into_iter().collect(), ..observed },
        remains,
        untold,
        admission,
        forced,
        narrowed,
    })
}

/// The member, and what a join left there.
pub(super) async fn of_member(
    member: &Connection,
    intent: &UnjoinIntent,
) -> Result<(Observed, Traces), RequestError> {
    let (observed, traces) =
        tokio::try_join!(observe(member), traces(member, &intent.name, intent.release_namespaces))?;
    let joined_as = joined_as(&intent.name, &observed, &traces);
    Ok((Observed { denied: traces.denied.clone(), joined_as, ..observed }, traces))
}

/// Who may not list the service accounts of kubefed may still get the one that matters.
fn joined_as(name: &str, observed: &Observed, traces: &Traces) -> Seen<Vec<String>> {
    let account = kubefed_account(name);
    let is_there = traces.kubefed.iter().any(|trace| trace.object.name == account);
    match &observed.joined_as {
        Seen::Unreadable(_) if is_there => Seen::Present(vec![name.to_owned()]),
        seen => seen.clone(),
    }
}

impl Look {
    fn take(&mut self, host: HostSeen) {
        self.host = Some(host.observed);
        (self.host_remains, self.host_untold) = (host.remains, host.untold);
        (self.admission, self.forced, self.narrowed) = (host.admission, host.forced, host.narrowed);
    }

    /// The clusters that answered, the host first.
    pub(super) fn observed(&self) -> impl Iterator<Item = &Observed> {
        self.host.iter().chain(&self.member)
    }

    /// The plan, where no obstacle stands before it.
    pub(super) fn plan(&self) -> Option<&UnjoinPlan> {
        let obstacles = self.findings.iter().any(Finding::is_obstacle);
        self.plan.as_ref().ok().filter(|_| !obstacles)
    }

    /// For those who show it.
    pub(super) fn view(&self) -> Option<UnjoinView<'_>> {
        Some(UnjoinView { host: self.host.as_ref()?, member: self.member.as_ref(), plan: self.plan()? })
    }

    /// Whether nothing is to do and nothing is left.
    pub(super) fn is_clean(&self) -> bool {
        self.plan().is_some_and(UnjoinPlan::is_empty) && self.host_remains.is_empty()
    }

    /// As kubectl answers a name that is not there; with a member the command may be going on where one has stopped.
    pub(super) fn confirm_there_is_something(&self, clusters: &Clusters) -> Result<(), Error> {
        let Some(host) =
            self.host.as_ref().filter(|host| host.cluster_named(&clusters.intent.name).is_none())
        else {
            return Ok(());
        };
        let left = self.plan().is_some_and(UnjoinPlan::has_left_narrowed);
        if clusters.member.is_some() || left {
            return Ok(());
        }
        let missing = RequestError {
            side: host.side.clone(),
            verb: Verb::Get,
            object: clusters_object().named(&clusters.intent.name),
            cause: Cause::NotFound,
        };
        let members = host.clusters.present().into_iter().flatten().filter(|cluster| !cluster.is_host());
        let names: Vec<String> = members.map(|cluster| harmless(cluster.name())).collect();
        let error = Error::from(missing);
        Err(if names.is_empty() {
            error.hint("no member is registered there; is it the right `--context`?")
        } else {
            error.hint(format!("these are registered: {}", names.join(", ")))
        }
        .hint("to clean a former member: `--member-context`"))
    }

    fn decide(&mut self, clusters: &Clusters) {
        let Some(host) = &self.host else { return };
        let seen = self.member.as_ref().zip(self.traces.as_ref());
        let seen = seen.map(|(observed, traces)| MemberSeen { observed, traces, fresh: &clusters.fresh });
        if seen.is_none() && clusters.member.is_some() {
            return;
        }
        self.plan = plan(&clusters.intent, host, self.admission.clone(), seen).map(|plan| UnjoinPlan {
            forced: self.forced.filter(|_| plan.deletion != Deletion::Done),
            narrowed: self.narrowed.clone(),
            ..plan
        });
    }

    /// First at the installer, because that decides which steps, and so which rights, are needed.
    async fn look_closer(&mut self, clusters: &Clusters) {
        let runs = self.runs_installer();
        if let (Some(connection), Some(member)) = (&clusters.member, &mut self.member) {
            if runs {
                look_at_installer(connection, member).await;
            }
            let interest = Interest { run: true, ..Interest::default() };
            let class = member.storage_class();
            member.surroundings = Box::pin(look_around(connection, None, class, interest)).await;
            self.decide(clusters);
        }
        let Ok(plan) = &self.plan else { return };
        let of_host = rights(&clusters.host, self.host.as_mut(), on_host(plan));
        let needed = plan.member.as_ref().map(on_member).unwrap_or_default();
        let of_member = async {
            match &clusters.member {
                Some(member) => rights(member, self.member.as_mut(), needed).await,
                None => None,
            }
        };
        let (host, member) = tokio::join!(of_host, of_member);
        self.silent.extend(host.into_iter().chain(member));
    }

    fn runs_installer(&self) -> bool {
        let member = self.plan.as_ref().ok().and_then(|plan| plan.member.as_ref());
        member.is_some_and(|member| member.configuration.runs_installer())
    }

    fn check(&mut self, clusters: &Clusters) {
        self.findings = findings(&Unjoining {
            intent: &clusters.intent,
            host: self.host.as_ref(),
            member: self.member.as_ref(),
            traces: self.traces.as_ref(),
            silent: &self.silent,
            plan: self.plan.as_ref().ok(),
            unplannable: self.plan.as_ref().err(),
        });
    }
}

/// Adds what of these the user may not do to what may not be read.
async fn rights(
    connection: &Connection,
    observed: Option<&mut Observed>,
    accesses: Vec<Access>,
) -> Option<Silent> {
    let observed = observed?;
    let unread = observed.denied.clone();
    let answer = look_at_rights(connection, observed, &accesses).await;
    observed.denied.extend(unread);
    answer.err().map(|error| silent(connection, error))
}
