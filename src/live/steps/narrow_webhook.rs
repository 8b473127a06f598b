use std::time::Duration;

use kubesphere::cluster::RegisteredCluster;
use tokio::time::{Instant, sleep};

use crate::{
    checks::member_readiness::denied,
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        narrowing::removal::{Removal, narrowed_until},
        patience::retry_until,
        unjoin::admission::admission,
    },
    plan::{narrowing::Field, steps::narrow_webhook::NarrowWebhook},
};

/// How far an API server may be behind a change of its webhooks.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(2);

/// For how long the webhook is narrowed, and how.
#[derive(Clone, Copy)]
pub(in crate::live) struct Window {
    field: Field,
    until: Instant,
}

/// What is removed while the webhook is narrowed.
pub(super) fn removal<'a>(
    turn: &Turn<'a>,
    cluster: &'a RegisteredCluster,
    window: Window,
) -> Result<Removal<'a>, Failure> {
    Ok(Removal {
        host: turn.connection(&turn.entry.cluster)?,
        cluster: cluster.name(),
        uid: cluster.object_uid(),
        field: window.field,
        deadline: window.until,
        narrowed: &turn.run.undo.webhook,
        report: turn.run.report,
    })
}

impl Execute for NarrowWebhook {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if self.asks_anew && !is_denied_anew(turn, &self.planned, true).await? {
            return Ok(());
        }
        let window = Window { field: self.field, until: narrowed_until(turn.run.deadline) };
        removal(turn, &self.planned, window)?.narrow_webhook().await?;
        turn.entry.window = Some(window);
        Ok(())
    }

    /// Whether it can be narrowed was asked when the plan was made.
    async fn dry_run(&self, _: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// What passed because another command had narrowed the webhook is asked anew. A denial is one to go on with only where that is
/// `forced`.
pub(super) async fn is_denied_anew(
    turn: &Turn<'_>,
    cluster: &RegisteredCluster,
    forced: bool,
) -> Result<bool, Failure> {
    let host = turn.connection(&turn.entry.cluster)?;
    if !turn.entry.restored_webhook {
        let cluster = cluster.name().to_owned();
        return Err(Failure::StaysNarrowed { side: host.side.clone(), cluster });
    }
    sleep(FOLLOWS_WITHIN).await;
    let ask = async || admission(host, Some(cluster), true).await;
    let asked = retry_until(&host.side, turn.run.deadline, ask).await?;
    if forced && asked.denial().is_some() {
        return Ok(true);
    }
    match denied(&host.side, cluster.name(), &asked) {
        Some(finding) => {
            Err(Failure::Denied { what: "no configuration was changed", findings: vec![finding] })
        }
        None => Ok(false),
    }
}
