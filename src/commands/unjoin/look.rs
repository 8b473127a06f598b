//! One look at both sides, from which plan and findings follow.

use kubesphere::{
    cluster::RegisteredCluster,
    object::{ExistingObject, ObjectKind},
    versions::Generation,
};
use tokio::sync::oneshot;

use super::{
    connect::Clusters,
    host::{HostSeen, of_host},
};
use crate::{
    checks::{self, Finding, Silent, Subject, Unjoining},
    cli::DryRun,
    commands::{look::silent, task::Looked},
    error::Error,
    live::{
        closer_look::{denied, look_at_installer, look_at_user},
        connection::Connection,
        observe::clusters_object,
        request_error::{Cause, RequestError, Verb},
        similarity::did_you_mean,
        surroundings::look_around,
        unjoin::{
            core_traces,
            traces::{of_member, traces},
        },
    },
    output::plan::View,
    plan::{
        access::Access,
        narrowing::{Field, Restoration},
        needs::Unplannable,
        observed::{Denied, Observed},
        operations::decide_removal,
        phase::Plan,
        result::{Effect, StepResult},
        rotation::Secrets,
        skipped::Skipped,
        step::Step,
        surroundings::ReadScope,
        unjoin::{
            admission::Admission,
            plan::{Deletion, MemberSeen, UnjoinPlan, plan},
            trace::Traces,
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
    found: Result<UnjoinPlan, Unplannable>,
    plan: Plan,
    /// Whether somebody has named what is there: a Cluster, a member, or something that an earlier command has left.
    not_found: Option<Error>,
    findings: Vec<Finding>,
}

/// Looks at both sides at once, and closer where something is to change. The host's webhook is asked by a request with
/// `dryRun=All`. Of clusters that were looked at `before` only what shows whether it is done.
pub(super) async fn look(clusters: &Clusters, dry_run: DryRun, before: Option<&Look>) -> Look {
    // Whether anything at all may be sent that is not a mere question.
    let sends = dry_run != DryRun::Client;
    let host_before = before.and_then(|before| before.host.as_ref());
    let member_before = before.and_then(|before| before.member.as_ref());
    // The host's KubeSphere says what there is to look at on the member.
    let (tell, told) = oneshot::channel();
    let host = of_host(clusters, host_before, sends, tell);
    let member = async {
        let (member, intent) = (clusters.member.as_ref()?, &clusters.intent);
        let tracing = async {
            let known = host_before.and_then(Observed::generation);
            let generation = if known.is_some() { known } else { told.await.ok().flatten() };
            match generation {
                Some(Generation::Four) => Box::pin(core_traces::traces(member, intent.uninstall)).await,
                _ => traces(member, &intent.name, intent.release_namespaces).await,
            }
        };
        Some(of_member(member, &intent.name, member_before, Box::pin(tracing)).await)
    };
    // Boxed, because many requests are more state than a stack should carry around.
    let (host, member) = tokio::join!(Box::pin(host), Box::pin(member));
    let mut silent = Vec::new();
    let host = host.map_err(|error| silent.push(self::silent(&clusters.host, &error))).ok();
    let member = clusters.member.as_ref().zip(member);
    let member = member.and_then(|(connection, member)| {
        member.map_err(|error| silent.push(self::silent(connection, &error))).ok()
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
        found: Err(Unplannable::NotObserved),
        plan: Plan::default(),
        not_found: None,
        findings: Vec::new(),
    };
    if let Some(host) = host {
        look.take(host);
    }
    look.decide(clusters);
    Box::pin(look.look_closer(clusters, before.is_none())).await;
    look.check(clusters, before.is_none());
    look.not_found = look.nothing_of_the_name(clusters);
    look
}

impl Looked for Look {
    fn observed(&self) -> Vec<&Observed> {
        self.host.iter().chain(&self.member).collect()
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
        let member = self.found()?.member.as_ref();
        Some(View {
            host: self.host.as_ref(),
            observed: self.observed(),
            plan: &self.plan,
            secret: None,
            kept: member.map(|member| (&member.side, member.kept.as_slice())),
        })
    }

    /// A refusal says more.
    fn not_found(&self) -> Option<Error> {
        self.not_found.clone()
    }

    fn unchanged(&self) -> Vec<StepResult> {
        let found = self.found.iter();
        found
            .map(|found| {
                let object = ObjectKind::CLUSTER.named(&found.name);
                StepResult::new(&found.host, object, Effect::Unchanged)
            })
            .collect()
    }

    fn is_clean(&self) -> bool {
        self.ready().is_some_and(|ready| ready.plan.is_empty()) && self.host_remains.is_empty()
    }
}

impl Look {
    fn take(&mut self, host: HostSeen) {
        self.host = Some(host.observed);
        (self.host_remains, self.host_untold) = (host.remains, host.untold);
        (self.admission, self.forced, self.narrowed) = (host.admission, host.forced, host.narrowed);
    }

    /// What was found out about the removal, where no obstacle stands before it.
    pub(super) fn found(&self) -> Option<&UnjoinPlan> {
        let obstacles = self.findings.iter().any(Finding::is_obstacle);
        self.found.as_ref().ok().filter(|_| !obstacles)
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The Cluster, while it stands.
    pub(super) fn cluster(&self) -> Option<&RegisteredCluster> {
        self.found()?.deletion.cluster()
    }

    /// Whether the webhook is narrowed for it.
    pub(super) fn is_forced(&self) -> bool {
        self.forced.is_some() && self.cluster().is_some()
    }

    /// As kubectl answers a name that is not there; with a member the command may be going on where one has stopped.
    fn nothing_of_the_name(&self, clusters: &Clusters) -> Option<Error> {
        let host = self.host.as_ref().filter(|host| host.cluster_named(&clusters.intent.name).is_none())?;
        let left = self.found()?.has_left_narrowed();
        if clusters.member.is_some() || left {
            return None;
        }
        let missing = RequestError {
            side: host.side.clone(),
            verb: Verb::Get,
            object: clusters_object().named(&clusters.intent.name),
            cause: Cause::NotFound,
        };
        let members = host.clusters.present().into_iter().flatten().filter(|cluster| !cluster.is_host());
        let names: Vec<String> = members.map(|cluster| cluster.name().to_owned()).collect();
        let similar = did_you_mean(&clusters.intent.name, &names);
        let error = similar.into_iter().fold(Error::from(missing), Error::hint);
        let error = if names.is_empty() {
            error.hint("no member is registered there; is it the right `--context`?")
        } else {
            error.hint(format!("these are registered: {}", names.join(", ")))
        };
        Some(error.hint("if it was taken out before, the host is rid of it; to clean the former member: `--member-context`"))
    }

    fn decide(&mut self, clusters: &Clusters) {
        let Some(host) = &self.host else { return };
        let seen = self.member.as_ref().zip(self.traces.as_ref());
        let seen = seen.map(|(observed, traces)| MemberSeen { observed, traces, fresh: &clusters.fresh });
        if seen.is_none() && clusters.member.is_some() {
            return;
        }
        self.found = plan(&clusters.intent, host, self.admission.clone(), seen).map(|plan| UnjoinPlan {
            forced: self.forced.filter(|_| plan.deletion != Deletion::Done),
            narrowed: self.narrowed.clone(),
            ..plan
        });
        let Ok(found) = &self.found else { return };
        let former = host.effective_secret().cloned();
        let secrets = former.map(|former| Secrets { former, fresh: clusters.fresh.clone() });
        self.plan = decide_removal(&clusters.intent, found, host, self.member.as_ref(), secrets.as_ref());
    }

    /// First at the installer, because that decides which steps, and so which rights, are needed.
    async fn look_closer(&mut self, clusters: &Clusters, is_first: bool) {
        let runs = self.runs_installer();
        let shown = ReadScope { shown: is_first, ..ReadScope::default() };
        let is_of_4 = self.is_of_4();
        let host = async {
            let Some(host) = &mut self.host else { return };
            let scope = ReadScope { left_webhook: is_of_4, ..shown };
            host.surroundings = Box::pin(look_around(&clusters.host, None, (None, None), scope)).await;
        };
        let member = async {
            let (Some(connection), Some(member)) = (&clusters.member, &mut self.member) else { return };
            let scope = ReadScope { run: (is_first || runs) && !is_of_4, ..shown };
            let around =
                Box::pin(look_around(connection, None, (member.storage_class(), member.generation()), scope));
            let installer = async {
                if runs {
                    look_at_installer(connection, member, false).await;
                }
            };
            (member.surroundings, ()) = tokio::join!(around, installer);
        };
        tokio::join!(host, member);
        self.decide(clusters);
        if self.found.is_err() {
            return;
        }
        let accesses = |connection: &Connection| self.plan.accesses(&connection.side);
        let needed = clusters.member.as_ref().map(accesses);
        let of_host = rights(&clusters.host, self.host.as_mut(), accesses(&clusters.host));
        let of_member = async {
            match clusters.member.as_ref().zip(needed) {
                Some((member, needed)) => rights(member, self.member.as_mut(), needed).await,
                None => None,
            }
        };
        let (host, member) = tokio::join!(of_host, of_member);
        self.silent.extend(host.into_iter().chain(member));
    }

    /// Whether the host has KubeSphere 4.
    pub(super) fn is_of_4(&self) -> bool {
        self.host.as_ref().and_then(Observed::generation) == Some(Generation::Four)
    }

    /// Whether ks-core goes from the member.
    pub(super) fn uninstalls(&self) -> bool {
        self.plan.shown().any(|step| matches!(step, Step::Uninstall(_)))
    }

    fn runs_installer(&self) -> bool {
        self.member.as_ref().is_some_and(|member| self.plan.runs_installer(&member.side))
    }

    fn check(&mut self, clusters: &Clusters, is_first: bool) {
        let unjoining = Unjoining {
            intent: &clusters.intent,
            host: self.host.as_ref(),
            member: self.member.as_ref(),
            traces: self.traces.as_ref(),
            silent: &self.silent,
            plan: self.found.as_ref().ok(),
            unplannable: self.found.as_ref().err(),
            is_first,
        };
        self.findings = checks::run(Subject::Unjoining(&unjoining), &Skipped::default());
    }
}

/// Adds what of these the user may not do to what may not be read.
async fn rights(
    connection: &Connection,
    observed: Option<&mut Observed>,
    accesses: Vec<Access>,
) -> Option<Silent> {
    let observed = observed?;
    match denied(connection, &accesses).await {
        Ok(denied) => {
            observed.denied.splice(..0, denied).for_each(drop);
            look_at_user(connection, observed).await;
        }
        Err(error) => return Some(silent(connection, &error)),
    }
    None
}
