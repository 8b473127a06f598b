use crate::{
    kubesphere::object::ObjectKind,
    live::{
        apply::describe_cluster,
        connection::Connection,
        execute::{Execute, Turn},
        failure::Failure,
        objects::Persistence,
        observe::cluster_named,
        patience::{in_time, patiently},
        report::{Deed, Event},
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
            Err(RequestError { cause: Cause::Invalid { .. } | Cause::Conflict, .. }) => {
                self.is_described(host).await
            }
            sent => sent.map(|()| true),
        };
        if !patiently(&host.side, turn.run.deadline, ask).await? {
            let (side, name) = (self.host.clone(), self.name.clone());
            return Err(Failure::Overtaken { side, name, how: "changed" });
        }
        turn.done(StepResult::new(&self.host, ObjectKind::CLUSTER.named(&self.name), Effect::Patched));
        turn.tell(&self.host, Event::Done(Deed::ClusterDescribed(self.name.clone())));
        Ok(())
    }

    async fn rehearse(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.host)?;
        let sent = describe_cluster(host, self, Persistence::DryRun);
        in_time(&host.side, turn.run.deadline, sent).await??;
        Ok(())
    }
}

impl DescribeCluster {
    /// Whether the Cluster says all of it by now.
    async fn is_described(&self, host: &Connection) -> Result<bool, RequestError> {
        let found = cluster_named(host, &self.name).await?;
        Ok(found.is_some_and(|found| Self::between(&self.host, &found, &self.wanted).is_none()))
    }
}
