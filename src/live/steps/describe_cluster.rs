use kubesphere::object::ObjectKind;

use crate::{
    live::{
        apply::describe_cluster,
        connection::Connection,
        execute::{Execute, Turn},
        failure::Failure,
        objects::Persistence,
        observe::cluster_named,
        patience::{in_time, retry_until},
        report::{Completed, Event},
        request_error::{Cause, RequestError},
    },
    plan::{
        result::{Effect, StepResult},
        steps::describe_cluster::DescribeCluster,
    },
};

impl Execute for DescribeCluster {
    /// Sent again after a lost answer, the patch finds what it has set, and its guards fail.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.host)?;
        let ask = async || match describe_cluster(host, self, Persistence::Stored).await {
            Err(error @ RequestError { cause: Cause::Invalid { .. } | Cause::Conflict, .. }) => {
                self.is_described(host, error).await
            }
            sent => sent.map(|()| true),
        };
        if !retry_until(&host.side, turn.run.deadline, ask).await? {
            let (side, name) = (self.host.clone(), self.name.clone());
            return Err(Failure::Overtaken { side, name, how: "changed" });
        }
        turn.done(StepResult::new(&self.host, ObjectKind::CLUSTER.named(&self.name), Effect::Patched));
        turn.tell(&self.host, Event::Done(Completed::ClusterDescribed(self.name.clone())));
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.host)?;
        let sent = describe_cluster(host, self, Persistence::DryRun);
        in_time(&host.side, turn.run.deadline, sent).await??;
        Ok(())
    }
}

impl DescribeCluster {
    /// Whether the Cluster says all of it by now. Where the same patch is needed still, the server refuses its content. The first
    /// annotation may have come meanwhile, as a host of KubeSphere 4 writes it: what was shown holds all the same.
    async fn is_described(&self, host: &Connection, refusal: RequestError) -> Result<bool, RequestError> {
        let Some(found) = cluster_named(host, &self.name).await? else { return Ok(false) };
        match Self::between(&self.host, &found, &self.wanted) {
            None => Ok(true),
            Some(again) if again.patch == self.patch => Err(refusal),
            Some(again) if again.changes_the_same_as(self) => {
                describe_cluster(host, &again, Persistence::Stored).await.map(|()| true)
            }
            Some(_) => Ok(false),
        }
    }
}
