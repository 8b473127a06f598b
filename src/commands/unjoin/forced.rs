//! `--force`: whether the webhook is narrowed, and the confirmation that this takes.

use std::time::Duration;

use tokio::time::sleep;

use super::carry_out::{Carried, CarryOut, deleted};
use crate::{
    checks::unjoin::denied,
    commands::pipeline::{agreed, nobody_to_ask},
    error::{Error, Kind},
    kubesphere::{cluster::RegisteredCluster, command::Mc, object::ExistingObject, side::Side},
    live::{
        connection::Connection,
        failure::Failure,
        narrowing::{
            failure::NarrowingFailure,
            removal::{Removal, Removed},
            webhook::field,
        },
        patience::in_time,
        report::{Deed, Event},
        request_error::{Cause, RequestError},
        unjoin::admission::admission,
    },
    output::{questions, ui::Ui},
    plan::{
        narrowing::{Field, Restoration},
        observed::Observed,
        unjoin::{
            admission::{Admission, Outlook},
            plan::UnjoinPlan,
        },
    },
};

/// How far an API server may be behind a change of its webhooks.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(2);

/// By which field the webhook has to be narrowed for the Cluster of this name, if at all. With `sends` the API server is
/// asked by a request with `dryRun=All`, else its version foretells it.
pub(super) async fn forced(
    host: &Connection,
    observed: &Observed,
    admission: &Admission,
    left: Option<&Restoration>,
    (name, sends): (&str, bool),
) -> Result<Option<Field>, RequestError> {
    // What an earlier command has left narrowed lets everything pass.
    if let Some(left) = left.filter(|left| left.concerns(name)) {
        return Ok(Some(left.record.field));
    }
    let foretold = Field::foretold_by(&observed.kubernetes);
    match admission {
        Admission::Unasked(Outlook::Doubtful(_)) => Ok(Some(foretold)),
        Admission::Denies(_) | Admission::Silent(_) if !sends => Ok(Some(foretold)),
        Admission::Denies(_) | Admission::Silent(_) => match field(host, name).await {
            Ok(field) => Ok(field),
            // Among the permissions it is said which one is missing; a race or a foreign annotation, when it is narrowed.
            Err(NarrowingFailure::Failure(Failure::Request(error))) if !is_forbidden(&error) => Err(error),
            Err(_) => Ok(Some(foretold)),
        },
        Admission::NotAsked
        | Admission::Unguarded
        | Admission::Passes
        | Admission::NotCalled(_)
        | Admission::DeniedByOther(_)
        | Admission::Unasked(_) => Ok(None),
    }
}

fn is_forbidden(error: &RequestError) -> bool {
    matches!(error.cause, Cause::Forbidden { .. })
}

/// Asks for the Cluster's name; a mere yes is said too easily.
pub(super) async fn confirm(plan: &UnjoinPlan, ui: &Ui) -> Result<(), Error> {
    if !Ui::can_ask() {
        return Err(nobody_to_ask("this narrows a webhook of the host", "--force --yes"));
    }
    agreed(questions::cluster_name(ui, &plan.name).await?)
}

/// Nobody knows whether the Cluster would hang in its deletion, so it is not deleted.
fn stays_narrowed(host: &Side, cluster: &str) -> Error {
    let message = format!(
        "{host}: Cluster {cluster} was not deleted: the webhook stays narrowed, and whether it lets the Cluster go cannot be \
         asked before it is restored"
    );
    let check = format!("`{}`", Mc::new("check").host(host));
    Error::new(Kind::Obstacle, message)
        .hint(format!("{check} says how the webhook stands; run the same command again when it is restored"))
}

impl CarryOut<'_> {
    /// Behind the narrowed webhook, which is restored before anything else is done; it has to be waited for.
    pub(super) async fn force(
        &self,
        trace: &ExistingObject,
        field: Field,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        let host = &self.clusters.host;
        let removal = Removal {
            host,
            cluster: &trace.object.name,
            uid: &trace.uid,
            field,
            deadline: self.deadline,
            narrowed: self.narrowed,
            report: self.report,
        };
        let removed = removal.run().await?;
        carried.outcomes.push(deleted(&host.side, trace));
        let gone = match removed {
            Removed::ByController => Deed::ClusterGone,
            Removed::ByUs => Deed::ClusterFinalized,
        };
        self.tell_host(Event::Done(gone(trace.object.name.clone())));
        match self.narrowed.restore().await {
            Ok(remark) => {
                self.tell_host(Event::Done(Deed::Restored(remark)));
                Ok(())
            }
            Err(problem) => Err(Error::new(
                Kind::Error,
                format!(
                    "{}: Cluster {} is gone, but its webhook is not restored: {problem}",
                    host.side, trace.object.name
                ),
            )),
        }
    }

    /// What passed because another command had narrowed the webhook is asked anew. A denial is one to go on with only where
    /// that is forced.
    pub(super) async fn is_denied_anew(
        &self,
        cluster: &RegisteredCluster,
        is_restored: bool,
    ) -> Result<bool, Error> {
        if !is_restored {
            return Err(stays_narrowed(&self.clusters.host.side, cluster.name()));
        }
        sleep(FOLLOWS_WITHIN).await;
        let host = &self.clusters.host;
        let asked = in_time(&host.side, self.deadline, admission(host, Some(cluster), true)).await??;
        if self.plan.forced.is_some() && asked.denial().is_some() {
            return Ok(true);
        }
        let Some(finding) = denied(&host.side, cluster.name(), &asked) else { return Ok(false) };
        let message = "no configuration was changed: 1 obstacle".to_owned();
        Err(Error { message, ..Error::refused(vec![finding]) })
    }

    fn tell_host(&self, event: Event) {
        self.report.tell(&self.clusters.host.side, event);
    }
}
