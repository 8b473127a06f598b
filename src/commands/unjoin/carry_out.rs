//! Taking the steps: the host first, then the member.

use tokio::time::Instant;

use super::{
    connect::Clusters,
    look::{Look, of_member},
};
use crate::{
    checks::{Finding, unjoin::denied, unjoin_recheck::recheck},
    commands::{
        carry_out::of_preparation,
        narrowing::{rehearse as rehearse_restoration, tidy},
        rehearsal::rehearse_step,
    },
    error::{Error, Kind},
    kubesphere::{
        cluster::RegisteredCluster,
        object::{ExistingObject, ObjectKind},
        side::Side,
    },
    live::{
        apply::Persistence,
        connection::Connection,
        failure::Failure,
        narrowing::narrowed::Narrowed,
        observe::observe,
        patience::patiently,
        prepare::{Freshness, Preparation, Prepared, prepare},
        report::{Activity, Deed, Event, Note, Report},
        unjoin::{
            admission::admission,
            release::release,
            removal::{is_still_empty, remove, remove_patiently, until_gone},
        },
    },
    output::document::Outcome,
    plan::{
        course::Goal,
        join::ConfigurationStep,
        observed::Observed,
        unjoin::{
            plan::{Deletion, MemberPlan, UnjoinPlan},
            standalone::Secrets,
            steps::webhook_configuration,
            tenure::{Claim, Tenure, tenure_now},
            trace::Traces,
        },
    },
};

/// What the steps are taken with.
pub(super) struct CarryOut<'a> {
    pub(super) clusters: &'a Clusters,
    pub(super) look: &'a Look,
    pub(super) plan: &'a UnjoinPlan,
    pub(super) deadline: Instant,
    pub(super) wait: bool,
    pub(super) narrowed: &'a Narrowed,
    pub(super) report: &'a dyn Report,
}

/// What came of it, however it ended.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) outcomes: Vec<Outcome>,
    /// Whether something is left to do that can only take effect later (`--wait=false`).
    pub(super) unfinished: bool,
}

impl CarryOut<'_> {
    pub(super) async fn all(&self, carried: &mut Carried) -> Result<(), Error> {
        self.host(carried).await?;
        if carried.unfinished {
            return Ok(());
        }
        let member = self.clusters.member.as_ref().zip(self.plan.member.as_ref());
        let Some((connection, plan)) = member else { return Ok(()) };
        let seen = self.look_again(connection, plan).await?;
        self.removals(connection, plan, carried).await?;
        self.releases(connection, plan, carried).await?;
        self.configuration(connection, plan, &seen, carried).await?;
        self.until_namespace_is_gone(connection, plan).await
    }

    /// Deletes the Cluster, where nobody has, and waits until its finalizer is gone.
    async fn host(&self, carried: &mut Carried) -> Result<(), Error> {
        let host = &self.clusters.host;
        let is_restored = tidy(host, self.plan.restored_first(), self.report).await;
        if is_restored {
            carried.outcomes.push(webhook_restored(&host.side));
        }
        let Some(cluster) = self.plan.deletion.cluster() else { return Ok(()) };
        let mut forced = self.plan.forced;
        if self.plan.admits_by_narrowing() {
            let is_denied = self.is_denied_anew(cluster, is_restored).await?;
            forced = forced.filter(|_| is_denied);
        }
        let trace = ExistingObject::of_cluster(cluster);
        if let Some(field) = forced {
            return self.force(&trace, field, carried).await;
        }
        if matches!(self.plan.deletion, Deletion::Delete(_)) {
            self.ask_once_more(cluster).await?;
            if remove_patiently(host, &trace, self.deadline).await? {
                carried.outcomes.push(deleted(&host.side, &trace));
                self.tell(host, Event::Done(Deed::ClusterDeleted(trace.object.name.clone())));
            } else {
                self.tell(host, Event::Note(Note::DeletedByOthers(trace.object.name.clone())));
            }
        }
        if !self.wait {
            carried.unfinished = true;
            return Ok(());
        }
        self.tell(host, Event::Begins(Activity::ClusterRelease(trace.object.name.clone())));
        let stands = |text: &str| self.tell(host, Event::Stands(text.to_owned()));
        match until_gone(host, &trace, self.deadline, stands).await {
            Ok(()) => {
                self.tell(host, Event::Done(Deed::ClusterGone(trace.object.name.clone())));
                Ok(())
            }
            Err(failure) => Err(self.why_it_hangs(failure).await),
        }
    }

    /// A member that has died while a person was reading the plan would keep its Cluster for ever.
    async fn ask_once_more(&self, cluster: &RegisteredCluster) -> Result<(), Error> {
        let host = &self.clusters.host;
        let ask = async || admission(host, Some(cluster), true).await;
        let asked = patiently(&host.side, self.deadline, ask).await?;
        let Some(finding) = denied(&host.side, cluster.name(), &asked) else { return Ok(()) };
        let message = "nothing was deleted: 1 obstacle".to_owned();
        Err(Error { message, ..Error::refused(vec![finding]) })
    }

    /// A member that has died meanwhile keeps its Cluster, where the webhook stands.
    async fn why_it_hangs(&self, failure: Failure) -> Error {
        let error = Error::from(failure);
        if error.kind != Kind::TimedOut {
            return error;
        }
        let asked = admission(&self.clusters.host, self.plan.deletion.cluster(), true).await;
        match asked.ok().and_then(|admission| admission.denial().map(str::to_owned)) {
            Some(why) => {
                let mut error = error;
                error.causes.push(format!("its webhook does not let it go: {why}"));
                error.hint("if the member is gone for good: the same command with `--force`")
            }
            None => error,
        }
    }

    async fn removals(
        &self,
        member: &Connection,
        plan: &MemberPlan,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        for trace in &plan.removals {
            let is_namespace = trace.object.kind == ObjectKind::NAMESPACE;
            if is_namespace && !is_still_empty(member, self.deadline).await? {
                self.tell(member, Event::Note(Note::NotEmpty(trace.clone())));
                continue;
            }
            if remove_patiently(member, trace, self.deadline).await? {
                carried.outcomes.push(deleted(&member.side, trace));
                self.tell(member, Event::Done(Deed::Deleted(trace.clone())));
            }
        }
        Ok(())
    }

    /// Kubernetes takes its time to delete a namespace.
    async fn until_namespace_is_gone(&self, member: &Connection, plan: &MemberPlan) -> Result<(), Error> {
        let namespace = plan.removals.iter().find(|trace| trace.object.kind == ObjectKind::NAMESPACE);
        let namespace = namespace.or(plan.going.as_ref());
        let Some(trace) = namespace.filter(|_| self.wait) else { return Ok(()) };
        if !is_still_empty(member, self.deadline).await? {
            return Ok(());
        }
        self.tell(member, Event::Begins(Activity::Gone(trace.clone())));
        let stands = |text: &str| self.tell(member, Event::Stands(text.to_owned()));
        until_gone(member, trace, self.deadline, stands).await?;
        self.tell(member, Event::Done(Deed::Gone(trace.clone())));
        Ok(())
    }

    async fn releases(
        &self,
        member: &Connection,
        plan: &MemberPlan,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        for planned in &plan.releases {
            let ask = async || release(member, planned, Persistence::Stored).await;
            if patiently(&member.side, self.deadline, ask).await? {
                carried.outcomes.push(released(&member.side, &planned.namespace));
                self.tell(member, Event::Done(Deed::Released(planned.namespace.clone())));
            }
        }
        Ok(())
    }

    /// Role and secret, as in a join: in one patch, after a run that is under way, until they are in effect.
    async fn configuration(
        &self,
        member: &Connection,
        plan: &MemberPlan,
        seen: &SeenAgain,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        let host = self.look.host.as_ref();
        let (Some(observed), Some(former)) = (&self.look.member, host.and_then(Observed::effective_secret))
        else {
            return Ok(());
        };
        if plan.configuration == ConfigurationStep::InEffect {
            return Ok(());
        }
        let check = |fresh: &Observed| recheck_on(&self.plan.name, plan, observed, seen, fresh);
        let preparation = Preparation {
            connection: member,
            goal: Goal::Standalone(Secrets { former, fresh: &self.clusters.fresh }),
            deadline: self.deadline,
            wait: self.wait,
            report: self.report,
            check: &check,
        };
        let mut prepared = Prepared::default();
        let result = prepare(&preparation, observed, Freshness::Stale, &mut prepared).await;
        carried.outcomes.extend(of_preparation(&member.side, prepared));
        carried.unfinished |= !prepared.in_effect;
        Ok(result?)
    }

    /// Who has waited for a prompt and a finalizer may find a member that a colleague has registered anew.
    async fn look_again(&self, connection: &Connection, plan: &MemberPlan) -> Result<SeenAgain, Error> {
        let host = &self.clusters.host;
        let intent = &self.clusters.intent;
        let on_host = async || observe(host).await;
        let on_member = async || of_member(connection, intent).await;
        // Boxed, because many requests are more state than a stack should carry around.
        let (seen_host, (member, traces)) = tokio::try_join!(
            Box::pin(patiently(&host.side, self.deadline, on_host)),
            Box::pin(patiently(&connection.side, self.deadline, on_member)),
        )?;
        let seen = SeenAgain { host: seen_host, traces };
        let Some(planned) = &self.look.member else { return Ok(seen) };
        match recheck_on(&self.plan.name, plan, planned, &seen, &member) {
            Ok(()) => Ok(seen),
            Err(findings) => {
                let message = format!("{}: nothing was changed there: 1 obstacle", connection.side);
                Err(Error { message, ..Error::refused(findings) })
            }
        }
    }

    fn tell(&self, connection: &Connection, event: Event) {
        self.report.tell(&connection.side, event);
    }
}

/// What a look before the member's first change showed.
struct SeenAgain {
    host: Observed,
    traces: Traces,
}

/// Nobody else's configuration is changed, however long another cluster was waited for.
fn recheck_on(
    name: &str,
    plan: &MemberPlan,
    planned: &Observed,
    seen: &SeenAgain,
    fresh: &Observed,
) -> Result<(), Vec<Finding>> {
    // What shows whose it was goes step by step.
    let claim =
        if plan.tenure == Tenure::Ours && plan.claim == Claim::Nothing { Claim::Named } else { plan.claim };
    let tenure = tenure_now(name, (planned, claim), &seen.host, fresh, &seen.traces);
    let findings = recheck((planned, &plan.tenure), (fresh, &tenure));
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// Sends every change with `dryRun=All`, so that the API servers' admission has its say, and waits for nothing.
pub(super) async fn rehearse(clusters: &Clusters, plan: &UnjoinPlan) -> Result<Vec<Outcome>, Error> {
    rehearse_restoration(&clusters.host, plan.restored_first()).await;
    if let Deletion::Delete(cluster) = &plan.deletion {
        remove(&clusters.host, &ExistingObject::of_cluster(cluster), Persistence::DryRun).await?;
    }
    if let (Some(member), Some(plan)) = (&clusters.member, &plan.member) {
        for trace in &plan.removals {
            remove(member, trace, Persistence::DryRun).await?;
        }
        for planned in &plan.releases {
            release(member, planned, Persistence::DryRun).await?;
        }
        // What it comes to stands among the steps.
        rehearse_step(member, &plan.configuration, &mut Vec::new()).await?;
    }
    Ok(foreseen(plan))
}

/// What every step of the plan would come to.
pub(super) fn foreseen(plan: &UnjoinPlan) -> Vec<Outcome> {
    let outcomes = plan.steps().into_iter().filter_map(|step| {
        let verb = step.action.outcome()?;
        Some(Outcome { object: step.action.object(), side: step.side, verb })
    });
    outcomes.collect()
}

fn webhook_restored(side: &Side) -> Outcome {
    Outcome { side: side.clone(), object: webhook_configuration(), verb: "patched" }
}

pub(super) fn deleted(side: &Side, trace: &ExistingObject) -> Outcome {
    Outcome { side: side.clone(), object: trace.object.to_string(), verb: "deleted" }
}

fn released(side: &Side, namespace: &str) -> Outcome {
    Outcome { side: side.clone(), object: format!("namespace/{namespace}"), verb: "patched" }
}
