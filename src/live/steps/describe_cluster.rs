use crate::{
    kubesphere::object::ObjectKind,
    live::{
        apply::{Persistence, describe_cluster},
        execute::{Execute, Turn},
        failure::Failure,
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
    /// Sent again after a lost answer, the patch finds what it has set, and its guards fail: whether it was carried out shows
    /// when the command looks again.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.host)?;
        let ask = async || describe_cluster(host, self, Persistence::Stored).await;
        match patiently(&host.side, turn.run.deadline, ask).await {
            Ok(()) => {}
            Err(Failure::Request(RequestError {
                cause: Cause::Invalid { .. } | Cause::Conflict, ..
            })) => {
                return Err(Failure::Overtaken {
                    side: self.host.clone(),
                    name: self.name.clone(),
                    how: "changed",
                });
            }
            Err(failure) => return Err(failure),
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
